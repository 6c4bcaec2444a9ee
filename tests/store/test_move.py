"""An SQLite store moves to PostgreSQL whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub import HubError
from hub.api.errors import ConfigError, Unavailable
from hub.store import migrate
from hub.store.daemon_lock import only_daemon
from hub.store.engine import Store
from hub.store.move import move
from hub.store.tables import closures, components, contacts, events, facts, invitations, metadata
from tests.databases import Postgres

NOW = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)
ODD = (
    "",
    "\0",
    "a\0b",
    "\ud800x",
    "\udfff",
    "☃💥",
    r"\x00",
    "'\"\\",
    "\r\n\t\v",
    "x" * 200_000,
    "ÅÄÖ\N{REPLACEMENT CHARACTER}",
)
TIMES = (
    NOW,
    NOW.replace(microsecond=1),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(9999, 12, 31, 23, 59, 59, 999999, UTC),
)


def _silent(_what: str, _rows: int) -> None:
    pass


async def _fill(url: str, texts: Sequence[str], times: Sequence[datetime]) -> None:
    """Some rows in every shape: each text and each time, with and without what may be missing."""
    store = await Store.open(url)
    async with store.write() as connection:
        for number, text in enumerate(texts, 1):
            when = times[number % len(times)]
            key = {"source": "desk", "ticket_id": f"{number}", "closure_key": "c", "ticket_key": text}
            seen = {"closed_at": when, "seen_at": NOW, "ticket": text, "decided": number % 2 == 0}
            await connection.execute(closures.insert().values(id=number * 10, **key, **seen))
            row = {"closure_id": number * 10, "token": f"t{number}", "state": "sent", "created_at": when}
            await connection.execute(invitations.insert().values(row | {"reason": text if number % 3 else None}))
        await connection.execute(contacts.insert().values(address="+358401234567", asked_for=10, asked_at=NOW))
        await connection.execute(facts.insert().values(name="salt", value="s"))
    await store.close()


async def _rows(url: str, table: sa.Table) -> list[tuple[Any, ...]]:
    store = await Store.open(url)
    async with store.read() as connection:
        found = [tuple(row) for row in await connection.execute(sa.select(table).order_by(*table.primary_key))]
    await store.close()
    return found


@pytest.fixture
def source(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/hub.db"


@pytest.fixture
def target(postgres_server: Postgres) -> str:
    return postgres_server.new_database()


async def test_every_table_arrives_and_is_proven_by_counts_and_checksums(source: str, target: str) -> None:
    await _fill(source, ODD, TIMES)
    progress: list[tuple[str, int]] = []
    moved = await move(source, target, lambda what, rows: progress.append((what, rows)))
    assert {each.table for each in moved} == set(metadata.tables)
    assert all(each.source == each.target for each in moved)
    rows = {each.table: each.source.rows for each in moved}
    assert (rows["closures"], rows["invitations"], rows["contacts"], rows["facts"]) == (len(ODD), len(ODD), 1, 2)
    assert ("copy closures", len(ODD)) in progress
    for table in metadata.sorted_tables:
        assert await _rows(target, table) == await _rows(source, table)


async def test_new_rows_get_numbers_that_no_moved_one_has(source: str, target: str) -> None:
    await _fill(source, ODD, TIMES)
    await move(source, target, _silent)
    store = await Store.open(target)
    async with store.write() as connection:
        first = await connection.scalar(
            events.insert().values(closure_id=10, at=NOW, what="moved").returning(events.c.id)
        )
        key = {"source": "desk", "ticket_id": "new", "closure_key": "c", "ticket_key": "N", "ticket": "{}"}
        next_ = await connection.scalar(
            closures.insert().values(**key, closed_at=NOW, seen_at=NOW, decided=False).returning(closures.c.id)
        )
    await store.close()
    assert (first, next_) == (1, len(ODD) * 10 + 1)


async def _put(url: str, work: Callable[[Any], Any]) -> None:
    store = await Store.open(url)
    async with store.write() as connection:
        await connection.execute(work(connection))
    await store.close()


async def test_a_target_with_anything_in_it_is_left_alone(source: str, target: str) -> None:
    await _fill(source, ODD, TIMES)
    await _put(target, lambda _: components.insert().values(id="sources.other", failures=0))
    with pytest.raises(HubError, match=r"not empty: there are rows in components"):
        await move(source, target, _silent)
    assert await _rows(target, closures) == []


async def test_a_move_that_breaks_leaves_the_target_empty_and_can_be_made_again(source: str, target: str) -> None:
    await _fill(source, ODD, TIMES)

    def stop(what: str, _rows: int) -> None:
        if what.startswith("check"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await move(source, target, stop)
    assert await _rows(target, closures) == []
    assert len(await move(source, target, _silent)) == len(metadata.tables)


async def test_a_difference_between_the_sides_is_found_and_nothing_is_kept(source: str, target: str) -> None:
    await _fill(source, ODD, TIMES)
    await (await Store.open(target)).close()
    await _put(
        target,
        lambda _: sa.text(
            "CREATE FUNCTION spoil() RETURNS trigger AS $$ BEGIN NEW.closed_at = NEW.closed_at + interval '1 us'; "
            "RETURN NEW; END $$ LANGUAGE plpgsql"
        ),
    )
    await _put(
        target,
        lambda _: sa.text("CREATE TRIGGER spoil BEFORE INSERT ON closures FOR EACH ROW EXECUTE FUNCTION spoil()"),
    )
    with pytest.raises(HubError, match="what arrived in closures is not what was sent"):
        await move(source, target, _silent)
    assert await _rows(target, invitations) == []


async def test_nothing_moves_while_a_hub_runs_on_the_source(source: str, target: str) -> None:
    await _fill(source, ODD[:1], TIMES)
    with only_daemon(source), pytest.raises(ConfigError, match="Stop it first"):
        await move(source, target, _silent)


async def test_a_source_of_an_earlier_revision_is_upgraded_first(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(HubError, match="no tables yet"):
        await move(source, target, _silent)
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "HEAD", "0002")
        await (await Store.open(source)).close()
    with pytest.raises(HubError, match=r"at revision 0002, .*hub db upgrade"):
        await move(source, target, _silent)


@pytest.mark.parametrize("url", ["sqlite:///other.db", "mysql://u:s3cret@h/d", "s3cret", ""])
async def test_only_postgresql_is_a_target(source: str, url: str) -> None:
    with pytest.raises(ConfigError, match="to postgresql://") as raised:
        await move(source, url, _silent)
    assert "s3cret" not in str(raised.value)


async def test_a_target_that_cannot_be_reached_is_named_as_the_target(source: str) -> None:
    await _fill(source, ODD[:1], TIMES)
    with pytest.raises(Unavailable, match=r"^the target: cannot open") as raised:
        await move(source, "postgresql://u:s3cret@127.0.0.1:1/x", _silent)
    assert "s3cret" not in str(raised.value)
