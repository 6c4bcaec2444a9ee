"""What was sent, for as long as nobody can see whether it arrived."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from hub import Clock, Experience, OutcomeUnknown, RemoteError, Unexpected, Vault
from hub_servicenow import results

_STILL_RUNNING = timedelta(seconds=90)
"""An instance cancels a transaction after 60 seconds. Until then a request without an answer may be carried out."""


class Memory:
    """Answers that were sent to one target, by their revision. Kept in the vault, so a restart does not forget.

    :param target: what was written to; targets that find each other's answers share a name.
    """

    def __init__(self, target: str, vault: Vault, clock: Clock) -> None:
        self._target = target
        self._vault = vault
        self._clock = clock

    async def knows(self, item: Experience) -> bool:
        """Whether the answer was sent before, and may be there."""
        return await self._sent_at(item) is not None

    async def wait(self, item: Experience) -> bool:
        """Let a request that got no answer come to its end.

        :returns: whether there was one, so that it has to be looked for now.
        :raises OutcomeUnknown: it may still be running.
        """
        sent_at = await self._sent_at(item)
        if sent_at is not None and self._clock.now() < sent_at + _STILL_RUNNING:
            raise OutcomeUnknown("a request got no answer and may still be running; looked for again before the next")
        return sent_at is not None

    async def keep(self, item: Experience) -> None:
        """Remember that the answer was sent now."""
        await self._vault.save(self._name(item), self._clock.now().isoformat())

    @asynccontextmanager
    async def sending(self, item: Experience, *, blind: bool = False) -> AsyncIterator[None]:
        """Around a request that must not be carried out twice: remember it when its answer is lost.

        :param blind: nobody will be able to look for it. Then it is remembered before it leaves, and forgotten only
            when it certainly did nothing.
        """
        if blind:
            await self.keep(item)
        try:
            yield
        except (OutcomeUnknown, Unexpected, asyncio.CancelledError):
            await self.keep(item)
            raise
        except RemoteError:
            if blind:
                await self._vault.save(self._name(item), "")
            raise

    async def _sent_at(self, item: Experience) -> datetime | None:
        kept = await self._vault.load(self._name(item))
        return datetime.fromisoformat(kept) if kept else None

    def _name(self, item: Experience) -> str:
        return f"sent:{self._target}:{results.reference(item)}"
