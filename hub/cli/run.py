"""`hub run` and `hub sync`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.exits import Exit
from hub.cli.options import AsJson, ConfigFile, load_config, open_store, parse_time, print_json, printable, say

if TYPE_CHECKING:
    from hub.config.models import HubConfig
    from hub.daemon.sync import Forecast, Summary


def run(
    *,
    roles: Annotated[
        str | None,
        typer.Option(
            help="What this worker does, where several share a store: some of pull,journey,deliver,write,web."
        ),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="Address and port of this worker, instead of web.listen in hub.toml.")
    ] = None,
    metrics_listen: Annotated[
        str | None,
        typer.Option(help="Address and port of this worker's metrics, instead of hub.metrics_listen in hub.toml."),
    ] = None,
    config_file: ConfigFile = None,
) -> None:
    """Run the hub: pull, ask, listen and write back until it is told to stop.

    The first SIGTERM or Ctrl-C finishes what is under way, the second stops at once. SIGHUP reads hub.toml again.
    """
    _load_without_colours()
    import signal

    from hub.store import core_only

    core_only.load()
    from hub.daemon.roles import ALL, parse
    from hub.daemon.run import run as run_daemon

    def load() -> HubConfig:
        return _listening_on(load_config(config_file), listen, metrics_listen)

    try:
        chosen = ALL if roles is None else parse(roles)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--roles") from None
    config = load()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        ended_by = runner.run(run_daemon(config, load, chosen))
    if ended_by is not None:
        raise typer.Exit(Exit.INTERRUPTED if ended_by is signal.SIGINT else Exit.TERMINATED)


def _load_without_colours() -> None:
    """Load those that would load rich and Pygments where they find them, for tracebacks and a command of their own.

    That would be 20 MB for nothing, for as long as the daemon runs.
    """
    unwanted = [name for name in ("rich", "pygments") if name not in sys.modules]
    for name in unwanted:
        sys.modules[name] = None  # type: ignore[assignment]
    import httpx  # noqa: F401
    import structlog  # noqa: F401

    for name in unwanted:
        del sys.modules[name]


def _listening_on(config: HubConfig, listen: str | None, metrics_listen: str | None) -> HubConfig:
    """The configuration with other addresses to listen on, where they are given."""
    from dataclasses import replace

    from pydantic import ValidationError

    from hub.config.models import WebSettings

    public_url = config.web.public_url
    try:
        web = WebSettings(listen=listen or config.web.listen, public_url=public_url)
        if metrics_listen is not None:
            WebSettings(listen=metrics_listen, public_url=public_url)  # has the same form
    except ValidationError:
        raise typer.BadParameter(
            'write an address and a port from 1 to 65535, such as "127.0.0.1:8081"',
            param_hint="--listen or --metrics-listen",
        ) from None
    changed = {} if metrics_listen is None else {"metrics_listen": metrics_listen}
    return replace(config, web=web, hub=config.hub.model_copy(update=changed))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The fastest event loop that is installed; None for Python's own."""
    try:
        import uvloop
    except ModuleNotFoundError:  # it is not made for every system
        return None
    return uvloop.new_event_loop


def sync(
    source: Annotated[str | None, typer.Argument(help="The NAME of [sources.NAME]; without it, all.")] = None,
    *,
    since: Annotated[
        str | None,
        typer.Option(help='Start from then instead of where the last pull ended: "2h", or 2026-11-01T08:00.'),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say for each ticket what would happen, and why.")
    ] = False,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Pull closed tickets now and carry them through: ask, collect answers, write back what is due.

    Safe beside a running daemon. A first pull starts from now, unless --since says otherwise.
    """
    config = load_config(config_file)
    sources = _sources(config, source)
    start = parse_time(since, config.hub.timezone, "--since")
    if dry_run:
        forecasts = asyncio.run(_forecast(config, sources, start, as_json))
        if as_json:
            print_json({"tickets": forecasts})
        return
    summary = asyncio.run(_sync(config, sources, start))
    _print_summary(summary, as_json)
    if summary.failed:
        raise typer.Exit(Exit.REMOTE)


def _sources(config: HubConfig, source: str | None) -> list[str]:
    enabled = [name for name, component in config.sources.items() if component.enabled]
    if source is not None and source not in enabled:
        raise typer.BadParameter(f"hub.toml has the sources {', '.join(enabled)}", param_hint="SOURCE")
    return enabled if source is None else [source]


async def _sync(config: HubConfig, sources: list[str], since: datetime | None) -> Summary:
    from hub.daemon.sync import sync as sync_once

    async with open_store(config) as store:
        return await sync_once(config, store, sources, since, _progress)


async def _forecast(config: HubConfig, sources: list[str], since: datetime | None, as_json: bool) -> list[Forecast]:
    from hub.daemon.sync import forecast

    found = []
    async with open_store(config) as store:
        async for one in forecast(config, store, sources, since, _progress):
            found.append(one)
            if not as_json:
                typer.echo(f"{one.source}  {printable(one.ticket):<20} {one.would:<8} {one.why}")
    if not found:
        say("no ticket was closed since the last pull")
    return found


def _progress(line: str) -> None:
    """One line that rewrites itself, for people; nothing where nobody watches."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{line}", nl=False, err=True)


def _print_summary(summary: Summary, as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        values: dict[str, Any] = asdict(summary)
        print_json(values)
        return
    if sys.stderr.isatty():
        say()
    pulled = ", ".join(f"{count} from {name}" for name, count in summary.pulled.items()) or "nothing"
    say(f"new closures: {pulled}")
    if summary.milestones:
        found = ", ".join(f"{count} from {name}" for name, count in summary.milestones.items())
        say(f"open tickets that were handed over or wait: {found}")
    say(f"surveys sent: {summary.sent}; replies: {summary.received}; results written back: {summary.written_back}")
    for id_ in summary.busy:
        say(f"{id_}: a worker reads from it already, so this pass did not")
    for id_, reason in summary.failed.items():
        say(f"{id_}: {reason}")
