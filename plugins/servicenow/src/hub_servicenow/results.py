"""An answer as ServiceNow keeps it: a work note, or values of columns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC

from hub import Experience, QuestionKind, Score, tell_details, tell_score, tell_words

RESPONSE, COMMENT, RATING, LOST_MINUTES = "response", "comment", "rating", "lost_minutes"
"""Names in `result_fields` that are not questions; "rating" is the first score, whatever its question is called."""
NOTE_LENGTH = 4000
"""The length, in characters, that journal fields have unless somebody changed it."""
MARK = "Survey answer"
"""What every work note of the hub's begins with."""
_LONGEST_FIRST = 1000
_CUT = " […] (cut; the hub has all of it)"


def reference(item: Experience) -> str:
    """What identifies one revision of one answer on the instance."""
    return f"{re.sub(r'[^A-Za-z0-9.:_-]', '-', item.id)}.{item.revision}"


def is_later(kept: str, item: Experience) -> bool:
    """Whether a column holds a later revision of the same answer.

    :param kept: what the column for the response id holds.
    """
    name, _, revision = kept.rpartition(".")
    same = name == reference(item).rpartition(".")[0]
    return same and revision.isascii() and revision.isdecimal() and int(revision) > item.revision


def marker(item: Experience) -> str:
    """How the note of this revision begins, and no other."""
    return f"{MARK} {reference(item)}:"


def note(item: Experience) -> str:
    """The work note: the marker and the scores, the rest of the answer, the customer's words, and when they came."""
    scores = ", ".join(_score(score) for score in item.scores) or "a comment"
    replaces = " It replaces an earlier answer." if item.revision > 1 else ""
    first = f"{marker(item)} {'withdrawn by the customer' if item.withdrawn else scores}"[:_LONGEST_FIRST]
    done = "Withdrawn" if item.withdrawn else "Answered"
    last = f"{done} {item.answered_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC by {item.channel}.{replaces}"
    room = NOTE_LENGTH - len(first) - len(last) - 2
    words = [f"{label}: {text}" if label else text for label, text in tell_words(item)]
    said = _plain("\n".join([*tell_details(item), *words]))
    if len(said) > room:
        said = said[: room - len(_CUT)] + _CUT
    return "\n".join(part for part in (first, said, last) if part)


def columns(item: Experience, names: Mapping[str, str]) -> dict[str, str]:
    """Values by column, all of them text. What a later revision does not say is emptied, as an earlier one may have.

    :param names: `result_fields`: columns by question, "rating", "comment", "lost_minutes" and "response".
    """
    values = dict.fromkeys(names, "") if item.revision > 1 else {}
    values |= {score.question: f"{score.value:g}" for score in item.scores}
    values |= {choice.question: ", ".join(choice.options) for choice in item.choices}
    if item.scores:
        values[RATING] = values.get(RATING) or f"{item.scores[0].value:g}"
    if item.lost_minutes is not None:
        values[LOST_MINUTES] = str(item.lost_minutes)
    values |= {COMMENT: item.comment or "", RESPONSE: reference(item)}
    return {column: values[name] for name, column in names.items() if name in values}


def ignored(sent: Mapping[str, str], stored: Mapping[str, str]) -> list[str]:
    """What the instance did not take as it was sent; it says nothing of that itself."""
    found = []
    for column, value in sent.items():
        kept = stored.get(column, "")
        if _same(value, kept):
            continue
        cut = bool(kept) and _lines(value).startswith(_lines(kept))
        found.append(f"{column} was cut to {len(kept)} characters" if cut else f"{column} was ignored")
    return found


def _score(score: Score) -> str:
    name = " ".join(_plain(score.question).split())
    if score.kind is QuestionKind.YES_NO:
        return f"{name} {tell_score(score)}"
    return f"{name} {'about ' if score.approximate else ''}{score.value:g}/{score.maximum:g}"


def _plain(text: str) -> str:
    """Journals draw what stands between [code] tags as HTML, and tell whoever is named in @[...]; customers may not."""
    return re.sub(r"\[(?=/?code\])", "[ ", text, flags=re.IGNORECASE).replace("@[", "@ [")


def _same(sent: str, kept: str) -> bool:
    if _lines(sent) == _lines(kept):
        return True
    try:
        return float(sent) == float(kept)  # a decimal column shows 4 as 4.00
    except ValueError:
        return False


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
