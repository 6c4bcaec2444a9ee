"""`hub why`: the whole story of a ticket."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.exits import Exit
from hub.cli.options import AsJson, ConfigFile, load_config, local_time, open_store, print_json, printable

if TYPE_CHECKING:
    from hub.journey.story import Story


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
            f"{printable(ticket)}: the hub has seen no closing of this ticket. "
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
    reason = f" ({story.reason})" if story.reason else ""
    typer.echo(f"{printable(story.ticket_key)} ({story.source}): {story.state}{printable(reason)}")
    for line in story.lines:
        typer.echo(f"  {local_time(line.at, zone)}  {printable(line.what)}")
    typer.echo(f"  next: {printable(story.next_step)}")
