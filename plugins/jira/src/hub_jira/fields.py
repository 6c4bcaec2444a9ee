"""Results in custom fields: what each kind of field takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub import Experience
from hub_jira.site import Site
from hub_jira.wording import clean, document

COMMENT, RATING, LOST_MINUTES = "comment", "rating", "lost_minutes"
"""What `result_fields` can name besides the questions of the survey; `rating` is the first score."""
LONGEST_LINE = 255
"""Characters that a text field of one line holds."""
LONGEST_TEXT = 32_000
"""Characters that a text field of several lines surely holds; Jira takes 32,767."""


def unusable(wanted: Mapping[str, str], site: Site) -> dict[str, str]:
    """Why some of the `result_fields` cannot be written, by field id."""
    found: dict[str, str] = {}
    for name, field in wanted.items():
        kind = site.fields.get(field)
        if kind is None:
            found[field] = "there is no such field, or the account may not see it"
        elif name == COMMENT and kind != "string":
            found[field] = f"a comment needs a text field, and this one is of type {kind}"
        elif kind not in {"number", "string", "option"}:
            found[field] = f"results need a field for a number, text or single choice, and this one is of type {kind}"
    return found


def values(item: Experience, wanted: Mapping[str, str], site: Site) -> dict[str, Any]:
    """What to set, by field id. What the customer did not say is None, which clears an earlier revision."""
    skipped = unusable(wanted, site)
    return {field: _value(item, name, field, site) for name, field in wanted.items() if field not in skipped}


def holds(shown: Any, written: Any) -> bool:
    """Whether a field reads back as it was written. Jira changes the form of texts, so they must only be there."""
    match written:
        case None:
            return shown is None
        case {"value": str(option)}:
            return isinstance(shown, dict) and shown.get("value") == option
        case int() | float():
            return bool(shown == written)
    return shown is not None


def _value(item: Experience, name: str, field: str, site: Site) -> Any:
    if name == COMMENT:
        return _text(item.comment or "", field, site)
    kind = site.fields[field]
    chosen = next((choice.options for choice in item.choices if choice.question == name), ())
    score = item.lost_minutes if name == LOST_MINUTES else _score(item, name)
    if kind == "number":
        return int(score) if score is not None and score == int(score) else score
    said = ", ".join(chosen) if score is None else f"{score:g}"
    if kind == "option":
        return {"value": chosen[0] if chosen else said} if said else None
    return _text(said, field, site)


def _score(item: Experience, name: str) -> float | None:
    scores = {score.question: score.value for score in reversed(item.scores)}
    first = item.scores[0].value if item.scores and name == RATING else None
    return scores.get(name, first)


def _text(text: str, field: str, site: Site) -> Any:
    if not site.kinds.get(field, "").endswith(":textarea"):
        return " ".join(clean(text).split())[:LONGEST_LINE].strip() or None
    text = clean(text)[:LONGEST_TEXT]
    return document(text) if site.cloud else text or None
