"""What was asked, by version: an answer keeps its meaning, whatever hub.toml says by now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.config.asking import builtin
from hub.config.questions import Question
from hub.store.given import insert_new
from hub.store.tables import surveys
from hub.survey.model import Survey

DEFAULT = "closing"
"""The survey of those who were asked before there were several."""
_FIRST = "service"
"""What these were asked."""
_STORED = sa.select(surveys.c.content).where(surveys.c.version == sa.bindparam("of"))
_read: WeakKeyDictionary[Any, dict[str, Survey]] = WeakKeyDictionary()
"""What this process has read from each store. Only what is committed: the content of a version never changes."""


async def keep(connection: AsyncConnection, survey: Survey, now: datetime) -> None:
    """Store what a survey asks, once for each version; after that this costs nothing."""
    if await _stored(connection, survey.version) is None:
        row = {
            "version": survey.version,
            "name": survey.name,
            "content": survey.model_dump_json(),
            "first_used_at": now,
        }
        await connection.execute(insert_new(connection, *(surveys.c[name] for name in row)), {"rows": [row]})


async def survey_of(
    connection: AsyncConnection, invitation: Mapping[Any, Any], current: Mapping[str, Survey]
) -> Survey:
    """The survey that an invitation was sent with.

    :param invitation: a row with `survey` and `survey_version`.
    :param current: the surveys of hub.toml, by name: while the version is the same, its texts are those of today.
    """
    version = invitation["survey_version"]
    survey = current.get(invitation["survey"] or DEFAULT)
    if survey is not None and survey.version == version:
        return survey
    return await _stored(connection, version) or _before_there_were_several(version or "")


async def _stored(connection: AsyncConnection, version: str | None) -> Survey | None:
    read = _read.setdefault(connection.sync_engine, {})
    if version is not None and version not in read:
        content = await connection.scalar(_STORED, {"of": version})
        if content is None:
            return None
        read[version] = Survey.model_validate_json(content)
    return read.get(version or "")


@cache
def _before_there_were_several(version: str) -> Survey:
    """One question, from 1 to 5, and no conversation."""
    question = Question.model_validate(builtin()["questions"][_FIRST])
    return Survey(
        name=DEFAULT,
        version=version,
        languages=("fi", "sv", "en"),
        tone="formal",
        messages=1,
        texts={},
        questions={_FIRST: question},
    )
