"""Copies of an SQLite store that is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub import HubError
from hub.store import backup as module
from hub.store import migrate
from hub.store.backup import backup
from hub.store.engine import Store
from hub.store.tables import closures, events

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def _store(folder: Path, tickets: int = 50) -> str:
    url = f"sqlite:///{folder}/hub.db"
    store = await Store.open(url)
    for number in range(tickets):
        async with store.write() as connection:
            await connection.execute(closures.insert().values(_closure(number)))
            await connection.execute(events.insert().values(closure_id=number + 1, at=NOW, what="seen"))
    await store.close()
    return url


def _closure(number: int) -> dict[str, object]:
    key = {"source": "desk", "ticket_id": str(number), "closure_key": "c", "ticket_key": f"T-{number}"}
    return {**key, "closed_at": NOW, "seen_at": NOW, "ticket": "x" * 4_000, "decided": True}


def _copies(folder: Path) -> list[Path]:
    return list(folder.glob("copy.db*"))


def _write_one(file: Path, number: int) -> None:
    """What a daemon does meanwhile, in one transaction; it gives up at once where it would have to wait."""
    with closing(sqlite3.connect(file, timeout=0)) as connection, connection:
        connection.execute(
            "INSERT INTO closures (source, ticket_id, closure_key, ticket_key, closed_at, seen_at, ticket, decided)"
            " VALUES ('desk', ?, 'late', 'L', '2026-11-22', '2026-11-22', 'x', 0)",
            (f"late{number}",),
        )
        connection.execute("INSERT INTO events (closure_id, at, what) VALUES (last_insert_rowid(), '2026-11-22', '')")


async def test_a_backup_ends_and_is_one_moment_although_something_is_written_after_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGES_A_STEP", 10)
    url, steps = await _store(tmp_path), []

    def write_meanwhile(done: int, total: int) -> None:
        _write_one(tmp_path / "hub.db", len(steps))
        steps.append((done, total))

    made = backup(url, tmp_path / "copy.db", write_meanwhile)
    assert len(steps) > 5
    assert steps == sorted(steps), "it began anew"
    assert made.revision == migrate.HEAD
    async with (copy := await Store.open(f"sqlite:///{tmp_path}/copy.db")).read() as connection:
        counts = [await connection.scalar(sa.select(sa.func.count()).select_from(each)) for each in (closures, events)]
    await copy.close()
    assert counts == [50, 50]


async def test_a_backup_has_what_is_still_in_the_wal(tmp_path: Path) -> None:
    url = await _store(tmp_path)
    with closing(sqlite3.connect(tmp_path / "hub.db")) as daemon:
        daemon.execute("PRAGMA wal_autocheckpoint = 0")
        daemon.execute("INSERT INTO components (id, failures) VALUES ('sources.late', 0)")
        daemon.commit()
        backup(url, tmp_path / "copy.db", lambda _done, _total: None)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT id FROM components").fetchall() == [("sources.late",)]


async def test_a_backup_is_one_file_for_its_owner_alone(tmp_path: Path) -> None:
    url = await _store(tmp_path)
    (tmp_path / "safe").mkdir()
    made = backup(url, tmp_path / "safe" / "copy.db", lambda _done, _total: None)
    assert [path.name for path in (tmp_path / "safe").iterdir()] == ["copy.db"]
    assert made.file.stat().st_mode & 0o777 == 0o600
    assert made.bytes == made.file.stat().st_size


async def test_a_file_that_exists_is_left_as_it_is(tmp_path: Path) -> None:
    url = await _store(tmp_path, 1)
    (tmp_path / "copy.db").write_text("the only one")
    with pytest.raises(HubError, match="choose another name"):
        backup(url, tmp_path / "copy.db", lambda _done, _total: None)
    assert (tmp_path / "copy.db").read_text() == "the only one"


async def test_a_damaged_store_gives_no_backup_and_says_so(tmp_path: Path) -> None:
    url = await _store(tmp_path)
    with (tmp_path / "hub.db").open("r+b") as file:
        file.seek(20 * 4_096)
        file.write(b"\xff" * 40_960)
    with pytest.raises(HubError, match=r"damaged.*[Rr]estore"):
        backup(url, tmp_path / "copy.db", lambda _done, _total: None)
    assert not _copies(tmp_path)


async def test_a_backup_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    url = await _store(tmp_path)

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backup(url, tmp_path / "copy.db", interrupt)
    assert not _copies(tmp_path)


def test_without_a_store_or_a_folder_there_is_a_message(tmp_path: Path) -> None:
    with pytest.raises(HubError, match="no store at"):
        backup(f"sqlite:///{tmp_path}/hub.db", tmp_path / "copy.db", lambda _done, _total: None)
    sqlite3.connect(tmp_path / "hub.db").close()
    with pytest.raises(HubError, match="No such file"):
        backup(f"sqlite:///{tmp_path}/hub.db", tmp_path / "no" / "copy.db", lambda _done, _total: None)


@pytest.mark.parametrize(
    "url",
    ["postgresql://hub:s3cret@db.acme.example:5433/hub", "postgresql://hub@db/hub?password=s3cret&sslmode=require"],
)
def test_on_postgresql_the_command_for_it_is_named_without_the_password(url: str) -> None:
    with pytest.raises(HubError, match=r"pg_dump --format=custom --file=/b/copy\.dump '?postgresql://hub@db") as raised:
        backup(url, Path("/b/copy.dump"), lambda _done, _total: None)
    assert "s3cret" not in str(raised.value)
