"""What failed together is tried one by one, so that the one to blame holds up no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hub.api.errors import RemoteError

ItemT = TypeVar("ItemT")

ENOUGH = 3
"""So many failures at the beginning mean that the other side is out of order, and not these items."""


@dataclass(frozen=True, slots=True)
class Outcome(Generic[ItemT]):
    """What came of it."""

    failed: Sequence[ItemT]
    untried: Sequence[ItemT]
    error: RemoteError | None
    """The last failure."""
    nothing_worked: bool


async def one_by_one(items: Sequence[ItemT], work: Callable[[ItemT], Awaitable[None]]) -> Outcome[ItemT]:
    """Work on each item by itself. When the first ones all fail, the rest is left untried."""
    failed: list[ItemT] = []
    error: RemoteError | None = None
    for number, item in enumerate(items):
        if number == len(failed) == ENOUGH:
            return Outcome(failed, items[number:], error, nothing_worked=True)
        try:
            await work(item)
        except RemoteError as one:
            failed.append(item)
            error = one
    return Outcome(failed, (), error, nothing_worked=len(failed) == len(items))
