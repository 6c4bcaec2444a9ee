"""`hub run`: the process around the service. Signals, web server, systemd, reload."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version
from random import Random, SystemRandom

import structlog
from systemd_watchdog.systemd_watchdog import WatchDog

from hub.api.component import Clock
from hub.api.errors import ConfigError
from hub.clock import SystemClock
from hub.config.models import HubConfig
from hub.daemon.components import Workshop
from hub.daemon.limits import limits_of
from hub.daemon.load import Tally
from hub.daemon.ports import StorePorts
from hub.daemon.roles import ALL, Role, listed
from hub.daemon.service import Service, repeatable_of
from hub.daemon.vault import already
from hub.daemon.watching import watched
from hub.daemon.web import Server, listen, make_server
from hub.daemon.workers import SILENCE_S, Identity, Worker
from hub.http import transport
from hub.store import facts
from hub.store.channel import open_channel
from hub.store.daemon_lock import only_daemon
from hub.store.engine import Store
from hub.web.app import create_app

_TIDY_EVERY_S = 60.0
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


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


@dataclass(frozen=True, slots=True)
class _Running:
    """One worker, ready to be started."""

    service: Service
    worker: Worker
    ports: StorePorts
    server: Server | None
    """None without the role `web`."""
    listening: socket.socket | None


async def run(config: HubConfig, load: Callable[[], HubConfig], roles: frozenset[Role] = ALL) -> signal.Signals | None:
    """Run the hub until a signal ends it.

    :param load: reads the configuration again, for SIGHUP.
    :param roles: what this worker does.
    :returns: the signal when the hub was stopped before it had drained, None after a clean end.
    """
    log = structlog.get_logger()
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        stack.enter_context(only_daemon(config.hub.store))
        listening = stack.enter_context(listen(config.web)) if Role.WEB in roles else None
        stack.callback(log.info, "hub.stopped")
        running = await _assemble(stack, config, roles, listening, clock)
        name, where = running.worker.name(), config.web.listen if listening else None
        log.info("hub.started", worker=name, roles=",".join(listed(roles)), listen=where)
        return await _serve(running, load=load, clock=clock)


async def _assemble(
    stack: AsyncExitStack, config: HubConfig, roles: frozenset[Role], listening: socket.socket | None, clock: Clock
) -> _Running:
    chance = Random(SystemRandom().getrandbits(64))  # noqa: S311 - jitter, not secrets
    store = await Store.open(config.hub.store)
    stack.push_async_callback(store.close)
    stack.callback(asyncio.create_task(_tidy(store)).cancel)
    channel = await open_channel(config.hub.store, SILENCE_S)
    stack.push_async_callback(channel.close)
    limits = await limits_of(store, channel, clock, chance)
    stack.push_async_callback(limits.close)
    tally = Tally()
    worker = Worker(
        store,
        clock,
        Identity(version("itsm-hub"), listed(roles)),
        repeatable=lambda: repeatable_of(service.config),
        load=tally.take,
    )
    service = Service(
        config,
        store,
        Workshop(transport(), clock, chance, already(store), limits),
        channel=channel,
        worker=worker.name,
        clock=clock,
        chance=chance,
        roles=roles,
        tally=tally,
    )
    ports = StorePorts(service, store, clock, await facts.page_key(store))
    operators = watched(
        config.hub.metrics_listen,
        store,
        clock,
        components=lambda: list(service.config.components()),
        ready=ports.ready,
    )
    await stack.enter_async_context(operators)
    await worker.join()
    stack.push_async_callback(worker.leave)
    return _Running(service, worker, ports, make_server(create_app(ports)) if listening else None, listening)


async def _serve(running: _Running, *, load: Callable[[], HubConfig], clock: Clock) -> signal.Signals | None:
    signals, systemd, service = Signals(), WatchDog(), running.service
    with signals.installed():
        helpers = [
            asyncio.create_task(running.worker.stay()),
            asyncio.create_task(_reload_on_request(service, signals, load)),
            asyncio.create_task(_feed_watchdog(systemd, clock)),
        ]
        await service.start()
        _collect_rarely()
        running.ports.started = True
        serving = asyncio.create_task(_answer(running))
        systemd.ready()
        await _until_told_to_stop(service, signals)
        running.ports.started = False
        stopped_early = await _stop(service, signals)
        for helper in helpers:
            helper.cancel()
        if running.server:
            running.server.end()
        await asyncio.gather(serving, *helpers, return_exceptions=True)
    if service.ended_early.is_set():
        raise RuntimeError("a loop of the hub ended by itself")
    return signals.last if stopped_early else None


def _collect_rarely() -> None:
    """Look for unreachable cycles less often, and never in what is there at start.

    By default that takes a sixth of the daemon's time, since each page of tickets is many small objects that are soon
    gone by themselves. The first number is more than a batch of 100 tickets makes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(25_000, 4, 3)


async def _answer(running: _Running) -> None:
    """Serve pages and webhooks, if that is among this worker's roles."""
    if running.server and running.listening:
        await running.server.serve(sockets=[running.listening])


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


async def _tidy(store: Store) -> None:
    while True:
        await asyncio.sleep(_TIDY_EVERY_S)
        try:
            await store.tidy()
        except Exception as error:  # noqa: BLE001 - a long file is no reason to stop
            structlog.get_logger().warning("store.cannot_tidy", error=type(error).__name__)


async def _feed_watchdog(systemd: WatchDog, clock: Clock) -> None:
    while systemd.is_enabled:
        systemd.notify()
        await clock.sleep(min(systemd.timeout / 3_000_000, 10))
