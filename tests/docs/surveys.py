"""The built-in surveys as tables: what is asked, in which words, and what each text message costs."""

from __future__ import annotations

from functools import cache

from hub import Channel
from hub.api.records import QuestionKind
from hub.config.questions import Question
from hub.config.survey import Language
from hub.config.texts import LANGUAGES, PLACEHOLDERS, TONES, builtin_texts, replaceable
from hub.survey.model import Survey, scale_of
from hub.survey.preview import all_sms
from hub.survey.wording import question_text
from tests import surveys
from tests.docs import pages

NAMES: dict[Language, str] = {"fi": "Finnish", "sv": "Swedish", "en": "English"}


@cache
def builtin() -> dict[str, Survey]:
    """The surveys that are there without a word in hub.toml, and one with every built-in question."""
    every = "service, solved, taken_care_of, recommend, effort, improve, factors, lost_time, three, visit, comment"
    ids = ", ".join(f'"{id_}"' for id_ in every.split(", "))
    return surveys.surveys(f"[surveys.every]\nquestions = [{ids}]")


def survey_table() -> str:
    """Which questions each survey asks."""
    rows = [
        (f"`{name}`", ", ".join(f"`{id_}`" for id_ in survey.questions), str(survey.messages))
        for name, survey in builtin().items()
        if name != "every"
    ]
    return pages.table(("survey", "questions, the first one in the message itself", "SMS at most"), rows)


def question_table() -> str:
    """Every built-in question in all languages and both tones."""
    rows = [
        (f"`{id_}`", _kind(one), *(_words(one, language) for language in LANGUAGES))
        for id_, one in builtin()["every"].questions.items()
    ]
    return pages.table(("question", "kind", *NAMES.values()), rows)


def option_table() -> str:
    """What can be chosen as a factor."""
    rows = [
        (f"`{id_}`", ", ".join(one.when), "yes" if one.process else "", *(one.text[code] for code in LANGUAGES))
        for id_, one in builtin()["every"].questions["factors"].options.items()
    ]
    return pages.table(("option", "after a score that is", "process", *NAMES.values()), rows)


def text_table() -> str:
    """The texts around the questions that a survey can replace."""
    texts = builtin_texts("en", "formal")
    rows = [
        (f"`{name}`", " ".join(f"`{{{one}}}`" for one in PLACEHOLDERS.get(name, ())), texts[name])
        for name in replaceable()
    ]
    return pages.table(("name", "can hold", "in English"), rows)


def sms_table() -> str:
    """Parts and characters of every text message."""
    columns = [(language, tone) for language in LANGUAGES for tone in TONES if (language, tone) != ("en", "informal")]
    header = [f"{NAMES[language]}{f', {tone}' if language != 'en' else ''}" for language, tone in columns]
    rows: dict[str, list[str]] = {}
    for name in ("closing", "progress"):
        found: dict[str, list[str]] = {}
        for language, tone in columns:
            for sms in all_sms(builtin()[name], surveys.occasion(Channel.SMS, language=language, tone=tone)):
                title = f"{sms.kind} `{sms.question}`" if sms.question else str(sms.kind)
                found.setdefault(title, []).append(f"{sms.size.parts} ({sms.size.characters})")
        rows |= {title: cells for title, cells in found.items() if title not in rows}
    return pages.table(("message", *header), [(message, *cells) for message, cells in rows.items()])


def _kind(question: Question) -> str:
    scale = scale_of(question)
    return f"{question.kind}, {scale}" if scale and question.kind is not QuestionKind.YES_NO else str(question.kind)


def _words(question: Question, language: Language) -> str:
    return " / ".join(dict.fromkeys(question_text(question, language, tone) for tone in TONES))
