"""`hub places`: where people answer without a ticket, and what is hung on the wall or put into a portal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.web import links

PLACES = """
[places.lobby]
title = { fi = "Aulan \\"piste\\" <1>", sv = "Aulan" }
service = "Local support"
embed_in = ["https://portal.example.org"]

[places.web-portal]
title = { en = "Portal" }
language = "en"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration with two places."""
    file = tmp_path / "hub.toml"
    root = Path(__file__).parents[2]
    demo = (root / "hub.toml").read_text(encoding="utf-8").replace('"contrib/', f'"{root}/contrib/')
    demo = re.sub(r'^public_url = ".*"$', 'public_url = "https://survey.example.org/cx"', demo, flags=re.MULTILINE)
    file.write_text(demo + PLACES, encoding="utf-8")
    monkeypatch.setenv("HUB_CONFIG", str(file))
    monkeypatch.setattr("hub.log.configure_logging", lambda **_: None)  # it would keep a stream of this test alone
    monkeypatch.chdir(tmp_path)
    return file


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["places", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_places_are_listed_with_their_addresses(config: Path) -> None:
    code, out, _ = run("list")
    assert code == 0
    assert "https://survey.example.org/cx/k/lobby" in out
    assert "https://survey.example.org/cx/f/web-portal" in out
    listed = {one["name"]: one for one in json.loads(run("list", "--json")[1])["places"]}
    assert (listed["lobby"]["title"], listed["lobby"]["survey"]) == ('Aulan "piste" <1>', "place")
    assert listed["web-portal"]["title"] == "Portal"


def test_without_places_the_next_step_is_said(config: Path) -> None:
    config.write_text(config.read_text(encoding="utf-8").partition("[places")[0], encoding="utf-8")
    assert run("list") == (0, "", "there are none; a table [places.NAME] in hub.toml makes one\n")


def test_a_place_is_shown_with_the_html_for_its_portal(config: Path) -> None:
    code, out, _ = run("show", "lobby")
    assert code == 0
    assert '<iframe src="https://survey.example.org/cx/f/lobby?embed=1"' in out
    assert 'title="Aulan &quot;piste&quot; &lt;1&gt;"' in out
    assert "6 answers a minute" in out
    assert "iframe" not in run("show", "web-portal")[1]
    assert json.loads(run("show", "lobby", "--json")[1])["form_url"] == "https://survey.example.org/cx/f/lobby"


def test_a_place_that_is_not_there_names_those_that_are(config: Path) -> None:
    for command in (("show", "looby"), ("qr", "looby", "--out", "x.svg")):
        code, _, err = run(*command)
        assert code == 2
        assert "lobby, web-portal" in " ".join(err.replace("│", "").split())


@pytest.mark.parametrize(("name", "start"), [("code.svg", b"<?xml"), ("code.PNG", b"\x89PNG")])
def test_a_code_is_written_to_be_printed(config: Path, tmp_path: Path, name: str, start: bytes) -> None:
    code, _, err = run("qr", "lobby", "--out", name)
    assert (code, err) == (0, f"{name}: leads to https://survey.example.org/cx/f/lobby\n")
    assert (tmp_path / name).read_bytes().startswith(start)


def test_a_code_that_cannot_be_written_says_why(config: Path) -> None:
    for out in ("code.gif", "code", "nowhere/code.svg"):
        code, _, err = run("qr", "lobby", "--out", out)
        assert code == 2
        assert "--out" in err


def test_what_a_place_is_called_stays_text_in_addresses_and_html() -> None:
    hostile = '"><script>/../%0d'
    for address in (links.form_url("https://x.example", hostile), links.kiosk_url("https://x.example", hostile)):
        assert not set(address.removeprefix("https://x.example/")) & set('"<>\r\n ')
        assert address.count("/") == 4
    assert "<script>" not in links.frame("https://x.example", hostile, hostile)
    assert "<script" not in links.qr_svg(f"https://x.example/{hostile}")
