"""Wakes loops when there is work for them, here and in the other workers, so that nothing waits for the next look."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial

from hub.store.channel import Announce

WORD = "ring"
"""What an announcement to the other workers begins with; the name of a bell follows."""


def _nobody(_payload: str) -> None:
    pass


class Bell:
    """Rings once, however often it is pulled, until somebody hears it."""

    def __init__(self, announce: Callable[[], None], *, does_all: bool, gather_s: float) -> None:
        self._event = asyncio.Event()
        self._announce = announce
        self._does_all = does_all
        self._gather_s = gather_s
        self._heard_at = -math.inf
        self._rest_s = 0.0
        """How long the work of a moment is gathered now."""

    def ring(self) -> None:
        """There is a lot of work, or some for one certain worker: tell the others too."""
        self.ring_here()
        self._announce()

    def ring_near(self) -> None:
        """There is a little work: this worker does it at once if it does all kinds, and nobody else is woken."""
        if self._does_all:
            self.ring_here()
        else:
            self.ring()

    def ring_here(self) -> None:
        """There is something for this worker."""
        self._event.set()

    async def wait(self, seconds: float | None = None) -> None:
        """Return when it rings, at the latest after that time.

        While it rings again and again it is heard more and more seldom, so that work gathers: a look costs much where
        other workers share it.
        """
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
                is_quiet = now() - self._heard_at > self._gather_s
                self._rest_s = 0.0 if is_quiet else min(self._gather_s, max(self._gather_s / 8, 2 * self._rest_s))
                await asyncio.sleep(max(0.0, self._heard_at + self._rest_s - now()))
        except TimeoutError:
            pass
        if self._event.is_set():
            self._heard_at = now()
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

    def __init__(self, announce: Announce = _nobody, *, does_all: bool = True, gather_s: float = 0.0) -> None:
        """
        :param does_all: whether this worker does every kind of work, and needs no other one for it.
        :param gather_s: how long after it was heard a bell that rings all the time is not heard again.
        """
        self._announce = announce
        self._does_all = does_all
        self._gather_s = gather_s
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
            tell = partial(self._announce, f"{WORD} {name}")
            self._bells[name] = Bell(tell, does_all=self._does_all, gather_s=self._gather_s)
        return self._bells[name]

    def hear(self, name: str) -> None:
        """Another worker has rung."""
        if bell := self._bells.get(name):
            bell.ring_here()

    def ring_all_here(self) -> None:
        """Whatever the other workers have rung lately was not heard, or the hub stops."""
        for bell in self._bells.values():
            bell.ring_here()
