"""`hub config`, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.nursery import Nursery

TIMEOUT_S = 30
BAD = '[survey]\nsender_nam = "x"\n'


class Hub:
    """Runs `hub config …` in a folder."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._nursery, self._folder = nursery, folder

    def __call__(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return self._nursery.run(["config", *arguments], os.environ | environment, self._folder, TIMEOUT_S)


@pytest.fixture
def hub(nursery: Nursery, tmp_path: Path) -> Hub:
    return Hub(nursery, tmp_path)


def test_a_bad_file_ends_with_3_and_the_messages_on_stderr(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(BAD)
    for command in ("check", "show"):
        done = hub(command)
        assert (done.returncode, done.stdout) == (3, "")
        assert "hub.toml:2: survey.sender_nam: unknown setting. Did you mean 'sender_name'?\n" in done.stderr
        assert "Traceback" not in done.stderr


def test_the_option_counts_before_the_variable(hub: Hub) -> None:
    done = hub("check", "--config", "a.toml", HUB_CONFIG="b.toml")
    assert done.stderr.startswith("a.toml: there is no such file.")
    done = hub("check", HUB_CONFIG="b.toml")
    assert done.stderr.startswith("b.toml: there is no such file.")


def test_the_schema_is_json(tmp_path: Path) -> None:
    script = Path(sys.executable).with_name("hub")
    done = subprocess.run(
        [script, "config", "schema"], cwd=tmp_path, capture_output=True, check=True, timeout=TIMEOUT_S
    )
    assert json.loads(done.stdout)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A folder with a good configuration of the plugins that come with the hub."""
    (tmp_path / "hub.toml").write_text(
        """
[hub]
contacts = "contacts.csv"
[web]
public_url = "https://survey.example.org"
[survey]
sender_name = "Acme"
stop_list = "stop.txt"
[exclusions.odd]
fields = { "odd field" = ["a*"] }
[sources.desk]
plugin = "email"
host = "imap.example.org"
username = "desk@example.org"
password = { env = "DESK_PASSWORD" }
desk_addresses = ["desk@example.org"]
[gateways.sms]
plugin = "kannel"
url = "https://sms.example.org/cgi-bin/sendsms"
username = "hub"
password = { file = "sms" }
sender = "16400"
callback_secret = { env = "DESK_PASSWORD" }
""",
        encoding="utf-8",
    )
    (tmp_path / "sms").write_text("opensesame-sms\n")
    (tmp_path / "contacts.csv").write_text("email\na@b.example\n")
    (tmp_path / "stop.txt").write_text("# nobody\n\na@b.example  # asked by phone\n@c.example\n040 123 4567\n")
    return tmp_path


def test_a_good_file_is_ok_and_counted(hub: Hub, example: Path) -> None:
    done = hub("check", DESK_PASSWORD="opensesame-desk-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{example}/hub.toml: OK. 1 source, 1 gateway, 0 sinks, 1 contact, 3 on the stop list.\n"


def test_a_bad_contacts_file_fails_the_check(hub: Hub, example: Path) -> None:
    (example / "contacts.csv").write_text("email\nanna\n")
    done = hub("check", DESK_PASSWORD="opensesame-desk-1")
    assert done.returncode == 3
    assert "contacts.csv:2: email: is not an e-mail address." in done.stderr


def test_a_bad_stop_list_fails_the_check_without_a_word_of_it(hub: Hub, example: Path) -> None:
    (example / "stop.txt").write_text("a@b.example\nhunter2 please\n")
    done = hub("check", DESK_PASSWORD="opensesame-desk-1")
    assert done.returncode == 3
    assert "stop.txt:2: is no mail address, phone number or domain. Write a@b.example," in done.stderr
    assert "hunter2" not in done.stderr


def test_settings_in_force_are_shown_without_secrets(hub: Hub, example: Path) -> None:
    text = hub("show", DESK_PASSWORD="opensesame-desk-1").stdout
    data = hub("show", "--json", DESK_PASSWORD="opensesame-desk-1").stdout
    assert "opensesame" not in text + data
    shown = json.loads(data)
    assert tomllib.loads(text) == shown
    assert shown["sources"]["desk"]["password"] == "(secret, from env DESK_PASSWORD)"
    assert shown["gateways"]["sms"]["password"] == "(secret, from file sms)"
    assert shown["survey"]["legal_basis"] == {"sms": "legitimate_interest", "email": "legitimate_interest"}
    assert shown["survey"]["max_age"] == "3d"
