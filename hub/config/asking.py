"""Reads what is asked and whom: questions, surveys, rules, exclusions and places, on top of the built-in ones."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Protocol, TypedDict, TypeVar

from hub.config.coherence import faults
from hub.config.locate import KeyPath
from hub.config.questions import Question, SurveyDefinition
from hub.config.survey import DEFAULT_RULE, Exclusion, Place, Rule, SurveySettings
from hub.config.values import Section
from hub.registry import did_you_mean

SectionT = TypeVar("SectionT", bound=Section)
_PLACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_REPLACED = ("options", "ask_if", "fields")
"""Tables that are taken as they are written instead of being added to."""


class _Validate(Protocol):
    def __call__(self, model: type[SectionT], table: Mapping[str, Any], path: KeyPath, /) -> SectionT | None: ...


class Asked(TypedDict):
    """The parts of a configuration that say what is asked and whom."""

    questions: Mapping[str, Question]
    surveys: Mapping[str, SurveyDefinition]
    rules: tuple[Rule, ...]
    exclusions: Mapping[str, Exclusion]
    places: Mapping[str, Place]


class Asking:
    """One reading of these tables. It goes on after each problem."""

    def __init__(
        self,
        document: Mapping[str, Any],
        gateways: Collection[str],
        sources: Collection[str],
        validate: _Validate,
        report: Callable[[KeyPath, str], None],
        *,
        survey: SurveySettings | None,
    ) -> None:
        """:param survey: None when there is something wrong with it."""
        self._document = document
        self._survey = survey
        self._gateways = gateways
        self._sources = sources
        self._validate = validate
        self._report = report

    def read(self) -> Asked:
        """All of them, the built-in ones included. What is wrong is reported."""
        questions = self._tables("questions", Question)
        surveys = self._tables("surveys", SurveyDefinition)
        rules = self._rules()
        places = self._tables("places", Place)
        if len(questions) == len(self._merged("questions")):
            for id_, question in questions.items():
                for earlier in question.ask_if:
                    self._known(("questions", id_, "ask_if", earlier), earlier, questions, "question")
            for name, survey in surveys.items():
                self._check_survey(name, survey, questions)
        for index, rule in rules.items():
            self._check_rule(index, rule, surveys)
        for name, place in places.items():
            self._known(("places", name, "survey"), place.survey, surveys, "survey")
            if not _PLACE.fullmatch(name):  # it stands in addresses, and in QR codes on walls
                text = "a name is at most 63 letters a-z, digits, '-' and '_', and begins with a letter or digit."
                self._report(("places", name), text)
        return Asked(
            questions=questions,
            surveys=surveys,
            rules=(*rules.values(), DEFAULT_RULE),
            exclusions=self._tables("exclusions", Exclusion),
            places=places,
        )

    def _tables(self, kind: str, model: type[SectionT]) -> dict[str, SectionT]:
        found = {}
        for name, table in self._merged(kind).items():
            if not isinstance(table, dict):
                self._report((kind, name), f"must be a table: [{kind}.NAME].")
            elif (section := self._validate(model, table, (kind, name))) is not None:
                found[name] = section
        return found

    def _merged(self, kind: str) -> dict[str, Any]:
        own = self._document.get(kind, {})
        if not isinstance(own, dict):
            self._report((kind,), f"must be a table: [{kind}.NAME].")
            own = {}
        merged = dict(builtin().get(kind, {}))
        for name, table in own.items():
            merged[name] = _over(_without_variants(merged.get(name), table), table)
        return merged

    def _rules(self) -> dict[int, Rule]:
        """The sound ones by their place in the file."""
        tables = self._document.get("rules", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self._report(("rules",), "must be a list of tables: [[rules]].")
            return {}
        found = dict[int, Rule]()
        for index, table in enumerate(tables):
            if (rule := self._validate(Rule, table, ("rules", index))) is None:
                continue
            if rule.name == DEFAULT_RULE.name:
                text = "is the name of the rule behind all others, which is for every closed ticket. Choose another."
                self._report(("rules", index, "name"), text)
            elif any(rule.name == other.name for other in found.values()):
                self._report(("rules", index, "name"), f"another rule is called {rule.name!r}.")
            found[index] = rule
        return found

    def _check_rule(self, index: int, rule: Rule, surveys: Collection[str]) -> None:
        self._known(("rules", index, "survey"), rule.survey, surveys, "survey")
        for number, gateway in enumerate(rule.gateways or ()):
            self._known(("rules", index, "gateways", number), gateway, self._gateways, "gateway")
        for number, source in enumerate(rule.source):
            if not set(source) & set("*?["):
                self._known(("rules", index, "source", number), source, self._sources, "source")
        if self._survey and rule.delay is not None and rule.delay >= self._survey.max_age:
            text = "must be shorter than survey.max_age, or the rule asks nobody."
            self._report(("rules", index, "delay"), text)

    def _check_survey(self, name: str, survey: SurveyDefinition, questions: Mapping[str, Question]) -> None:
        for index, id_ in enumerate(survey.questions):
            place = ("surveys", name, "questions", index)
            if id_ in survey.questions[:index]:
                self._report(place, f"asks {id_!r} twice.")
                continue
            self._known(place, id_, questions, "question")
            if (question := questions.get(id_)) is None:
                continue
            if missing := [language for language in survey.languages if language not in question.text]:
                self._report(("questions", id_, "text"), f"survey {name!r} needs it in {', '.join(missing)} too.")
            for earlier in question.ask_if:
                if earlier in questions and earlier not in survey.questions[:index]:
                    why = f"{id_!r} depends on {earlier!r}, which survey {name!r} does not ask before it."
                    self._report(place, why)
        for path, fault in faults(name, survey, questions):
            self._report(path, fault)

    def _known(self, place: KeyPath, name: str, known: Collection[str], what: str) -> None:
        if name not in known:
            near, others = did_you_mean(name, known), ", ".join(known) or "none"
            self._report(place, f"no {what} {name!r} is configured.{near} There are: {others}.")


@cache
def builtin() -> Mapping[str, Any]:
    """The tables that are there without a word in hub.toml, as they would be written in it."""
    return tomllib.loads(files("hub.config").joinpath("builtin.toml").read_text("utf-8"))


def _without_variants(base: Any, table: Any) -> Any:
    """A built-in question without the informal and short forms of the texts that are replaced."""
    text = table.get("text") if isinstance(table, dict) else None
    if not (isinstance(base, dict) and isinstance(text, dict)):
        return base
    variants = [key for key in ("informal", "sms") if key in base]
    return base | {key: {code: words for code, words in base[key].items() if code not in text} for key in variants}


def _over(base: Any, table: Any) -> Any:
    """The base with what the table says instead."""
    if not (isinstance(base, dict) and isinstance(table, dict)):
        return table
    return base | {key: value if key in _REPLACED else _over(base.get(key), value) for key, value in table.items()}
