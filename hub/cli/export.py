"""`hub export`: experiences for other programs."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated

import typer

from hub.cli.options import ConfigFile, Progress, load_config, open_store, parse_time, say

if TYPE_CHECKING:
    from hub.config.models import HubConfig
    from hub.journey.export import Wanted


class Format(StrEnum):
    """How experiences are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def export(
    *,
    format_: Annotated[
        Format, typer.Option("--format", help="csv and parquet have one row for each record, jsonl the whole record.")
    ] = Format.CSV,
    out: Annotated[
        Path | None, typer.Option("--out", help="The new file; else stdout. Nothing is overwritten.", dir_okay=False)
    ] = None,
    since: Annotated[str | None, typer.Option(help="Answered since: a duration such as 24h, or a time.")] = None,
    until: Annotated[str | None, typer.Option(help="Answered before: a duration such as 24h, or a time.")] = None,
    source: Annotated[str | None, typer.Option(help="Only of one source, such as desk or places.lobby.")] = None,
    survey: Annotated[str | None, typer.Option(help="Only answers to one survey.")] = None,
    all_revisions: Annotated[bool, typer.Option("--all-revisions", help="Also what later answers replaced.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON Schema of a record, and nothing else.")
    ] = False,
    config_file: ConfigFile = None,
) -> None:
    """Write what customers answered as CSV, JSON Lines or Parquet, with the times from closing to write-back.

    The last revision of each record is written. Answers that are held back are not among them; those given at service
    points are. In CSV an apostrophe stands before what a spreadsheet would take for a formula.
    """
    if schema:
        _print_schema()
        return
    from hub.journey.export import Wanted

    if format_ is Format.PARQUET and out is None:
        raise typer.BadParameter("a Parquet file cannot be written to stdout: name it", param_hint="--out")
    config = load_config(config_file)
    zone = config.hub.timezone
    wanted = Wanted(
        since=parse_time(since, zone, "--since"),
        until=parse_time(until, zone, "--until"),
        source=source,
        survey=survey,
        all_revisions=all_revisions,
    )
    count = asyncio.run(_export(config, wanted, format_, out))
    say(f"{count:,} record(s)" + (f" in {out}" if out else ""))


def _print_schema() -> None:
    from hub.journey.record_schema import record_schema

    typer.echo(json.dumps(record_schema(), indent=2, ensure_ascii=False))


async def _export(config: HubConfig, wanted: Wanted, format_: Format, out: Path | None) -> int:
    from hub.journey import export as exporting
    from hub.journey.export_files import CsvWriter, JsonLinesWriter, ParquetWriter, Writer
    from hub.journey.export_rows import as_row, columns

    count = 0
    async with open_store(config) as store:
        names = columns(await exporting.questions_of(store, config.questions))
        with _file(out) as file, Progress() as progress:
            writer: Writer
            if format_ is Format.JSONL:
                writer = JsonLinesWriter(file)
            else:
                writer = CsvWriter(file, list(names)) if format_ is Format.CSV else ParquetWriter(file, names)
            async for looked_at, found in exporting.read(store, wanted):
                if format_ is Format.JSONL:
                    writer.write([one.as_json() for one in found])
                else:
                    writer.write([as_row(one, names) for one in found])
                count += len(found)
                progress("records", looked_at)
            writer.close()
    return count


@contextmanager
def _file(path: Path | None) -> Iterator[IO[bytes]]:
    """Where to write; a file is there under its name once it is whole, and only its owner can read it."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if path.exists():
        raise typer.BadParameter(f"{path} is there already; name a new file", param_hint="--out")
    partial = path.with_name(f"{path.name}.part")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            yield file
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
