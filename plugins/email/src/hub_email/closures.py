"""From what lies in the folders to closed tickets. Pure: no clock, no mailbox."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from hub import Customer, Milestone, Page, Ticket
from hub_email.cursor import FolderPosition, KeywordPosition, Position, pack, unpack
from hub_email.desk import Mail, Role
from hub_email.imap import FolderState
from hub_email.index import Entry
from hub_email.people import Person
from hub_email.threads import Thread, build_threads

PAGE_SIZE = 50
LONG = timedelta(hours=2)
"""When nobody looked for longer than this, what was closed meanwhile counts as closed at the beginning of that time."""


@dataclass(frozen=True, slots=True)
class FolderView:
    """A folder as a pull found it."""

    name: str
    state: FolderState
    entries: Mapping[int, Entry]

    @property
    def last_uid(self) -> int:
        """The highest UID that was found."""
        return max(self.entries, default=0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a pull looks at."""

    at: datetime
    inbox: FolderView
    closed: FolderView | None = None
    sent: FolderView | None = None
    keyword: str = ""
    flagged: frozenset[int] = frozenset()
    """UIDs of the inbox that carry the closing keyword."""

    def views(self) -> list[FolderView]:
        """The folders there are. A mail that lies in two folders is in both."""
        return [view for view in (self.inbox, self.sent, self.closed) if view]

    def mails(self) -> list[Mail]:
        """All that lies in them."""
        return [entry.mail for view in self.views() for entry in view.entries.values()]

    def open_mails(self) -> dict[str, int]:
        """UIDs of the mails in the inbox that carry no closing signal, by Message-ID."""
        closed = {entry.mail.id for entry in self.closed.entries.values()} if self.closed else set()
        entries = self.inbox.entries.items()
        return {entry.mail.id: uid for uid, entry in entries if uid not in self.flagged and entry.mail.id not in closed}


@dataclass(frozen=True, slots=True)
class Hit:
    """A message with a closing signal that has not been dealt with."""

    entry: Entry
    folder: str
    again: bool
    """It was closed earlier; it is looked at again because the server gave all messages new UIDs, or by request."""
    by_keyword: bool = False


def beginning(snapshot: Snapshot) -> Position:
    """The position from which only what happens from now on is news."""
    inbox, closed = snapshot.inbox, snapshot.closed
    keyword = KeywordPosition(name=snapshot.keyword, uidvalidity=inbox.state.uidvalidity, seen=pack(snapshot.flagged))
    return Position(
        started_at=snapshot.at.replace(microsecond=0),  # servers stamp mail with whole seconds
        inbox=_all_done(inbox),
        closed=_all_done(closed) if closed else None,
        keyword=keyword if snapshot.keyword else None,
    )


def rewound(snapshot: Snapshot, since: datetime) -> Position:
    """The position from which every closed thread with mail since then is news."""
    start = beginning(snapshot)
    closed, keyword = start.closed, start.keyword
    return start.model_copy(
        update={
            "started_at": since,
            "closed": closed and closed.model_copy(update={"last_uid": 0, "rescan_until": closed.last_uid}),
            "keyword": keyword and keyword.model_copy(update={"seen": "", "rescan_until": start.inbox.last_uid}),
        }
    )


def _all_done(view: FolderView) -> FolderPosition:
    last_uid = max(view.last_uid, view.state.uidnext - 1)
    return FolderPosition(name=view.name, uidvalidity=view.state.uidvalidity, last_uid=last_uid)


def _meet(stored: Position, snapshot: Snapshot) -> Position:
    """Fit a stored position to the folders as they are.

    What the settings name for the first time starts from now. Where the server gave all messages new UIDs, all of
    them are looked at again.
    """
    start = beginning(snapshot)
    inbox, closed, keyword = start.inbox, start.closed, start.keyword
    if (stored.inbox.name, stored.inbox.uidvalidity) == (inbox.name, inbox.uidvalidity):
        inbox = stored.inbox
    if closed and stored.closed and stored.closed.name == closed.name:
        renumbered = stored.closed.uidvalidity != closed.uidvalidity
        again = closed.model_copy(update={"last_uid": 0, "rescan_until": closed.last_uid})
        closed = again if renumbered else stored.closed
    if keyword and stored.keyword and stored.keyword.name == keyword.name:
        renumbered = stored.keyword.uidvalidity != keyword.uidvalidity
        again_marked = keyword.model_copy(update={"seen": "", "rescan_until": start.inbox.last_uid})
        keyword = again_marked if renumbered else stored.keyword
    return stored.model_copy(update={"inbox": inbox, "closed": closed, "keyword": keyword})


def _hits(position: Position, snapshot: Snapshot) -> list[Hit]:
    """The closing signals that are news at this position, in the order they are dealt with."""
    found: list[Hit] = []
    if snapshot.closed and (place := position.closed):
        entries = snapshot.closed.entries
        new = sorted(uid for uid in entries if uid > place.last_uid)
        found += [Hit(entries[uid], snapshot.closed.name, uid <= place.rescan_until) for uid in new]
    if word := position.keyword:
        entries = snapshot.inbox.entries
        new = sorted((snapshot.flagged & entries.keys()) - unpack(word.seen))
        found += [Hit(entries[uid], snapshot.inbox.name, uid <= word.rescan_until, by_keyword=True) for uid in new]
    return found


class Closures:
    """The closings that are news at a stored position, and the threads they belong to."""

    def __init__(self, stored: Position, snapshot: Snapshot, old_mail: timedelta) -> None:
        self.ignored = 0
        """Closing signals so far that were no news, or on threads without a customer."""
        self._position = _meet(stored, snapshot)
        self._snapshot = snapshot
        self._old_mail = old_mail
        self._threads: dict[str, Thread] = {}
        self._waiting: dict[str, int] = {}
        """UIDs of the mails in the inbox that carry no closing signal, by Message-ID."""
        self._keywords: defaultdict[str, set[str]] = defaultdict(set)
        """What agents marked a mail with, by Message-ID."""

    def pages(self) -> Iterator[Page]:
        """Closed tickets, each page with the cursor that is valid after it."""
        start, snapshot = self._position, self._snapshot
        found = _hits(start, snapshot)
        reopened: tuple[str, ...] = ()
        if found or snapshot.inbox.last_uid > start.inbox.last_uid:
            self._sort()
            reopened = self._reopened()
        position = start.model_copy(update={"inbox": _up_to(start.inbox, snapshot.inbox)})
        tickets: dict[str, Ticket] = {}
        done: set[str] = set()
        for number, hit in enumerate(found, 1):
            ticket = self._ticket(hit)
            self.ignored += ticket is None
            if ticket and ticket.id not in done:
                tickets[ticket.id] = ticket
                done.add(ticket.id)
            if len(tickets) == PAGE_SIZE:
                yield Page(tuple(tickets.values()), _past(position, found[:number]).write(), reopened)
                tickets, reopened = {}, ()
        yield Page(tuple(tickets.values()), _past_all(position, snapshot).write(), reopened)

    def _sort(self) -> None:
        self._threads = build_threads(self._snapshot.mails())
        for entry in (entry for view in self._snapshot.views() for entry in view.entries.values()):
            self._keywords[entry.mail.id].update(flag for flag in entry.flags if not flag.startswith("\\"))
        self._waiting = self._snapshot.open_mails()

    def _reopened(self) -> tuple[str, ...]:
        """Ids of the threads in which a customer wrote since the position."""
        entries = self._snapshot.inbox.entries
        new = (entries[uid].mail for uid in self._waiting.values() if self._is_new(uid))
        return tuple(dict.fromkeys(self._threads[mail.id].id for mail in new if mail.role is Role.CUSTOMER))

    def _ticket(self, hit: Hit) -> Ticket | None:
        """The ticket that a hit closes; None when no customer takes part, or when the closing is not news."""
        thread = self._threads[hit.entry.mail.id]
        customers = thread.by(Role.CUSTOMER)
        begin = self._position.started_at - (timedelta(0) if hit.again else self._old_mail)
        if not customers or thread.mails[-1].received_at < begin:
            return None
        if hit.again and customers[-1].id in self._waiting:
            return None  # it is open: its earlier closing was reported when it happened
        covered = self._covered(customers)
        fields: dict[str, str | tuple[str, ...]] = {"folder": hit.folder, "keywords": self._keywords_of(thread)}
        return ticket_of(thread, short_hash(covered.id, 16), self._closed_at(covered), fields, covered=covered)

    def _closed_at(self, covered: Mail) -> datetime:
        """Now, as far as a mailbox tells; after a pause of the hub as long ago as it can have been."""
        now, looked_at = self._snapshot.at, self._position.looked_at
        return now if looked_at is None or now - looked_at < LONG else max(looked_at, covered.received_at)

    def _is_new(self, uid: int) -> bool:
        return uid > self._position.inbox.last_uid

    def _covered(self, customers: Sequence[Mail]) -> Mail:
        """The customer's last mail that a closing covers: not one that came since the position and still waits."""
        covered = [mail for mail in customers if not self._is_new(self._waiting.get(mail.id, 0))]
        return (covered or customers)[-1]

    def _keywords_of(self, thread: Thread) -> tuple[str, ...]:
        return tuple(sorted(set().union(*(self._keywords[mail.id] for mail in thread.mails))))


def ticket_of(
    thread: Thread,
    key: str,
    at: datetime,
    fields: dict[str, str | tuple[str, ...]],
    milestone: Milestone = Milestone.CLOSED,
    *,
    covered: Mail | None = None,
) -> Ticket:
    """The ticket that a thread with a customer in it is, at a milestone that it reached then.

    :param covered: the last mail of the customer that a closing covers.
    """
    opener = thread.by(Role.CUSTOMER)[0]
    answers = [mail for mail in thread.by(Role.DESK) if mail.sender]
    responses = [mail.received_at for mail in answers if mail.received_at >= opener.received_at]
    last = covered or thread.by(Role.CUSTOMER)[-1]
    unanswered = [mail.received_at for mail in answers if mail.received_at > last.received_at]
    return Ticket(
        id=thread.id,
        key=thread.token or f"m-{short_hash(thread.id, 8)}",
        closure_key=key,
        closed_at=at,
        milestone=milestone,
        subject=opener.subject,
        customer=_customer(opener.sender),
        customer_silent_since=unanswered[0] if unanswered else None,
        agent=_agent(answers[-1].sender) if answers else None,
        channel="email",
        opened_at=opener.received_at,
        first_response_at=responses[0] if responses else None,
        fields=fields,
    )


def _customer(sender: Person | None) -> Customer:
    return Customer(name=sender.name or None, email=sender.address) if sender else Customer()


def _agent(sender: Person | None) -> str | None:
    return sender.name or sender.address.rpartition("@")[0] if sender else None


def short_hash(text: str, length: int) -> str:
    """So many hexadecimal digits that stand for a text."""
    return sha256(text.encode("utf-8", "replace")).hexdigest()[:length]


def _past(position: Position, handled: Sequence[Hit]) -> Position:
    """The position once some hits have been dealt with."""
    closed, keyword = position.closed, position.keyword
    moved = [hit.entry.uid for hit in handled if not hit.by_keyword]
    marked = {hit.entry.uid for hit in handled if hit.by_keyword}
    if closed and moved:
        closed = closed.model_copy(update={"last_uid": moved[-1]})
    if keyword and marked:
        keyword = keyword.model_copy(update={"seen": pack(unpack(keyword.seen) | marked)})
    return position.model_copy(update={"closed": closed, "keyword": keyword})


def _past_all(position: Position, snapshot: Snapshot) -> Position:
    """The position once everything has been dealt with. A keyword that is gone is news when it is set again."""
    closed, keyword = position.closed, position.keyword
    if closed and snapshot.closed:
        closed = _up_to(closed, snapshot.closed)
    if keyword:
        keyword = keyword.model_copy(update={"seen": pack(snapshot.flagged), "rescan_until": 0})
    looked_at = snapshot.at.replace(minute=0, second=0, microsecond=0)
    return position.model_copy(update={"closed": closed, "keyword": keyword, "looked_at": looked_at})


def _up_to(position: FolderPosition, view: FolderView) -> FolderPosition:
    return position.model_copy(update={"last_uid": max(position.last_uid, view.last_uid)})
