"""What an experience says, in words for people at the desk. Plugins put it where their desk has room for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.api.records import Experience, ItemKind, QuestionKind, Score

_KINDS: Mapping[ItemKind, str] = {
    ItemKind.SERVICE: "Wants to order",
    ItemKind.PROBLEM_CUSTOMER: "Problem, needs advice",
    ItemKind.PROBLEM_UNCLEAR: "Problem, cause unclear",
    ItemKind.PROBLEM_FAULT: "Problem, something is broken",
    ItemKind.COMMENT: "Comment",
    ItemKind.WISH: "Wish",
    ItemKind.IDEA: "Idea",
    ItemKind.COMPLAINT: "Complaint",
    ItemKind.PRAISE: "Praise",
}
_MINUTES_IN_HOUR = 60


def tell_score(score: Score) -> str:
    """A score without its question: "yes", "4 of 1 to 5", "about 3 of 1 to 5", "2 of 0 to 4, lower is better"."""
    if score.kind is QuestionKind.YES_NO:
        return "yes" if score.value else "no"
    about = "about " if score.approximate else ""
    note = "" if score.higher_is_better else ", lower is better"
    return f"{about}{score.value:g} of {score.minimum:g} to {score.maximum:g}{note}"


def tell_details(item: Experience) -> Sequence[str]:
    """What was answered besides scores and words, a line each: choices, lost time. Empty when there is nothing."""
    lines = []
    for choice in item.choices:
        process = " (the process stood in the way)" if choice.process else ""
        lines.append(f"{choice.question}: {', '.join(choice.options)}{process}")
    if item.lost_minutes is not None:
        hours, minutes = divmod(item.lost_minutes, _MINUTES_IN_HOUR)
        taken = " ".join([f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes or not hours))
        lines.append(f"Work time lost: {taken}")
    return lines


def tell_words(item: Experience) -> Sequence[tuple[str, str]]:
    """All of the customer's own words, each with what kind of thing they are, such as ("Wish (suggested)", "...").

    The kind is empty where the record names none. A kind that a rule suggested says so. Words are untouched: escape
    them as the desk needs it.
    """
    if item.items:
        return [(_KINDS[one.kind] + (" (suggested)" if one.by == "rule" else ""), one.text) for one in item.items]
    return [("", item.comment)] if item.comment else []
