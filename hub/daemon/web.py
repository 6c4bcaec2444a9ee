"""The web server of a worker."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hub.api.errors import ConfigError
from hub.config.models import WebSettings

_LONGEST_HEAD_BYTES = 16 * 1024
_GOODBYE_S = 5


class Server(uvicorn.Server):
    """The signals belong to the daemon, not to its web server."""

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
            lifespan="off",
            timeout_graceful_shutdown=_GOODBYE_S,
        )
    )


def listen(web: WebSettings) -> socket.socket:
    """Take the port.

    :raises ConfigError: it cannot be had.
    """
    try:
        return socket.create_server((web.host, web.port), backlog=1024, reuse_port=False)
    except OSError as error:
        raise ConfigError(
            f"web.listen: cannot listen on {web.host}:{web.port}: {error.strerror}. Stop what uses it, choose another "
            "port in hub.toml, or give this worker another one with --listen"
        ) from None
