"""Experiences as messages in a folder of the desk: no SMTP, so no loops, and nothing the customer could get."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime

from hub import (
    DeliveryStatus,
    Experience,
    OutcomeUnknown,
    QuestionKind,
    Receipt,
    RemoteError,
    Score,
    Unexpected,
    tell_details,
    tell_score,
    tell_words,
)
from hub_email.config import EmailSourceConfig
from hub_email.headers import message_ids, own_message_id, read_fields
from hub_email.imap import Mailbox
from hub_email.imap_errors import FolderMissing

RESPONSE_ID = "X-XM-Response-Id"
KEYWORD_FAMILY = "$XM_"
_WIRE = policy.SMTP.clone(max_line_length=998)  # never fold: the library would encode a long id as a word
_PLAIN_ID = re.compile(r"[!-;=?-~]{1,900}")
_SUBJECT_LENGTH = 150


class ResultWriter:
    """Writes experiences into the results folder, over a connection of its own."""

    def __init__(self, config: EmailSourceConfig) -> None:
        self._config = config
        self._mailbox = Mailbox(config)

    async def write(self, items: Sequence[Experience]) -> list[Receipt]:
        """Write what is not there yet; one receipt per item, in order.

        :raises RemoteError: nothing was tried.
        """
        await self._require_folder()
        receipts: list[Receipt] = []
        for item in items:
            try:
                receipts.append(await self._write(item))
            except (OutcomeUnknown, Unexpected) as error:
                receipts.append(_again(item, error))
            except RemoteError as error:
                if not receipts:
                    raise
                return receipts + [_again(left, error) for left in items[len(receipts) :]]
        return receipts

    async def close(self) -> None:
        """Log out."""
        await self._mailbox.close()

    async def _require_folder(self) -> None:
        try:
            await self._mailbox.examine(self._config.results_folder)
        except FolderMissing:
            await self._mailbox.create_folder(self._config.results_folder)

    async def _write(self, item: Experience) -> Receipt:
        place = await self._find(item)
        if place is None:
            message = compose_result(item, self._config)
            flags = ["\\Seen"]
            await self._mailbox.append(self._config.results_folder, message, flags, item.answered_at)
            place = await self._find(item)
        target = f"message in {self._config.results_folder!r}"
        if self._config.result_keywords:
            target = f"{target}; {await self._mark(item)}"
        status = DeliveryStatus.DELIVERED if place else DeliveryStatus.SENT
        return Receipt(key=item.id, status=status, provider_id=place, reason=target)

    async def _find(self, item: Experience) -> str | None:
        """Where the message of this revision is, as UIDVALIDITY:UID."""
        folder, wanted = self._config.results_folder, response_id(item)
        state = await self._mailbox.examine(folder)
        candidates = await self._mailbox.search(["HEADER", RESPONSE_ID, wanted])  # finds parts of words too
        async for fetched in self._mailbox.fetch_headers(candidates, [RESPONSE_ID]):
            if wanted in read_fields(fetched.content).get(RESPONSE_ID.lower(), ()):
                return f"{state.uidvalidity}:{fetched.uid}"
        return None

    async def _mark(self, item: Experience) -> str:
        """Set the keyword on the thread's closed mails; says in a few words what came of it."""
        keyword, folder = score_keyword(item), self._config.closed_folder
        if not keyword or not folder:
            return "no keyword: there is no score or no folder of closed mails"
        try:
            state = await self._mailbox.select(folder)
            if not state.keeps(keyword):
                return "no keyword: the server does not keep keywords"
            uids = await self._mails_of(item.ticket.id)
            if not uids:
                return f"no keyword: no mail of the thread is in {folder!r}"
            kept = await self._mailbox.add_keyword(uids, keyword, replacing=_replaced(item, keyword))
        except RemoteError as error:
            return f"no keyword: {error}"
        return f"keyword {keyword}" if kept else "keyword dropped by the server"

    async def _mails_of(self, thread: str) -> list[int]:
        named = [["HEADER", name, thread] for name in ("MESSAGE-ID", "REFERENCES", "IN-REPLY-TO")]
        candidates = await self._mailbox.search(["OR", named[0], "OR", named[1], named[2]])
        fields = ["MESSAGE-ID", "REFERENCES", "IN-REPLY-TO"]
        found = []
        async for fetched in self._mailbox.fetch_headers(candidates, fields):
            header = read_fields(fetched.content)
            links = message_ids((*header.get("references", ()), *header.get("in-reply-to", ())))
            if thread in (own_message_id(header), *links):
                found.append(fetched.uid)
        return found


def response_id(item: Experience) -> str:
    """What identifies one revision of one experience in the mailbox."""
    return f"{_token(item.id)}.{item.revision}"


def score_keyword(item: Experience) -> str:
    """The keyword for the first score, such as $XM_SERVICE_4; $XM_WITHDRAWN, or nothing without scores."""
    if item.withdrawn:
        return f"{KEYWORD_FAMILY}WITHDRAWN"
    if not item.scores:
        return ""
    score = item.scores[0]
    return f"{KEYWORD_FAMILY}{_token(score.question).upper()}_{_token(f'{score.value:g}')}"


def _replaced(item: Experience, keyword: str) -> str:
    """What the keywords begin with that this one replaces; a later revision may answer another question, or none."""
    return KEYWORD_FAMILY if item.revision > 1 else keyword.rpartition("_")[0] + "_"


def compose_result(item: Experience, config: EmailSourceConfig) -> bytes:
    """The message of one experience. No address header names the customer; their words are in the body only."""
    domain = config.desk_address.rpartition("@")[2]
    message = EmailMessage(policy=_WIRE)
    message["From"] = config.results_from or Address("Hub", "hub", domain)
    message["To"] = config.desk_address
    message["Subject"] = _subject(item)
    message["Date"] = format_datetime(item.answered_at.astimezone(UTC))
    message["Message-ID"] = f"<xm.{response_id(item)}@{domain}>"
    if _PLAIN_ID.fullmatch(item.ticket.id):
        message["In-Reply-To"] = f"<{item.ticket.id}>"
        message["References"] = f"<{item.ticket.id}>"
    message["Auto-Submitted"] = "auto-generated"
    message[RESPONSE_ID] = response_id(item)
    message["X-XM-Scores"] = "; ".join(f"{_token(score.question)}={score.value:g}" for score in item.scores)
    message["X-XM-Items"] = ", ".join(sorted({one.kind.value for one in item.items}))
    if item.withdrawn:
        message["X-XM-Withdrawn"] = "yes"
    message.set_content(_text(item))
    record = item.model_dump_json(indent=2).encode()
    message.add_attachment(record, "application", "json", filename=f"experience-{response_id(item)}.json")
    return message.as_bytes()


def _subject(item: Experience) -> str:
    scores = ", ".join(_score(score) for score in item.scores) or "answer"
    scores = "answer withdrawn" if item.withdrawn else scores
    return _one_line(f"[XM] {scores} - {item.ticket.key} {item.ticket.subject}")[:_SUBJECT_LENGTH]


def _score(score: Score) -> str:
    name = _one_line(score.question).upper()
    if score.kind is QuestionKind.YES_NO:
        return f"{name} {tell_score(score)}"
    return f"{name} {'about ' if score.approximate else ''}{score.value:g}/{score.maximum:g}"


def _text(item: Experience) -> str:
    ticket = item.ticket
    lines = [f"Ticket: {ticket.key} {_one_line(ticket.subject)}", f"Closed: {ticket.closed_at:%Y-%m-%d %H:%M} UTC"]
    lines += [f"Agent: {_one_line(ticket.agent)}"] if ticket.agent else []
    lines += [f"{_one_line(score.question).upper()}: {tell_score(score)}" for score in item.scores]
    lines += [_one_line(line) for line in tell_details(item)]
    done = "Withdrawn by the customer" if item.withdrawn else "Answered"
    lines += [f"{done}: {item.answered_at:%Y-%m-%d %H:%M} UTC by {item.channel}"]
    for label, words in tell_words(item):
        lines += ["", f"{label or 'Comment'}:", words]
    return "\n".join(lines).encode("utf-8", "replace").decode() + "\n"


def _one_line(text: str) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text.encode("utf-8", "replace").decode())
    return " ".join(printable.split())


def _token(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)


def _again(item: Experience, error: RemoteError) -> Receipt:
    """Not written for certain; the hub calls again later, and what did arrive is found then."""
    return Receipt(key=item.id, status=DeliveryStatus.UNKNOWN, reason=str(error))
