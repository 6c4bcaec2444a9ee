"""Whether a survey can be asked as it is written: its own words, the languages of its options, its conditions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from hub.api.records import QuestionKind
from hub.config.locate import KeyPath
from hub.config.questions import BANDS, SCALES, Question, SurveyDefinition
from hub.config.texts import PLACEHOLDERS, fault_in, replaceable
from hub.registry import did_you_mean


def faults(name: str, survey: SurveyDefinition, questions: Mapping[str, Question]) -> Iterator[tuple[KeyPath, str]]:
    """What is wrong with a survey whose questions are known, each with its place in the file."""
    yield from _texts(name, survey)
    asked = {id_: questions[id_] for id_ in survey.questions if id_ in questions}
    for id_, question in asked.items():
        for option, choice in question.options.items():
            if missing := [language for language in survey.languages if language not in choice.text]:
                place = ("questions", id_, "options", option, "text")
                yield place, f"survey {name!r} needs it in {', '.join(missing)} too."
        for earlier, words in question.ask_if.items():
            known = answers_to(asked[earlier]) if earlier in asked else ()
            for word in words:
                if known and word not in known:
                    near = did_you_mean(word, known)
                    yield (
                        ("questions", id_, "ask_if", earlier),
                        f"{word!r} is no answer to {earlier!r}.{near} There are: {', '.join(known)}.",
                    )


def answers_to(question: Question) -> Collection[str]:
    """What a condition can call an answer; nothing when that cannot be listed."""
    if question.kind is QuestionKind.YES_NO:
        return "yes", "no"
    if question.kind in SCALES:
        return *BANDS, *map(str, range(question.minimum, question.maximum + 1))
    return tuple(question.options)


def _texts(name: str, survey: SurveyDefinition) -> Iterator[tuple[KeyPath, str]]:
    known = replaceable()
    for language, texts in survey.texts.items():
        for key, text in texts.items():
            place = ("surveys", name, "texts", language, key)
            if key not in known:
                yield place, f"there is no such text.{did_you_mean(key, known)} There are: {', '.join(known)}."
            elif fault := fault_in(text, PLACEHOLDERS.get(key, ())):
                yield place, fault
