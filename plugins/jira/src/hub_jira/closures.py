"""When a ticket was closed. Pure: no clock, no network.

A closing is the moment at which a ticket came into a status of the category Done. Moving on from Resolved to Closed,
moving to another project and writing onto the ticket do not change it; opening and closing again does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub import Unexpected
from hub_jira.cursor import millis
from hub_jira.site import DONE

STATUS = "status"
CATEGORIES = frozenset({"undefined", "new", "indeterminate", DONE})
"""Jira's status categories; their keys are the same everywhere."""
_SMALLEST_MILLIS = 100_000_000_000  # as seconds this is the year 5138


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a ticket's status."""

    at: datetime
    before: str
    """Id of the status before."""
    after: str


@dataclass(frozen=True, slots=True)
class Closing:
    """The last closing of a ticket that is closed."""

    at: datetime
    reopen_count: int | None
    """How often the ticket was opened again; None when its history was not read."""

    @property
    def key(self) -> str:
        """What tells this closing from others of the same ticket."""
        return str(millis(self.at))


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
        elif isinstance(value, int | float | str) and not isinstance(value, bool):
            number = float(value)
            return datetime.fromtimestamp(number / 1000 if number >= _SMALLEST_MILLIS else number, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    raise Unexpected("Jira wrote a time that cannot be read")


def transitions(histories: Any) -> tuple[Transition, ...]:
    """The changes of status in a changelog, oldest first, whichever way round it came."""
    found = []
    for history in histories if isinstance(histories, list) else ():
        at = moment(history.get("created")) if isinstance(history, Mapping) else None
        if at is None:
            raise Unexpected("Jira's changelog has an entry without a time")
        found += [(at, _number(history), one) for one in _steps(history.get("items"), at)]
    return tuple(step for _, _, step in sorted(found, key=lambda entry: entry[:2]))


def _steps(items: Any, at: datetime) -> Iterable[Transition]:
    for item in items if isinstance(items, list) else ():
        match item:
            case {"field": "status", "from": str(before), "to": str(after)}:
                yield Transition(at, before, after)


def _number(history: Mapping[str, Any]) -> int:
    identity = str(history.get("id", ""))
    return int(identity) if identity.isdecimal() and len(identity) < 20 else 0


def is_done(fields: Mapping[str, Any]) -> bool:
    """Whether a ticket is closed.

    :raises Unexpected: its status cannot be read.
    """
    match fields.get(STATUS):
        case {"statusCategory": {"key": str(category)}} if category in CATEGORIES:
            return category == DONE
    raise Unexpected("Jira showed a ticket without a status that the hub can read")


def closing(
    fields: Mapping[str, Any], steps: Sequence[Transition] | None, categories: Mapping[str, str]
) -> Closing | None:
    """The last closing of a ticket; None when it is open.

    :param steps: its changes of status; None when they were not read.
    :param categories: the category key of each status by its id.
    """
    if not is_done(fields):
        return None
    at = (
        moment(fields.get("statuscategorychangedate"))
        or _last(steps or (), categories)
        or moment(fields.get("resolutiondate"))
        or moment(fields.get("created"))  # made in a closed status
    )
    if at is None:
        raise Unexpected("Jira showed a closed ticket without any time")
    return Closing(at, None if steps is None else len(departures(steps, categories)))


def departures(steps: Sequence[Transition], categories: Mapping[str, str]) -> list[datetime]:
    """When a ticket was opened again, oldest first."""
    return [at for at, done in _turns(steps, categories) if not done]


def _last(steps: Sequence[Transition], categories: Mapping[str, str]) -> datetime | None:
    return next((at for at, done in reversed(list(_turns(steps, categories))) if done), None)


def _turns(steps: Sequence[Transition], categories: Mapping[str, str]) -> Iterator[tuple[datetime, bool]]:
    """When a ticket came into the category Done (True), and when it left it (False).

    In a status that has been deleted it counts as being where it was before, and as open at first.
    """
    done = False
    for step in steps:
        if (before := categories.get(step.before)) is not None:
            done = before == DONE
        after = categories.get(step.after)
        if after is not None and (after == DONE) != done:
            done = not done
            yield step.at, done
