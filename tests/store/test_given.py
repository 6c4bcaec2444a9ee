"""Rows that travel as one parameter, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hub.store.engine import Store
from hub.store.given import given, insert_given, insert_new
from hub.store.tables import Text, UtcDateTime, closures, contacts

AT = datetime(2026, 3, 29, 1, 59, 59, 999_999, tzinfo=UTC)
HARD = ("'; DROP TABLE contacts; --", '"}],[{', "\\", "ä\N{PILE OF POO}\u2028", "line\nbreak\t", "null", "1e5", "", " ")
COLUMNS = (contacts.c.address, contacts.c.opted_out_at, contacts.c.unusable_reason)


def row(address: str, at: datetime | None = None, reason: str | None = None) -> dict[str, Any]:
    return {"address": address, "opted_out_at": at, "unusable_reason": reason}


async def insert(store: Store, *rows: dict[str, Any]) -> None:
    async with store.write() as connection:
        await connection.execute(insert_given(contacts.insert(), *COLUMNS), {"rows": rows})


async def stored(store: Store) -> dict[str, tuple[datetime | None, str | None]]:
    async with store.read() as connection:
        found = await connection.execute(sa.select(*COLUMNS))
        return {each.address: (each.opted_out_at, each.unusable_reason) for each in found}


async def test_values_arrive_as_they_were_whatever_stands_in_them(store: Store) -> None:
    await insert(store, *(row(address, AT, address) for address in HARD))
    assert await stored(store) == {address: (AT, address) for address in HARD}


async def test_nothing_stays_nothing_and_times_of_other_zones_are_the_same_moment(store: Store) -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))
    await insert(store, row("none"), row("elsewhere", elsewhere))
    assert await stored(store) == {"none": (None, None), "elsewhere": (AT, None)}


async def test_what_no_database_holds_is_replaced(store: Store) -> None:
    await insert(store, row("nul\0", None, "half \ud83d"))
    [(address, (_, reason))] = (await stored(store)).items()
    assert address == "nul\N{REPLACEMENT CHARACTER}"
    assert reason == "half ?"


async def test_no_rows_are_no_change(store: Store) -> None:
    await insert(store)
    assert await stored(store) == {}


async def test_rows_that_are_there_are_left_out_or_refused(store: Store) -> None:
    await insert(store, row("old", AT))
    async with store.write() as connection:
        statement = insert_new(connection, *COLUMNS).returning(contacts.c.address)
        new = await connection.scalars(statement, {"rows": [row("old"), row("new"), row("new")]})
        assert new.all() == ["new"]
    assert await stored(store) == {"old": (AT, None), "new": (None, None)}
    with pytest.raises(IntegrityError):
        await insert(store, row("another"), row("old"))
    assert set(await stored(store)) == {"old", "new"}


async def test_columns_with_a_value_of_their_own_have_it(store: Store) -> None:
    names = ("source", "ticket_id", "closure_key", "ticket_key", "closed_at", "seen_at", "ticket")
    values = {name: AT if name.endswith("_at") else name for name in names}
    async with store.write() as connection:
        statement = insert_given(closures.insert(), *(closures.c[name] for name in names))
        await connection.execute(statement, {"rows": [values]})
        assert await connection.scalar(sa.select(closures.c.decided)) is False


async def test_each_row_is_changed_by_the_values_given_for_it(store: Store) -> None:
    await insert(store, *(row(f"a{number}") for number in range(50)), row("untouched"))
    news = given(address=Text(), at=UtcDateTime(), is_dead=sa.Boolean(), number=sa.BigInteger()).c
    change = (
        contacts.update()
        .where(contacts.c.address == news.address)
        .values(
            opted_out_at=news.at,
            unusable_reason=sa.case((news.is_dead, sa.cast(news.number, sa.Text())), else_=None),
        )
    )
    rows = [
        {"address": f"a{n}", "at": AT + timedelta(hours=n), "is_dead": n % 2 == 0, "number": 2**40 + n}
        for n in range(50)
    ]
    async with store.write() as connection:
        changed = await connection.execute(change, {"rows": rows})
        assert changed.rowcount == 50
    expected = {f"a{n}": (AT + timedelta(hours=n), None if n % 2 else str(2**40 + n)) for n in range(50)}
    assert await stored(store) == expected | {"untouched": (None, None)}
