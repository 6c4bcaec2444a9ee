"""Options from a list, by their number in it or by their text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hub.survey.reading.common import INVISIBLE, Asked, Found, Said, own_words
from hub.survey.reading.degrees import LONGEST_ANSWER
from hub.survey.reading.numbers import ends_here, is_list, number_of
from hub.survey.words import AND, COURTESY, keys

_AND = "|".join(sorted(AND))
_NUMBER = re.compile(rf"{INVISIBLE}(?P<number>\d{{1,2}})\ufe0f?\u20e3?(?!\d)")
_NEXT = re.compile(rf"[.)]?\s?(?:[,;&+]|\s(?:{_AND})\s|\s)\s?(?=\d)", re.IGNORECASE)
_BETWEEN = re.compile(rf"\s*[,;&+\n]\s*|\s+(?:{_AND})\s+", re.IGNORECASE)
_SHORTEST_PREFIX = 3


def read_choice(said: Said, asked: Asked) -> Found | None:
    """The id of the one option that a text names."""
    found = read_factors(said, asked)
    if found is None or not isinstance(found.value, list) or len(found.value) != 1:
        return None
    return Found(found.value[0], found.words, found.literal)


def read_factors(said: Said, asked: Asked) -> Found | None:
    """The ids of the options that a text names: "1, 3", "1 ja 3", or their texts or the beginnings of these."""
    return _by_numbers(said, _listed(asked)) or _by_texts(said, asked)


def _listed(asked: Asked) -> list[str]:
    """The options in the order of the configuration, as `hub.survey.render` lists them in an SMS.

    Options for some scores only are never listed there: the SMS leads to the page, and a number says nothing.
    """
    options = asked.question.options
    return [] if any(option.when for option in options.values()) else list(options)


def _by_numbers(said: Said, options: Sequence[str]) -> Found | None:
    if is_list(said):
        return None
    numbers, rest = [], said.head
    while match := _NUMBER.match(rest):
        numbers.append(int(match["number"]))
        rest = rest[match.end() :]
        if len(numbers) > len(options) or (more := _NEXT.match(rest)) is None:
            break
        rest = rest[more.end() :]
    if not numbers or not all(1 <= number <= len(options) for number in numbers) or not ends_here(rest):
        return None
    return Found(_each_once(options[number - 1] for number in numbers), own_words(rest) + said.tail)


def _by_texts(said: Said, asked: Asked) -> Found | None:
    """Options by what they are called. All of the first line must be options, or it is a comment."""
    if not said.head or len(said.head) > LONGEST_ANSWER:
        return None
    whole = _named(said.head, asked)
    parts = [whole] if whole else [_named(part, asked) for part in _BETWEEN.split(said.head)]
    chosen = [part for part in parts if part is not None]
    return Found(_each_once(chosen), said.tail) if len(chosen) == len(parts) else None


def _named(text: str, asked: Asked) -> str | None:
    """The option that is called so or is the only one whose name begins so, or whose number it is in words."""
    words = [word for word in keys(text) if word not in COURTESY]
    if len(words) == 1 and (number := number_of(words[0], asked.language)) is not None:
        return listed[number - 1] if 1 <= number <= len(listed := _listed(asked)) else None
    wanted = " ".join(words)
    if len(wanted) < _SHORTEST_PREFIX:
        return None
    names = _names(asked)
    if (same := {option for option, name in names if name == wanted}) and len(same) == 1:
        return same.pop()
    beginning = {option for option, name in names if name.startswith(wanted)}
    return beginning.pop() if len(beginning) == 1 else None


def _names(asked: Asked) -> list[tuple[str, str]]:
    """The options with what they are called in each language."""
    return [
        (option, " ".join(keys(name)))
        for option, settings in asked.question.options.items()
        for name in settings.text.values()
    ]


def _each_once(options: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(options))
