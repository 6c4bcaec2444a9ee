"""What is remembered of each source, gateway and sink: its cursor, and whether it works."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.api.records import Cursor
from hub.store.dialect import insert
from hub.store.tables import UtcDateTime, components

_ROW = sa.select(components).where(components.c.id == sa.bindparam("of"))
_CHANGE = components.update().where(components.c.id == sa.bindparam("of"))
"""Sets the columns that it is executed with."""
_CHANGE_OF_SOURCE = _CHANGE.values(
    first_at=sa.func.coalesce(components.c.first_at, sa.bindparam("now", type_=UtcDateTime))
)


@dataclass(frozen=True, slots=True)
class ComponentState:
    """One row of `hub status`."""

    id: str
    cursor: Cursor | None = None
    error: str | None = None
    error_kind: str | None = None
    """The class of the error, or "fault" for one that is not the hub's own."""
    failures: int = 0
    failing_since: datetime | None = None
    retry_at: datetime | None = None
    last_ok_at: datetime | None = None
    first_at: datetime | None = None
    """When a source's first page was stored."""
    warning: str | None = None
    warned_at: datetime | None = None


async def get(connection: AsyncConnection, component_id: str) -> ComponentState:
    """The state of one component; an empty one if it never ran."""
    found = await connection.execute(_ROW, {"of": component_id})
    row = found.mappings().first()
    return _state(row) if row else ComponentState(component_id)


async def get_all(connection: AsyncConnection) -> dict[str, ComponentState]:
    """The state of every component that ever ran, by id."""
    found = await connection.execute(sa.select(components).order_by(components.c.id))
    return {row["id"]: _state(row) for row in found.mappings()}


async def set_cursor(connection: AsyncConnection, component_id: str, cursor: Cursor | None) -> None:
    """Remember where the next pull or collection begins; None forgets it."""
    await _put(connection, component_id, cursor=cursor)


async def pulled(
    connection: AsyncConnection, component_id: str, cursor: Cursor, warning: str | None, now: datetime
) -> None:
    """Remember that a source works, where its next pull begins, and what its operator should know."""
    warned = {"warning": warning, "warned_at": now} if warning else {}
    values = {"cursor": cursor, "last_ok_at": now, **warned}
    found = await connection.execute(_CHANGE_OF_SOURCE, {"of": component_id, "now": now, **values})
    if found.rowcount == 0:
        await _add(connection, component_id, first_at=now, **values)


async def worked(connection: AsyncConnection, component_id: str, now: datetime) -> None:
    """Remember that the component did its work."""
    await _put(
        connection,
        component_id,
        error=None,
        error_kind=None,
        failures=0,
        failing_since=None,
        retry_at=None,
        last_ok_at=now,
    )


async def failed(
    connection: AsyncConnection,
    component_id: str,
    *,
    error: str,
    kind: str | None = None,
    failures: int,
    since: datetime,
    retry_at: datetime,
) -> None:
    """Remember that the component is paused until `retry_at`, and why."""
    values = {"error": error, "error_kind": kind, "failures": failures, "failing_since": since, "retry_at": retry_at}
    await _put(connection, component_id, **values)


async def _put(connection: AsyncConnection, component_id: str, **values: Any) -> None:
    found = await connection.execute(_CHANGE, {"of": component_id, **values})
    if found.rowcount == 0:
        await _add(connection, component_id, **values)


async def _add(connection: AsyncConnection, component_id: str, **values: Any) -> None:
    """Once in a component's life, so that the statement may be made anew. Another worker may come first."""
    statement = insert(connection, components).values(id=component_id, **{"failures": 0, **values})
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))


def _state(row: Mapping[Any, Any]) -> ComponentState:
    return ComponentState(**row)
