"""Pages lead where they say, name commands and settings that exist, and give nothing of the authors' machines away."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from hub.cli.settings import describe
from hub.config.models import KINDS, Envelope, GatewayEnvelope, HubSettings, WebSettings
from hub.config.questions import Option, Question, SurveyDefinition
from hub.config.schema import offer
from hub.config.survey import Exclusion, Place, Rule, SurveySettings
from hub.registry import Registry
from tests.docs import generate, pages

ROOT = pages.ROOT
PAGES = pytest.mark.parametrize("page", pages.pages(), ids=lambda page: str(page.relative_to(ROOT)))


@PAGES
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in pages.links(page):
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in pages.anchors(target)):
            broken.append(link)
    assert broken == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = ((page.parent / link.partition("#")[0]).resolve() for link in pages.links(page) if ":" not in link)
        waiting += [target for target in targets if target.suffix == ".md" and target.exists()]
    assert [page for page in pages.pages() if page not in reached] == []


def test_every_plugin_has_a_readme() -> None:
    plugins = [folder for folder in (ROOT / "plugins").iterdir() if (folder / "src").is_dir()]
    assert plugins
    assert [folder.name for folder in plugins if not (folder / "README.md").is_file()] == []


def test_every_setting_is_on_the_settings_page() -> None:
    ours = [plugin for plugin in Registry.load(None).plugins.values() if plugin.distribution == "itsm-hub"]
    models: list[type[BaseModel]] = [HubSettings, WebSettings, SurveySettings, Envelope, GatewayEnvelope]
    models += [SurveyDefinition, Question, Option, Rule, Exclusion, Place]
    models += [offered.config for plugin in ours for kind in KINDS if (offered := offer(plugin, kind))]
    text = pages.read(pages.DOCS / "reference/config.md")
    names = {setting.name for model in models for setting in describe(model)}
    assert sorted(name for name in names if f"| `{name}` |" not in text) == []


@PAGES
def test_commands_that_are_mentioned_exist(page: Path) -> None:
    known = {name: {option for each in context.command.params for option in each.opts} for name, context in COMMANDS}
    for words in _mentioned(pages.read(page)):
        name = max((name for name in known if f"{words} ".startswith(f"{name} ")), key=len, default="")
        left = words.removeprefix(name).split()
        if name == "hub" and left and re.fullmatch("[a-z]+", left[0]):
            raise AssertionError(f"there is no command `hub {left[0]}`")
        if name == "hub demo":
            continue
        options = {word.partition("=")[0] for word in left if re.fullmatch("--[a-z-]+", word)}
        assert options <= known[name] | {"--help"}, f"`{words}`: {name} has no such option"


COMMANDS = list(generate.commands())


def _mentioned(text: str) -> Iterator[str]:
    found = re.findall(r"`(hub [^`\n]+)`", pages.prose(text))
    for block in pages.code_in(text):
        found += re.findall(r"^(?:\$ |sudo -u hub )?(?:\S*/bin/)?(hub [a-z].*)$", block, re.MULTILINE)
    for words in found:
        if not words.startswith("hub COMMAND"):
            yield words.split("   ")[0]


def test_options_of_the_demo_are_those_of_the_sandbox() -> None:
    shown = subprocess.run(
        [sys.executable, str(ROOT / "contrib/sandbox"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    options = set(re.findall(r"--[a-z-]+", shown)) - {"--help"}
    told = set(re.findall(r"^\| `(--[a-z-]+)` \|", pages.read(pages.DOCS / "reference/cli.md"), re.MULTILINE))
    assert told == options


def test_nothing_of_the_authors_machines_is_in_a_file() -> None:
    telling = re.compile("|".join(["/wo" + "rk/", "/tmp/br" + "iefs", "(extra-)?index-" + "url", "/ro" + "ot/"]))
    found = []
    for file in _text_files():
        for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), start=1):
            if telling.search(line):
                found.append(f"{file.relative_to(ROOT)}:{number}")
    assert found == []


def _text_files() -> list[Path]:
    if not (git := shutil.which("git")) or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        [git, "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    return [file for file in files if file.is_file() and b"\0" not in file.read_bytes()[:8000]]
