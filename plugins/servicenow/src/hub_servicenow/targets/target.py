"""What every target has in common."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from hub import Experience, OutcomeUnknown, RemoteError, Unexpected
from hub_servicenow.client import Row


@dataclass(frozen=True, slots=True)
class Held:
    """An answer that is on the instance."""

    where: str
    """For the operator: the target, and what of the answer it did not take."""
    place: str | None = None
    """The sys_id of the record that holds it, where that is known."""
    checked: bool = True
    """Whether it was read back."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """The ticket, as it stood before."""

    row: Row
    """Its `sys_id`, and its `number` and column for the response id where the account may read them."""
    notes: Sequence[str] | None = None
    """The work notes of the hub's that were on it; None when nobody has looked, or not all of them could be seen."""

    @property
    def sys_id(self) -> str:
        """Which one it is."""
        return self.row["sys_id"]


class Unusable(Exception):
    """This target cannot take this answer, and holds nothing of it. The message says why."""


class Target(Protocol):
    """One place for answers. Writing the same revision again changes nothing."""

    async def write(self, item: Experience, ticket: Ticket) -> Held:
        """Write one answer unless it is there.

        :raises Unusable: the next target should be tried.
        :raises OutcomeUnknown: it may be there; look again later.
        :raises RemoteError: nothing was tried.
        """
        ...


Look = Callable[[], Awaitable[Held | None]]
"""Shows an answer; None when it is not there."""


async def once(send: Look, look: Look) -> Held | None:
    """Send, and read back, also when the answer is lost. It is not sent again: the first request may still be running.

    :param send: gives None when only `look` can tell.
    :returns: None when the instance took it, but does not show it.
    :raises OutcomeUnknown: nobody can say yet whether it is there.
    """
    lost: RemoteError | None = None
    try:
        if held := await send():
            return held
    except (OutcomeUnknown, Unexpected) as error:
        lost = error
    try:
        held = await look()
    except Unusable:
        held = None
    except RemoteError as error:
        raise OutcomeUnknown(f"{lost}; then {error}" if lost else str(error)) from error
    if held is None and lost is not None:
        raise OutcomeUnknown(str(lost)) from lost
    return held
