"""Wakes a loop when there is work for it, so that nothing waits for the next look."""

from __future__ import annotations

import asyncio


class Bell:
    """Rings once, however often it is pulled, until somebody hears it."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def ring(self) -> None:
        """There is work."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when it rings, at the latest after that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            pass
        self._event.clear()
