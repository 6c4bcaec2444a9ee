"""Which tickets of a mailbox wait for an answer. A desk of plain dictionaries; no server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub_email.closures import FolderView, Snapshot
from hub_email.desk import Mail, Role
from hub_email.imap import FolderState
from hub_email.index import Entry
from hub_email.people import Person
from hub_email.waiting import waiting

from hub import Milestone, Ticket

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LONGEST = timedelta(days=2)
SENDERS = {Role.CUSTOMER: Person("Maija", "maija@customer.example"), Role.DESK: Person("Anna", "anna@acme.example")}


def mail(name: str, day: float, *links: str, role: Role = Role.CUSTOMER) -> Mail:
    """A mail of a conversation, so many days after the start."""
    return Mail(name, START + timedelta(days=day), role, SENDERS.get(role), links, subject="Printer", customer="maija")


def folder(name: str, *mails: Mail) -> FolderView:
    entries = {uid: Entry(uid, frozenset(), each) for uid, each in enumerate(mails, 1)}
    return FolderView(name, FolderState(1, len(mails) + 1, len(mails), frozenset()), entries)


def mailbox(*inbox: Mail, sent: tuple[Mail, ...] = (), closed: tuple[Mail, ...] = ()) -> Snapshot:
    """A mailbox as it is ten days after the start."""
    at = START + timedelta(days=10)
    return Snapshot(at, folder("INBOX", *inbox), folder("Closed", *closed), folder("Sent", *sent), "$Closed")


def told(snapshot: Snapshot, since: datetime = START) -> list[Ticket]:
    return list(waiting(snapshot, LONGEST, since))


def test_a_mail_that_nobody_answered_waits() -> None:
    [ticket] = told(mailbox(mail("1@x", 0)))
    assert (ticket.id, ticket.milestone) == ("1@x", Milestone.WAITING)
    assert (ticket.opened_at, ticket.closed_at) == (START, START + LONGEST)
    assert (ticket.customer.email, ticket.agent, ticket.fields) == ("maija@customer.example", None, {"folder": "INBOX"})


def test_a_mail_of_yesterday_does_not_wait_yet() -> None:
    assert told(mailbox(mail("1@x", 8.1))) == []
    assert len(told(mailbox(mail("1@x", 8)))) == 1


def test_an_answered_mail_does_not_wait() -> None:
    assert told(mailbox(mail("1@x", 0), sent=(mail("2@x", 1, "1@x", role=Role.DESK),))) == []


def test_a_machine_answers_nothing() -> None:
    notice = mail("2@x", 1, "1@x", role=Role.MACHINE)
    assert [ticket.id for ticket in told(mailbox(mail("1@x", 0), notice))] == ["1@x"]


def test_who_writes_again_has_waited_since_the_first_mail() -> None:
    """And is not told of twice."""
    [first] = told(mailbox(mail("1@x", 0)))
    [again] = told(mailbox(mail("1@x", 0), mail("2@x", 1, "1@x")))
    assert (again.closure_key, again.closed_at) == (first.closure_key, first.closed_at)


def test_a_new_question_after_an_answer_waits_by_itself() -> None:
    answer = mail("2@x", 1, "1@x", role=Role.DESK)
    [ticket] = told(mailbox(mail("1@x", 0), mail("3@x", 3, "1@x", "2@x"), sent=(answer,)))
    assert (ticket.id, ticket.agent, ticket.closed_at) == ("1@x", "Anna", START + timedelta(days=5))
    assert ticket.closure_key != told(mailbox(mail("1@x", 0)))[0].closure_key


def test_closed_tickets_do_not_wait() -> None:
    """Moved, or marked; one that is closed while its first mail still lies in the inbox too."""
    assert told(mailbox(closed=(mail("1@x", 0),))) == []
    assert told(replace(mailbox(mail("1@x", 0)), flagged=frozenset({1}))) == []
    assert told(mailbox(mail("1@x", 0), closed=(mail("2@x", 1, "1@x"),))) == []


def test_a_ticket_that_is_open_again_waits_since_then() -> None:
    [ticket] = told(mailbox(mail("2@x", 4, "1@x"), closed=(mail("1@x", 0),)))
    assert (ticket.id, ticket.closed_at) == ("1@x", START + timedelta(days=6))


def test_what_began_to_wait_before_is_no_news() -> None:
    assert told(mailbox(mail("1@x", 0)), START + LONGEST + timedelta(seconds=1)) == []


def test_without_sent_mail_nobody_is_said_to_wait() -> None:
    """The folder is configured, and not there."""
    assert told(replace(mailbox(mail("1@x", 0)), sent=None)) == []
