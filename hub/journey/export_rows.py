"""A record as one flat row of a table: the same columns for each record, what is a list in one cell."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from hub.api.records import Experience, QuestionKind
from hub.config.questions import Question
from hub.journey.export import Exported
from hub.survey.model import scale_of

_WITH_OPTIONS = (QuestionKind.CHOICE, QuestionKind.FACTORS)
_RECORD: Mapping[str, type] = {
    "id": str, "revision": int, "survey": str, "survey_version": str, "milestone": str, "place": str, "channel": str,
    "language": str, "asked_at": datetime, "delivered_at": datetime, "answered_at": datetime, "withdrawn": bool,
    "lost_minutes": int,
}  # fmt: skip
_TICKET: Mapping[str, type] = {
    "source": str, "id": str, "key": str, "closure_key": str, "subject": str, "agent": str, "team": str,
    "service": str, "type": str, "organisation": str, "opened_at": datetime, "first_response_at": datetime,
    "closed_at": datetime, "reopen_count": int,
}  # fmt: skip
_LATENCIES = (
    "closed_to_asked_s", "asked_to_delivered_s", "delivered_to_answered_s", "asked_to_answered_s",
    "answered_to_written_back_s",
)  # fmt: skip


def columns(questions: Mapping[str, Question]) -> dict[str, type]:
    """The columns and what they hold: str, int, float, bool or datetime; each can be None.

    A question ID with a scale has the columns q_ID, q_ID_scale and q_ID_normalised, one with options the column q_ID.
    """
    found = dict(_RECORD)
    found |= {f"ticket_{name}": kind for name, kind in _TICKET.items()}
    found |= {"ticket_time_to_resolve_s": float, "written_back_at": datetime} | dict.fromkeys(_LATENCIES, float)
    for id_, question in questions.items():
        if scale_of(question):
            found |= {f"q_{id_}": float, f"q_{id_}_scale": str, f"q_{id_}_normalised": float}
        elif question.kind in _WITH_OPTIONS:
            found[f"q_{id_}"] = str
    return found | {"process_said_no": bool, "comment": str, "items": str}


def as_row(one: Exported, names: Mapping[str, type]) -> dict[str, Any]:
    """A record with a value for each of these columns."""
    record, taken = one.record, one.record.ticket.time_to_resolve
    row: dict[str, Any] = dict.fromkeys(names)
    row |= {name: getattr(record, name) for name in _RECORD}
    row |= {name: str(row[name]) for name in ("milestone", "channel")}
    row |= {f"ticket_{name}": getattr(record.ticket, name) for name in _TICKET}
    row["ticket_time_to_resolve_s"] = None if taken is None else taken.total_seconds()
    row |= {"written_back_at": one.written_back_at, **one.latencies_s()}
    row |= {name: value for name, value in _answers(record).items() if name in names}
    row["process_said_no"] = any(choice.process for choice in record.choices)
    row["comment"] = record.comment
    row["items"] = "\n".join(f"{item.kind} ({item.by}): {item.text}" for item in record.items) or None
    return row


def _answers(record: Experience) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for score in record.scores:
        name, better = f"q_{score.question}", "higher" if score.higher_is_better else "lower"
        found[name], found[f"{name}_normalised"] = score.value, score.normalised
        found[f"{name}_scale"] = f"{score.minimum:g} to {score.maximum:g}, {better} is better"
    return found | {f"q_{choice.question}": "; ".join(choice.options) for choice in record.choices}
