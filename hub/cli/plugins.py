"""`hub plugins`: what is installed, whether it works, and which settings it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli import plugins_new
from hub.cli.exits import Exit
from hub.cli.options import AsJson, print_json, table
from hub.cli.plugins_quality import quality_json, quality_text

if TYPE_CHECKING:
    from hub.registry import Plugin

app = typer.Typer(help="What is installed, whether it works, and which settings it takes.", no_args_is_help=True)
app.command("new")(plugins_new.new_plugin)


@app.command("list")
def list_plugins(*, as_json: AsJson = False) -> None:
    """List every installed plugin. Loads each of them; a broken one is a row with the reason."""
    from hub.registry import Registry

    plugins = Registry.load(None).plugins.values()
    if as_json:
        print_json({"plugins": [_row(plugin) for plugin in plugins]})
        return
    header = ("NAME", "OFFERS", "VERSION", "STATE", "REASON")
    rows = [_cells(plugin) for plugin in plugins]
    typer.echo(table([header, *rows]) if rows else "No plugin is installed.")


@app.command("show")
def show_plugin(
    name: Annotated[str, typer.Argument(help='The plugin\'s name, as in `plugin = "…"` in hub.toml.')],
    *,
    as_json: AsJson = False,
) -> None:
    """Show one plugin: what it offers, the settings it takes in hub.toml, and how well it was proven."""
    from hub.registry import Registry, State

    plugin = Registry.load({name}).plugins[name]
    loaded = plugin.state is State.LOADED
    if as_json:
        quality = quality_json(plugin) if loaded else {}
        print_json(_row(plugin) | {"offers": [_offer(plugin, kind) for kind in plugin.kinds]} | quality)
    elif plugin.state is not State.MISSING:
        quality_part = [quality_text(plugin)] if loaded else []
        typer.echo(
            "\n\n".join([_heading(plugin), *(_offer_text(plugin, kind) for kind in plugin.kinds), *quality_part])
        )
    if plugin.state is not State.LOADED:
        typer.echo(f"{name}: {plugin.reason}", err=True)
        raise typer.Exit(Exit.PLUGIN)


def _row(plugin: Plugin) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "state": plugin.state.value,
        "reason": plugin.reason,
        "kinds": list(plugin.kinds),
        "distribution": plugin.distribution,
        "version": plugin.version,
        "api": _dotted(plugin.api),
    }


def _cells(plugin: Plugin) -> tuple[str, ...]:
    origin = f"{plugin.distribution} {plugin.version}" if plugin.distribution else ""
    return plugin.name, ", ".join(plugin.kinds), origin, plugin.state.value, plugin.reason or ""


def _dotted(api: tuple[int, int] | None) -> str | None:
    return f"{api[0]}.{api[1]}" if api else None


def _offer(plugin: Plugin, kind: str) -> dict[str, Any]:
    from dataclasses import asdict

    from hub.cli.settings import describe

    offered = getattr(plugin, kind)
    return {
        "kind": kind,
        "summary": offered.summary,
        "channel": getattr(offered, "channel", None),
        "capabilities": sorted(getattr(offered, "capabilities", ())),
        "settings": [asdict(setting) for setting in describe(offered.config)],
    }


def _heading(plugin: Plugin) -> str:
    facts = {
        "Plugin": plugin.name,
        "State": plugin.state.value,
        "Version": f"{plugin.distribution} {plugin.version}" if plugin.distribution else None,
        "Plugin API": _dotted(plugin.api),
    }
    return "\n".join(f"{name + ':':<12}{value}" for name, value in facts.items() if value)


def _offer_text(plugin: Plugin, kind: str) -> str:
    offer = _offer(plugin, kind)
    lines = [f"As a {kind}: {offer['summary']}"]
    if offer["channel"]:
        lines.append(f"Channel: {offer['channel']}")
    lines.append(f"Capabilities: {', '.join(offer['capabilities']) or 'none'}")
    header = ("SETTING", "TYPE", "DEFAULT", "DESCRIPTION")
    rows = [
        (line["name"], line["type"], "(required)" if line["required"] else line["default"], line["description"])
        for line in offer["settings"]
    ]
    return "\n".join([*lines, "", table([header, *rows]) if rows else "It takes no settings."])
