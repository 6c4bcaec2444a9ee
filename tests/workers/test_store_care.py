"""A running hub whose disk is full or cannot be written, backups that are put back, and moves, with real processes."""

from __future__ import annotations

import asyncio
import json
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.cli.exits import Exit
from hub.store.engine import Store
from hub.store.move import move
from hub.store.tables import closures, invitations
from tests.browsing import answer
from tests.daemon.running import RunningHub, free_port, wait_until
from tests.databases import Postgres, postgres
from tests.store.test_move import _fill, _rows, _silent

NO_ROOM = 64 * 1024
"""Less than the -wal file of a store that has its tables: from there on no file may grow."""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    running = RunningHub(tmp_path)
    yield running
    running.kill()


def close_tickets(hub: RunningHub, numbers: Sequence[int]) -> None:
    with (hub.folder / "tickets.jsonl").open("a") as file:
        for number in numbers:
            ticket = {"id": f"id{number}", "key": f"T-{number}", "closure_key": "c", "subject": "Printer"}
            file.write(json.dumps(ticket | {"customer": {"phone": f"+35840123{number:04}"}}) + "\n")


def write_down_all(hub: RunningHub, count: int) -> None:
    wait_until(lambda: len(hub.lines("written")) == count, f"{count} results are written back")
    assert set(Counter(line["to"] for line in hub.lines("sent")).values()) == {1}
    assert set(Counter(line["id"] for line in hub.lines("written")).values()) == {1}


def limit_files(hub: RunningHub, size: int) -> None:
    """Let no file of the hub grow beyond this, as a full disk does; RLIM_INFINITY gives the room back."""
    assert hub.process is not None
    _, hard = resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(hub.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def answer_page(hub: RunningHub) -> str:
    return f"http://127.0.0.1:{hub.port}/a/{hub.lines('sent')[0]['key']}"


@pytest.mark.timeout(120)
def test_a_hub_without_room_refuses_what_it_cannot_keep_says_so_once_and_goes_on(hub: RunningHub) -> None:
    hub.start()
    close_tickets(hub, range(3))
    write_down_all(hub, 3)

    limit_files(hub, NO_ROOM)
    wait_until(lambda: hub.push("id3") == 503, "a webhook is asked to come again")
    assert answer(answer_page(hub), service="1").status_code == 503
    close_tickets(hub, range(3, 6))
    wait_until(lambda: "the disk cannot be written" in hub.log_text(), "the log says what is wrong")
    status = hub.command("status")
    assert status.returncode == 0, status.stderr
    assert len(hub.lines("sent")) == 3

    limit_files(hub, resource.RLIM_INFINITY)
    write_down_all(hub, 6)
    assert hub.push("id3") in (200, 202, 204)
    assert hub.stop() == 0
    told = Counter(
        (line["event"], line.get("component")) for line in hub.events() if line["event"] == "component.failing"
    )
    assert set(told.values()) == {1}
    assert "Traceback" not in hub.log_text()


def test_a_hub_that_starts_without_room_ends_with_a_message(hub: RunningHub) -> None:
    hub.start()
    assert hub.stop() == 0
    ended = subprocess.run(
        [sys.executable, "-m", "hub", "run"],
        env=hub.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024)),
    )
    assert ended.returncode in (Exit.CONFIG, Exit.REMOTE), ended.stderr
    assert "the disk" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture
def small_disk(hub: RunningHub) -> Iterator[Path]:
    """A folder on a file system of 16 MB that only one process sees."""
    disk = hub.folder / "disk"
    disk.mkdir()
    try_out = subprocess.run(
        ["unshare", "-rm", "mount", "-t", "tmpfs", "hub", str(disk)], capture_output=True, check=False
    )
    if not shutil.which("unshare") or try_out.returncode != 0:
        pytest.skip("this machine lets nobody mount a file system")
    hub.config.write_text(hub.config.read_text().replace("sqlite:///hub.db", f"sqlite:///{disk}/hub.db"))
    yield disk
    hub.kill()


@pytest.mark.timeout(120)
def test_a_disk_that_is_really_full_loses_nothing(hub: RunningHub, small_disk: Path) -> None:
    mount = f"mount -t tmpfs -o size=16m hub {small_disk} && exec {sys.executable} -m hub run"
    with (hub.folder / "log.jsonl").open("a") as log:
        hub.process = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", mount], env=hub.environment, stderr=log, text=True
        )
    wait_until(hub.is_ready, "the hub is ready")
    close_tickets(hub, range(3))
    write_down_all(hub, 3)

    inside = Path(f"/proc/{hub.process.pid}/root{small_disk}")
    with suppress(OSError), (inside / "filler").open("wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4_096)
    close_tickets(hub, range(3, 40))
    wait_until(lambda: "the disk is full" in hub.log_text(), "the log says what is wrong")
    assert wait_until(lambda: hub.push("id3") == 503, "a webhook is asked to come again")
    (inside / "filler").unlink()
    write_down_all(hub, 40)
    assert hub.stop() == 0
    assert "Traceback" not in hub.log_text()


def test_a_second_daemon_is_refused_and_other_commands_work_beside_the_first(hub: RunningHub) -> None:
    hub.start()
    assert hub.process is not None
    other = hub.folder / "other.toml"
    other.write_text(hub.config.read_text().replace(f"127.0.0.1:{hub.port}", f"127.0.0.1:{free_port()}"))
    second = hub.command("run", "--config", str(other))
    assert second.returncode == Exit.CONFIG
    assert f"process number {hub.process.pid} runs on" in second.stderr
    assert hub.command("sync").returncode == 0
    hub.kill()
    hub.start()
    assert hub.stop() == 0


def test_a_hub_runs_on_a_backup_that_was_made_while_it_worked(hub: RunningHub) -> None:
    hub.start()
    close_tickets(hub, range(5))
    write_down_all(hub, 5)
    made = hub.json("db", "backup", str(hub.folder / "backup.db"))
    again = hub.command("db", "backup", str(hub.folder / "backup.db"))
    assert again.returncode == Exit.SOME_FAILED
    assert "exists already" in again.stderr
    assert hub.stop() == 0

    for path in hub.folder.glob("hub.db*"):
        path.unlink()
    Path(made["file"]).rename(hub.folder / "hub.db")
    hub.start()
    close_tickets(hub, range(5, 8))
    write_down_all(hub, 8)
    assert hub.stop() == 0
    with closing(sqlite3.connect(hub.folder / "hub.db")) as restored:
        assert restored.execute("SELECT count(*) FROM closures").fetchone() == (8,)


@pytest.mark.timeout(120)
def test_a_hub_goes_on_where_it_was_after_a_move(hub: RunningHub, server: Postgres) -> None:
    hub.start()
    close_tickets(hub, range(5))
    write_down_all(hub, 5)
    hub.extra_environment = {"HUB_STORE": server.new_database()}
    early = hub.command("db", "move", "--to-env", "HUB_STORE")
    assert early.returncode == Exit.CONFIG
    assert hub.stop() == 0
    assert hub.command("db", "move", "--to-env", "HUB_STORES").returncode == Exit.USAGE

    result = hub.command("db", "move", "--to-env", "HUB_STORE", "--json")
    assert result.returncode == 0, result.stderr
    tables = json.loads(result.stdout)["tables"]
    assert tables["closures"]["source"] == tables["closures"]["target"]
    assert tables["closures"]["target"]["rows"] == 5
    assert 'store = { env = "HUB_STORE" }' in result.stderr

    hub.config.write_text(hub.config.read_text().replace('"sqlite:///hub.db"', '{ env = "HUB_STORE" }'))
    hub.start()
    close_tickets(hub, range(5, 8))
    write_down_all(hub, 8)
    assert hub.stop() == 0


def test_whatever_people_write_and_whenever_moves_as_it_was(server: Postgres) -> None:
    texts = st.lists(st.text(st.characters(), max_size=200), min_size=20, max_size=60)
    times = st.lists(
        st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        min_size=1,
    )

    @settings(max_examples=15, deadline=None)
    @given(texts, times)
    def arrives(texts: list[str], times: list[datetime]) -> None:
        async def check() -> None:
            with TemporaryDirectory() as folder:
                source, target = f"sqlite:///{folder}/hub.db", server.new_database()
                await _fill(source, texts, times)
                await move(source, target, _silent)
                for table in (closures, invitations):
                    assert await _rows(target, table) == await _rows(source, table)

        asyncio.run(check())

    arrives()


@pytest.mark.parametrize("command", ["run", "status", "sync", "db upgrade"])
def test_a_store_that_may_not_be_written_ends_commands_with_what_to_do(
    hub: RunningHub, small_disk: Path, command: str
) -> None:
    asyncio.run(_make_store(f"sqlite:///{small_disk}/hub.db"))
    mount = f"mount --bind {small_disk} {small_disk} && mount -o remount,bind,ro {small_disk}"
    ended = subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"{mount} && exec {sys.executable} -m hub {command}"],
        env=hub.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == Exit.CONFIG, ended.stderr
    assert "hub.store: cannot" in ended.stderr
    assert "Traceback" not in ended.stderr


async def _make_store(url: str) -> None:
    await (await Store.open(url)).close()
