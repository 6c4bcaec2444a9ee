"""`hub db`: the store."""

from __future__ import annotations

import asyncio

import typer

from hub.cli.options import AsJson, ConfigFile, load_config, open_store, print_json, say

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
