"""What an open ticket has reached by now. Pure: no clock, no network."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from hub import Milestone
from hub_jira.closures import changes, moment
from hub_jira.cursor import millis


class Reached(NamedTuple):
    """A milestone that an open ticket reached."""

    at: datetime
    milestone: Milestone
    mark: str
    """What tells it from others of the same kind."""
    reopen_count: int | None = None

    @property
    def key(self) -> str:
        """What tells it from all others of the same ticket."""
        return f"{self.milestone}:{self.mark}"


def hand_overs(histories: Any, fields: Collection[str]) -> Iterator[Reached]:
    """When somebody else took a ticket over, oldest first. Taking it for the first time, or laying it down, is none.

    :param fields: names of the fields that say who has it, or on Cloud their ids.
    :raises Unexpected: the history cannot be read.
    """
    holders: dict[str, str] = {}
    told: set[str] = set()
    for change in changes(histories, fields):
        before = change.before or change.before_text or holders.get(change.field)
        after = change.after or change.after_text
        if after and before and after != before and change.entry not in told:
            told.add(change.entry)  # team and person changed in one step are one hand-over
            yield Reached(change.at, Milestone.HANDED_OVER, change.entry)
        holders[change.field] = after or before or ""


def waiting(fields: Mapping[str, Any], longest: timedelta) -> Reached | None:
    """When a ticket has been open for that long; None when it does not say when it was opened.

    :raises Unexpected: the time cannot be read.
    """
    opened_at = moment(fields.get("created"))
    return Reached(opened_at + longest, Milestone.WAITING, str(millis(opened_at))) if opened_at else None
