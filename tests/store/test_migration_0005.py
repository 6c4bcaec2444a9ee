"""A store of the version before keeps everything when its messages become conversations."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hub.store import migrate
from hub.store.engine import Store

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_ROWS = {
    "closures": {
        "source": "desk", "ticket_id": "1", "closure_key": "a", "ticket_key": "T-1", "closed_at": AT, "seen_at": AT,
        "ticket": "{}", "decided": True,
    },
    "contacts": {"address": "+358401234567", "asked_at": AT, "asked_for": 1},
    "invitations": {
        "closure_id": 1, "token": "t", "state": "waiting", "survey_version": "old", "language": "fi", "gateway": "sms",
        "channel": "sms", "address": "+358401234567", "identity": "+358401234567", "created_at": AT, "due_at": AT,
        "expires_at": AT, "sent_at": AT, "attempts": 1, "provider_id": "p", "claimed_by": "w",
    },
    "answers": {
        "gateway": "sms", "provider_id": "r", "channel": "sms", "state": "used", "invitation_id": 1, "sender": "x",
        "rating": 4, "text": "hyvä", "raw": "", "received_at": AT, "stored_at": AT,
    },
    "experiences": {"invitation_id": 1, "revision": 1, "uid": "x1", "record": "{}", "created_at": AT},
}  # fmt: skip


def _fill(connection: sa.Connection) -> None:
    found = sa.MetaData()
    found.reflect(connection)
    for name, row in _ROWS.items():
        connection.execute(found.tables[name].insert().values(_as_it_takes(connection, row)))


def _as_it_takes(connection: sa.Connection, row: dict[str, Any]) -> dict[str, Any]:
    if connection.dialect.name == "postgresql":
        return row
    return {name: value.replace(tzinfo=None) if isinstance(value, datetime) else value for name, value in row.items()}


@pytest.fixture
async def upgraded(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "HEAD", "0004")
        before = await Store.open(empty_url)
    async with before.write() as connection:
        await connection.run_sync(_fill)
    await before.close()
    store = await Store.open(empty_url)
    yield store
    await store.close()


async def test_nothing_is_lost_and_everything_still_refers_to_the_same(upgraded: Store) -> None:
    from hub.store.tables import answers, closures, experiences, invitations

    async with upgraded.read() as connection:
        found = await connection.execute(
            sa.select(invitations, closures.c.milestone, answers.c.text, answers.c.given, experiences.c.uid)
            .join_from(invitations, closures)
            .join(answers, answers.c.invitation_id == invitations.c.id)
            .join(experiences, experiences.c.invitation_id == invitations.c.id)
        )
        (row,) = found.mappings().all()
    assert {name: row[name] for name in _ROWS["invitations"]} == _ROWS["invitations"]
    assert (row["step"], row["kind"], row["survey"], row["open_until"]) == (0, "survey", None, None)
    assert (row["milestone"], row["text"], row["given"], row["uid"]) == ("closed", "hyvä", None, "x1")


async def test_a_closing_has_one_survey_and_room_for_what_follows(upgraded: Store) -> None:
    from hub.store.tables import invitations

    row = {"closure_id": 1, "state": "waiting", "created_at": AT, "attempts": 0}
    async with upgraded.write() as connection:
        await connection.execute(invitations.insert().values(row | {"step": 1, "kind": "thanks", "token": "t1"}))
    for again in ({"step": 0, "token": "t2"}, {"step": 1, "token": "t3"}, {"step": 2, "token": "t"}):
        with pytest.raises(IntegrityError):
            async with upgraded.write() as connection:
                await connection.execute(invitations.insert().values(row | again))
    with pytest.raises(IntegrityError):
        async with upgraded.write() as connection:
            await connection.execute(sa.text("DELETE FROM invitations WHERE step = 0"))


async def test_indexes_are_as_in_a_new_store(upgraded: Store, empty_url: str) -> None:
    from hub.store.tables import metadata

    def look(connection: sa.Connection) -> dict[str, set[str]]:
        inspector = sa.inspect(connection)
        return {table: {str(one["name"]) for one in inspector.get_indexes(table)} for table in metadata.tables}

    async with upgraded.read() as connection:
        found = await connection.run_sync(look)
        partial = await connection.scalar(sa.text(_PARTIAL[connection.dialect.name]))
    for name, table in metadata.tables.items():
        assert {str(index.name) for index in table.indexes} <= found[name], name
    assert "open_until IS NOT NULL" in str(partial)


_PARTIAL = {
    "sqlite": "SELECT sql FROM sqlite_master WHERE name = 'ix_invitations_open'",
    "postgresql": "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_invitations_open'",
}
