"""The things inside an answer that somebody can act on, each with its kind.

What the customer put into a field for it has that kind. For other words a rule suggests one from what is said and how
good the score was; the suggestion is marked as one, and a person can correct it. The words themselves are never cut.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hub.api.records import Item, ItemKind, QuestionKind, Remark
from hub.journey.heard import OPERATOR, Heard, late_words
from hub.survey.model import scale_of
from hub.survey.reading import is_nothing

Corrections = Mapping[tuple[str, str], ItemKind]
"""Kinds that a person chose, by question and words."""

_RULES: Sequence[tuple[ItemKind, re.Pattern[str]]] = tuple(
    (kind, re.compile(rf"(?<!\w)(?:{pattern})", re.IGNORECASE))
    for kind, pattern in (
        (
            ItemKind.PROBLEM_FAULT,
            r"ei\s+(?:vieläkään\s+|edelleenkään\s+|enää\s+)?toimi|rikki|hajo\w+|kaatu\w+|jumi\w*|virheilmoitu\w+|"
            r"fungerar\s+(?:fortfarande\s+)?inte|funkar\s+inte|trasig\w*|sönder|krascha\w+|felmeddeland\w+|"
            r"(?:does|is|do|still)(?:n['’]t|\s+not)\s+work\w*|not\s+working|broken|crash\w*|error\s+messag\w+",
        ),
        (
            ItemKind.PROBLEM_CUSTOMER,
            r"en\s+osaa|en\s+tiedä,?\s+miten|miten\s+(?:minä|voin|saan|pitää)|neuvo\w*,?\s+miten|"
            r"hur\s+(?:gör|kan|ska|får)\s+(?:jag|man|vi)|jag\s+vet\s+inte\s+hur|how\s+(?:do|can|should)\s+(?:i|we)|"
            r"i\s+(?:do\s+not|don['’]t)\s+know\s+how",
        ),
        (
            ItemKind.SERVICE,
            r"haluaisin\s+tilata|tilaisin|tarvits(?:en|isin|emme)\s+(?:uude|uuti|toise)\w*|"
            r"(?:vill|skulle\s+vilja)\s+beställa|behöver\s+(?:en\s+ny|nya)|"
            r"(?:would\s+like|want|wish)\s+to\s+order|need\s+a\s+new",
        ),
        (
            ItemKind.IDEA,
            r"ehdot\w+|voisi(?:tte|ko|han)?\b|kannattaisi|parannusehdotu\w+|förslag|föreslår|kunde\s+(?:ni|man)|"
            r"suggest\w*|could\s+you|why\s+not|it\s+would\s+be\s+(?:better|easier|good)|idea\b",
        ),
        (
            ItemKind.WISH,
            r"toivo\w+|haluaisin|olisi\s+(?:hyvä|kiva|mukava)|önska\w*|skulle\s+(?:vilja|vara\s+bra)|hoppas|"
            r"wish|would\s+(?:like|be\s+nice)|hope",
        ),
        (
            ItemKind.COMPLAINT,
            r"huono\w*|surkea\w*|kesti|hidas\w*|hitaasti|odot(?:in|imme|ella|taa)|pettyny\w+|töykeä\w*|"
            r"dålig\w*|långsam\w*|tog\s+(?:för\s+)?lång\s+tid|besvik\w+|otrevlig\w*|"
            r"bad(?:ly)?\b|poor(?:ly)?\b|slow\w*|took\s+(?:too\s+|so\s+)?long|disappoint\w*|rude\b|terrible|awful|nobody",
        ),
        (
            ItemKind.PRAISE,
            r"kiito\w*|hyv[äi]\w*|loista\w*|erinoma\w*|mahtav\w*|ystäväll\w*|nopea\w*|tack\b|bra\b|utmärkt|"
            r"jättebra|trevlig\w*|vänlig\w*|snabb\w*|thank\w*|great|excellent|good\b|friendly|quick\w*|fast(?:er)?\b|helpful|"
            r"perfect\w*|awesome",
        ),
    )
)
_PROBLEMS = (ItemKind.PROBLEM_FAULT, ItemKind.PROBLEM_CUSTOMER)
_AT_ODDS = ((ItemKind.COMPLAINT, ItemKind.PRAISE), (ItemKind.PRAISE, ItemKind.COMPLAINT))
_FEEDBACK = (ItemKind.IDEA, ItemKind.WISH, ItemKind.COMPLAINT, ItemKind.PRAISE)


def items_of(heard: Heard, remarks: Iterable[Remark]) -> tuple[Item, ...]:
    """An item for each thing the customer wrote, in that order.

    :param remarks: all of the customer's own words.
    """
    corrected, tone, late = _corrections(heard), _tone(heard), set(late_words(heard.survey, heard.answers))
    items = []
    for remark in remarks:
        said = (remark.question, remark.text)
        # the score is older than words that came late, and may not be what they are about
        items.append(_item(heard, remark, corrected.get(said), ItemKind.COMMENT if said in late else tone))
    return tuple(items)


def _item(heard: Heard, remark: Remark, corrected: ItemKind | None, tone: ItemKind) -> Item:
    part = _part(heard, remark)
    if corrected:
        kind, by = corrected, "person"
    elif part == "service":
        kind, by = ItemKind.SERVICE, "customer"
    elif part == "problem":  # that it is one the customer said; which sort is a guess
        kind, by = _suggest(remark.text, _PROBLEMS) or ItemKind.PROBLEM_UNCLEAR, "rule"
    elif part == "feedback":
        kind, by = _suggest(remark.text, _FEEDBACK) or tone, "rule"
    else:
        kind, by = suggest(remark.text, tone), "rule"
    return Item(kind=kind, text=remark.text, question=remark.question, by=by)


def suggest(text: str, tone: ItemKind = ItemKind.COMMENT) -> ItemKind:
    """The kind that words seem to be.

    Thanks beside a bad score are no praise, and a grumble beside a good one is no complaint: both are comments.

    :param tone: what the score makes of words that say nothing by themselves: a complaint, praise or a comment.
    """
    found = _suggest(text, tuple(kind for kind, _ in _RULES))
    if found is None:
        return ItemKind.COMMENT if is_nothing(text) else tone
    return ItemKind.COMMENT if (found, tone) in _AT_ODDS else found


def _suggest(text: str, kinds: Sequence[ItemKind]) -> ItemKind | None:
    return next((kind for kind, pattern in _RULES if kind in kinds and pattern.search(text)), None)


def _part(heard: Heard, remark: Remark) -> str | None:
    """Which field of a three-part question holds these words."""
    value = heard.gathered.values.get(remark.question)
    if not isinstance(value, dict):
        return None
    return next((part for part, text in value.items() if text == remark.text), None)


def _tone(heard: Heard) -> ItemKind:
    """What the first score says about words beside it."""
    for id_, question in heard.survey.questions.items():
        value, scale = heard.gathered.values.get(id_), scale_of(question)
        if scale and isinstance(value, int) and question.kind is not QuestionKind.YES_NO:
            return {"low": ItemKind.COMPLAINT, "high": ItemKind.PRAISE}.get(scale.band(value), ItemKind.COMMENT)
    return ItemKind.COMMENT


def _corrections(heard: Heard) -> Corrections:
    """What people corrected, the last word counting. See `correct`."""
    rows = [json.loads(row["given"]) for row in heard.answers if row["gateway"] == OPERATOR]
    return {(row["question"], row["text"]): ItemKind(row["kind"]) for row in rows}


def correction(remark: Item, kind: ItemKind) -> dict[str, Any]:
    """What is stored of a correction."""
    return {"question": remark.question, "text": remark.text, "kind": kind}
