"""When a ticket was closed. Pure: no clock, no network.

A closing is the moment at which a ticket came into a status of the category Done. Moving on from Resolved to Closed,
moving to another project and writing onto the ticket do not change it; opening and closing again does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from hub import Milestone, Unexpected
from hub_jira.cursor import millis
from hub_jira.site import DONE

STATUS = "status"
CATEGORIES = frozenset({"undefined", "new", "indeterminate", DONE})
"""Jira's status categories; their keys are the same everywhere."""
Turn = tuple[datetime, bool]
"""A moment, and whether a ticket was closed or opened then."""
_SAME = timedelta(seconds=2)
"""A history and a field are not written at the very same moment."""
_SMALLEST_MILLIS = 100_000_000_000  # as seconds this is the year 5138


class Transition(NamedTuple):
    """A change of a ticket's status."""

    at: datetime
    before: str
    """Id of the status before."""
    after: str


class Change(NamedTuple):
    """A change of one field of a ticket. Values that have ids have texts too; others have texts only."""

    at: datetime
    field: str
    before: str | None
    """Id of the value before."""
    before_text: str | None
    after: str | None
    after_text: str | None
    entry: str
    """Id of the entry in the history, which may hold several changes."""


class Closing(NamedTuple):
    """The last closing of a ticket that is closed."""

    at: datetime
    reopen_count: int | None
    """How often the ticket was opened again; None when its history was not read."""
    is_certain: bool = False
    """Whether the history, which comes from Jira itself and not from an index, ends with this closing."""

    @property
    def key(self) -> str:
        """What tells this closing from others of the same ticket."""
        return str(millis(self.at))

    @property
    def milestone(self) -> Milestone:
        """What it is."""
        return Milestone.CLOSED


def moment(value: Any) -> datetime | None:
    """A time as Jira writes it: a text with an offset, or a number of seconds or milliseconds.

    :returns: in UTC; None for null.
    :raises Unexpected: it cannot be read.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str) and not value.isdecimal():
            found = datetime.fromisoformat(value)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
        elif isinstance(value, (int, float, str)) and not isinstance(value, bool):
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if number >= _SMALLEST_MILLIS else number, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise Unexpected("Jira wrote a time that cannot be read")


def transitions(histories: Any) -> tuple[Transition, ...]:
    """The changes of status in a changelog, oldest first, whichever way round it came.

    :raises Unexpected: it cannot be read.
    """
    steps = changes(histories, {STATUS})
    return tuple(Transition(step.at, step.before, step.after) for step in steps if step.before and step.after)


def changes(histories: Any, fields: Collection[str]) -> list[Change]:
    """The changes of some fields in a changelog, oldest first, whichever way round it came.

    :param fields: their names, or on Cloud their ids.
    :raises Unexpected: it cannot be read.
    """
    found: list[tuple[datetime, int, Change]] = []
    for history in histories if isinstance(histories, list) else ():
        at = moment(history.get("created")) if isinstance(history, dict) else None
        if at is None:
            raise Unexpected("Jira's changelog has an entry without a time")
        found += [(at, _number(history), change) for change in _changes_at(at, history, fields)]
    found.sort(key=itemgetter(0, 1))
    return [change for _, _, change in found]


def _changes_at(at: datetime, history: Mapping[str, Any], fields: Collection[str]) -> Iterator[Change]:
    def text(value: Any) -> str | None:
        return value if isinstance(value, str) and value else None

    items = history.get("items")
    for item in items if isinstance(items, list) else ():
        names = (text(item.get("field")), text(item.get("fieldId"))) if isinstance(item, dict) else ()
        if name := next((each for each in names if each in fields), None):
            before, before_text, after, after_text = (
                text(item.get(each)) for each in ("from", "fromString", "to", "toString")
            )
            yield Change(at, name, before, before_text, after, after_text, str(history.get("id", "")))


def _number(history: Mapping[str, Any]) -> int:
    identity = str(history.get("id", ""))
    return int(identity) if identity.isdecimal() and len(identity) < 20 else 0


def is_done(fields: Mapping[str, Any]) -> bool:
    """Whether a ticket is closed.

    :raises Unexpected: its status cannot be read.
    """
    category = category_of(fields.get(STATUS))
    if category not in CATEGORIES:
        raise Unexpected("Jira showed a ticket without a status that the hub can read")
    return category == DONE


def category_of(status: Any) -> str | None:
    """The key of a status's category; None when it does not say."""
    category = status.get("statusCategory") if isinstance(status, dict) else None
    key = category.get("key") if isinstance(category, dict) else None
    return key if isinstance(key, str) else None


def closing(
    fields: Mapping[str, Any], steps: Sequence[Transition] | None, categories: Mapping[str, str]
) -> Closing | None:
    """The last closing of a ticket; None when it is open.

    :param fields: as an index may show them, which lags behind.
    :param steps: its changes of status, from Jira itself; None when they were not read.
    :param categories: the category key of each status by its id.
    """
    if not is_done(fields):
        return None
    turns = _turns(steps or (), categories)
    changed = moment(fields.get("statuscategorychangedate"))
    if steps and changed and _is_open_since(changed, steps[-1], turns, categories):
        return None
    at = (
        changed
        or next((at for at, done in reversed(turns) if done), None)
        or moment(fields.get("resolutiondate"))
        or moment(fields.get("created"))  # made in a closed status
    )
    if at is None:
        raise Unexpected("Jira showed a closed ticket without any time")
    is_certain = bool(turns) and turns[-1][1] and abs(turns[-1][0] - at) <= _SAME
    return Closing(at, None if steps is None else sum(not done for _, done in turns), is_certain)


def _is_open_since(shown: datetime, last: Transition, turns: list[Turn], categories: Mapping[str, str]) -> bool:
    """Whether a ticket was opened again after the closing that is shown of it.

    A status that has been deleted proves nothing, and a history that ends before that closing is the one that lags.
    """
    return bool(turns) and turns[-1][0] > shown and not turns[-1][1] and categories.get(last.after) not in {None, DONE}


def departures(steps: Sequence[Transition], categories: Mapping[str, str]) -> list[datetime]:
    """When a ticket was opened again, oldest first."""
    return [at for at, done in _turns(steps, categories) if not done]


def _turns(steps: Sequence[Transition], categories: Mapping[str, str]) -> list[Turn]:
    """When a ticket came into the category Done (True), and when it left it (False).

    In a status that has been deleted it counts as being where it was before, and as open at first.
    """
    turns: list[Turn] = []
    done = False
    for step in steps:
        if (before := categories.get(step.before)) is not None:
            done = before == DONE
        after = categories.get(step.after)
        if after is not None and (after == DONE) != done:
            done = not done
            turns.append((step.at, done))
    return turns
