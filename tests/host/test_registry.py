"""A test installation with every kind of bad plugin: the others work, and only what is wanted is imported."""

import json
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from hub import PluginError
from hub.registry import FIRST_PARTY, Registry, State
from tests.nursery import Nursery

GOOD = """
from hub import PluginConfig, Secret, Source, SourceType, Sink, SinkType, hookimpl

HUB_API = (1, 0)

class Config(PluginConfig):
    url: str
    "Where the desk is."
    token: Secret
    "Access token."

class Good(Source):
    async def pull(self, cursor):
        yield None

class GoodSink(Sink):
    async def publish(self, items):
        return []

@hookimpl
def hub_register_source():
    return SourceType("A good desk", Config, Good)
"""

BAD = {
    "crash": ('raise RuntimeError("cannot start")', "RuntimeError when 'fake_crash' was imported: cannot start"),
    "leaver": ("import sys; sys.exit(3)", "SystemExit when 'fake_leaver' was imported: 3"),
    "syntax": ("def", "SyntaxError when 'fake_syntax' was imported"),
    "asyncy": (
        GOOD.replace("def hub_register_source", "async def hub_register_source"),
        "hub_register_source must be a plain function, not async.",
    ),
    "generator": (
        GOOD.replace("def hub_register_source():", "async def hub_register_source():\n    yield 1").replace(
            "return S", "S"
        ),
        "hub_register_source must be a plain function, not async.",
    ),
    "typo": (
        GOOD.replace("hub_register_source", "hub_register_sorce"),
        "unknown hook 'hub_register_sorce'. Did you mean 'hub_register_source'?",
    ),
    "greedy": (
        GOOD.replace("def hub_register_source():", "def hub_register_source(application):"),
        "PluginValidationError when its hooks were registered",
    ),
    "wrong": (
        GOOD.replace('SourceType("A good desk", Config, Good)', '"good"'),
        "hub_register_source returned str, expected SourceType.",
    ),
    "raiser": (GOOD.replace("return SourceType", "raise LookupError"), "LookupError in hub_register_source"),
    "noapi": (
        GOOD.replace("HUB_API", "API"),
        "it does not say which plugin API it was written for; add HUB_API = (1, 1).",
    ),
    "minor": (GOOD.replace("(1, 0)", "(1, 2)"), "written for plugin API 1.2, this hub offers 1.1. Update the hub."),
    "major": (GOOD.replace("(1, 0)", "(2, 0)"), "written for plugin API 2.0, this hub offers 1.1. Update the hub."),
    "ancient": (
        GOOD.replace("(1, 0)", "(0, 9)"),
        "written for plugin API 0.9, this hub offers 1.1. Update the plugin.",
    ),
    "text": (GOOD.replace("(1, 0)", '"1.0"'), "HUB_API must be two numbers, such as (1, 1)."),
    "abstract": (GOOD.replace("async def pull", "async def pul"), "hub_register_source: Good lacks pull()."),
    "otherkind": (
        GOOD.replace("Config, Good)", "Config, GoodSink)"),
        "hub_register_source: create must be a class derived from Source.",
    ),
    "noconfig": (
        GOOD.replace("Config, Good)", "dict, Good)"),
        "hub_register_source: config must be a class derived from PluginConfig.",
    ),
    "empty": (GOOD.split("@hookimpl", maxsplit=1)[0], "it offers neither a source nor a gateway nor a sink"),
    "shy": (
        GOOD.split("    return SourceType", maxsplit=1)[0] + "    return None",
        "it offers neither a source nor a gateway nor a sink",
    ),
}

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts fake distributions on the path."""
    before = set(sys.modules)

    def add(name: str, code: str, *, distribution: str | None = None, module: str | None = None) -> None:
        distribution = distribution or f"fake-{name}"
        module = module or f"fake_{name}"
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{distribution.replace('-', '_')}-2.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.5\n")
        (info / "entry_points.txt").write_text(f"[hub.plugins]\n{name} = {module}\n")

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield add
    for module in set(sys.modules) - before:
        if module.startswith("fake_"):
            del sys.modules[module]


@pytest.mark.parametrize(("name", "code", "reason"), [(name, *values) for name, values in BAD.items()])
def test_a_bad_plugin_is_a_row_with_the_reason(install: Install, name: str, code: str, reason: str) -> None:
    install(name, code)
    install("good", GOOD)
    registry = Registry.load({name, "good"})
    assert registry.plugins[name].state is State.BROKEN
    assert reason in (registry.plugins[name].reason or "")
    assert registry.plugins["good"].state is State.LOADED
    with pytest.raises(PluginError, match=f"plugin '{name}' is broken: "):
        registry.source_type(name)


def test_all_bad_plugins_together_leave_the_good_one_alone(install: Install) -> None:
    for name, (code, _) in BAD.items():
        install(name, code)
    install("good", GOOD)
    registry = Registry.load(None)
    assert {name for name in BAD if registry.plugins[name].state is not State.BROKEN} == set()
    good = registry.plugins["good"]
    assert (good.state, good.kinds, good.distribution, good.version) == (State.LOADED, ("source",), "fake-good", "2.5")
    assert registry.source_type("good").summary == "A good desk"


def test_only_wanted_plugins_are_imported(install: Install) -> None:
    install("good", GOOD)
    install("other", GOOD)
    registry = Registry.load({"good"})
    assert "fake_good" in sys.modules
    assert "fake_other" not in sys.modules
    assert registry.plugins["other"].state is State.AVAILABLE
    assert registry.plugins["other"].version == "2.5"
    with pytest.raises(PluginError, match="'other' is installed, but was not loaded because nothing named it"):
        registry.source_type("other")


def test_a_bad_plugin_that_nobody_wants_is_not_even_tried(install: Install) -> None:
    install("crash", BAD["crash"][0])
    assert Registry.load(set()).plugins["crash"].state is State.AVAILABLE


def test_two_distributions_with_one_name_are_both_named(install: Install) -> None:
    install("twin", GOOD, distribution="acme-hub", module="fake_twin_a")
    install("twin", GOOD, distribution="zeta-hub", module="fake_twin_b")
    install("good", GOOD)
    registry = Registry.load({"twin", "good"})
    assert registry.plugins["twin"].state is State.BROKEN
    assert "acme-hub 2.5 and zeta-hub 2.5" in (registry.plugins["twin"].reason or "")
    assert not {"fake_twin_a", "fake_twin_b"} & set(sys.modules)
    assert registry.plugins["good"].state is State.LOADED


def test_two_plugins_offer_the_same_kind_side_by_side(install: Install) -> None:
    install("first", GOOD.replace("A good desk", "The first desk"))
    install("second", GOOD.replace("A good desk", "The second desk"))
    registry = Registry.load({"first", "second"})
    assert registry.source_type("first").summary == "The first desk"
    assert registry.source_type("second").summary == "The second desk"


def test_a_missing_plugin_gets_a_suggestion(install: Install) -> None:
    install("servicenow", GOOD)
    registry = Registry.load({"servicnow"})
    assert registry.plugins["servicnow"].state is State.MISSING
    with pytest.raises(PluginError, match=r"no plugin 'servicnow' is installed\. Did you mean 'servicenow'\?"):
        registry.source_type("servicnow")
    with pytest.raises(PluginError, match="no plugin 'nobody' is installed"):
        registry.gateway_type("nobody")


def test_a_missing_first_party_plugin_gets_an_install_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ())
    with pytest.raises(PluginError, match=r"It comes with the hub: install itsm-hub again\. Installed: none\."):
        Registry.load({"email"}).source_type("email")


def test_a_plugin_without_the_kind_says_what_it_offers(install: Install) -> None:
    install("good", GOOD)
    registry = Registry.load({"good"})
    with pytest.raises(PluginError, match=r"plugin 'good' offers no gateway; it offers: source\."):
        registry.gateway_type("good")
    with pytest.raises(PluginError, match="offers no sink"):
        registry.sink_type("good")


def test_the_first_party_names_are_those_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(project["entry-points"]["hub.plugins"]) == FIRST_PARTY


@pytest.fixture
def hub_plugins(install: Install, nursery: Nursery, tmp_path: Path) -> Callable[..., CompletedProcess[str]]:
    """Runs `hub plugins …` in a process of its own on the test installation."""
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "", "PYTHONIOENCODING": "utf-8"}
    return lambda *arguments: nursery.run(["plugins", *arguments], environment, tmp_path, 30)


def test_plugins_list_shows_every_plugin(install: Install, hub_plugins: Callable[..., object]) -> None:
    install("good", GOOD)
    install("crash", BAD["crash"][0])
    install("leaver", BAD["leaver"][0])
    result = hub_plugins("list", "--json")
    assert result.returncode == 0, result.stderr
    rows = {row["name"]: row for row in json.loads(result.stdout)["plugins"]}
    assert rows["good"] == {
        "name": "good", "state": "loaded", "reason": None, "kinds": ["source"], "distribution": "fake-good",
        "version": "2.5", "api": "1.0",
    }  # fmt: skip
    assert rows["crash"]["state"] == rows["leaver"]["state"] == "broken"
    table = hub_plugins("list").stdout
    assert "fake-good 2.5" in table
    assert "RuntimeError when 'fake_crash' was imported: cannot start" in table


def test_plugins_show_prints_the_settings(install: Install, hub_plugins: Callable[..., object]) -> None:
    install("good", GOOD)
    details = json.loads(hub_plugins("show", "good", "--json").stdout)
    [offer] = details["offers"]
    assert (offer["kind"], offer["summary"], offer["capabilities"]) == ("source", "A good desk", [])
    assert offer["settings"][1] == {
        "name": "token", "type": "secret", "required": True, "secret": True, "default": "",
        "description": "Access token.",
    }  # fmt: skip
    text = hub_plugins("show", "good").stdout
    for part in ("As a source: A good desk", "fake-good 2.5", "Plugin API: 1.0", "(required)", "Where the desk is."):
        assert part in text


@pytest.mark.parametrize(
    ("name", "problem"),
    [("crash", "RuntimeError when 'fake_crash' was imported"), ("crahs", "Did you mean 'crash'?")],
)
def test_plugins_show_ends_with_4_when_it_cannot_be_used(
    install: Install, hub_plugins: Callable[..., object], name: str, problem: str
) -> None:
    install("crash", BAD["crash"][0])
    result = hub_plugins("show", name)
    assert result.returncode == 4
    assert problem in result.stderr
    assert "Traceback" not in result.stderr
    result = hub_plugins("show", name, "--json")
    assert json.loads(result.stdout)["name"] == name
