"""The web server of a worker."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.api.errors import ConfigError
from hub.config.models import WebSettings, host_and_port

_LONGEST_HEAD_BYTES = 16 * 1024
_GOODBYE_S = 5
_DATE_EVERY_S = 1.0
_ADVICE = {
    errno.EADDRINUSE: "Stop what uses it, or choose another port",
    errno.EACCES: "Choose a port from 1024 on: those below are for the administrator",
}
_NO_SUCH_ADDRESS = "Choose an address that this machine has, such as 127.0.0.1, or 0.0.0.0 for all of them"


class Server(uvicorn.Server):
    """The signals belong to the daemon, not to its web server."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._ending = asyncio.Event()

    def end(self) -> None:
        """Finish the requests under way, and serve no more."""
        self.should_exit = True
        self._ending.set()

    async def main_loop(self) -> None:
        """Renew the Date header each second. Uvicorn wakes ten times as often to see whether it should end."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _DATE_EVERY_S)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave them alone."""
        yield


class _BoundedHead(HttpToolsProtocol):
    """Refuses a request whose head does not end: the parser would keep all of it in memory."""

    _head_bytes = 0
    _in_head = True

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > _LONGEST_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()


def make_server(app: Starlette) -> Server:
    """A server for one application; give it its socket."""
    return Server(
        uvicorn.Config(
            app,
            http=_BoundedHead,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # `hub.web.client` reads them, of the proxies that hub.toml trusts
            lifespan="off",
            timeout_graceful_shutdown=_GOODBYE_S,
        )
    )


def listen(web: WebSettings) -> socket.socket:
    """Take the port.

    :raises ConfigError: it cannot be had.
    """
    return take_port("web.listen", web.listen, "--listen")


def take_port(setting: str, listen: str, option: str) -> socket.socket:
    """Listen on an address and port.

    :param setting: where they stand in hub.toml.
    :param option: of `hub run`, for this worker alone.
    :raises ConfigError: they cannot be had.
    """
    host, port = host_and_port(listen)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        is_lookup = isinstance(error, socket.gaierror)  # numbered otherwise; the others repeat the address
        why = error.strerror if is_lookup else os.strerror(error.errno or 0)
        advice = _NO_SUCH_ADDRESS if is_lookup else _ADVICE.get(error.errno or 0, _NO_SUCH_ADDRESS)
        raise ConfigError(
            f"{setting}: cannot listen on {listen}: {why}. {advice}; in hub.toml, or for this worker with {option}"
        ) from None
