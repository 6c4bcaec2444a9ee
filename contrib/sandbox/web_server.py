"""An ASGI application served inside the running event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Ctrl-C belongs to the sandbox, which stops its servers in order."""
        yield


@asynccontextmanager
async def serve(app: ASGIApp, port: int, *, date_header: bool = True) -> AsyncIterator[None]:
    """Serve the application on loopback for the length of the block.

    :param date_header: whether the server adds Date; not to applications that do so themselves.
    """
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, lifespan="off", ws="none", date_header=date_header
    )
    config.timeout_graceful_shutdown = 1
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    try:
        while not server.started:
            if task.done():
                task.result()
                raise OSError(f"the web server on port {port} did not start")
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await task
