"""One mail of the desk's conversations: who wrote it, and what it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub_email.automatic import AUTOMATIC_FIELDS, is_automatic
from hub_email.headers import Fields, bare_subject, decode, first, message_ids, own_message_id, read_fields
from hub_email.people import Person, people

FIELDS = (
    "MESSAGE-ID",
    "REFERENCES",
    "IN-REPLY-TO",
    "FROM",
    "REPLY-TO",
    "TO",
    "SUBJECT",
    "DATE",
    *AUTOMATIC_FIELDS,
    "X-ORIGINAL-FROM",
    "X-XM-SURVEY",
    "X-XM-RESPONSE-ID",
)
"""The header fields that `Desk.read` needs."""
_SURVEY_ID = re.compile(r"[a-z2-7]{20}@\S+")
_SURVEY_ADDRESS = re.compile(r"[^@\s]+\+[a-z2-7]{20}@\S+")


class Role(StrEnum):
    """Who speaks in a mail."""

    CUSTOMER = "customer"
    DESK = "desk"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Mail:
    """What one mail contributes to a thread."""

    id: str
    received_at: datetime
    role: Role
    sender: Person | None = None
    links: tuple[str, ...] = ()
    """Ids of earlier mails of the thread, its root first."""
    subject: str = ""
    """Decoded, without "Re:" and tags."""
    is_reply: bool = False
    """Whether the subject says that this is not the beginning."""
    customer: str = ""
    """Identity of the customer who writes, or whom the desk writes to."""
    token: str = ""
    """The desk's own ticket number, when subject or address carry one."""


class Desk:
    """Knows which addresses are the desk's, and reads mail with that."""

    def __init__(self, addresses: Iterable[str], ticket_pattern: str = "") -> None:
        self._addresses = frozenset(address.lower() for address in addresses)
        self._ticket = re.compile(ticket_pattern) if ticket_pattern else None

    def is_desk(self, person: Person) -> bool:
        """Whether this is the desk itself or one of its people."""
        domain = person.address.lower().rpartition("@")[2]
        return not self._addresses.isdisjoint({person.address.lower(), person.identity, f"@{domain}"})

    def read(self, header: bytes, received_at: datetime, *, sent: bool = False) -> Mail | None:
        """Read a header; None for the hub's own surveys, results and the answers to them.

        :param sent: the mail is in the folder of what the desk sent.
        """
        fields = read_fields(header)
        links = message_ids((*fields.get("references", ()), *fields.get("in-reply-to", ())))
        recipients = people(fields.get("to", ()))
        if self._of_the_hub(fields, links, recipients):
            return None
        sender = self._sender(fields)
        role = self._role(fields, sender, sent=sent)
        customers = [sender] if role is Role.CUSTOMER else [person for person in recipients if not self.is_desk(person)]
        whole = decode(first(fields, "subject"))
        bare = bare_subject(whole)
        return Mail(
            id=own_message_id(fields),
            received_at=received_at,
            role=role,
            sender=sender,
            links=links,
            subject=bare,
            is_reply=_without_tags(whole) != bare,
            customer=next((person.identity for person in customers if person), ""),
            token=self._token(whole, recipients),
        )

    def _of_the_hub(self, fields: Fields, links: tuple[str, ...], recipients: tuple[Person, ...]) -> bool:
        return (
            "x-xm-survey" in fields
            or "x-xm-response-id" in fields
            or any(_SURVEY_ID.fullmatch(link) for link in links)
            or any(_SURVEY_ADDRESS.fullmatch(person.address) for person in recipients)
        )

    def _sender(self, fields: Fields) -> Person | None:
        sender = next(iter(people(fields.get("from", ()))), None)
        if sender is None:
            return None
        if self.is_desk(sender):  # a group address of the desk may put itself in place of the sender
            return next(iter(people(fields.get("x-original-from", ()))), sender)
        if sender.no_reply:  # a web form names the person in Reply-To
            return next((person for person in people(fields.get("reply-to", ())) if not self.is_desk(person)), sender)
        return sender

    def _role(self, fields: Fields, sender: Person | None, *, sent: bool) -> Role:
        if sender is None or is_automatic(fields, sender, own_lists=self._addresses):
            return Role.MACHINE
        return Role.DESK if sent or self.is_desk(sender) else Role.CUSTOMER

    def _token(self, subject: str, recipients: tuple[Person, ...]) -> str:
        if self._ticket is None:
            return ""
        if match := self._ticket.search(subject):
            return match[match.lastindex or 0]
        tags = (_tag(person) for person in recipients if self.is_desk(person))
        return next((tag for tag in tags if tag.isdecimal()), "")


def _tag(person: Person) -> str:
    return person.address.rpartition("@")[0].partition("+")[2]


def _without_tags(subject: str) -> str:
    while match := re.match(r"\s*\[[^\]]*\]\s*", subject):
        subject = subject[match.end() :]
    return subject.strip()
