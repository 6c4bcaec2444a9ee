"""docs/reference/config.md lists every setting there is, and its examples are true.

To write its tables anew: python tests/config/test_reference.py
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from hub.cli.settings import Setting, describe
from hub.config.load import load
from hub.config.messages import ConfigProblems
from hub.config.models import KINDS, Envelope, GatewayEnvelope, HubSettings, WebSettings
from hub.config.questions import Option, Question, SurveyDefinition
from hub.config.schema import offer
from hub.config.survey import Exclusion, Place, Rule, SurveySettings
from hub.config.values import QuietHours
from hub.registry import Plugin, Registry

PAGE = Path(__file__).parents[2] / "docs/reference/config.md"
GENERATED = re.compile(r"(<!-- generated -->\n).*(<!-- end -->)", re.DOTALL)


TABLES: dict[str, type[BaseModel]] = {
    "hub": HubSettings,
    "web": WebSettings,
    "survey": SurveySettings,
    "surveys.NAME": SurveyDefinition,
    "questions.ID": Question,
    "questions.ID.options.OPTION": Option,
    "[rules]": Rule,
    "exclusions.NAME": Exclusion,
    "places.NAME": Place,
}


def tables(plugins: Iterable[Plugin]) -> Iterator[str]:
    """The generated part of the page."""
    for name, model in TABLES.items():
        yield f"### `[{name}]`\n\n{table(describe(model))}"
    in_gateways = [setting for setting in describe(GatewayEnvelope) if setting.name not in Envelope.model_fields]
    yield (
        "### Every `[sources.NAME]`, `[gateways.NAME]` and `[sinks.NAME]`\n\n"
        f"{table(describe(Envelope))}\n\nGateways only:\n\n{table(in_gateways)}"
    )
    for plugin in plugins:
        for kind in KINDS:
            if offered := offer(plugin, kind):
                title = f'### `[{kind}.NAME]` with `plugin = "{plugin.name}"`'
                yield f"{title}\n\n{offered.summary}.\n\n{table(describe(offered.config))}"


def table(settings: Iterable[Setting]) -> str:
    rows = [
        f"| `{setting.name}` | {value(setting)} | {default(setting)} | {cell(setting.description)} |"
        for setting in settings
    ]
    return "\n".join(["| Setting | Value | Default | Meaning |", "|---|---|---|---|", *rows])


def value(setting: Setting) -> str:
    return cell(setting.type).replace(QuietHours.__name__, "text")


def default(setting: Setting) -> str:
    if setting.required:
        return "**required**"
    return f"`{cell(setting.default)}`" if setting.default else "none"


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def page_with_current_tables() -> str:
    ours = [plugin for plugin in Registry.load(None).plugins.values() if plugin.distribution == "itsm-hub"]
    generated = "\n\n".join(tables(ours))
    return GENERATED.sub(lambda match: f"{match[1]}\n{generated}\n\n{match[2]}", PAGE.read_text(encoding="utf-8"))


def test_the_page_lists_every_setting_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page_with_current_tables(), f"run: python {__file__}"


def test_every_setting_says_what_it_means() -> None:
    listed = list(re.finditer(r"^\| `(.+?)` \|.*\| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert len(listed) > 50
    assert [row[1] for row in listed if not row[2].strip()] == []


def example(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


def test_the_example_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESK_PASSWORD", "one")
    monkeypatch.setenv("SMS_CALLBACK", "abcdefgh01234567")
    (tmp_path / "kannel").write_text("two\n")
    (tmp_path / "hub.toml").write_text(example("toml").replace("/run/secrets/", ""), encoding="utf-8")
    config = load(tmp_path / "hub.toml")
    assert list(config.components()) == ["sources.desk", "gateways.sms"]


def test_the_messages_are_those_that_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DESK_PASSWORD", raising=False)
    monkeypatch.setenv("SMS_CALLBACK", "abcdefgh01234567")
    (tmp_path / "kannel").write_text("two\n")
    text = example("toml").replace("/run/secrets/", "").replace("\nhost =", "\nhots =")
    (tmp_path / "hub.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(Path("hub.toml"))
    assert f"{caught.value}\n" == example("text")


def test_the_configuration_of_the_demo_is_accepted_and_leaves_out_no_setting() -> None:
    root = PAGE.parents[2]
    config = load(root / "hub.toml")
    text = (root / "hub.toml").read_text(encoding="utf-8")
    for section in (config.hub, config.web, config.survey):
        assert [
            name for name in type(section).model_fields if not re.search(rf"^#? ?{name}( =|\.)", text, re.MULTILINE)
        ] == []


if __name__ == "__main__":
    PAGE.write_text(page_with_current_tables(), encoding="utf-8")
