"""The examples of the how-to for surveys work as they stand there, and so do the commands it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hub import Channel, ConfigError
from hub.cli.surveys_text import Preview, questions_text, texts_text
from hub.config.models import HubConfig
from hub.survey.model import MessageKind, surveys_of
from hub.survey.preview import all_sms
from hub.survey.render import render
from tests.docs import pages
from tests.docs.test_examples import README, loaded
from tests.surveys import occasion

PAGE = pages.DOCS / "how-to/surveys.md"
EXAMPLES = pages.code(PAGE, "toml")
PREVIEW, MISTAKES = pages.code(PAGE, "text")
BASE = pages.code(README, "toml")[0]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HubConfig:
    """The hub.toml of the readme with all examples at its end."""
    tables = [text for text in EXAMPLES if not re.search(r"^\[surveys\.closing\]$", text, re.MULTILINE)]
    return loaded("\n".join([BASE, *tables]), tmp_path, monkeypatch)


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_accepted_and_every_message_can_be_written(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = loaded(f"{BASE}\n{example}", tmp_path, monkeypatch)
    for survey in surveys_of(config).values():
        for language in survey.languages:
            parts = [sms.size.parts for sms in all_sms(survey, occasion(Channel.SMS, language=language))]
            assert max(parts) == 1
            assert render(survey, MessageKind.SURVEY, None, occasion(language=language)).html


def test_what_stands_in_comments_of_hub_toml_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comments = re.search(r"^# \[surveys\..*?(?=\n\n)", pages.read(pages.ROOT / "hub.toml"), re.DOTALL | re.MULTILINE)
    assert comments
    config = loaded(f"{BASE}\n{comments[0].replace('# ', '')}", tmp_path, monkeypatch)
    closing = surveys_of(config)["closing"]
    assert (closing.languages, closing.tone, closing.messages) == (("fi", "en"), "informal", 4)


def test_the_mistakes_are_explained_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = '[surveys.closing.texts.en]\nsms_thanks = "Thank you {name}!"\nmail_subjcet = "Hello"\n'
    with pytest.raises(ConfigError) as caught:
        loaded(f"{texts}{BASE}", tmp_path, monkeypatch)
    said = str(caught.value).replace(f"{tmp_path}/", "").splitlines()[:-1]
    assert [re.sub(r" There are: sms_survey,.*", "", line) for line in said] == MISTAKES.splitlines()


def test_the_preview_is_the_one_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = loaded(BASE, tmp_path, monkeypatch)
    shown = PREVIEW.removeprefix("$ hub surveys preview closing --lang en --channel sms\n").removesuffix("...\n")
    assert Preview(config, surveys_of(config)["closing"], "en", "formal").as_text(["sms"]).startswith(shown)


def test_a_preview_holds_every_channel_as_text_and_as_json(config: HubConfig) -> None:
    preview = Preview(config, surveys_of(config)["onboarding"], "fi", "informal")
    text, data = preview.as_text(Channel), json.loads(json.dumps(preview.as_json(Channel)))
    assert "survey ready  [1 part, GSM-7, " in text
    assert "(INC0012345): Oliko kaikki valmiina? Vastaa 1-4 (4=kaikki), myös omin sanoin. Kyselyt pois: STOP" in text
    assert "Mail in fi, informal: reminder\n  Subject: Muistutus: Acme Service Desk: miten hoidimme" in text
    assert data["page"] == "https://survey.acme.example/preview/onboarding?lang=fi&tone=informal"
    assert data["page"] in text
    assert [mail["kind"] for mail in data["email"]] == ["survey", "reminder"]
    assert data["email"][0]["html"] == preview.html
    first = data["sms"][0]
    assert (first["kind"], first["question"], first["price_class"]) == ("survey", "ready", "1 SMS")
    assert first["characters"] + first["left"] == 160


def test_a_survey_for_open_tickets_is_previewed_with_one(config: HubConfig) -> None:
    preview = Preview(config, surveys_of(config)["progress"], "en", "formal")
    assert "is now with another person or team." in preview.as_text(["email"])
    place = Preview(config, surveys_of(config)["place"], "en", "formal").as_text(["email"])
    assert place.startswith("No rule asks this survey. Its mail is shown as after a closing.\n\nMail in en")


def test_a_survey_is_shown_with_scales_conditions_options_and_its_own_texts(config: HubConfig) -> None:
    surveys = surveys_of(config)
    questions = questions_text(surveys["onboarding"], ["en"]).splitlines()
    assert questions[:4] == [
        "ready: rating, 1-4, 4 is best",
        "  en  Was everything ready on your first day?",
        "        1: Nothing",
        "        4: Everything",
    ]
    assert "missing: factors, in another order for each customer, asked when ready is low" in questions
    assert "        not_allowed: It could not be ordered beforehand (process)" in questions
    assert "        speed_bad: Kesti liian kauan (low, middle)" in questions_text(surveys["closing"], ["fi"])
    texts = texts_text(surveys["closing"], "fi")
    assert re.search(r"^sms_thanks \* +Kiitos! Onko lisättävää\? \{link\}$", texts, re.MULTILINE)
    assert re.search(r"^sms_survey  +\{sender\}", texts, re.MULTILINE)


def hub(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    secrets = {name: f"a-secret-for-{name}" for name in re.findall(r'env = "(\w+)"', BASE)}
    return subprocess.run(
        [Path(sys.executable).with_name("hub"), "surveys", *arguments],
        cwd=folder,
        env=os.environ | secrets | {"BROWSER": "echo opened %s"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


@pytest.mark.usefixtures("config")
def test_the_commands_need_no_hub_and_no_store(tmp_path: Path) -> None:
    listed = hub("list", "--json", folder=tmp_path)
    rows = {row["name"]: row for row in json.loads(listed.stdout)["surveys"]}
    assert rows["onboarding"]["used_by"] == {"rules": ["new colleagues"], "places": []}
    assert rows["closing"]["used_by"]["rules"] == ["default"]
    opened = hub("preview", "closing", "--html", "mail.html", "--open", "--channel", "email", folder=tmp_path)
    assert (opened.returncode, opened.stderr) == (0, "mail.html: written\n")
    assert (tmp_path / "mail.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert f"opened {(tmp_path / 'mail.html').as_uri()}" in opened.stdout
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.usefixtures("config")
def test_a_wrong_argument_is_answered_with_the_right_ones(tmp_path: Path) -> None:
    done = hub("preview", "clsing", folder=tmp_path)
    assert done.returncode == 2
    assert "there are the surveys closing, progress, place, onboarding" in done.stderr
    done = hub("preview", "closing", "--html", "nowhere/mail.html", folder=tmp_path)
    assert done.returncode == 2
    assert "--html: nowhere/mail.html cannot be written: No such file or directory" in done.stderr
