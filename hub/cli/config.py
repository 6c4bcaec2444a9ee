"""`hub config`: is the configuration right, and what does it amount to?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import typer

from hub.cli.options import AsJson, ConfigFile, load_config, print_json, say

app = typer.Typer(help="Check the configuration, show it, and write its schema for editors.", no_args_is_help=True)


@app.command("check")
def check_config(*, config_file: ConfigFile = None) -> None:
    """Judge the configuration, its secrets, its contacts file and its stop list. Calls no other system."""
    from hub.config.contacts import load_contacts
    from hub.journey.stop_list import read_stop_list

    config = load_config(config_file)
    contacts = load_contacts(config)
    stopped = read_stop_list(config.survey.stop_list, config.hub.region).entries
    counts = [_count(len(getattr(config, kind)), kind[:-1]) for kind in ("sources", "gateways", "sinks")]
    if config.hub.contacts:
        counts.append(_count(len(contacts), "contact"))
    if config.survey.stop_list:
        counts.append(f"{len(stopped)} on the stop list")
    typer.echo(f"{config.path}: OK. {', '.join(counts)}.")


@app.command("schema")
def print_schema() -> None:
    """Print a JSON Schema of hub.toml, made from the installed plugins, for completion in an editor.

    Save it as hub.schema.json beside hub.toml, and begin hub.toml with the line: #:schema ./hub.schema.json
    """
    from hub.config.schema import schema
    from hub.registry import Registry, State

    registry = Registry.load(None)
    for plugin in registry.plugins.values():
        if plugin.state is not State.LOADED:
            say(f"plugin {plugin.name!r} is left out: {plugin.reason}")
    print_json(schema(registry))


@app.command("show")
def show_config(*, config_file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show all settings in force, defaults included. Of a secret only where it comes from."""
    from hub.config.effective import effective

    tables = effective(load_config(config_file))
    if as_json:
        print_json(tables)
    else:
        typer.echo(_toml(tables))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _toml(tables: dict[str, Any]) -> str:
    return "\n\n".join(block for name, table in tables.items() for block in _blocks(_key(name), table))


def _blocks(name: str, table: dict[str, Any] | list[dict[str, Any]]) -> Iterator[str]:
    """The table's own settings under its header, then the tables within it; or each of a list of tables."""
    if isinstance(table, list):
        yield from (_block(f"[[{name}]]", one) for one in table)
        return
    own = {key: value for key, value in table.items() if not isinstance(value, dict)}
    if own or not table:
        yield _block(f"[{name}]", own)
    for key in [key for key in table if key not in own]:
        yield from _blocks(f"{name}.{_key(key)}", table[key])


def _block(header: str, settings: dict[str, Any]) -> str:
    return "\n".join([header, *(f"{_key(key)} = {_value(value)}" for key, value in settings.items())])


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "_").isidentifier() else _value(key)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
