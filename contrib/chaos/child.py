"""Processes of the harness that are told what to do by lines of JSON, and end when their parent does."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_LONGEST_LINE = 256 * 1024 * 1024
_CONTRIB = Path(__file__).resolve().parent.parent


class Child:
    """A process `python -m MODULE SETTINGS`, which says one line when it is ready and one for each line it is told."""

    def __init__(self, process: Process, ready: Json) -> None:
        self._process = process
        self.ready = ready
        """What it said when it was ready, such as its ports."""
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, module: str, settings: Mapping[str, Any]) -> Child:
        """Start it and wait until it is ready."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, json.dumps(settings)),
            stdin=PIPE,
            stdout=PIPE,
            limit=_LONGEST_LINE,
            env=os.environ | {"PYTHONPATH": _path(), "PYTHONWARNINGS": "ignore"},
            start_new_session=True,
        )
        return cls(process, await _line(process))

    async def ask(self, command: str, **values: Any) -> Json:
        """Tell it something; its answer. Whoever is cancelled meanwhile takes no other one's answer away."""
        return await asyncio.shield(self._exchange({"command": command} | values))

    async def _exchange(self, words: Json) -> Json:
        assert self._process.stdin is not None
        async with self._turn:
            self._process.stdin.write(json.dumps(words).encode() + b"\n")
            await self._process.stdin.drain()
            return await _line(self._process)

    async def stop(self) -> None:
        """Let it end, or end it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def _path() -> str:
    """Where a child looks for modules: where this process does, and in this folder's parent."""
    return os.pathsep.join(part for part in (str(_CONTRIB), os.environ.get("PYTHONPATH", "")) if part)


async def _line(process: Process) -> Json:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise ChildProcessError("a process of the harness ended by itself")
    found: Json = json.loads(line)
    return found


async def obey(ready: Json, answer: Callable[[Json], Awaitable[Json]]) -> None:
    """The child's side: say that it is ready, answer each line, return when the parent is gone."""
    logging.disable(logging.ERROR)  # the web server tells of every answer that was kept back on purpose
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _say(ready)
    while line := await reader.readline():
        _say(await answer(json.loads(line)))


def _say(words: Json) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()
