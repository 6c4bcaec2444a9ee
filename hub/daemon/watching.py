"""What operators see of a worker from outside: its metrics on a listener of their own, and its traces."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

from hub import tracing
from hub.api.component import Clock
from hub.daemon.web import make_server, take_port
from hub.store import facts
from hub.store.engine import Store


@asynccontextmanager
async def watched(
    listen: str | None,
    store: Store,
    clock: Clock,
    *,
    components: Callable[[], Collection[str]],
    ready: Callable[[], Mapping[str, str]],
) -> AsyncIterator[None]:
    """Show metrics, and make traces if the environment asks for them, as long as the block runs.

    :param listen: `hub.metrics_listen`.
    :param components: ids of the components of hub.toml at this moment.
    :param ready: see `hub.web.ports.WebPorts.ready`.
    :raises ConfigError: the port cannot be had.
    """
    if tracing.wanted():
        tracing.start(await facts.salt(store))
    try:
        if listen is None:
            yield
            return
        from hub.web.metrics import create_metrics_app

        with take_port("hub.metrics_listen", listen, "--metrics-listen") as listening:
            server = make_server(create_metrics_app(store, clock, components=components, ready=ready))
            serving = asyncio.create_task(server.serve(sockets=[listening]))
            try:
                yield
            finally:
                server.end()
                await serving
    finally:
        await asyncio.to_thread(tracing.stop)
