"""What `hub plugins show` tells of a plugin's quality.toml."""

from __future__ import annotations

import importlib
import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

from hub import PluginError
from hub.cli import app
from hub.quality import Promises, Quality, quality_of
from tests.authors.projects import ROOT

GOOD = """
[plugin]
maturity = "beta"
systems = ["Acme Desk 4.2"]
known_limits = ["It is slow on Mondays."]
[tested]
real = ["Acme Desk 4.2"]
simulated = []
third_party_clients = ["acme-client 2.0"]
[promises]
write_back_once = { kept = true, how = "It looks first." }
no_ticket_lost = { kept = false, how = "Deleted ones are not seen." }
"""

Plugin = Callable[[str | None], ModuleType]


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugin]:
    """Installs a plugin `judged` with this quality.toml, and imports it."""

    def add(quality: str | None) -> ModuleType:
        package = tmp_path / "src" / "hub_judged"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(
            "from hub import PluginConfig, Sink, SinkType, hookimpl\n"
            "HUB_API = (1, 0)\n"
            "class Config(PluginConfig): pass\n"
            "class Judged(Sink[Config]):\n"
            "    async def publish(self, items): return []\n"
            "@hookimpl\n"
            "def hub_register_sink(): return SinkType('To be judged', Config, Judged)\n"
        )
        info = package.parent / "hub_judged-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hub-judged\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text("[hub.plugins]\njudged = hub_judged\n")
        if quality is not None:
            (tmp_path / "quality.toml").write_text(quality, encoding="utf-8")
        return importlib.import_module("hub_judged")

    monkeypatch.syspath_prepend(tmp_path / "src")
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield add
    sys.modules.pop("hub_judged", None)


def show(*options: str) -> str:
    result = CliRunner().invoke(app, ["plugins", "show", "judged", *options])
    assert result.exit_code == 0
    return result.output


def test_an_admin_can_read_what_was_proven_and_what_was_not(plugin: Plugin) -> None:
    plugin(GOOD)
    told = show()
    order = [
        "Quality: beta",
        "Made for:\n  Acme Desk 4.2",
        "Tested with real systems:\n  Acme Desk 4.2",
        "Tested with simulated systems: none",
        "checked with clients by others:\n  acme-client 2.0",
        "Promises:\n  NOT KEPT  no ticket lost: Deleted ones are not seen.",
        "  kept      write back once: It looks first.",
        "Known limits:\n  It is slow on Mondays.",
    ]
    places = [told.find(part) for part in order]
    assert -1 not in places, told
    assert places == sorted(places)


def test_scripts_get_the_file_as_json(plugin: Plugin) -> None:
    plugin(GOOD)
    said = json.loads(show("--json"))
    assert said["quality"] == tomllib.loads(GOOD)
    assert said["quality_problem"] is None


def test_a_plugin_without_the_file_says_so(plugin: Plugin) -> None:
    plugin(None)
    assert "Quality: not stated; the plugin has no quality.toml" in show()
    assert json.loads(show("--json"))["quality"] is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'maturity = "beta"',
            'maturity = "good"',
            "plugin.maturity: Input should be 'experimental', 'beta' or 'stable'",
        ),
        (
            'systems = ["Acme Desk 4.2"]',
            'system = "Acme"',
            "plugin.systems is missing; plugin.system: there is no such",
        ),
        ("kept = true", 'kept = "yes"', "promises.write_back_once.kept: Input should be a valid boolean"),
        ("no_ticket_lost", "no_tickets_lost", "promises.no_tickets_lost: there is no such setting"),
        (GOOD[GOOD.index("write_back") :], "", "promises: state at least one promise, kept or not"),
        (
            'how = "It looks first."',
            'how = " "',
            "promises.write_back_once.how: String should have at least 1 character",
        ),
        ("[tested]", "[tested", "cannot be read: "),
    ],
)
def test_a_wrong_file_is_named_with_the_setting_and_the_plugin_still_works(
    plugin: Plugin, old: str, new: str, problem: str
) -> None:
    module = plugin(GOOD.replace(old, new))
    with pytest.raises(PluginError) as caught:
        quality_of(module)
    assert problem in str(caught.value)
    assert "Quality: not known; its quality.toml cannot be" in show()
    assert problem in json.loads(show("--json"))["quality_problem"]


def test_a_file_beside_a_folder_that_is_not_src_is_somebody_elses(plugin: Plugin, tmp_path: Path) -> None:
    module = plugin(GOOD)
    (tmp_path / "src").rename(tmp_path / "site")
    module.__file__ = str(tmp_path / "site" / "hub_judged" / "__init__.py")
    assert quality_of(module) is None


def test_the_file_inside_the_package_comes_first(plugin: Plugin, tmp_path: Path) -> None:
    module = plugin(GOOD)
    (tmp_path / "src" / "hub_judged" / "quality.toml").write_text(GOOD.replace("beta", "stable"))
    found = quality_of(module)
    assert found is not None
    assert found.plugin.maturity == "stable"


def test_a_single_module_has_no_place_for_the_file() -> None:
    assert quality_of(json.decoder) is None


def test_every_promise_can_be_stated() -> None:
    promises = {name: {"kept": True, "how": "Somehow."} for name in Promises.model_fields}
    assert (
        Quality.model_validate(tomllib.loads(GOOD) | {"promises": promises}).promises.stated().keys() == promises.keys()
    )


@pytest.mark.parametrize("folder", sorted((ROOT / "plugins").glob("*/src")), ids=lambda path: path.parent.name)
def test_every_plugin_of_the_hub_states_its_quality(folder: Path) -> None:
    (package,) = folder.glob("hub_*/__init__.py")
    assert quality_of(importlib.import_module(package.parent.name)) is not None
