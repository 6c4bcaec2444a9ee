"""Yes and no, in the language of the conversation first: "no" is no answer in Finnish, nor "en" in Swedish.

A digit answers only where the SMS says which digit means what, as in "1 = yes, 0 = no": elsewhere "1" may as well be a
rating. A yes or no with more words after it counts only when they bear it out: "ei ratkennut" is a no, "ei mitään
valittamista" (no complaints) and "kyllä kesti" (it did take long) are comments.
"""

from __future__ import annotations

import re
from functools import lru_cache

from hub.survey.reading.common import WORD, Asked, Found, Said, own_words
from hub.survey.reading.numbers import ends_here
from hub.survey.words import (
    AFTER_NO,
    AFTER_YES,
    BEFORE_YES_NO,
    BESIDE_SOLVED,
    CONJUNCTIONS,
    DECISIVE,
    NEEDS_MORE,
    NEVER_UNSOLVED,
    NO,
    NO_SIGNS,
    NOT_ELSEWHERE,
    SADLY,
    SOLVED,
    THANKS,
    UNSOLVED,
    YES,
    YES_SIGNS,
    key,
    keys,
)

_NAMED = re.compile(r"(?<!\d)(?P<digit>\d)\s*[=:]\s*(?P<word>[^\W\d_]+)")
_DIGIT = re.compile(r"\d(?!\d)")
_FINNISH_QUESTION = re.compile(r"(?P<verb>\w+)k[oö](?!\w)")
_ANY_NO = frozenset().union(*NO.values())
_BESIDE_SIGN = frozenset(" \r\n\t.!\ufe0f🏻🏼🏽🏾🏿")
_THOUGHT_ENDS = ".,!?…:;(-–—"
_ABOUT_SOLVING = re.compile(r"ratke|ratkais|löst|solved|fixed", re.IGNORECASE)
_LONGEST_STATEMENT = 60
_ONLY_ANSWERS = ("no", "nej")


def read_yes_no(said: Said, asked: Asked) -> Found | None:
    """1 for yes and 0 for no."""
    if (sign := _sign(said.text)) is not None:
        return Found(sign, said.text, literal=False)
    if match := _DIGIT.match(said.head):
        named, rest = _named_digits(asked.text, asked.language).get(match[0]), said.head[1:]
        return None if named is None or not ends_here(rest) else Found(named, own_words(rest) + said.tail)
    return _from_words(said, asked.language, _echo(asked.text, asked.language)) or _statement(said, asked)


def _sign(text: str) -> int | None:
    signs = set(text) - _BESIDE_SIGN
    if signs and signs <= YES_SIGNS:
        return 1
    return 0 if signs and signs <= NO_SIGNS else None


@lru_cache(maxsize=64)
def _named_digits(asked: str, language: str) -> dict[str, int]:
    """What digits mean in a question that says so."""
    named = {match["digit"]: _meaning(key(match["word"]), language) for match in _NAMED.finditer(asked)}
    return {digit: value for digit, value in named.items() if value is not None}


@lru_cache(maxsize=64)
def _echo(asked: str, language: str) -> str | None:
    """The verb that is a yes to a Finnish question: "ratkesi" to "ratkesiko asianne?"."""
    match = _FINNISH_QUESTION.search(asked) if language == "fi" else None
    return match and key(match["verb"])


def _meaning(word: str, language: str) -> int | None:
    """What a word means in a language."""
    if word in YES.get(language, ()):
        return 1
    return 0 if word in NO.get(language, ()) else None


def _from_words(said: Said, language: str, echo: str | None) -> Found | None:
    match = WORD.match(said.head)
    if match and key(match["word"]) in BEFORE_YES_NO.get(language, ()):
        match = WORD.match(own_words(match["rest"]))
    if match is None:
        return None
    word, rest = key(match["word"]), match["rest"]
    value = _meaning(word, language)
    if value is None and word == echo:
        value = 1
    if value is None:
        return _from_another_language(said, language)
    if not _is_borne_out(word, rest, value, language, echo):
        return None
    if THANKS.issuperset(_first_thought(rest)):
        return Found(value, own_words(rest) + said.tail)
    return Found(value, said.text)  # "ratkennut" alone would say the opposite of "ei ratkennut"


def _statement(said: Said, asked: Asked) -> Found | None:
    """What a reply says that begins with neither: "det är löst", "it works now", "valitettavasti ei ratkennut".

    Only where that was asked: to "did you have any trouble?" the same words would mean the opposite.
    """
    language, text = asked.language, said.text
    if len(text) > _LONGEST_STATEMENT or "?" in text or not _ABOUT_SOLVING.search(asked.text):
        return None
    words = keys(text)
    noes = [word for word in words if word in UNSOLVED.get(language, ())]
    others = {*words} - {*noes} - THANKS - BESIDE_SOLVED.get(language, frozenset()) - SADLY
    solved = others & SOLVED.get(language, frozenset())
    supporting = (AFTER_NO if noes else AFTER_YES).get(language, frozenset())
    if len(noes) > 1 or not others <= solved | supporting:
        return None
    if not noes:
        return Found(1, text) if solved and SADLY.isdisjoint(words) else None
    if solved and (solved & NEVER_UNSOLVED or noes[0] in _ONLY_ANSWERS):
        return None  # "no it works now"
    ends_so = words[-1] in noes and not NEEDS_MORE.issuperset(words)
    return Found(0, text) if solved or ends_so or not SADLY.isdisjoint(words) else None


def _is_borne_out(word: str, rest: str, value: int, language: str, echo: str | None) -> bool:
    """Whether the words after a yes or no leave it one."""
    supporting = (AFTER_YES if value else AFTER_NO).get(language, frozenset())
    thought = _first_thought(rest)
    if not thought:
        return word not in NEEDS_MORE and not _contradicts(rest, value, language)
    if not value and THANKS.issuperset(thought):  # "no thanks" is no answer at all
        return False
    for place, following in enumerate(thought, 1):
        if following in CONJUNCTIONS:
            return all(_meaning(other, language) in (None, value) for other in thought[place : place + 1])
        if following == echo or (following in DECISIVE and following in supporting):
            return True
        if following not in supporting and following not in THANKS and _meaning(following, language) != value:
            return False
    return True


def _first_thought(rest: str) -> list[str]:
    """The words up to the first punctuation or sign."""
    words: list[str] = []
    if rest[:1] in _THOUGHT_ENDS:
        return words
    for word in rest.split(maxsplit=8)[:8]:
        if not (folded := key(word)):
            break
        words.append(folded)
        if word[-1] in _THOUGHT_ENDS:
            break
    return words


def _contradicts(rest: str, value: int, language: str) -> bool:
    """Whether the next thought is the opposite: "yes, no"."""
    match = WORD.match(own_words(rest))
    if match is None:
        return False
    opposite = _meaning(key(match["word"]), language)
    if opposite is None or opposite == value:
        return False
    supporting = (AFTER_YES if opposite else AFTER_NO).get(language, frozenset())
    return all(word in supporting or word in THANKS for word in _first_thought(match["rest"]))


def _from_another_language(said: Said, language: str) -> Found | None:
    """A yes or no in another language counts when nothing but thanks stands beside it."""
    words = keys(said.text) if len(said.text) < 100 else ()
    bare = [word for word in words if word not in THANKS]
    if len(bare) != 1 or words[0] != bare[0] or bare[0] in NOT_ELSEWHERE.get(language, frozenset()) | NEEDS_MORE:
        return None
    if len(words) > 1 and bare[0] in _ANY_NO:
        return None
    value = next((found for other in YES if (found := _meaning(bare[0], other)) is not None), None)
    if value is None:
        return None
    match = WORD.match(said.head)
    return Found(value, own_words(match["rest"] if match else "") + said.tail)
