"""`hub status` and `hub why`: what waits, what fails, and why something did or did not happen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.exits import Exit
from hub.cli.options import AsJson, ConfigFile, load_config, local_time, open_store, print_json, printable

if TYPE_CHECKING:
    from hub.journey.overview import Overview
    from hub.journey.story import Story
    from hub.store.components import ComponentState

_WARNING_SHOWN = timedelta(days=1)


def status(*, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show what the hub has done, what waits, and what fails and why. Works beside a running daemon."""
    config = load_config(config_file)
    overview, states = asyncio.run(_read(config))
    known = {"hub", *config.components()}  # what was taken out of hub.toml fails no more
    states = {id_: _timely(state) for id_, state in states.items() if id_.partition(":")[0] in known}
    if as_json:
        shown = {state.id: _component_json(state) for state in states.values()}
        print_json({**_overview_json(overview), "components": shown})
        return
    for line in [*_journey_lines(overview), "", *_component_lines(states, config.hub.timezone)]:
        typer.echo(line)


async def _read(config: Any) -> tuple[Overview, dict[str, ComponentState]]:
    from hub.clock import SystemClock
    from hub.journey.overview import overview
    from hub.store import components

    async with open_store(config) as store, store.read() as connection:
        return await overview(connection, SystemClock().now()), await components.get_all(connection)


def _timely(state: ComponentState) -> ComponentState:
    """Without a warning that is no news any more."""
    from dataclasses import replace

    from hub.clock import SystemClock

    if state.warned_at is None or SystemClock().now() - state.warned_at <= _WARNING_SHOWN:
        return state
    return replace(state, warning=None, warned_at=None)


def _overview_json(overview: Overview) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(overview)


def _component_json(state: ComponentState) -> dict[str, Any]:
    return {
        "ok": state.error is None,
        "error": state.error,
        "failures": state.failures,
        "failing_since": state.failing_since,
        "retry_at": state.retry_at,
        "last_ok_at": state.last_ok_at,
        "warning": state.warning,
        "warned_at": state.warned_at,
    }


def _journey_lines(overview: Overview) -> list[str]:
    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"

    lines = [
        f"closures      {overview.closures} ({overview.undecided} not decided yet)",
        f"invitations   {listed(overview.invitations)}",
        f"not asked     {listed(overview.skipped)}",
        f"answered      {overview.answered}",
        f"answers       {listed(overview.answers)}",
        f"experiences   {overview.experiences}",
        f"write-backs   {listed(overview.write_backs)}",
    ]
    if overview.unknown:
        lines.append(f"unknown       {listed(overview.unknown)}; see: hub invitations list --state unknown")
    if overview.answers.get("unmatched"):
        lines.append("unmatched answers are kept; see: hub invitations answers")
    return lines


def _component_lines(states: dict[str, ComponentState], zone: str) -> list[str]:
    if not states:
        return ["no component has run yet; start the hub with: hub run"]
    width = max(len(id_) for id_ in states)
    lines = []
    for id_, state in states.items():
        lines.append(f"{id_:<{width}}  {_health(state, zone)}")
        if state.warning is not None:
            lines.append(f"{'':<{width}}  warning of {local_time(state.warned_at, zone)}: {state.warning}")
    return lines


def _health(state: ComponentState, zone: str) -> str:
    if state.error is None:
        return f"ok, last at {local_time(state.last_ok_at, zone)}"
    since, retry = local_time(state.failing_since, zone), local_time(state.retry_at, zone)
    return f"FAILING since {since} ({state.failures} times), next try {retry}: {state.error}"


def why(
    ticket: Annotated[str, typer.Argument(help="The ticket's key, as people call it, or its id.")],
    *,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell the whole story of a ticket: what the hub saw, decided, sent, received and wrote, and what comes next."""
    config = load_config(config_file)
    found = asyncio.run(_stories(config, ticket))
    if as_json:
        print_json({"ticket": ticket, "closures": found})
    elif found:
        for story in found:
            _tell(story, config.hub.timezone)
    if not found:
        typer.echo(
            f"{ticket}: the hub has seen no closing of this ticket. "
            "See when its source was last pulled with: hub status; pull now with: hub sync. What was closed before "
            "the first pull is left alone; to look at it: hub sync SOURCE --since 2h --dry-run",
            err=True,
        )
        raise typer.Exit(Exit.SOME_FAILED)


async def _stories(config: Any, ticket: str) -> list[Story]:
    from hub.journey.story import stories

    async with open_store(config) as store, store.read() as connection:
        return await stories(connection, ticket)


def _tell(story: Story, zone: str) -> None:
    typer.echo(f"{printable(story.ticket_key)} ({story.source}): {story.state}")
    for line in story.lines:
        typer.echo(f"  {local_time(line.at, zone)}  {printable(line.what)}")
    typer.echo(f"  next: {story.next_step}")
