"""`hub state`: where pulls and collections stand."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import AsJson, ConfigFile, load_config, open_store, print_json, say

if TYPE_CHECKING:
    from hub.config.models import HubConfig

app = typer.Typer(help="Where pulls and collections stand.", no_args_is_help=True)

Component = Annotated[str, typer.Argument(help="Such as sources.desk or gateways.mail.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before doing it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")]


@app.command("show")
def show(
    component: Annotated[str | None, typer.Argument(help="One component; without it, all.")] = None,
    *,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show cursors. They are the plugins' own text; the hub does not read them."""
    config = load_config(config_file)
    if component is not None:
        _require_known(config, component)
    cursors = asyncio.run(_cursors(config))
    shown = {id_: cursor for id_, cursor in cursors.items() if component in (None, id_)}
    if as_json:
        print_json({"cursors": shown})
        return
    for id_, cursor in shown.items():
        typer.echo(f"{id_}  {cursor}")
    if not shown:
        say("there is no cursor yet; the first pull makes one")


@app.command("set")
def set_(
    component: Component,
    cursor: Annotated[str, typer.Argument(help="The cursor, as `hub state show` prints it.")],
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    config_file: ConfigFile = None,
) -> None:
    """Set a cursor. Closures that the hub knows are not surveyed again, whatever the cursor says."""
    _put(component, cursor, yes=yes, dry_run=dry_run, config_file=config_file)


@app.command("reset")
def reset(component: Component, *, yes: Yes = False, dry_run: DryRun = False, config_file: ConfigFile = None) -> None:
    """Forget a cursor. The next pull begins from now: what was closed in between is not surveyed."""
    _put(component, None, yes=yes, dry_run=dry_run, config_file=config_file)


def _put(component: str, cursor: str | None, *, yes: bool, dry_run: bool, config_file: Any) -> None:
    config = load_config(config_file)
    _require_known(config, component)
    before = asyncio.run(_cursors(config)).get(component)
    say(f"{component}: {before or '(none)'} -> {cursor or '(none)'}")
    if dry_run:
        say("nothing was changed")
        return
    if not yes:
        typer.confirm("Change it?", abort=True, err=True)
    asyncio.run(_write(config, component, cursor))


def _require_known(config: HubConfig, component: str) -> None:
    known = sorted(config.components())
    if component not in known:
        raise typer.BadParameter(f"hub.toml has {', '.join(known)}", param_hint=component)


async def _cursors(config: HubConfig) -> dict[str, str]:
    from hub.store import components

    async with open_store(config) as store, store.read() as connection:
        states = await components.get_all(connection)
    return {id_: state.cursor for id_, state in states.items() if state.cursor is not None}


async def _write(config: HubConfig, component: str, cursor: str | None) -> None:
    from hub.api.records import Cursor
    from hub.store import components

    async with open_store(config) as store, store.write() as connection:
        await components.set_cursor(connection, component, None if cursor is None else Cursor(cursor))
