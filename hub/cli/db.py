"""`hub db`: the store."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.options import AsJson, ConfigFile, load_config, open_store, print_json, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.store.move import Moved

app = typer.Typer(help="The hub's store.", no_args_is_help=True)


@app.callback()
def db() -> None:
    """The hub's store."""


@app.command("upgrade")
def upgrade(*, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Bring the store's tables up to date, as `hub run` does at start."""
    from hub.store.migrate import HEAD

    config = load_config(config_file)

    async def run() -> None:
        async with open_store(config):
            pass

    asyncio.run(run())
    if as_json:
        print_json({"revision": HEAD})
    else:
        say(f"the store is at revision {HEAD}")


@app.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="The new file; nothing is overwritten.", dir_okay=False)],
    *,
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy an SQLite store to FILE, and check the copy. The hub may run meanwhile.

    FILE holds personal data; only the user who runs the command can read it. For a store on PostgreSQL the command
    only says which pg_dump does it.
    """
    from hub.store.backup import backup as make_backup

    config = load_config(config_file)
    try:
        made = make_backup(
            config.hub.store, file, lambda done, total: _progress(f"{done:,} of {total:,} pages are copied")
        )
    finally:
        _end_progress()
    if as_json:
        print_json({"file": made.file, "bytes": made.bytes, "revision": made.revision})
    else:
        say(f"{made.file}: {made.bytes / 1e6:,.1f} MB, checked; its tables are at revision {made.revision}")


@app.command("move")
def move(
    *,
    to_env: Annotated[
        str, typer.Option("--to-env", metavar="VAR", help="The environment variable that holds the URL of the target.")
    ],
    config_file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy the SQLite store into an empty PostgreSQL database, and prove that everything arrived.

    Stop the hub first. The SQLite file is left as it is. The URL is not an argument: its password could be seen in
    the list of processes.
    """
    from hub.store.move import move as move_store

    config = load_config(config_file)
    target = os.environ.get(to_env)
    if not target:
        raise typer.BadParameter(
            "this environment variable is not set; let it hold postgresql://USER:PASSWORD@HOST/DATABASE",
            param_hint="--to-env",
        )
    try:
        moved = asyncio.run(move_store(config.hub.store, target, lambda what, rows: _progress(f"{what}: {rows:,}")))
    finally:
        _end_progress()
    if as_json:
        print_json({"tables": {each.table: {"source": each.source, "target": each.target} for each in moved}})
    else:
        _print_proof(moved)
    say(f'everything arrived. Write into [hub] of {config.path}: store = {{ env = "{to_env}" }}')


def _print_proof(moved: Sequence[Moved]) -> None:
    """The rows and the first digits of the checksums, as read back from both sides."""
    typer.echo(f"{'table':<12} {'rows':>10} {'arrived':>10}  {'checksum':<16} {'arrived':<16}")
    for each in moved:
        source, target = each.source, each.target
        typer.echo(
            f"{each.table:<12} {source.rows:>10} {target.rows:>10}  {source.checksum[:16]} {target.checksum[:16]}"
        )


def _progress(line: str) -> None:
    """One line that rewrites itself, for people; nothing where nobody watches."""
    if sys.stderr.isatty():
        typer.echo(f"\r\033[K{line}", nl=False, err=True)


def _end_progress() -> None:
    if sys.stderr.isatty():
        say("\r\033[K")
