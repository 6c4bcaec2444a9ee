"""`hub run`: the process around the service. Signals, web server, systemd, reload."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Iterator
from random import Random, SystemRandom

import structlog
import uvicorn
from systemd_watchdog.systemd_watchdog import WatchDog

from hub.api.component import Clock
from hub.api.errors import ConfigError
from hub.clock import SystemClock
from hub.config.models import HubConfig
from hub.daemon.components import Workshop
from hub.daemon.leases import end_leases_of_the_dead
from hub.daemon.ports import StorePorts
from hub.daemon.service import Service
from hub.daemon.vault import already
from hub.http import transport
from hub.store.engine import Store
from hub.web.app import create_app

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LARGEST_HEADER = 16 * 1024


class _Server(uvicorn.Server):
    """The signals belong to the daemon, not to its web server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Signals:
    """What the operator asked for: the first SIGTERM or SIGINT drains, the second stops at once; SIGHUP reloads."""

    def __init__(self) -> None:
        self.drain = asyncio.Event()
        self.abort = asyncio.Event()
        self.reload = asyncio.Event()
        self.last: signal.Signals | None = None

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Listen to them."""
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, self._stop, number)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        try:
            yield
        finally:
            for number in (*_STOP_SIGNALS, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _stop(self, number: signal.Signals) -> None:
        self.last = number
        (self.abort if self.drain.is_set() else self.drain).set()


async def run(config: HubConfig, load: Callable[[], HubConfig]) -> signal.Signals | None:
    """Run the hub until a signal ends it.

    :param load: reads the configuration again, for SIGHUP.
    :returns: the signal when the hub was stopped before it had drained, None after a clean end.
    """
    log = structlog.get_logger()
    clock, chance = SystemClock(), Random(SystemRandom().getrandbits(64))  # noqa: S311 - jitter, not secrets
    listening = _listen(config.web.host, config.web.port)
    with listening:
        store = await Store.open(config.hub.store)
        try:
            await end_leases_of_the_dead(store, clock.now())
            service = Service(config, store, Workshop(transport(), clock, chance, already(store)), clock, chance)
            ports = StorePorts(service, store, clock)
            server = _Server(
                uvicorn.Config(
                    create_app(ports),
                    log_config=None,
                    access_log=False,
                    server_header=False,
                    lifespan="off",
                    h11_max_incomplete_event_size=_LARGEST_HEADER,
                    timeout_graceful_shutdown=5,
                )
            )
            log.info("hub.started", pid=os.getpid(), listen=config.web.listen)
            return await _serve(service, ports, server, listening, load=load, clock=clock)
        finally:
            await store.close()
            log.info("hub.stopped")


async def _serve(
    service: Service,
    ports: StorePorts,
    server: _Server,
    listening: socket.socket,
    *,
    load: Callable[[], HubConfig],
    clock: Clock,
) -> signal.Signals | None:
    signals, systemd = Signals(), WatchDog()
    with signals.installed():
        await service.start()
        ports.started = True
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        helpers = [
            asyncio.create_task(_reload_on_request(service, signals, load)),
            asyncio.create_task(_feed_watchdog(systemd, clock)),
        ]
        systemd.ready()
        await _until_told_to_stop(service, signals)
        ports.started = False
        stopped_early = await _stop(service, signals)
        for helper in helpers:
            helper.cancel()
        server.should_exit = True
        await asyncio.gather(serving, *helpers, return_exceptions=True)
    if service.ended_early.is_set():
        raise RuntimeError("a loop of the hub ended by itself")
    return signals.last if stopped_early else None


async def _until_told_to_stop(service: Service, signals: Signals) -> None:
    waits = [asyncio.create_task(event.wait()) for event in (signals.drain, service.ended_early)]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()


async def _stop(service: Service, signals: Signals) -> bool:
    """Drain, unless a second signal comes first.

    :returns: whether the second signal came.
    """
    structlog.get_logger().info("hub.draining", hint="send the signal again to stop at once")
    draining = asyncio.create_task(service.drain())
    aborting = asyncio.create_task(signals.abort.wait())
    await asyncio.wait({draining, aborting}, return_when=asyncio.FIRST_COMPLETED)
    aborted = aborting.done()
    aborting.cancel()
    if aborted:
        service.abort()
    await draining
    return aborted


async def _reload_on_request(service: Service, signals: Signals, load: Callable[[], HubConfig]) -> None:
    log = structlog.get_logger()
    while True:
        await signals.reload.wait()
        signals.reload.clear()
        before = service.config
        try:
            config = await asyncio.to_thread(load)
            await service.reload(config)
        except ConfigError as error:
            log.error("config.refused", problems=str(error).splitlines(), hint="the old configuration stays in force")
            continue
        except Exception as error:  # noqa: BLE001 - the next SIGHUP must be heard
            log.error("config.reload_failed", error=type(error).__name__, hint="restart the hub")
            continue
        for section in ("hub", "web"):
            if getattr(config, section) != getattr(before, section):
                log.warning("config.needs_restart", section=section)


async def _feed_watchdog(systemd: WatchDog, clock: Clock) -> None:
    while systemd.is_enabled:
        systemd.notify()
        await clock.sleep(min(systemd.timeout / 3_000_000, 10))


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), backlog=1024, reuse_port=False)
    except OSError as error:
        raise ConfigError(
            f"web.listen: cannot listen on {host}:{port}: {error.strerror}. Stop what uses it, or choose another port"
        ) from None
