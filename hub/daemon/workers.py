"""This process among the workers of a store: it says that it lives, and finds out who does not any more."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy.exc import DBAPIError

from hub import watch
from hub.api.component import Clock
from hub.journey.takeover import take_over
from hub.store import failures, workers
from hub.store.engine import Store
from hub.store.workers import Load, Sign

SILENCE_S = float(os.environ.get("HUB_SILENCE_S", "30"))
"""Who has given no sign of life for so long is dead. Tests that wait for it may set less in the environment."""
_NEVER_LISTED = 12.0
"""How many times as long for a worker without a beat, of the version before: its longest claim is six minutes."""
_BEATS = 6
"""In the time after which a silent worker is dead."""
_LEAVING_S = 5.0
_UNTOLD = "0"
"""Stands for a time that the system does not tell, or not to this user."""


class Watcher:
    """Judges by one's own clock who is dead: whose signs of life stand still although the store can be read.

    A store that cannot be read shows no signs of anybody, and neither does one that was not looked at: after a gap
    everybody gets the whole time again.
    """

    def __init__(self, silence_s: float) -> None:
        self._silence_s = silence_s
        self._looked_at: float | None = None
        self._still: dict[str, tuple[Sign, float]] = {}

    def look(self, signs: Mapping[str, Sign], began: float, ended: float) -> dict[str, Sign]:
        """Take in what the store shows.

        :param began: when reading it began, on a monotonic clock.
        :param ended: and when it ended.
        :returns: the dead, each with the sign it stands still at.
        """
        if self._looked_at is None or began - self._looked_at > self._silence_s / 2:
            self._still.clear()
        self._looked_at = ended
        before = self._still
        self._still = {
            name: before[name] if name in before and before[name][0] == sign else (sign, ended)
            for name, sign in signs.items()
        }
        return {name: sign for name, (sign, since) in self._still.items() if began - since >= self._patience_s(sign)}

    def _patience_s(self, sign: Sign) -> float:
        return self._silence_s if isinstance(sign, int) else self._silence_s * _NEVER_LISTED


@dataclass(frozen=True, slots=True)
class Identity:
    """What others need to know of a worker."""

    version: str
    roles: tuple[str, ...]


class Worker:
    """This process on the list of workers. `name()` is what it claims rows under at the moment."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        identity: Identity,
        *,
        repeatable: Callable[[], Mapping[str, bool]],
        load: Callable[[], Load] = dict,
        silence_s: float = SILENCE_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        :param repeatable: whether a message may be repeated, by gateway.
        :param load: what it is doing.
        """
        self._store = store
        self._clock = clock
        self._identity = identity
        self._repeatable = repeatable
        self._load = load
        self._silence_s = silence_s
        self._monotonic = monotonic
        self._watcher = Watcher(silence_s)
        self._name = new_name()
        self._failing = False
        self._log = structlog.get_logger()

    def name(self) -> str:
        """`host:pid:...`; another one after the others took this worker for dead."""
        return self._name

    async def join(self) -> None:
        """Enter the list, and take over at once from processes of this machine that are known to be dead."""
        await self._register()
        await self.look()

    async def stay(self) -> None:
        """Beat and look after the others, for ever."""
        while True:
            await asyncio.sleep(self._silence_s / _BEATS)
            try:
                await self.beat()
                await self.look()
            except Exception as error:  # noqa: BLE001 - whatever it is, others must hear of this worker again
                if not self._failing:
                    reason = failures.words(error) if failures.is_of_the_store(error) else type(error).__name__
                    self._log.warning("worker.cannot_beat", reason=reason)
                self._failing = True
            else:
                if self._failing:
                    self._log.info("worker.beats_again")
                self._failing = False

    async def leave(self) -> None:
        """Leave the list. What is still claimed was given up, and is for the others."""
        with suppress(Exception):  # then the others find out by themselves
            async with asyncio.timeout(_LEAVING_S), self._store.write() as connection:
                await workers.leave(connection, self._name)
                await take_over(connection, [self._name], self._repeatable(), self._clock.now())

    async def _register(self) -> None:
        async with self._store.write() as connection:
            await workers.register(
                connection,
                self._name,
                version=self._identity.version,
                roles=self._identity.roles,
                now=self._clock.now(),
            )

    async def beat(self) -> None:
        """Say that this worker lives; under a new name when the others did not believe it."""
        async with self._store.read() as connection:
            sending, writing = await workers.count_claims(connection, self._name)
        load = {"sending": sending, "writing": writing, **self._load()}
        async with self._store.write() as connection:  # by itself: others' writes may wait for locks
            is_listed = await workers.beat(connection, self._name, load, self._clock.now())
        if is_listed:
            return
        self._log.warning(
            "worker.buried_alive", hint="it gave no sign of life for too long; it goes on under a new name"
        )
        self._name = new_name()
        await self._register()

    async def look(self) -> None:
        """Bury the dead, and release what they had claimed."""
        began = self._monotonic()
        async with self._store.read() as connection:
            signs = await workers.last_signs(connection)
        signs.pop(self._name, None)
        dead = self._watcher.look(signs, began, self._monotonic())
        if self._store.is_embedded:
            dead |= {name: sign for name, sign in signs.items() if _is_gone(name)}
        for name, sign in dead.items():
            await self._bury(name, sign)

    async def _bury(self, name: str, sign: Sign) -> None:
        try:
            async with self._store.write() as connection:
                if not await workers.bury(connection, name, sign):
                    return
                released = await take_over(connection, [name], self._repeatable(), self._clock.now())
                watch.buried(connection, 1)
        except DBAPIError as error:  # its locks are not free yet; the next look tries again
            self._log.debug("worker.not_buried", worker=name, error=type(error).__name__)
            return
        self._log.warning("worker.died", worker=name, released=released)


def new_name() -> str:
    """A name that no worker had before: machine, process, when it started and among which processes, and chance."""
    pid = os.getpid()
    return f"{socket.gethostname()}:{pid}:{_started(pid)}-{_namespace()}-{secrets.token_hex(4)}"


def _is_gone(name: str) -> bool:
    """Whether the process of this name was on this machine and is there no more."""
    host, _, process = name.partition(":")
    pid, _, rest = process.partition(":")
    then, *namespace = rest.split("-")[:-1] or [""]
    if host != socket.gethostname() or not pid.isdigit() or namespace not in ([], [_namespace()]):
        return False
    if int(pid) == os.getpid():
        return True  # a name that this process had, or that another one had under the same number
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    now = _started(int(pid))
    return then != now and not {then, now} & {"", _UNTOLD}


def _namespace() -> str:
    """Which processes this one sees: the same number means another process in another container."""
    try:
        return "".join(filter(str.isdigit, str(Path("/proc/self/ns/pid").readlink())))
    except OSError:
        return _UNTOLD


def _started(pid: int) -> str:
    """When a process started, in ticks since the machine did."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return _UNTOLD
