"""Questions and surveys for the tests of what is read: the built-in ones, and some with a list of options."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from hub.config.questions import Question
from hub.survey.model import Survey

_TABLES = tomllib.loads(files("hub.config").joinpath("builtin.toml").read_text("utf-8"))


def question(kind: str, **settings: Any) -> Question:
    """A question of a kind, with a text in English."""
    return Question.model_validate({"kind": kind, "text": {"en": "?"}, **settings})


def _options(*names: tuple[str, str, str, str]) -> dict[str, Any]:
    return {id_: {"text": {"fi": finnish, "sv": swedish, "en": english}} for id_, finnish, swedish, english in names}


QUESTIONS = {id_: Question.model_validate(table) for id_, table in _TABLES["questions"].items()} | {
    "channel": question(
        "choice",
        options=_options(
            ("portal", "Portaalista", "I portalen", "In the portal"),
            ("phone", "Puhelimesta", "Per telefon", "On the phone"),
            ("desk", "Palvelupisteestä", "Vid disken", "At the desk"),
        ),
    ),
    "reasons": question(
        "factors",
        options=_options(
            ("time", "Kesti liian kauan", "Det tog för lång tid", "It took too long"),
            ("unsolved", "Asia ei ratkennut", "Ärendet blev inte löst", "It was not resolved"),
            ("silence", "En tiennyt, missä mennään", "Jag fick inte veta något", "I was not kept informed"),
            ("instructions", "Ohjeet olivat huonot", "Anvisningarna var dåliga", "The instructions were poor"),
        ),
    ),
}


def survey(*ids: str, **others: Question) -> Survey:
    """A survey of these questions, and others after them."""
    questions = {id_: QUESTIONS[id_] for id_ in ids} | others
    return Survey(
        name="test", version="1", languages=("fi", "sv", "en"), tone="formal", messages=3, texts={}, questions=questions
    )


def built_in(name: str) -> Survey:
    """A built-in survey."""
    return survey(*_TABLES["surveys"][name]["questions"])
