"""`hub demo`, and the hub.toml that it runs."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli import app, demo
from hub.cli.settings import describe
from hub.config.load import load
from hub.config.models import HubSettings, WebSettings
from hub.config.survey import SurveySettings

TICKETS = 14


def start(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hub", "demo", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_demo_ends_by_itself_with_every_customer_treated_as_promised(first_port: int) -> None:
    running = start("--once", "--json", "--tickets", str(TICKETS), "--port-base", str(first_port))
    output, complaint = running.communicate(timeout=55)
    assert (running.returncode, complaint) == (0, ""), output
    outcome = json.loads(output)
    assert outcome["answered"] == outcome["written_back"] > 0
    assert outcome["invited"] >= outcome["answered"]
    assert outcome["closures"] >= outcome["invited"]
    assert set(outcome["skipped"]) >= {"excluded:own_staff", "no_contact", "opted_out", "reopened"}
    assert (outcome["lost"], outcome["duplicates"], outcome["exposed"], outcome["concerned"]) == (0, 0, 0, {})
    talks = outcome["conversations"]
    assert {talk["language"] for talk in talks} == {"fi", "sv", "en"}
    assert any(len(talk["lines"]) >= 7 and set(talk["scores"]) == {"service", "solved"} for talk in talks)
    assert outcome["messages"] > outcome["invited"]
    assert outcome["response_rate"] == round(100 * outcome["answered"] / outcome["invited"])
    assert set(outcome["desks"]) == {"mailbox", "jira", "servicenow"}
    for name in ("tickets", "invited", "answered", "written_back"):
        assert sum(desk[name] for desk in outcome["desks"].values()) == outcome[name]
    assert all(desk["written_back"] > 0 for desk in outcome["desks"].values())


def test_whoever_plays_customers_by_hand_sees_what_the_hub_makes_of_each_reply(first_port: int) -> None:
    command = [sys.executable, "-m", "hub", "demo", "--by-hand", "--tickets", "2", "--port-base", str(first_port)]
    typed = "/list\n/1 2 hidasta\nei\n/help\n"
    played = subprocess.run(command, input=typed, capture_output=True, text=True, timeout=55, check=False)
    assert (played.returncode, played.stderr) == (0, "")
    story, _, talks = played.stdout.partition("What was said:")
    assert re.search(r"mailbox +1001 +phone +< .*: Millaista palvelua saitte\?", story)
    assert "phone  < Kiitos. Ratkesiko asianne?" in story
    assert "phone  < Kiitos. Pahoittelemme, ettei palvelu ollut hyvää." in story
    assert "ticket < service 2, solved 0" in story
    assert re.search(r"hub why 1001: experience, revision 2, to sources.desk, written", story)
    assert story.count("/why      what the hub tells of this ticket") == 2
    assert "customer 2 hidasta" in talks


def test_outcomes_as_json_are_of_stories_only(first_port: int) -> None:
    running = start("--by-hand", "--json", "--port-base", str(first_port))
    _, complaint = running.communicate(timeout=30)
    assert running.returncode == 2
    assert "--json tells of stories; there are none with --by-hand" in complaint


def test_the_demo_is_stopped_by_a_signal_and_leaves_nothing_behind(
    first_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    running = start("--once", "--port-base", str(first_port))
    assert running.stdout is not None
    assert any("the hub is ready" in line for line in running.stdout)
    running.send_signal(signal.SIGINT)
    _, complaint = running.communicate(timeout=30)
    assert (running.returncode, complaint) == (130, "")
    assert list(tmp_path.iterdir()) == []
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", first_port))  # the hub has ended too


def test_a_port_in_use_is_named(first_port: int) -> None:
    with socket.create_server(("127.0.0.1", first_port + 1)):
        running = start("--once", "--port-base", str(first_port))
        _, complaint = running.communicate(timeout=30)
    assert running.returncode == 2
    assert f"port {first_port + 1}, meant for the desk's IMAP server, is in use. Stop what listens there" in complaint


def test_without_a_checkout_the_demo_says_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "__file__", str(tmp_path / "hub" / "cli" / "demo.py"))
    result = CliRunner().invoke(app, ["demo", "--once"])
    assert result.exit_code == 2
    assert "Clone the repository and run: make demo" in result.output


def test_without_its_packages_the_demo_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "_NEEDED", ("no_such_package",))
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 2
    assert "the demo needs no_such_package. Run: pip install 'itsm-hub[demo]'" in result.output


def test_the_shipped_configuration_is_valid_as_it_stands(root: Path) -> None:
    config = load(root / "hub.toml")
    assert set(config.sources) == {"desk", "jira", "servicenow"}
    assert set(config.gateways) == {"sms", "mail"}


def sections(text: str) -> dict[str, str]:
    """The text of each table of hub.toml, with that of its subtables, also those that are commented out."""
    pieces = re.split(r"^(?:# )?\[([\w.]+)\]$", text, flags=re.MULTILINE)
    found: dict[str, str] = {}
    for name, piece in zip(pieces[1::2], pieces[2::2], strict=True):
        parent = ".".join(name.split(".")[:2])
        found[parent] = found.get(parent, "") + piece
    return found


@pytest.fixture
def whole(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """hub.toml with the table of the Twilio gateway, which is commented out, in use."""
    before, header, rest = (root / "hub.toml").read_text(encoding="utf-8").partition("# [gateways.texts]\n")
    table, blank, after = rest.partition("\n\n")
    settings = re.sub(r"^# (?=(?:# )?\w+ = )", "", table, flags=re.MULTILINE)
    for name in re.findall(r'env = "(\w+)"', settings):
        monkeypatch.setenv(name, f"a-secret-for-{name}")
    made = tmp_path / "hub.toml"
    made.write_text(before + header.removeprefix("# ") + settings + blank + after, encoding="utf-8")
    (tmp_path / "contrib").symlink_to(root / "contrib")
    return made


def test_the_table_that_is_commented_out_works_when_it_is_not(whole: Path) -> None:
    config = load(whole)
    assert set(config.gateways) == {"sms", "texts", "mail"}
    assert config.gateways["texts"].plugin == "twilio"


def test_the_shipped_configuration_shows_every_setting(whole: Path) -> None:
    config = load(whole)
    models: dict[str, Any] = {"hub": HubSettings, "web": WebSettings, "survey": SurveySettings}
    models |= {id_: component.type.config for id_, component in config.components().items()}
    shown = sections(whole.read_text(encoding="utf-8"))
    for id_, model in models.items():
        written = set(re.findall(r"^(?:# )?(?:\w+\.)?(\w+) = ", shown[id_], re.MULTILINE))
        names = {setting.name.rpartition(".")[2] for setting in describe(model)}
        assert names - written == set(), id_


def test_what_is_commented_out_in_the_shipped_configuration_are_settings(whole: Path) -> None:
    config = load(whole)
    shown = sections(whole.read_text(encoding="utf-8"))
    for id_, component in config.components().items():
        written = set(re.findall(r"^# (\w+) = ", shown[id_], re.MULTILINE))
        names = {setting.name.rpartition(".")[2] for setting in describe(component.type.config)} | {"rate"}
        assert written - names == set(), id_
