"""What is written from the code is as the code is now."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import hub
from hub import Capability, Component, Gateway, Sink, Source
from hub.journey.policy import WORDS
from hub.testing import contracts, fakes, faults, redaction, rigs
from tests.docs import api, generate, pages, source

API_PAGE = pages.DOCS / "reference/plugin-api.md"
CLI_PAGE = pages.DOCS / "reference/cli.md"
OPERATOR_PAGE = pages.DOCS / "how-to/operator.md"


@pytest.mark.parametrize("page", pages.pages(), ids=lambda page: str(page.relative_to(pages.ROOT)))
def test_generated_parts_are_current(page: Path) -> None:
    text = pages.read(page)
    assert text == generate.current(text), "run: python -m tests.docs.generate"


def test_every_part_that_can_be_generated_is_on_a_page() -> None:
    shown = {name for page in pages.pages() for name, _ in pages.generated(pages.read(page))}
    assert shown == set(generate.PARTS)


def test_every_command_has_its_help_on_the_page() -> None:
    titles = set(pages.headings(CLI_PAGE))
    assert [name for name, _ in generate.commands() if f"`{name}`" not in titles] == []


def test_help_is_as_wide_as_the_page_whatever_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    for columns in ("40", "200"):
        monkeypatch.setenv("COLUMNS", columns)
        texts.append(generate.command_help())
    assert texts[0] == texts[1]
    assert max(map(len, texts[0].splitlines())) <= generate.WIDTH


def test_every_name_of_the_plugin_api_has_a_heading() -> None:
    grouped = [name for names in api.GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(hub.__all__), "correct tests.docs.api.GROUPS, then: python -m tests.docs.generate"
    titles = pages.headings(API_PAGE)
    assert [name for name in hub.__all__ if titles.count(f"`{name}`") != 1] == []


def test_every_hook_and_every_method_that_a_plugin_writes_has_a_heading() -> None:
    titles = set(pages.headings(API_PAGE))
    assert api.HOOKS, "no hook was found"
    assert [hook for hook in api.HOOKS if f"`{hook}`" not in titles] == []
    for kind in (Component, Source, Gateway, Sink):
        own = [name for name in vars(kind) if callable(getattr(kind, name)) and not name.startswith("_")]
        assert [name for name in own if f"`{kind.__name__}.{name}`" not in titles] == []


def test_every_capability_says_what_it_means() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", pages.read(API_PAGE), re.MULTILINE))
    assert [capability for capability in Capability if not listed.get(capability)] == []


def test_the_parts_of_the_testing_kit_are_listed() -> None:
    text = pages.read(API_PAGE)
    for module in (contracts, rigs, fakes, faults, redaction):
        names = getattr(module, "__all__", None) or [name for name in source.functions_of(module) if name[0].isalpha()]
        assert [name for name in names if f"`{name}`" not in text] == []
        assert f"`{module.__name__}`" in text


def test_operators_find_every_reason_in_its_own_words() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.+) \|$", pages.read(OPERATOR_PAGE), re.MULTILINE)
    told = {reason: words for reason, words, _ in rows}
    assert {reason: told.get(reason) for reason in WORDS} == dict(WORDS)


def test_every_event_that_is_logged_is_on_the_page_for_admins() -> None:
    code = "".join(file.read_text("utf-8") for folder in ("hub", "plugins") for file in _modules(pages.ROOT / folder))
    events = set(re.findall(r"(?:log|logger\([^()]*\))\.(?:debug|info|warning|error)\(\s*\"([a-z_.]+)\"", code))
    assert len(events) > 10
    text = pages.read(pages.DOCS / "how-to/admin.md")
    assert sorted(event for event in events if f"`{event}`" not in text) == []


def _modules(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*.py") if not {"tests", "testing"} & set(file.relative_to(folder).parts)]
