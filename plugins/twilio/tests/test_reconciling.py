"""What no webhook brought is found at Twilio: each reply once it has settled, each end after half a day."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sandbox.twilio import NUMBER, SERVICE

from hub import Cursor, DeliveryStatus, Inbound, Message, Unexpected
from hub.testing.rigs import Fault

CUSTOMER = "+358401234567"
Survey = Callable[..., Message]


async def collect(gateway: Any, cursor: Cursor | None) -> tuple[list[Inbound], Cursor | None]:
    """All pages, and where the next collection begins."""
    pages = [page async for page in gateway.collect(cursor)]
    return pages, pages[-1].cursor if pages else cursor


def texts(pages: Sequence[Inbound]) -> list[str]:
    return [reply.text for page in pages for reply in page.replies]


def ends(pages: Sequence[Inbound]) -> list[tuple[DeliveryStatus, str | None]]:
    return [(report.status, report.reason) for page in pages for report in page.reports]


def passes(rig: Any, **length: float) -> None:
    rig.clock.advance(timedelta(**length))


async def start(rig: Any, gateway: Any) -> Cursor:
    _, cursor = await collect(gateway, None)
    assert cursor is not None
    passes(rig, seconds=1)
    return cursor


async def test_a_reply_is_left_to_the_webhook_first(rig: Any) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    rig.site.write(CUSTOMER, "5")
    passes(rig, minutes=4)
    pages, cursor = await collect(gateway, cursor)
    assert (texts(pages), pages) == ([], []), "nothing to store"
    passes(rig, minutes=2)
    pages, cursor = await collect(gateway, cursor)
    assert texts(pages) == ["5"]
    passes(rig, minutes=1)
    assert texts((await collect(gateway, cursor))[0]) == [], "each only once"


async def test_a_reply_found_is_the_one_that_the_webhook_brings(rig: Any, make_webhook: Any) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    [brought] = (await gateway.receive(make_webhook(rig.site.write(CUSTOMER, "5 kiitos")))).replies
    sent_at = rig.clock.now().replace(microsecond=0)
    passes(rig, minutes=6)
    [found] = [reply for page in (await collect(gateway, cursor))[0] for reply in page.replies]
    assert (found.provider_id, found.sender, found.recipient, found.text) == (
        brought.provider_id, brought.sender, brought.recipient, brought.text,
    )  # fmt: skip
    assert found.received_at == sent_at, "as Twilio dates it, not when it was found"


async def test_replies_of_many_pages_are_found_and_the_position_moves_last(rig: Any) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    for number in range(250):
        rig.site.write(CUSTOMER, str(number))
        passes(rig, seconds=10)
    passes(rig, minutes=6)
    pages, after = await collect(gateway, cursor)
    assert sorted(map(int, texts(pages))) == list(range(250))
    assert [page.cursor for page in pages[:-1]] == [cursor] * (len(pages) - 1)
    assert after != cursor
    assert sum("/Messages.json" in request.url.path for request in rig.requests) == 1 + 3


async def test_days_away_lose_nothing(rig: Any) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    for day in range(5):
        rig.site.write(CUSTOMER, f"day {day}")
        passes(rig, days=1)
    assert sorted(texts((await collect(gateway, cursor))[0])) == [f"day {day}" for day in range(5)]


async def test_reading_stops_at_what_is_known(rig: Any) -> None:
    gateway = rig.gateway()
    await start(rig, gateway)
    for number in range(500):
        rig.site.write(CUSTOMER, str(number))
    passes(rig, minutes=30)
    cursor = await start(rig, gateway)
    passes(rig, minutes=10)
    before = len(rig.requests)
    assert texts((await collect(gateway, cursor))[0]) == []
    assert len(rig.requests) - before == 1, "not the whole day"


async def test_messages_to_other_numbers_of_the_account_are_nobodys_answers(rig: Any, survey: Survey) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    rig.site.write(CUSTOMER, "STOP", to="+358457000001")
    await gateway.send(survey("Vastaa 1-5"))
    passes(rig, minutes=6)
    assert texts((await collect(gateway, cursor))[0]) == []


async def test_a_messaging_service_is_answered_at_any_of_its_numbers(rig: Any) -> None:
    gateway = rig.gateway(sender=None, messaging_service_sid=SERVICE)
    cursor = await start(rig, gateway)
    rig.site.write(CUSTOMER, "5", to="+358457000001", service=SERVICE)
    rig.site.write(CUSTOMER, "no answer", to="+358457000002")
    passes(rig, minutes=6)
    assert texts((await collect(gateway, cursor))[0]) == ["5"]


async def test_nobody_can_answer_a_name(rig: Any, survey: Survey) -> None:
    rig.site.senders.add("Acme Desk")
    gateway = rig.gateway(sender="Acme Desk")
    cursor = await start(rig, gateway)
    receipt = await gateway.send(survey())
    rig.site.write(CUSTOMER, "5")
    rig.site.move(receipt.provider_id, "delivered")
    passes(rig, hours=19)
    pages, _ = await collect(gateway, cursor)
    assert (texts(pages), ends(pages)) == ([], [(DeliveryStatus.DELIVERED, None)])


async def test_the_end_of_a_message_is_looked_for_once_after_half_a_day(rig: Any, survey: Survey) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    for steps in ([("delivered",)], [("undelivered", 30005)], [("failed", 30001)], [("sent",)]):
        receipt = await gateway.send(survey())
        for step in steps:
            rig.site.move(receipt.provider_id, *step)
    await gateway.send(survey("still in the queue"))
    passes(rig, hours=17)
    pages, cursor = await collect(gateway, cursor)
    assert ends(pages) == []
    passes(rig, hours=2)
    pages, cursor = await collect(gateway, cursor)
    assert sorted(ends(pages)) == [
        (DeliveryStatus.DELIVERED, None), (DeliveryStatus.FAILED, "30005"), (DeliveryStatus.REJECTED, "30001"),
    ]  # fmt: skip
    assert not any(report.address_unusable for page in pages for report in page.reports)
    passes(rig, hours=7)
    pages, cursor = await collect(gateway, cursor)
    assert ends(pages) == []


async def test_ends_of_other_senders_are_not_reported(rig: Any, survey: Survey) -> None:
    rig.site.senders.add("+358457000009")
    gateway, other = rig.gateway(), rig.gateway(sender="+358457000009")
    cursor = await start(rig, gateway)
    receipt = await other.send(survey())
    rig.site.move(receipt.provider_id, "delivered")
    passes(rig, hours=19)
    assert ends((await collect(gateway, cursor))[0]) == []


@pytest.mark.parametrize("ahead", [-2, 2])
async def test_a_wrong_clock_of_the_hub_loses_nothing(rig: Any, ahead: int) -> None:
    """Everything is dated by Twilio."""
    gateway = rig.gateway()
    gateway.context.clock = type(rig.clock)(rig.clock.now() + timedelta(hours=ahead))
    cursor, seen = await start(rig, gateway), []
    for number in range(8):
        if number < 4:
            rig.site.write(CUSTOMER, str(number))
        passes(rig, minutes=3)
        pages, cursor = await collect(gateway, cursor)
        seen += texts(pages)
    assert seen == ["0", "1", "2", "3"]


async def test_the_position_is_stored_now_and_then_when_nothing_comes_in(rig: Any) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    stored = 0
    for _ in range(180):
        passes(rig, minutes=1)
        pages, cursor = await collect(gateway, cursor)
        stored += len(pages)
    assert 2 <= stored <= 3


@pytest.mark.parametrize(
    "cursor", ["", "x", "{}", "[]", '{"replies": "x", "reports": "y"}', '{"replies": 1, "reports": 2}',
               '{"replies": "2026-01-01T00:00:00", "reports": "2026-01-01T00:00:00"}']
)  # fmt: skip
async def test_a_cursor_of_somebody_else_says_what_to_do(rig: Any, cursor: str) -> None:
    with pytest.raises(Unexpected, match="reset it to start from now"):
        await collect(rig.gateway(), Cursor(cursor))


async def test_a_fault_keeps_the_position(rig: Any) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    rig.site.write(CUSTOMER, "5")
    passes(rig, minutes=6)
    await rig.fail(Fault.MALFORMED)
    with pytest.raises(Unexpected):
        await collect(gateway, cursor)
    await rig.fail(None)
    assert texts((await collect(gateway, cursor))[0]) == ["5"]


ROW = {
    "sid": "SM" + "0" * 32, "direction": "inbound", "from": CUSTOMER, "to": NUMBER, "body": "5", "status": "received",
    "date_sent": "Mon, 02 Mar 2026 09:00:00 +0000", "date_created": "Mon, 02 Mar 2026 09:00:00 +0000",
}  # fmt: skip


@pytest.mark.parametrize(
    "document",
    [
        {"messages": None},
        {"messages": {}},
        {"messages": [None]},
        {"messages": [{}]},
        {"messages": [ROW | {"sid": "x"}]},
        {"messages": [ROW | {"date_sent": None, "date_created": None}]},
        {"messages": [ROW | {"date_sent": "soon", "date_created": "x"}]},
        {"messages": [], "next_page_uri": 5},
        {"messages": [], "next_page_uri": "https://evil.example/"},
        {"messages": [], "next_page_uri": "@evil.example/"},
        {"messages": [], "next_page_uri": "/2010-04-01/Accounts/ACother/Messages.json?Page=1"},
    ],
)
async def test_a_list_that_is_none_is_not_followed(rig: Any, document: dict[str, Any]) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    gateway.context._transport = httpx.MockTransport(lambda request: httpx.Response(200, text=json.dumps(document)))
    gateway.context._http = None
    with pytest.raises(Unexpected):
        await collect(gateway, cursor)


async def test_a_list_that_leads_back_to_itself_ends(rig: Any) -> None:
    gateway = rig.gateway()
    cursor = await start(rig, gateway)
    account = rig.settings["account_sid"]
    looped = {"messages": [], "next_page_uri": f"/2010-04-01/Accounts/{account}/Messages.json?Page=1"}
    gateway.context._transport = httpx.MockTransport(lambda request: httpx.Response(200, json=looped))
    gateway.context._http = None
    with pytest.raises(Unexpected, match="leads back to itself"):
        await collect(gateway, cursor)
