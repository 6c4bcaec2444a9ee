"""`hub config`: is the configuration right, and what does it amount to?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.exits import Exit

if TYPE_CHECKING:
    from hub.config.models import HubConfig

app = typer.Typer(help="Check the configuration, show it, and write its schema for editors.", no_args_is_help=True)

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Configuration file. Default: $HUB_CONFIG, else ./hub.toml."),
]


@app.command("check")
def check_config(*, config: ConfigFile = None) -> None:
    """Judge the configuration with its secrets and its contacts file. Calls no other system."""
    from hub.api.errors import ConfigError
    from hub.config.contacts import load_contacts

    loaded = _load(config)
    try:
        contacts = load_contacts(loaded)
    except ConfigError as error:
        raise _refused(error) from None
    counts = [_count(len(getattr(loaded, kind)), kind[:-1]) for kind in ("sources", "gateways", "sinks")]
    if loaded.hub.contacts:
        counts.append(_count(len(contacts), "contact"))
    typer.echo(f"{loaded.path}: OK. {', '.join(counts)}.")


@app.command("schema")
def print_schema() -> None:
    """Print a JSON Schema of hub.toml, made from the installed plugins, for completion in an editor.

    Save it as hub.schema.json and begin hub.toml with the line: #:schema ./hub.schema.json
    """
    from hub.config.schema import schema
    from hub.registry import Registry, State

    registry = Registry.load(None)
    for plugin in registry.plugins.values():
        if plugin.state is not State.LOADED:
            typer.echo(f"{plugin.name}: left out: {plugin.reason}", err=True)
    typer.echo(json.dumps(schema(registry), ensure_ascii=False, indent=2))


@app.command("show")
def show_config(
    *,
    config: ConfigFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show all settings in force, defaults included. Of secrets only where they come from."""
    from hub.config.effective import effective

    tables = effective(_load(config))
    typer.echo(json.dumps(tables, ensure_ascii=False, indent=2) if as_json else _toml(tables))


def _load(config: Path | None) -> HubConfig:
    from hub.api.errors import ConfigError
    from hub.config.load import find, load

    try:
        return load(find(config))
    except ConfigError as error:
        raise _refused(error) from None


def _refused(error: Exception) -> typer.Exit:
    typer.echo(str(error), err=True)
    return typer.Exit(Exit.CONFIG)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _toml(tables: dict[str, Any]) -> str:
    blocks = []
    for name, table in tables.items():
        if name in ("sources", "gateways", "sinks"):
            blocks += [_block(f"{name}.{component}", settings) for component, settings in table.items()]
        else:
            blocks.append(_block(name, table))
    return "\n\n".join(blocks)


def _block(name: str, settings: dict[str, Any]) -> str:
    return "\n".join([f"[{name}]", *(f"{_key(key)} = {_value(value)}" for key, value in settings.items())])


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "_").isidentifier() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
