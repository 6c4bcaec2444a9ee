"""Copies an SQLite store into an empty PostgreSQL one, and proves from both sides that everything is there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.api.errors import ConfigError, HubError, Unavailable
from hub.store import dialect, failures, migrate
from hub.store.daemon_lock import only_daemon
from hub.store.engine import Store
from hub.store.tables import facts, metadata

Progress = Callable[[str, int], None]
"""Called with what is being done to which table, and the rows done."""
_CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Content:
    """What is in a table."""

    rows: int
    checksum: str
    """The same for the same rows in any order, on any database; in hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A table as it was read back from both databases."""

    table: str
    source: Content
    target: Content


async def move(source_url: str, target_url: str, progress: Progress) -> list[Moved]:
    """Copy all rows in one transaction of the target: either everything arrives, or nothing.

    The source is locked meanwhile and is left as it is.

    :raises HubError: a hub runs on the source, its tables are not up to date, the target is not empty, or what arrived
        differs; the target is as empty as before then.
    """
    if dialect.sqlite_file(source_url) is None or not target_url.startswith("postgresql://"):
        raise ConfigError("a store moves from sqlite:///FILE to postgresql://USER@HOST/DATABASE only")
    with only_daemon(source_url):
        await _require_current(source_url)
        await _make_tables(target_url)
        source, target = dialect.create_engine(source_url), dialect.create_engine(target_url)
        try:
            return await _move(source, target, progress)
        except Exception as error:
            if not (failures.is_of_the_store(error) or isinstance(error, OSError)):
                raise
            raise HubError(f"nothing was moved: {failures.words(error)}") from None
        finally:
            await source.dispose()
            await target.dispose()


async def _require_current(url: str) -> None:
    revision, _ = await Store.revision(url)
    if revision is None:
        raise HubError("there is nothing to move: the store has no tables yet")
    if revision != migrate.HEAD:
        raise HubError(f"the store is at revision {revision}, this hub at {migrate.HEAD}; run first: hub db upgrade")


async def _make_tables(target_url: str) -> None:
    try:
        store = await Store.open(target_url)
    except (ConfigError, Unavailable) as error:
        raise type(error)(str(error).replace("hub.store", "the target", 1)) from None
    await store.close()


async def _move(source: AsyncEngine, target: AsyncEngine, progress: Progress) -> list[Moved]:
    async with source.connect() as reader, target.begin() as writer:
        await reader.execute(sa.text("SELECT 1"))  # takes the write lock: nothing changes while this runs
        await _require_empty(writer)
        await writer.execute(facts.delete())  # the migrations wrote there
        for table in metadata.sorted_tables:
            await _copy(reader, writer, table, progress)
            await _set_sequence(writer, table)
        moved = [
            Moved(table.name, await content(reader, table, progress), await content(writer, table, progress))
            for table in metadata.sorted_tables
        ]
        if wrong := [each.table for each in moved if each.source != each.target]:
            raise HubError(f"what arrived in {', '.join(wrong)} is not what was sent; nothing was moved. Report this")
        return moved


async def _require_empty(writer: AsyncConnection) -> None:
    """Lock all tables of the target, and see that there is nothing in them."""
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    await writer.execute(sa.text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))
    full = [
        table.name
        for table in metadata.sorted_tables
        if table is not facts and await writer.scalar(sa.select(sa.exists().select_from(table)))
    ]
    if full:
        raise HubError(
            f"the target is not empty: there are rows in {', '.join(full)}. "
            "Name an empty database, and start no hub on it before everything has moved"
        )


async def _copy(reader: AsyncConnection, writer: AsyncConnection, table: sa.Table, progress: Progress) -> None:
    driver = (await writer.get_raw_connection()).driver_connection
    assert driver is not None
    # what PostgreSQL's text cannot hold is replaced, as in all that is stored
    processors = [
        _as_it_is if (each := column.type.bind_processor(writer.dialect)) is None else each for column in table.c
    ]
    done = 0
    async for rows in _chunks(reader, table):
        records = [tuple(process(value) for process, value in zip(processors, row, strict=True)) for row in rows]
        await driver.copy_records_to_table(table.name, records=records, columns=[each.name for each in table.c])
        done += len(records)
        progress(f"copy {table.name}", done)


async def _chunks(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[Sequence[Sequence[Any]]]:
    result = await connection.stream(sa.select(table).execution_options(yield_per=_CHUNK))
    async for rows in result.partitions():
        yield rows


def _as_it_is(value: Any) -> Any:
    return value


async def _set_sequence(writer: AsyncConnection, table: sa.Table) -> None:
    """Let the next row get a number that no moved one has."""
    if "id" in table.c and isinstance(table.c.id.type, sa.BigInteger):
        largest = sa.select(sa.func.max(table.c.id)).scalar_subquery()
        await writer.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table.name, "id"), largest)))


async def content(connection: AsyncConnection, table: sa.Table, progress: Progress) -> Content:
    """Read a table, and sum up what is in it. The sum of the rows' hashes does not depend on their order."""
    count = total = 0
    async for rows in _chunks(connection, table):
        for row in rows:
            total += int.from_bytes(sha256(_canonical(row)).digest())
        count += len(rows)
        progress(f"check {table.name} on {connection.dialect.name}", count)
    return Content(count, f"{total % 2**256:064x}")


def _canonical(row: Sequence[Any]) -> bytes:
    """The values as both databases give them; NUL as what it is replaced by."""
    return repr(tuple(row)).replace(r"\x00", "\N{REPLACEMENT CHARACTER}").encode()
