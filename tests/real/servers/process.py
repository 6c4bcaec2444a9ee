"""Starting and ending programs, ports, and bounded waiting."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


def free_port() -> int:
    """Give a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(look: Callable[[], T], what: str, *, seconds: float = 15.0) -> T:
    """Call `look` until it gives something true, and return that.

    :raises TimeoutError: naming `what` was waited for.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        time.sleep(0.05)
    return found


async def wait_for(look: Callable[[], T], what: str, *, seconds: float = 15.0) -> T:
    """Do as `wait_until`, and let other tasks of the event loop run meanwhile."""
    end = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not happen within {seconds:g} s")
        await asyncio.sleep(0.05)
    return found


def is_open(port: int) -> bool:
    """Whether something listens on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class ProgramEnded(RuntimeError):
    """It ended while it was waited for."""


class Program:
    """One server program in a process group of its own, so that ending it ends its children and nothing else."""

    def __init__(self, name: str, command: Sequence[str | Path], *, env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._command = [str(part) for part in command]
        self._env = {**os.environ, **env}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *ports: int) -> None:
        """Start it, and wait until it listens on all of `ports`."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        for port in ports:
            self._wait_for(port)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program and its children."""
        if self._process is not None:
            os.killpg(self._process.pid, number)

    def stop(self, *, seconds: float = 3.0) -> None:
        """End it and its children. Does nothing when it does not run.

        It is asked to end, and killed when it has not within `seconds`: some programs take the request as leave to
        finish what is queued, however long that takes.
        """
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.runs():
                break
            self.signal(number)
            with suppress(TimeoutError):
                wait_until(lambda: not self.runs(), f"the end of {self.name}", seconds=seconds)
        self._process = None

    def kill(self) -> None:
        """End it and its children as a crash would."""
        self.signal(signal.SIGKILL)
        wait_until(lambda: not self.runs(), f"the end of {self.name}")
        self._process = None

    def runs(self) -> bool:
        """Whether the program or a child of it is there."""
        if self._process is None:
            return False
        self._process.poll()  # takes the leader's exit status, else the group would seem alive
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def _wait_for(self, port: int) -> None:
        try:
            wait_until(lambda: is_open(port) or not self.runs(), f"{self.name} on port {port}")
        except TimeoutError as error:
            raise RuntimeError(f"{error}; its log ends:\n{self._tail()}") from None
        if not self.runs():
            raise ProgramEnded(f"{self.name} ended at once; its log ends:\n{self._tail()}")

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])
