"""`hub status`: whether the hub is well, what needs its operator, and what was done."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.exits import Exit
from hub.cli.options import AsJson, ConfigFile, load_config, open_store, print_json

if TYPE_CHECKING:
    from hub.cli.attention import Concern, Facts
    from hub.config.models import HubConfig
    from hub.journey.overview import Overview
    from hub.store.components import ComponentState
    from hub.store.workers import Worker

_LOOK_AGAIN_AFTER_S = 2.0
_CLEAR = "\x1b[2J\x1b[H"


def status(
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every 2 seconds, until Ctrl-C.")] = False,
    check: Annotated[bool, typer.Option("--check", help="End with exit code 1 when something needs you.")] = False,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show whether the hub is well, what needs you, what waits, and what was done. Works beside a running daemon."""
    from hub.cli.attention import concerns

    if watch and (as_json or check):
        raise typer.BadParameter("it is for people: leave out --json and --check", param_hint="--watch")
    config = load_config(config_file)
    if watch:
        _watch(config)
        return
    facts = asyncio.run(_look(config))
    if as_json:
        print_json(_json(facts, concerns(facts)))
    else:
        _show(facts, config)
    if check and any(concern.needs_you for concern in concerns(facts)):
        raise typer.Exit(Exit.SOME_FAILED)


def _watch(config: HubConfig) -> None:
    with suppress(KeyboardInterrupt):
        while True:
            facts = asyncio.run(_look(config))
            typer.echo(_CLEAR, nl=False)
            _show(facts, config)
            time.sleep(_LOOK_AGAIN_AFTER_S)


async def _look(config: HubConfig) -> Facts:
    from hub.cli.attention import Facts
    from hub.clock import SystemClock
    from hub.journey.overview import overview
    from hub.journey.uncomposed import uncomposed
    from hub.store import components
    from hub.store.daemon_lock import running_daemon
    from hub.store.workers import all_workers

    enabled = {id_: component.interval for id_, component in config.components().items() if component.enabled}
    async with open_store(config) as store, store.read() as connection:
        now = SystemClock().now()
        states = await components.get_all(connection)
        seen = await overview(connection, now)
        return Facts(
            enabled=enabled,
            now=now,
            overview=seen,
            # what was taken out of hub.toml fails no more
            components={id_: state for id_, state in states.items() if id_.partition(":")[0] in ("hub", *enabled)},
            workers=await all_workers(connection),
            uncomposed=await uncomposed(connection, seen),
            running=running_daemon(config.hub.store),
        )


def _show(facts: Facts, config: HubConfig) -> None:
    from hub.cli.attention import concerns
    from hub.cli.status_text import Paper, lines

    paper = Paper.of_terminal(config.hub.timezone, facts.now)
    for line in lines(facts, concerns(facts), paper):
        typer.echo(line, color=paper.is_coloured)


def _json(facts: Facts, found: list[Concern]) -> dict[str, Any]:
    return {
        "ok": not any(concern.needs_you for concern in found),
        "at": facts.now,
        "attention": found,
        **_overview_json(facts.overview),
        "components": {state.id: _component_json(state) for state in facts.components.values()},
        "workers": [_worker_json(worker, facts) for worker in facts.workers],
    }


def _overview_json(overview: Overview) -> dict[str, Any]:
    from hub.journey.overview import by_state

    return {
        "since": overview.since,
        "closures": sum(overview.closed.values()),
        "undecided": overview.undecided.waiting,
        "invitations": by_state(overview.asked),
        "follow_ups": by_state(overview.follow_ups),
        "skipped": overview.skipped,
        "unknown": overview.unknown,
        "answered": overview.answered,
        "answers": by_state(overview.received),
        "unread": overview.unread.waiting,
        "experiences": overview.experiences,
        "write_backs": by_state(overview.written),
        "by_source": overview.closed,
        "by_gateway": {
            name: {"invitations": overview.asked.get(name, {}), "answers": overview.received.get(name, {})}
            for name in sorted(overview.asked.keys() | overview.received.keys())
        },
        "by_target": overview.written,
        "queues": {
            **{f"gateways.{name}:send": queue for name, queue in overview.surveys.items()},
            **{f"{target}:write": queue for target, queue in overview.results.items()},
        },
    }


def _component_json(state: ComponentState) -> dict[str, Any]:
    return {
        "ok": state.error is None,
        "error": state.error,
        "error_kind": state.error_kind,
        "failures": state.failures,
        "failing_since": state.failing_since,
        "retry_at": state.retry_at,
        "last_ok_at": state.last_ok_at,
        "warning": state.warning,
        "warned_at": state.warned_at,
    }


def _worker_json(worker: Worker, facts: Facts) -> dict[str, Any]:
    from hub.cli.attention import is_silent

    return {
        "name": worker.name,
        "alive": not is_silent(worker, facts.now),
        "version": worker.version,
        "roles": worker.roles,
        "started_at": worker.started_at,
        "seen_at": worker.seen_at,
        "load": dict(worker.load),
    }
