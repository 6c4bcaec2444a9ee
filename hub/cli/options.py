"""Options and helpers that commands share."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

if TYPE_CHECKING:
    from hub.config.models import HubConfig
    from hub.store.engine import Store

_PROGRESS_EVERY_S = 0.5
ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", help="The configuration file; else $HUB_CONFIG, else ./hub.toml.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def load_config(option: Path | None) -> HubConfig:
    """The valid configuration a command works with; its secrets are masked in whatever is logged."""
    from hub.config.load import find, load
    from hub.log import configure_logging

    config = load(find(option))
    configure_logging(level=config.hub.log_level, secrets=config.secret_values())
    return config


@asynccontextmanager
async def open_store(config: HubConfig) -> AsyncIterator[Store]:
    """The store of a configuration, for as long as a command runs."""
    from hub.store.engine import Store

    store = await Store.open(config.hub.store)
    try:
        yield store
    finally:
        await store.close()


async def with_store(config: HubConfig, action: Callable[[Store], Awaitable[Any]]) -> Any:
    """What the action gives, done on the store of a configuration."""
    async with open_store(config) as store:
        return await action(store)


def tell_changed(ids: Sequence[int], refused: Mapping[int, str], *, as_json: bool) -> None:
    """Tell what was changed, and why the others were left alone; the command fails when there are such."""
    from hub.cli.exits import Exit

    changed = [id_ for id_ in ids if id_ not in refused]
    if as_json:
        print_json({"changed": changed, "refused": {str(id_): reason for id_, reason in refused.items()}})
    else:
        say(f"{len(changed)} done")
        for id_, reason in refused.items():
            say(f"{id_}: left alone: {reason}")
    if refused:
        raise typer.Exit(Exit.SOME_FAILED)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object on stdout."""
    typer.echo(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def say(text: str = "") -> None:
    """Tell a person something; data goes to stdout, words go to stderr."""
    typer.echo(text, err=True)


class Progress:
    """Tells on a terminal how far a long command is, on one line that is gone at the end."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()
        self._next_at = monotonic() + _PROGRESS_EVERY_S

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shows:
            typer.echo("\r\033[K", err=True, nl=False)

    def __call__(self, what: str, done: int) -> None:
        """Tell that so many of something are done; quick commands say nothing."""
        if self._shows and (now := monotonic()) >= self._next_at:
            self._next_at = now + _PROGRESS_EVERY_S
            typer.echo(f"\r\033[K{what}: {done:,}", err=True, nl=False)


def printable(text: str) -> str:
    """Text from outside as it may stand on a terminal: on one line, and without control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def local_time(value: datetime | None, zone: str) -> str:
    """A time as people at the desk read it."""
    from zoneinfo import ZoneInfo

    return "-" if value is None else f"{value.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Left-aligned columns; the last one is as wide as its text."""
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def parse_time(text: str | None, zone: str, option: str) -> datetime | None:
    """A duration back from now, or a time in the zone unless it names its own."""
    from zoneinfo import ZoneInfo

    import durationpy

    if text is None:
        return None
    try:
        return datetime.now(UTC) - durationpy.from_str(text)
    except durationpy.DurationError:
        pass
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            'write a duration such as "2h", or a time such as 2026-11-01T08:00', param_hint=option
        ) from None
    return (value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value)
