"""The words in each language, and the rules they must keep."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.survey.texts import LANGUAGES, pick_language, texts_in, version

PLACEHOLDERS = {
    "sms": {"sender", "ticket"},
    "mail_subject": {"sender", "ticket"},
    "about": {"ticket"},
    "about_subject": {"ticket", "subject"},
    "privacy": {"sender", "ticket"},
    "thanks_text": {"ticket"},
    "unsubscribe_text": {"sender"},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    texts = asdict(texts_in(language))
    assert len(texts.pop("ratings")) == 5
    for name, text in texts.items():
        assert text.strip() == text != "", name
        assert set(re.findall(r"\{(\w*)\}", text)) == PLACEHOLDERS.get(name, set()), name


def test_texts_differ_between_languages() -> None:
    assert len({texts_in(language).question for language in LANGUAGES}) == 3


def test_choices_are_listed_best_first() -> None:
    assert texts_in("en").choices()[0] == (5, "Excellent")
    assert [rating for rating, _ in texts_in("fi").choices()] == [5, 4, 3, 2, 1]


def test_a_language_without_texts_falls_back_to_english() -> None:
    assert texts_in("de").code == "en"


@pytest.mark.parametrize(
    ("candidates", "default", "picked"),
    [
        (("fi-FI",), "en", "fi"),
        (("sv_FI.UTF-8",), "en", "sv"),
        (("SV",), "fi", "sv"),
        ((None, "", "de", "en-US"), "fi", "en"),
        (("de", None), "fi", "fi"),
        ((), "de", "en"),
        (("finnish",), "sv", "sv"),
    ],
)
def test_the_first_language_the_survey_speaks_is_picked(
    candidates: tuple[str | None, ...], default: str, picked: str
) -> None:
    assert pick_language(*candidates, default=default) == picked


@given(st.lists(st.none() | st.text()), st.text())
def test_any_wish_gives_a_language_with_texts(candidates: list[str | None], default: str) -> None:
    assert pick_language(*candidates, default=default) in LANGUAGES


def test_the_version_changes_when_what_is_asked_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    before = version()
    assert re.fullmatch("[0-9a-f]{12}", before)
    monkeypatch.setattr("hub.survey.texts.BEST", 10)
    version.cache_clear()
    changed = version()
    version.cache_clear()
    assert changed != before
