"""Export, erase and held answers from the command line, on what a hub has stored."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from hub.api.errors import HubError
from hub.cli import app
from tests.daemon.running import PLUGIN, RunningHub

Command = Callable[..., Result]


@pytest.fixture
def command(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command in this process, on the store of a hub that has asked two customers and heard from both."""
    hub.close_tickets(2)
    hub.json("sync")
    monkeypatch.syspath_prepend(str(PLUGIN))
    monkeypatch.setenv("HUB_CONFIG", str(hub.config))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def _json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_answers_are_exported_held_back_and_erased(hub: RunningHub, command: Command) -> None:
    rows = list(csv.DictReader(command("export").stdout.removeprefix("\ufeff").splitlines()))
    assert [row["ticket_key"] for row in rows] == ["T-0", "T-1"]
    file = hub.folder / "answers.jsonl"
    assert command("export", "--format", "jsonl", "--out", str(file), "--since", "1h").exit_code == 0
    records = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [record["ticket"]["key"] for record in records] == ["T-0", "T-1"]
    assert file.stat().st_mode & 0o077 == 0
    assert command("export", "--out", str(file)).exit_code == 2
    assert command("export", "--format", "parquet").exit_code == 2
    with sqlite3.connect(hub.folder / "hub.db") as store:
        (phone,) = store.execute("SELECT address FROM contacts LIMIT 1").fetchone()
        store.execute("UPDATE answers SET state = 'quarantined', suspicion = 'all_ratings' WHERE id = 1")
    listed = _json(command("answers", "list", "--held", "--json"))["answers"]
    assert [(one["id"], one["suspicion"]) for one in listed] == [(1, "all_ratings")]
    attention = _json(command("status", "--json"))["attention"]
    assert [concern["kind"] for concern in attention].count("held_answers") == 1
    assert _json(command("answers", "reject", "1", "--json"))["changed"] == [1]
    assert command("answers", "confirm", "1").exit_code == 1
    assert command("answers", "kind", "x", "1", "nonsense").exit_code == 2
    found = _json(command("erase", phone, "--dry-run", "--json"))["found"]
    erased = _json(command("erase", phone, "--yes", "--json"))
    assert erased["removed"] == found
    assert (erased["left"], erased["file_purged"]) == ({}, True)
    assert {one["component"] for one in erased["on_tickets"]} == {"sources.desk"}
    assert phone.encode() not in (hub.folder / "hub.db").read_bytes()
    assert "nobody was known by this address" in command("erase", phone, "--yes").output
    assert isinstance(command("erase", "nobody").exception, HubError)


def test_the_schema_needs_no_hub_toml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_CONFIG", "/nowhere")
    assert _json(CliRunner().invoke(app, ["export", "--schema"]))["title"] == "Experience record, version 1"
