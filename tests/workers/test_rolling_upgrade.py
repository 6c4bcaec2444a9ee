"""Two versions of the hub as processes on one PostgreSQL, while tickets flow."""

from __future__ import annotations

import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.migrate import HEAD
from tests.daemon.running import PLUGIN, RunningHub, wait_until
from tests.databases import Postgres, postgres

ROOT = Path(__file__).resolve().parents[2]
NEXT = f"{int(HEAD) + 1:04}"

MIGRATION = f"""
import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{HEAD}"
oldest_beside = "{HEAD}"


def upgrade() -> None:
    op.add_column("invitations", sa.Column("mood", sa.Text(), nullable=True))
    op.add_column("write_backs", sa.Column("mood", sa.Text(), nullable=False, server_default="calm"))
    op.create_table("moods", sa.Column("id", sa.Text(), nullable=False), sa.PrimaryKeyConstraint("id", name="pk_moods"))
"""

TABLES = """
invitations.append_column(sa.Column("mood", Text))
write_backs.append_column(sa.Column("mood", Text, nullable=False, default="new", server_default="calm"))
moods = sa.Table("moods", metadata, sa.Column("id", Text, primary_key=True))
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture
def next_version(tmp_path: Path) -> Path:
    """A folder with the hub as it could be one version later: one more migration, and code that uses it."""
    folder = tmp_path / "next"
    shutil.copytree(ROOT / "hub", folder / "hub", ignore=shutil.ignore_patterns("__pycache__"))
    store = folder / "hub" / "store"
    (store / "migrations" / "versions" / f"{NEXT}_moods.py").write_text(MIGRATION)
    migrate = store / "migrate.py"
    text, changed = re.subn(rf'^HEAD = "{HEAD}"$', f'HEAD = "{NEXT}"', migrate.read_text(), flags=re.MULTILINE)
    assert changed == 1
    migrate.write_text(text)
    with (store / "tables.py").open("a") as tables:
        tables.write(TABLES)
    return folder


class Worker(RunningHub):
    """A hub with a port of its own; all of them share a desk, phones and a store."""

    def __init__(self, folder: Path, shared: Path, store: str) -> None:
        folder.mkdir()
        super().__init__(folder, store=store)
        self.config.write_text(self.config.read_text().replace(f'folder = "{folder}"', f'folder = "{shared}"'))

    def use(self, version: Path) -> None:
        """Run the code in this folder, and nothing of the current directory."""
        self.extra_environment = {"PYTHONPATH": f"{version}:{PLUGIN}", "PYTHONSAFEPATH": "1"}

    def says(self, event: str) -> bool:
        return any(line["event"] == event for line in self.events())


class Desk:
    """The files that all workers share."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.closed = 0

    def close(self, count: int) -> None:
        with (self.folder / "tickets.jsonl").open("a") as file:
            for number in range(self.closed, self.closed + count):
                ticket = {"id": f"id{number}", "key": f"T-{number}", "closure_key": "c", "subject": "Printer"}
                file.write(json.dumps(ticket | {"customer": {"phone": f"+35840123{number:04}"}}) + "\n")
        self.closed += count

    def tickets_in(self, name: str) -> Counter[str]:
        path = self.folder / f"{name}.jsonl"
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return Counter(line["to"] if name == "sent" else line["id"] for line in lines)

    def wait_until_done(self, step: str) -> None:
        wait_until(lambda: len(self.tickets_in("written")) == self.closed, f"{step}: every result is written back")


@pytest.mark.timeout(180)
def test_old_and_new_workers_share_a_store_over_a_migration_and_do_everything_once(
    tmp_path: Path, server: Postgres, next_version: Path
) -> None:
    shared, store = tmp_path / "shared", server.new_database()
    shared.mkdir()
    desk, workers = Desk(shared), [Worker(tmp_path / name, shared, store) for name in ("a", "b", "c")]
    first, second, third = workers
    for old in (first, second):
        old.use(ROOT)
    third.use(next_version)
    try:
        first.start()
        second.start()
        desk.close(20)
        desk.wait_until_done("two old workers")

        desk.close(20)  # under way while the tables change
        third.start()
        desk.close(20)
        desk.wait_until_done("a new worker joined")
        assert not first.says("store.newer")

        first.stop()
        first.start()
        assert first.says("store.newer")
        desk.close(20)
        desk.wait_until_done("an old worker started on the new tables")

        second.stop()
        second.use(next_version)
        second.start()
        desk.close(20)
        first.stop()
        desk.wait_until_done("the last old worker left")
    finally:
        for worker in workers:
            worker.kill()
    assert set(desk.tickets_in("sent").values()) == {1}
    assert set(desk.tickets_in("written").values()) == {1}
    for worker in workers:
        wrong = [line for line in worker.events() if line["level"] in ("warning", "error", "critical")]
        # a census that comes before the pull of tickets closed this moment finds them first
        assert [line for line in wrong if line["event"] != "census.taken"] == []
