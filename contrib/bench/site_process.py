"""The other side as a process of its own, and how the benchmark tells it what to do."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection as Pipe
from typing import Any

from bench.cost import Cost, cost_of
from bench.pace import Pace
from bench.site import Load, Site
from bench.wire import Connection, Request


class SiteProcess:
    """A running site, called from outside."""

    def __init__(self, pipe: Pipe, port: int, pid: int) -> None:
        self._pipe = pipe
        self._pid = pid
        self.url = f"http://127.0.0.1:{port}"

    def begin(self, load: Load) -> None:
        """See `Site.begin`."""
        self._call("begin", load)

    def release(self) -> None:
        """See `Site.release`."""
        self._call("release")

    def answer_all(self) -> None:
        """See `Site.answer_all`."""
        self._call("answer_all")

    def start_pace(self, per_s: float, seconds: float) -> None:
        """See `Pace.start`."""
        self._call("start_pace", per_s, seconds)

    def pace(self) -> dict[str, Any]:
        """See `Pace.seen`."""
        return dict(self._call("pace"))

    def cost(self) -> Cost:
        """What the site has used."""
        return cost_of(self._pid)

    def progress(self) -> dict[str, Any]:
        """See `Site.progress`."""
        return dict(self._call("progress"))

    def figures(self) -> dict[str, Any]:
        """See `Site.figures`."""
        return dict(self._call("figures"))

    def recording(self) -> list[Request]:
        """See `Site.recording`."""
        return list(self._call("recording"))

    def _call(self, name: str, *arguments: Any) -> Any:
        self._pipe.send((name, arguments))
        return self._pipe.recv()


@contextlib.contextmanager
def running_site() -> Iterator[SiteProcess]:
    """A site on a free port, for the length of the block."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(there,), daemon=True)
    process.start()
    try:
        assert process.pid is not None
        yield SiteProcess(here, here.recv(), process.pid)
    finally:
        process.terminate()
        process.join()


def _serve(pipe: Pipe) -> None:
    if sys.platform == "win32":
        asyncio.run(_main(pipe))
    else:
        import uvloop

        uvloop.run(_main(pipe))


async def _main(pipe: Pipe) -> None:
    loop, site = asyncio.get_running_loop(), Site()
    pace = Pace(site)
    commands = {"start_pace": pace.start, "pace": pace.seen}
    server = await loop.create_server(lambda: Connection(site.handle), "127.0.0.1", 0, backlog=1024)

    def obey() -> None:
        os.set_blocking(pipe.fileno(), True)
        name, arguments = pipe.recv()
        pipe.send((commands.get(name) or getattr(site, name))(*arguments))

    loop.add_reader(pipe.fileno(), obey)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()
