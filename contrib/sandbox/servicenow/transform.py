"""How rows of an import set become records."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransformMap:
    """How rows of a staging table become records."""

    name: str
    target: str
    columns: dict[str, str]
    """Staging column to column of the target; a reference is found by what its records display."""
    coalesce: str
    """The staging column whose value names the record to update."""
    inserts: bool = True
    """Whether a row that names no record becomes a new one."""


ON_TASK = TransformMap(
    "Experience",
    "task",
    {name: name for name in ("u_csat", "u_nps", "u_xm_comment", "u_xm_response_id")} | {"u_task": "number"},
    coalesce="u_task",
    inserts=False,
)
"""Onto the ticket that the row names by its number."""

ON_EXPERIENCE = TransformMap(
    "Experience table",
    "u_experience",
    {name: name for name in ("u_task", "u_csat", "u_nps", "u_xm_comment", "u_xm_response_id")},
    coalesce="u_xm_response_id",
)
"""Into the own table, one record for each response."""
