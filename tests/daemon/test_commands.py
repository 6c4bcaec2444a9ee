"""What an operator does from the command line, beside a daemon or without one."""

from __future__ import annotations

import json
import sys
import time

import pytest

from hub.store.migrate import HEAD
from tests.daemon.running import RunningHub


def test_sync_carries_tickets_through_without_a_daemon(hub: RunningHub) -> None:
    hub.close_tickets(3)
    summary = hub.json("sync")
    assert (summary["pulled"], summary["sent"], summary["failed"]) == ({"desk": 3}, 3, {})
    again = hub.json("sync", "desk")
    assert (again["pulled"], again["sent"]) == ({}, 0)
    assert len(hub.lines("written")) == 3


def test_dry_run_says_what_would_happen_and_does_nothing(hub: RunningHub) -> None:
    hub.close_tickets(2)
    tickets = hub.json("sync", "--dry-run")["tickets"]
    assert [(one["ticket"], one["would"]) for one in tickets] == [("T-0", "ask"), ("T-1", "ask")]
    assert "over sms in fi" in hub.command("sync", "--dry-run").stdout
    assert hub.json("status")["closures"] == 0
    assert hub.lines("sent") == []


def test_since_pulls_again_and_asks_nobody_again(hub: RunningHub) -> None:
    hub.close_tickets(2)
    hub.json("sync")
    forecast = hub.json("sync", "--since", "1h", "--dry-run")["tickets"]
    assert {one["would"] for one in forecast} == {"nothing"}
    assert hub.json("sync", "--since", "2026-01-01")["pulled"] == {"desk": 0}
    assert len(hub.lines("sent")) == 2


def test_a_source_that_is_down_is_named_and_the_exit_code_says_so(hub: RunningHub) -> None:
    (hub.folder / "down").touch()
    result = hub.command("sync")
    assert result.returncode == 5
    assert "sources.desk: the desk is down" in result.stderr


def test_why_tells_the_story_in_order(hub: RunningHub) -> None:
    hub.close_tickets(1)
    hub.json("sync")
    lines = hub.command("why", "T-0").stdout.splitlines()
    told = " | ".join(line.strip() for line in lines)
    order = [
        "the hub saw it",
        "to be asked over sms in fi: the rule 'default', the survey 'closing'",
        "the survey left",
        "the customer answered",
        "written",
        "next: nothing; the customer has answered",
    ]
    places = [told.find(part) for part in order]
    assert -1 not in places
    assert places == sorted(places)


def test_why_knows_a_skipped_ticket_s_reason(hub: RunningHub) -> None:
    hub.config.write_text(f'{hub.config.read_text()}\n[exclusions.own]\nfields = {{ key = ["T-*"] }}\n')
    hub.close_tickets(1)
    hub.json("sync")
    told = hub.command("why", "T-0").stdout
    assert "not asked: the exclusion 'own' fits this ticket (excluded:own)" in told
    assert "for later tickets change [exclusions.own] in hub.toml" in told
    assert hub.json("status")["skipped"] == {"excluded:own": 1}


def test_why_an_unknown_ticket_says_what_to_look_at(hub: RunningHub) -> None:
    result = hub.command("why", "NOPE-1")
    assert result.returncode == 1
    assert "hub sync" in result.stderr


def test_check_calls_every_component_and_fails_when_one_does(hub: RunningHub) -> None:
    (hub.folder / "hub.db").unlink()
    assert hub.json("check")["ok"]
    assert not (hub.folder / "hub.db").exists(), "a check changes nothing"
    hub.config.write_text(
        hub.config.read_text().replace(
            f'[sources.desk]\nplugin = "files"\ninterval = "1s"\nfolder = "{hub.folder}"',
            '[sources.desk]\nplugin = "files"\nfolder = "/nowhere"',
        )
    )
    result = hub.command("check")
    assert result.returncode == 5
    assert "FAIL  the folder exists: make it" in result.stdout


def test_invitations_are_listed_and_taken_back(hub: RunningHub) -> None:
    hub.write_config(delay="1h")
    hub.close_tickets(2)
    hub.json("sync")
    rows = hub.json("invitations", "list", "--state", "waiting")["invitations"]
    assert len(rows) == 2
    result = hub.command("invitations", "cancel", "--yes", str(rows[0]["id"]), "999")
    assert result.returncode == 1
    assert "999: left alone: there is no such invitation" in result.stderr
    assert hub.json("status")["skipped"] == {"operator": 1}
    refused = hub.json("invitations", "retry", "--yes", str(rows[1]["id"]))["refused"]
    assert refused == {str(rows[1]["id"]): "it is waiting; only unknown or failed ones can be"}


def test_control_characters_from_outside_do_not_reach_the_terminal(hub: RunningHub) -> None:
    key = "T\x1b]0;owned\x07\n2"
    ticket = {"id": "x", "key": key, "closure_key": "c", "customer": {"phone": "+358401234567"}}
    (hub.folder / "tickets.jsonl").write_text(json.dumps(ticket) + "\n")
    for command in (["sync", "--dry-run"], ["sync"], ["invitations", "list"], ["why", "x"]):
        result = hub.command(*command)
        assert result.returncode == 0
        assert "\x1b" not in result.stdout + result.stderr
        assert "\x07" not in result.stdout + result.stderr


def test_a_cursor_is_shown_set_and_reset(hub: RunningHub) -> None:
    hub.close_tickets(2)
    hub.json("sync")
    assert hub.json("state", "show", "sources.desk")["cursors"] == {"sources.desk": "2"}
    assert "nothing was changed" in hub.command("state", "set", "sources.desk", "1", "--dry-run").stderr
    assert hub.command("state", "set", "sources.desk", "1", "--yes").returncode == 0
    assert hub.json("state", "show")["cursors"]["sources.desk"] == "1"
    assert hub.command("state", "reset", "sources.desk", "--yes").returncode == 0
    assert "sources.desk" not in hub.json("state", "show")["cursors"]


def test_a_component_that_hub_toml_does_not_have_is_a_usage_error(hub: RunningHub) -> None:
    result = hub.command("state", "reset", "sources.dsk", "--yes")
    assert result.returncode == 2
    assert "sources.desk" in result.stderr


def test_db_upgrade_says_the_revision(hub: RunningHub) -> None:
    (hub.folder / "hub.db").unlink()
    assert hub.json("db", "upgrade") == {"revision": HEAD}


@pytest.mark.parametrize("command", [["run"], ["status"], ["sync"], ["check"], ["why", "x"]])
def test_a_mistake_in_hub_toml_ends_every_command_with_code_3_and_no_traceback(
    hub: RunningHub, command: list[str]
) -> None:
    hub.config.write_text(hub.config.read_text().replace("public_url", "public_ur"))
    result = hub.command(*command)
    assert result.returncode == 3
    assert "web.public_ur: unknown setting. Did you mean 'public_url'?" in result.stderr
    assert "Traceback" not in result.stderr


def test_help_loads_none_of_the_heavy_libraries() -> None:
    import subprocess

    code = (
        "import sys\nsys.argv = ['hub', '--help']\nfrom hub.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'sqlalchemy', 'starlette', 'httpx', 'alembic', 'uvicorn', 'aiohttp', 'jinja2', 'phonenumbers'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    started = time.perf_counter()
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stderr.strip() == "[]"
    assert time.perf_counter() - started < 10, "a bound against hanging, not a measurement"


def test_the_daemon_on_sqlite_loads_nothing_of_other_databases_and_no_object_relational_mapper() -> None:
    import subprocess

    code = (
        "import sys\nfrom hub.store import core_only\ncore_only.load()\nimport hub.daemon.run\n"
        "unused = ('sqlalchemy.orm', 'sqlalchemy.dialects.postgresql')\n"
        "print([name for name in unused if name in sys.modules])\n"
        "from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession\n"
        "from hub.store.engine import AsyncEngine as same\n"
        "print(AsyncSession.__name__, AsyncEngine is same)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines() == ["[]", "AsyncSession True"], "a plugin can still have the whole package"
