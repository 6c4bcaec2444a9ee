"""Wakes loops when there is work for them, here and in the other workers, so that nothing waits for the next look."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from hub.store.channel import Announce

WORD = "ring"
"""What an announcement to the other workers begins with; the name of a bell follows."""


def _nobody(_payload: str) -> None:
    pass


class Bell:
    """Rings once, however often it is pulled, until somebody hears it."""

    def __init__(self, announce: Callable[[], None]) -> None:
        self._event = asyncio.Event()
        self._announce = announce

    def ring(self) -> None:
        """There is work, for this worker or another one."""
        self.ring_here()
        self._announce()

    def ring_here(self) -> None:
        """There is something for this worker."""
        self._event.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when it rings, at the latest after that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()


class Gong:
    """Heard by everybody who waits at that moment."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def strike(self) -> None:
        """Wake them."""
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self) -> None:
        """Return when it is struck."""
        await self._event.wait()


class Bells:
    """Who wakes whom. A bell has the name of what it wakes: `journey`, `outgoing`, or a component's loop."""

    def __init__(self, announce: Announce = _nobody) -> None:
        self._announce = announce
        self._bells: dict[str, Bell] = {}
        self.journey = self.of("journey")
        """Something came in: closures to decide on, answers, reports."""
        self.outgoing = self.of("outgoing")
        """Something may be due for a component, now or at a known time."""
        self.back = Gong()
        """The database can be reached again: what was paused since it could not be may go on."""

    def of(self, name: str) -> Bell:
        """The bell of one loop."""
        if name not in self._bells:
            self._bells[name] = Bell(partial(self._announce, f"{WORD} {name}"))
        return self._bells[name]

    def hear(self, name: str) -> None:
        """Another worker has rung."""
        if bell := self._bells.get(name):
            bell.ring_here()

    def ring_all_here(self) -> None:
        """Whatever the other workers have rung lately was not heard, or the hub stops."""
        for bell in self._bells.values():
            bell.ring_here()
