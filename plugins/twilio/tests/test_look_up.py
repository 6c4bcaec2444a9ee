"""Whether a message left whose answer was lost: told only where it is certain."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sandbox.twilio import NUMBER

from hub import DeliveryStatus, Message, OutcomeUnknown
from hub.testing.rigs import Fault

CUSTOMER = "+358401234567"
Survey = Callable[..., Message]


async def lose(rig: Any, gateway: Any, message: Message) -> str:
    """Send, and lose the answer; the id at Twilio."""
    await rig.fail(Fault.RESET_AFTER_REQUEST)
    with pytest.raises(OutcomeUnknown):
        await gateway.send(message)
    await rig.fail(None)
    rig.clock.advance(timedelta(minutes=10))
    return str(rig.site.texts[-1].sid)


@pytest.mark.parametrize(
    ("step", "status", "reason"),
    [
        ((), DeliveryStatus.QUEUED, None),
        (("sent",), DeliveryStatus.SENT, None),
        (("delivered",), DeliveryStatus.DELIVERED, None),
        (("undelivered", 30003), DeliveryStatus.FAILED, "30003"),
        (("failed", 30001), DeliveryStatus.REJECTED, "30001"),
    ],
)
async def test_a_message_that_left_is_found_with_what_became_of_it(
    rig: Any, survey: Survey, step: tuple[Any, ...], status: DeliveryStatus, reason: str | None
) -> None:
    gateway, since = rig.gateway(), rig.clock.now()
    sid = await lose(rig, gateway, survey("Hei – miten meni? “1–5”"))
    if step:
        rig.site.move(sid, *step)
    receipt = await gateway.look_up(survey("Hei – miten meni? “1–5”"), since)
    assert receipt is not None
    assert (receipt.key, receipt.status, receipt.provider_id, receipt.reason) == (survey().key, status, sid, reason)


async def test_a_message_that_waits_in_the_queue_has_no_date_and_is_found(rig: Any, survey: Survey) -> None:
    gateway, since = rig.gateway(), rig.clock.now()
    await lose(rig, gateway, survey())
    assert rig.site.texts[-1].sent is None
    assert await gateway.look_up(survey(), since) is not None


async def test_two_with_the_same_words_cannot_be_told_apart(rig: Any, survey: Survey) -> None:
    gateway, since = rig.gateway(), rig.clock.now()
    await gateway.send(survey(key="a" * 20))
    await lose(rig, gateway, survey())
    with pytest.raises(OutcomeUnknown):
        await gateway.look_up(survey(), since)


@pytest.mark.parametrize("body", ["Hei! Toinen teksti.", "", "Sent from your Twilio trial account - Hei!"])
async def test_while_twilio_has_anything_for_this_customer_nothing_counts_as_unsent(
    rig: Any, survey: Survey, body: str
) -> None:
    """A text may have been changed since, in hub.toml, by Twilio, or redacted by somebody at the console."""
    gateway, since = rig.gateway(), rig.clock.now()
    await lose(rig, gateway, survey())
    rig.site.texts[-1].body = body
    with pytest.raises(OutcomeUnknown):
        await gateway.look_up(survey(), since)


async def test_a_change_of_the_sender_since_hides_nothing(rig: Any, survey: Survey) -> None:
    rig.site.senders.add("+358457000009")
    since = rig.clock.now()
    await lose(rig, rig.gateway(), survey())
    assert await rig.gateway(sender="+358457000009").look_up(survey(), since) is not None


async def test_what_the_customer_wrote_and_what_others_got_says_nothing(rig: Any, survey: Survey) -> None:
    gateway, since = rig.gateway(), rig.clock.now()
    rig.site.write(CUSTOMER, "5")
    await gateway.send(survey(recipient="+358407777777"))
    rig.clock.advance(timedelta(minutes=10))
    assert await gateway.look_up(survey(), since) is None


@pytest.mark.parametrize("minutes", [-30, 30])
async def test_clocks_may_differ(rig: Any, survey: Survey, minutes: int) -> None:
    gateway = rig.gateway()
    since = rig.clock.now() + timedelta(minutes=minutes)
    await lose(rig, gateway, survey())
    assert await gateway.look_up(survey(), since) is not None


async def test_more_messages_than_one_list_shows_prove_nothing(rig: Any, survey: Survey) -> None:
    gateway = rig.gateway()
    for _ in range(1001):
        rig.site.create({"To": CUSTOMER, "From": NUMBER, "Body": "x"})
    rig.clock.advance(timedelta(days=2))
    with pytest.raises(OutcomeUnknown):
        await gateway.look_up(survey(), rig.clock.now())
