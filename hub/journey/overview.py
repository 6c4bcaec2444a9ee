"""Counts for `hub status`: what waits, and what became of the last day's tickets, surveys, answers and results.

Surveys are the first messages about each closing; what follows in a conversation is counted apart.

No count reads the whole of a table, however many years of tickets it holds. What is open is found by partial indexes;
the rest is counted from the first row of the last day on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Milestone
from hub.store.tables import (
    InvitationState,
    WriteBackState,
    answers,
    closures,
    experiences,
    invitations,
    pauses,
    write_backs,
)
from hub.survey.model import MessageKind

WINDOW = timedelta(days=1)
MOST_ROWS = 250_000
"""The window is shorter when more tickets were closed in a day."""
GRACE = timedelta(minutes=5)
"""What is due for longer than this is overdue."""

Counts = dict[str, dict[str, int]]
"""By component's name, by state."""
_NOT_DECIDED = sa.text("NOT closures.decided")  # literals, so that the partial indexes serve them
_WAITING = sa.text("invitations.state = 'waiting'")
_SENDING = sa.text("invitations.state = 'sending'")
_UNKNOWN = sa.text("invitations.state = 'unknown'")
_IS_SURVEY = invitations.c.step == 0
_NEW = sa.text("answers.state = 'new'")
_HELD = sa.text("answers.state = 'quarantined'")
_OPEN = sa.text("write_backs.state IN ('pending', 'writing')")
_OPEN_STATES = {
    *(InvitationState.WAITING, InvitationState.SENDING, InvitationState.UNKNOWN),
    *(WriteBackState.PENDING, WriteBackState.WRITING),
}
"""Counted whatever their age."""
_NOT_ASKED = {InvitationState.SKIPPED, InvitationState.CANCELLED}


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits in one place."""

    waiting: int
    overdue: int
    """Those that were due more than five minutes ago."""
    oldest: datetime | None
    """When the first of them was or is due."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """Surveys of one gateway that may have left or not, for one reason."""

    gateway: str
    reason: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Pause:
    """A service that asked all workers to leave it alone for a while."""

    service: str
    reason: str | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Overview:
    """The state of the journey at one moment."""

    since: datetime
    """Where the window begins. What is open is counted whatever its age, the rest if it was made in the window."""
    closed: dict[str, int]
    """Closures by source."""
    asked: Counts
    """Surveys by gateway and state, those that were not sent on purpose left out."""
    follow_ups: Counts
    """Further messages of the window by gateway and state: questions, thanks, reminders, confirmations."""
    skipped: dict[str, int]
    """Customers not asked, by reason; taken back ones among them."""
    received: Counts
    """Answers by gateway and state."""
    experiences: int
    answered: int
    """Surveys answered for the first time."""
    written: Counts
    """Write-backs by target and state."""
    undecided: Queue
    unread: Queue
    """Answers that were not looked at yet."""
    held: Queue
    """Answers that may be a machine's, and wait for a person; overdue when they wait for longer than a moment."""
    surveys: dict[str, Queue]
    """Messages that wait, by gateway: surveys and what follows them."""
    results: dict[str, Queue]
    """Open write-backs by target; `oldest` is when the next try is due."""
    doubts: tuple[Doubt, ...]
    paused: tuple[Pause, ...]

    @property
    def unknown(self) -> dict[str, int]:
        """Surveys nobody knows about, by reason."""
        return _total({doubt.reason: doubt.count} for doubt in self.doubts)


def by_state(counts: Counts) -> dict[str, int]:
    """The sum over all components."""
    return _total(counts.values())


async def overview(connection: AsyncConnection, now: datetime) -> Overview:
    """Count everything."""
    since, late = await _begin(connection, now), now - GRACE
    surveys = await _queues(connection, invitations.c.gateway, invitations.c.due_at, _WAITING, late)
    doubts = await _doubts(connection)
    made, skipped = await _made(connection, since)
    follow_ups = _nested((gateway, state, count) for gateway, state, is_survey, count in made if not is_survey)
    ended = [(gateway, state, count) for gateway, state, is_survey, count in made if is_survey]
    experience_id = await _first_id(connection, experiences.c.created_at, since)
    records = await _count_from(connection, [experiences.c.revision], experiences.c.id, experience_id)
    return Overview(
        since=since,
        closed=await _closed(connection, since),
        asked=_nested([*_open(surveys, follow_ups, doubts), *await _sending(connection), *_others(ended)]),
        follow_ups=follow_ups,
        skipped=skipped,
        received=await _received(connection, since),
        experiences=sum(count for _, count in records),
        answered=sum(count for revision, count in records if revision == 1),
        written=await _written(connection, experience_id),
        undecided=await _queue(connection, closures.c.seen_at, _NOT_DECIDED, late),
        unread=await _queue(connection, answers.c.stored_at, _NEW, late),
        held=await _queue(connection, answers.c.stored_at, _HELD, late),
        surveys=surveys,
        results=await _queues(connection, write_backs.c.target, write_backs.c.next_at, _OPEN, late),
        doubts=doubts,
        paused=await _paused(connection, now),
    )


async def _begin(connection: AsyncConnection, now: datetime) -> datetime:
    """The beginning of the window."""
    day_ago = now - WINDOW
    last = await connection.scalar(sa.select(sa.func.max(closures.c.id))) or 0
    if last <= MOST_ROWS:
        return day_ago
    earliest = sa.select(closures.c.seen_at).where(closures.c.id > last - MOST_ROWS).order_by(closures.c.id)
    found: datetime = (await connection.execute(earliest.limit(1))).scalar_one()
    return max(day_ago, min(found, now))


async def _first_id(connection: AsyncConnection, at: sa.Column[datetime], since: datetime) -> int:
    """The first row since a time, of a table that grows in the order of `at`: found in a few looks, without an index.

    A clock that was set back makes it a little inexact, which a count for people bears.
    """
    id_ = at.table.c.id
    low, high = 1, (await connection.scalar(sa.select(sa.func.max(id_))) or 0) + 1
    while low < high:
        middle = (low + high) // 2
        found = await connection.execute(sa.select(id_, at).where(id_ >= middle).order_by(id_).limit(1))
        row_id, row_at = found.one()
        low, high = (row_id + 1, high) if row_at < since else (low, middle)
    return low


async def _closed(connection: AsyncConnection, since: datetime) -> dict[str, int]:
    first = await _first_id(connection, closures.c.seen_at, since)
    found = await _count_from(connection, [closures.c.source, closures.c.milestone], closures.c.id, first)
    return {source: count for source, milestone, count in found if milestone == Milestone.CLOSED}


async def _made(connection: AsyncConnection, since: datetime) -> tuple[list[Any], dict[str, int]]:
    """Messages of the window by gateway, state and whether they are surveys; surveys not sent on purpose by reason."""
    first, row = await _first_id(connection, invitations.c.created_at, since), invitations.c
    found = await _count_from(connection, [row.gateway, row.state, row.reason, row.kind], row.id, first)
    surveys = [(state, reason, count) for _, state, reason, kind, count in found if kind == MessageKind.SURVEY]
    skipped = _total({reason: count} for state, reason, count in surveys if state in _NOT_ASKED)
    # an answer at a service point was asked for over no gateway
    sent = [one for one in found if one[0] is not None and one[1] not in _NOT_ASKED]
    return [(gateway, state, kind == MessageKind.SURVEY, count) for gateway, state, _, kind, count in sent], skipped


def _others(made: Iterable[tuple[str, str, int]]) -> Iterable[tuple[str, str, int]]:
    """Those that wait for nothing."""
    return (one for one in made if one[1] not in _OPEN_STATES)


async def _sending(connection: AsyncConnection) -> list[Any]:
    return await _count(connection, [invitations.c.gateway, invitations.c.state], _SENDING, _IS_SURVEY)


async def _doubts(connection: AsyncConnection) -> tuple[Doubt, ...]:
    row = invitations.c
    since = sa.func.min(row.created_at, type_=row.created_at.type)
    query = sa.select(row.gateway, row.reason, sa.func.count(), since).where(_UNKNOWN, _IS_SURVEY)
    query = query.group_by(row.gateway, row.reason)
    return tuple(Doubt(*found) for found in await connection.execute(query.order_by(row.gateway, row.reason)))


async def _paused(connection: AsyncConnection, now: datetime) -> tuple[Pause, ...]:
    query = sa.select(pauses.c.service, pauses.c.reason, pauses.c.until).where(pauses.c.until > now)
    return tuple(Pause(*found) for found in await connection.execute(query.order_by(pauses.c.service)))


def _open(waiting: Mapping[str, Queue], follow_ups: Counts, doubts: Iterable[Doubt]) -> Iterable[tuple[str, str, int]]:
    """Surveys that wait or are in doubt. What follows them seldom waits for long: what does was made in the window."""
    for gateway, queue in waiting.items():
        others = follow_ups.get(gateway, {}).get(InvitationState.WAITING, 0)
        yield gateway, InvitationState.WAITING, max(0, queue.waiting - others)
    yield from ((doubt.gateway, InvitationState.UNKNOWN, doubt.count) for doubt in doubts)


async def _received(connection: AsyncConnection, since: datetime) -> Counts:
    first = await _first_id(connection, answers.c.stored_at, since)
    return _nested(await _count_from(connection, [answers.c.gateway, answers.c.state], answers.c.id, first))


async def _written(connection: AsyncConnection, experience_id: int) -> Counts:
    """Open write-backs, and those of the window's experiences."""
    row = write_backs.c
    still_open = await _count(connection, [row.target, row.state], _OPEN)
    made = await _count_from(connection, [row.target, row.state], row.experience_id, experience_id)
    return _nested([*still_open, *(each for each in made if each[1] not in _OPEN_STATES)])


async def _queues(
    connection: AsyncConnection, key: sa.Column[str], due_at: sa.Column[datetime], where: Any, late: datetime
) -> dict[str, Queue]:
    waiting = await _count(connection, [key], where)
    return {name: await _queue(connection, due_at, sa.and_(where, key == name), late, count) for name, count in waiting}


async def _queue(
    connection: AsyncConnection, due_at: sa.Column[datetime], where: Any, late: datetime, waiting: int | None = None
) -> Queue:
    """One queue; in three queries, each of which an index answers without a look at every row that waits."""
    if waiting is None:
        waiting = await connection.scalar(sa.select(sa.func.count()).select_from(due_at.table).where(where)) or 0
    overdue = sa.select(sa.func.count()).select_from(due_at.table).where(where, due_at < late)
    oldest = sa.select(sa.func.min(due_at)).where(where)
    return Queue(waiting, await connection.scalar(overdue) or 0, await connection.scalar(oldest))


async def _count(connection: AsyncConnection, columns: list[sa.Column[Any]], *where: Any) -> list[Any]:
    """The values of the columns with the number of rows that have them."""
    query = sa.select(*columns, sa.func.count()).where(*where).group_by(*columns).order_by(*columns)
    return [tuple(row) for row in await connection.execute(query)]


async def _count_from(
    connection: AsyncConnection, columns: list[sa.Column[Any]], id_: sa.Column[int], first: int
) -> list[Any]:
    """The same of the rows from one on. The limit also keeps SQLite from reading a whole index in its order instead."""
    rows = sa.select(*columns).where(id_ >= first).order_by(id_).limit(MOST_ROWS).subquery()
    query = sa.select(*rows.c, sa.func.count()).group_by(*rows.c).order_by(*rows.c)
    return [tuple(row) for row in await connection.execute(query)]


def _nested(counts: Iterable[tuple[str, str, int]]) -> Counts:
    nested: Counts = {}
    for name, state, count in counts:
        states = nested.setdefault(name, {})
        states[str(state)] = states.get(state, 0) + count
    return nested


def _total(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)
