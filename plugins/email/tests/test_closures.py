"""What counts as a closing, once and only once. A desk of plain dictionaries; no server."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hub_email import closures
from hub_email.closures import Closures, FolderView, Snapshot, beginning
from hub_email.cursor import Position
from hub_email.desk import Mail, Role
from hub_email.imap import FolderState
from hub_email.index import Entry
from hub_email.people import Person
from hypothesis import example, given
from hypothesis import strategies as st

from hub import Page

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MAIJA = Person("Maija", "maija@customer.example")
ANNA = Person("Anna", "anna@acme.example")
WEEK = timedelta(days=7)


@dataclass
class Folder:
    """A folder of a mailbox: messages get ever new UIDs."""

    name: str
    uidvalidity: int = 1
    uidnext: int = 1
    entries: dict[int, Entry] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        self.entries[self.uidnext] = Entry(self.uidnext, entry.flags, entry.mail)
        self.uidnext += 1

    def take(self, mail_id: str) -> Entry:
        [uid] = [uid for uid, entry in self.entries.items() if entry.mail.id == mail_id]
        return self.entries.pop(uid)

    def renumber(self) -> None:
        entries, self.entries, self.uidnext = self.entries, {}, 1
        self.uidvalidity += 1
        for entry in entries.values():
            self.add(entry)

    def view(self) -> FolderView:
        state = FolderState(self.uidvalidity, self.uidnext, len(self.entries), frozenset())
        return FolderView(self.name, state, dict(self.entries))


class Desk:
    """A mailbox, the people who work in it, and a hub that pulls."""

    def __init__(self) -> None:
        self.inbox, self.closed, self.sent = Folder("INBOX"), Folder("Closed"), Folder("Sent")
        self.now = START
        self.found: list[tuple[str, str]] = []
        self.position: Position | None = None

    def arrives(self, mail_id: str, *links: str, role: Role = Role.CUSTOMER, age: timedelta = timedelta()) -> None:
        sender = {Role.CUSTOMER: MAIJA, Role.DESK: ANNA}.get(role)
        mail = Mail(mail_id, self.now - age, role, sender, links, subject="Printer", customer=MAIJA.identity)
        (self.sent if role is Role.DESK else self.inbox).add(Entry(0, frozenset(), mail))

    def move(self, mail_id: str) -> None:
        self.closed.add(self.inbox.take(mail_id))

    def mark(self, mail_id: str) -> None:
        entry = self.inbox.take(mail_id)
        uid = entry.uid
        self.inbox.entries[uid] = Entry(uid, frozenset({"$closed"}), entry.mail)

    def snapshot(self) -> Snapshot:
        flagged = frozenset(uid for uid, entry in self.inbox.entries.items() if "$closed" in entry.flags)
        return Snapshot(self.now, self.inbox.view(), self.closed.view(), self.sent.view(), "$Closed", flagged)

    def pull(self) -> list[Page]:
        """Pull once, and store every page."""
        self.now += timedelta(minutes=1)
        if self.position is None:
            self.position = beginning(self.snapshot())
            return []
        pages = list(Closures(self.position, self.snapshot(), WEEK).pages())
        self.position = Position.read(pages[-1].cursor)
        self.found += [(ticket.id, ticket.closure_key) for page in pages for ticket in page.tickets]
        return pages

    @property
    def distinct(self) -> set[tuple[str, str]]:
        """What the hub would ask about: the same closure twice is one."""
        return set(self.found)


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.pull()
    return desk


def test_what_was_closed_before_the_start_is_never_found() -> None:
    desk = Desk()
    desk.arrives("old@x")
    desk.move("old@x")
    desk.arrives("marked@x")
    desk.mark("marked@x")
    for _ in range(3):
        desk.pull()
    assert desk.found == []


def test_a_closed_thread_becomes_a_ticket(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.now += timedelta(hours=1)
    desk.arrives("2@x", "1@x", role=Role.DESK)
    desk.move("1@x")
    [page] = desk.pull()
    [ticket] = page.tickets
    assert (ticket.id, ticket.subject, ticket.agent, ticket.channel) == ("1@x", "Printer", "Anna", "email")
    assert (ticket.customer.name, ticket.customer.email) == ("Maija", "maija@customer.example")
    assert ticket.first_response_at is not None
    assert ticket.opened_at is not None
    assert ticket.first_response_at - ticket.opened_at == timedelta(hours=1, minutes=0)
    assert ticket.closed_at == desk.now
    assert ticket.key.startswith("m-")
    assert ticket.fields == {"folder": "Closed", "keywords": ()}


def test_a_customer_is_silent_since_the_desk_wrote(desk: Desk) -> None:
    desk.arrives("1@x")
    for number in range(2, 5):
        desk.now += timedelta(days=1)
        desk.arrives(f"{number}@x", "1@x", role=Role.DESK)
    desk.now += timedelta(days=20)
    desk.move("1@x")
    [page] = desk.pull()
    assert page.tickets[0].customer_silent_since == START + timedelta(minutes=1, days=1)


def test_a_desk_that_is_silent_itself_waits_for_nobody(desk: Desk) -> None:
    desk.arrives("1@x", role=Role.DESK)
    desk.now += timedelta(days=1)
    desk.arrives("2@x", "1@x")
    desk.now += timedelta(days=20)
    desk.move("2@x")
    [page] = desk.pull()
    assert page.tickets[0].customer_silent_since is None


@pytest.mark.parametrize("hours", [1, 24 * 10])
def test_what_was_closed_while_nobody_looked_counts_as_closed_long_ago(desk: Desk, hours: int) -> None:
    """A mailbox does not tell when a mail was moved: after a pause of the hub it may have been at its beginning."""
    desk.arrives("old@x")
    desk.pull()
    desk.now += timedelta(hours=hours)
    desk.arrives("new@x", age=timedelta(minutes=30))
    for mail in ("old@x", "new@x"):
        desk.move(mail)
    [page] = desk.pull()
    old, new = (ticket.closed_at for ticket in sorted(page.tickets, key=lambda ticket: ticket.id == "new@x"))
    assert old == (desk.now if hours == 1 else START + timedelta(minutes=1))
    assert new == (desk.now if hours == 1 else desk.now - timedelta(minutes=31))


def test_keywords_of_the_thread_can_be_excluded(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.mark("1@x")
    [page] = desk.pull()
    assert page.tickets[0].fields == {"folder": "INBOX", "keywords": ("$closed",)}


def test_both_signals_are_one_closure(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.mark("1@x")
    desk.pull()
    desk.move("1@x")
    desk.pull()
    assert len(desk.found) == 2
    assert len(desk.distinct) == 1


def test_a_keyword_that_stays_is_news_once(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.mark("1@x")
    for _ in range(3):
        desk.pull()
    assert len(desk.found) == 1


def test_a_thread_without_a_customer_is_no_ticket(desk: Desk) -> None:
    desk.arrives("1@x", role=Role.MACHINE)
    desk.move("1@x")
    desk.pull()
    assert desk.found == []


def test_closing_again_after_the_customer_wrote_is_a_new_closure(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.move("1@x")
    desk.pull()
    desk.arrives("2@x", "1@x")
    [page] = desk.pull()
    assert page.reopened == ("1@x",)
    desk.move("2@x")
    desk.pull()
    assert len(desk.distinct) == 2
    assert {ticket_id for ticket_id, _ in desk.distinct} == {"1@x"}


def test_closing_again_without_a_word_of_the_customer_is_the_same_closure(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.move("1@x")
    desk.pull()
    desk.inbox.add(desk.closed.take("1@x"))
    assert desk.pull()[0].reopened == ("1@x",)
    desk.move("1@x")
    desk.pull()
    assert len(desk.distinct) == 1


def test_a_mail_that_waits_is_not_covered_by_tidying_up_older_ones(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.arrives("2@x", "1@x")
    desk.pull()
    desk.move("1@x")
    desk.pull()
    desk.arrives("3@x", "1@x", "2@x")
    desk.move("2@x")
    [page] = desk.pull()
    assert page.reopened == ("1@x",)
    assert len(desk.distinct) == 1


def test_an_automatic_answer_does_not_reopen(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.move("1@x")
    desk.pull()
    desk.arrives("2@x", "1@x", role=Role.MACHINE)
    assert desk.pull()[0].reopened == ()


def test_archiving_old_mail_surveys_nobody_and_a_ticket_of_last_week_is_surveyed() -> None:
    desk = Desk()
    desk.arrives("ancient@x", age=timedelta(days=30))
    desk.arrives("recent@x", age=timedelta(days=6))
    desk.pull()
    desk.move("ancient@x")
    desk.move("recent@x")
    desk.pull()
    assert [ticket_id for ticket_id, _ in desk.found] == ["recent@x"]


def test_new_uids_for_all_messages_survey_nobody_again(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.move("1@x")
    desk.arrives("2@x")
    desk.mark("2@x")
    desk.pull()
    desk.arrives("3@x", "1@x")
    desk.pull()
    before = desk.distinct
    for folder in (desk.inbox, desk.closed):
        folder.renumber()
    pages = desk.pull()
    assert desk.distinct == before
    assert pages[0].reopened == ()
    desk.move("3@x")
    desk.pull()
    assert len(desk.distinct) == len(before) + 1


def test_new_uids_do_not_bring_up_what_was_closed_before_the_start() -> None:
    desk = Desk()
    desk.arrives("old@x", age=timedelta(days=1))
    desk.move("old@x")
    desk.pull()
    desk.closed.renumber()
    desk.pull()
    assert desk.found == []


def test_a_folder_named_later_starts_from_now(desk: Desk) -> None:
    desk.arrives("1@x")
    desk.move("1@x")
    desk.closed.name = "Done"
    desk.pull()
    desk.arrives("2@x")
    desk.move("2@x")
    desk.pull()
    assert [ticket_id for ticket_id, _ in desk.found] == ["2@x"]


def test_after_any_page_the_rest_is_found(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closures, "PAGE_SIZE", 2)
    everything = {f"{number}@x" for number in range(7)}
    for mail_id in sorted(everything):
        desk.arrives(mail_id)
        desk.pull()
        (desk.mark if mail_id > "3" else desk.move)(mail_id)
    assert desk.position is not None
    snapshot = desk.snapshot()
    pages = list(Closures(desk.position, snapshot, WEEK).pages())
    for number, page in enumerate(pages, 1):
        rest = Closures(Position.read(page.cursor), snapshot, WEEK).pages()
        told = {ticket.id for part in (*pages[:number], *rest) for ticket in part.tickets}
        already = {ticket_id for ticket_id, _ in desk.found}
        assert told | already == everything


Moves = list[list[tuple[str, bool]]]


@st.composite
def batches_of_moves(draw: st.DrawFn) -> Moves:
    """All mails of two threads, moved or marked in any order, with pulls anywhere in between."""
    order = draw(st.permutations(["a1@x", "a2@x", "a3@x", "b1@x", "b2@x"]))
    batches: Moves = [[]]
    for mail_id in order:
        batches[-1].append((mail_id, draw(st.booleans())))
        if draw(st.booleans()):
            batches.append([])
    return batches


@example([[("a1@x", False)], [("a2@x", False), ("a3@x", False), ("b1@x", False), ("b2@x", False)]], [0])
@given(batches_of_moves(), st.lists(st.integers(0, 5), max_size=2))
def test_closing_in_any_order_and_batches_gives_each_closure_once(batches: Moves, renumbered: Iterable[int]) -> None:
    desk = Desk()
    desk.arrives("a1@x")
    desk.arrives("a2@x", "a1@x")
    desk.arrives("a3@x", "a1@x", "a2@x")
    desk.arrives("b1@x", age=timedelta(hours=1))
    desk.arrives("b2@x", "b1@x")
    desk.pull()
    for number, batch in enumerate(batches):
        for mail_id, moved in batch:
            (desk.move if moved else desk.mark)(mail_id)
        desk.pull()
        if number in renumbered:
            desk.closed.renumber()
            desk.inbox.renumber()
            desk.pull()
    assert sorted(ticket_id for ticket_id, _ in desk.distinct) == ["a1@x", "b1@x"]
