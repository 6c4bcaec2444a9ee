"""How long what a killed worker had begun waits for the others, measured in the store from the moment of the kill.

It is released when nothing stands under the dead worker's name any more: a message is then known to have left, due
again, or in doubt; a result is due again. It is taken over when others have also begun to write each of the results.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.stores import Database
from chaos.workers import Worker

_LOOK_EVERY_S = 0.25
_MINE = "(claimed_by LIKE :end OR claimed_by LIKE :middle)"
_CLAIMED = f"""
SELECT 'message' AS kind, id, attempts FROM invitations WHERE state IN ('waiting', 'sending') AND {_MINE}
UNION ALL SELECT 'result', id, attempts FROM write_backs WHERE state = 'writing' AND {_MINE}
"""
_PENDING = "SELECT id, attempts FROM write_backs WHERE state = 'pending'"


_STEP_S = 10.0
"""What the step of the others may take that puts things right, on a busy machine."""


@dataclass(slots=True)
class Takeovers:
    """All kills of a run, and what became of the work."""

    database: Database
    workers: Sequence[Worker]
    waited: list[float] = field(default_factory=list)
    """For each kill that interrupted something, in seconds: until the last of it was released."""
    watched: list[float] = field(default_factory=list)
    """The same, from when one of the others was there to watch without a break: they are killed too."""
    begun_again: list[float] = field(default_factory=list)
    """Until the last of it was also taken over; the desk must be well again for that."""
    rows: int = 0
    """Messages and results that were interrupted."""
    open: int = 0
    """Kills whose work has not been released yet."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def follow(self, pid: int) -> None:
        """A worker was killed just now."""
        task = asyncio.create_task(self._follow(pid, time.monotonic()))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def late(self, silence_s: float) -> list[str]:
        """Takeovers that took longer than the others' patience, their next look, and the step itself."""
        most = silence_s * 7 / 6 + _STEP_S
        return [f"{seconds:.1f} s" for seconds in self.watched if seconds > most] + ["never"] * self.open

    def as_json(self) -> dict[str, float | dict[str, float]]:
        """How many there were, and the longest times."""
        return {
            "takeover_s": round(max(self.watched, default=0.0), 1),
            "takeovers": {
                "kills_with_work": len(self.waited) + self.open,
                "rows": self.rows,
                "open": self.open,
                "since_the_kill_s": round(max(self.waited, default=0.0), 1),
                "begun_again_s": round(max(self.begun_again, default=0.0), 1),
            },
        }

    async def stop(self) -> None:
        """Look no further."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, pid: int, killed_at: float) -> None:
        names = {"end": f"%:{pid}", "middle": f"%:{pid}:%"}
        claimed = None
        while claimed is None:
            claimed = await self.database.rows(_CLAIMED, **names)
            await asyncio.sleep(_LOOK_EVERY_S)
        if not claimed:
            return
        self.rows += len(claimed)
        self.open += 1
        results = {row.id: row.attempts for row in claimed if row.kind == "result"}
        await _until(lambda: self._is_released(names))
        now = time.monotonic()
        self.waited.append(now - killed_at)
        self.watched.append(now - max(killed_at, self._watched_since(now), self.database.up_since))
        self.open -= 1
        await _until(lambda: self._is_taken_over(results))
        self.begun_again.append(time.monotonic() - killed_at)

    def _watched_since(self, now: float) -> float:
        return min((worker.ready_at for worker in self.workers if worker.ready_at is not None), default=now)

    async def _is_released(self, names: Mapping[str, str]) -> bool:
        held = await self.database.rows(_CLAIMED, **names)
        return held is not None and not held

    async def _is_taken_over(self, attempts: Mapping[int, int]) -> bool:
        ids = ", ".join(str(one) for one in attempts) or "0"
        waiting = await self.database.rows(f"{_PENDING} AND id IN ({ids})")
        return waiting is not None and not any(row.attempts <= attempts[row.id] for row in waiting)


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    while not await condition():  # noqa: ASYNC110 - another process
        await asyncio.sleep(_LOOK_EVERY_S)
