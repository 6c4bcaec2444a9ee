"""Delivery reports come in batches, and a batch says of each message what its reports say one after the other."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sqlalchemy as sa

from hub import DeliveryReport, DeliveryStatus, Inbound
from hub.journey import report
from hub.store.tables import reports
from tests.journey.world import World, on_sqlite, tickets

_COMPARED = ("state", "reason", "sent_at", "delivered_at", "open_until", "expires_at")
_SAID = (DeliveryStatus.SENT, DeliveryStatus.DELIVERED, DeliveryStatus.FAILED, DeliveryStatus.UNKNOWN)


async def test_a_batch_of_reports_in_any_order_leads_where_the_same_reports_lead_one_by_one(world: World) -> None:
    orders = list(itertools.permutations(_SAID))
    await world.close(*tickets(world.now, 2 * len(orders)))
    await world.deliver()
    sent = await world.invitations()
    together, singly = sent[::2], sent[1::2]
    news: list[DeliveryReport] = []
    for number in range(len(_SAID)):
        world.pass_time(minutes=1)
        for one, other, order in zip(singly, together, orders, strict=True):
            said: dict[str, Any] = {"status": order[number], "reason": f"as {order[number]}"}
            await world.report(key=one["token"], **said)
            news.append(DeliveryReport(at=world.now, key=other["token"], **said))
    await world.store_inbound(Inbound(reports=tuple(news)))
    assert await report.apply_reports(world.store, world.now) == len(news)
    became = await world.invitations()
    for one, other, order in zip(became[::2], became[1::2], orders, strict=True):
        assert [one[name] for name in _COMPARED] == [other[name] for name in _COMPARED], order
    assert {(row["state"], row["reason"]) for row in became} == {("delivered", None), ("failed", "as failed")}


@on_sqlite
@pytest.mark.parametrize("number", [1, 60])
async def test_reports_of_many_messages_take_as_few_statements_as_that_of_one(world: World, number: int) -> None:
    await world.close(*tickets(world.now, number))
    await world.deliver()
    sent = await world.invitations()
    news = [DeliveryReport(status=DeliveryStatus.DELIVERED, at=world.now, key=row["token"]) for row in sent]
    await world.store_inbound(Inbound(reports=tuple(news)))
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    async with world.store.write() as connection:
        engine = connection.engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    assert await report.apply_reports(world.store, world.now) == number
    sa.event.remove(engine, "before_cursor_execute", note)
    assert len(statements) == 4  # begin, read, move, delete
    async with world.store.read() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(reports)) == 0
