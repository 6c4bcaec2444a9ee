"""A TCP relay that breaks connections: before the other side has heard, after it has, and inside its answer."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from contextlib import suppress
from pathlib import Path

Target = int | Path
"""A port on loopback, or a Unix socket."""
_PIECE = 64 * 1024
_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Passes bytes on between whoever connects and one target.

    :param share: of the pieces that pass, how many meet a break, from 0 to 1.
    """

    def __init__(self, target: Target, chance: random.Random, share: float = 0.0) -> None:
        self.injected: Counter[str] = Counter()
        """Breaks so far, by kind."""
        self.share = share
        self.port = 0
        self._target = target
        self._chance = chance
        self._server: asyncio.Server | None = None
        self._away: asyncio.Task[None] | None = None
        self._open: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}

    async def start(self) -> int:
        """Listen, on the same port as before if there was one; the port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        """Refuse connections from now on, and reset those that are open: the other side is down."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for ends in list(self._open.values()):
            _reset(ends)
        await asyncio.sleep(0)

    def go_down(self, seconds: float) -> None:
        """Be away for so long, from now on."""
        self.injected["down"] += 1
        self._away = asyncio.create_task(self._be_away(seconds))

    async def _be_away(self, seconds: float) -> None:
        await self.stop()
        await asyncio.sleep(seconds)
        await self.start()

    def cut(self, most: int) -> None:
        """Reset some of the connections that are open now."""
        for ends in self._chance.sample(list(self._open.values()), min(most, len(self._open))):
            self.injected["cut"] += 1
            _reset(ends)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        ends = self._open[task] = [writer]
        try:
            far_reader, far_writer = await self._connect()
            ends.append(far_writer)
            await self._pass_on((reader, far_writer), (far_reader, writer), ends)
        except OSError:
            pass  # the target is down, or one side went away
        finally:
            _reset(ends)
            del self._open[task]

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def _pass_on(
        self,
        there: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        back: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        ends: list[asyncio.StreamWriter],
    ) -> None:
        pumps = [
            asyncio.ensure_future(self._pump(*there, ends, breaks=("before", "after"))),
            asyncio.ensure_future(self._pump(*back, ends, breaks=("half",))),
        ]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: list[asyncio.StreamWriter],
        breaks: tuple[str, ...],
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if self.share and self._chance.random() < self.share:
                    await self._break(self._chance.choice(breaks), piece, writer)
                    _reset(ends)
                    return
                writer.write(piece)
                await writer.drain()

    async def _break(self, kind: str, piece: bytes, writer: asyncio.StreamWriter) -> None:
        """Pass on nothing, all, or half of a piece; the connection breaks after that."""
        self.injected[kind] += 1
        if kind != "before":
            writer.write(piece if kind == "after" else piece[: len(piece) // 2])
            await writer.drain()
            await asyncio.sleep(0.05)  # long enough for the other side to act


def _reset(ends: list[asyncio.StreamWriter]) -> None:
    for writer in ends:
        if (end := writer.get_extra_info("socket")) is not None and end.family != socket.AF_UNIX:
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()
