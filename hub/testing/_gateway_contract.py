"""What every gateway keeps when it sends."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest

from hub import Capability, OutcomeUnknown, Rejected
from hub.testing._bench import ACTING, NOTHING_DONE, READING, Bench
from hub.testing._component_contract import ComponentContract
from hub.testing._gateway_bench import TEXT, GatewayBench, words
from hub.testing._inbound_contract import InboundContract
from hub.testing.rigs import Fault

TEXTS = {
    "plain": "How did we do? Reply 1-5, 5 is best.",
    "special characters": TEXT,
    "beyond the basic plane": "Kiitos 🙂 – 谢谢, ありがとう, Ευχαριστώ",
    "several parts": "Kiitos yhteydenotostasi käyttäjätukeen. " * 9 + "Vastaa 1–5.",
    "lines and signs": 'Rivi 1\nRivi 2: "a & b" <c> 100 % [x] {y} \\ ^ ~ | € #+?=;',
}


class GatewayContract(InboundContract, ComponentContract):
    """The promises of a gateway. Subclass it in the plugin's tests, and bring a rig:

        class TestAcme(GatewayContract):
            plugin = hub_acme

            @pytest.fixture
            def rig(self) -> AcmeRig:
                return AcmeRig()

    Tests of what the plugin does not declare, or the rig cannot play, are skipped with the reason.
    Needs pytest-asyncio.
    """

    kind: ClassVar[str] = "gateway"
    bench_type: ClassVar[type[Bench]] = GatewayBench  # type: ignore[type-arg]  # any bench

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
    async def test_send_delivers_the_words_untouched(self, bench: GatewayBench, text: str) -> None:
        """One message to the right address, and a receipt with its key."""
        message = bench.message(text)
        await bench.sent(bench.new(), message)
        sent = await bench.rig.sent()
        assert len(sent) == 1, f"one send() made {len(sent)} messages; the customer gets each of them"
        assert sent[0].recipient == message.recipient, "the message went to another address than Message.recipient"
        assert words(sent[0].text) == words(text), f"the text arrived as {sent[0].text!r}"

    async def test_messages_may_be_sent_at_the_same_time(self, bench: GatewayBench) -> None:
        """The hub sends as many at once as `max_in_flight` says; receipts are not mixed up."""
        gateway = bench.new()
        messages = [bench.message(f"{TEXT} {number}") for number in range(8)]
        receipts = await asyncio.gather(*(bench.sent(gateway, message) for message in messages))
        texts = sorted(words(one.text) for one in await bench.rig.sent())
        assert texts == sorted(words(message.text) for message in messages), (
            "messages sent at once were lost or mixed up; keep nothing of one message on self"
        )
        ids = [receipt.provider_id for receipt in receipts if receipt.provider_id]
        assert len(ids) == len(set(ids)), "two messages got the same provider_id"

    async def test_a_refused_address_is_rejected_alone(self, bench: GatewayBench) -> None:
        """The refusal has a reason, and the next message goes out."""
        if bench.rig.refused_recipient is None:
            pytest.skip(f"{type(bench.rig).__name__}.refused_recipient is None")
        gateway = bench.new()
        with pytest.raises(Rejected) as caught:
            await gateway.send(bench.message(recipient=bench.rig.refused_recipient))
        bench.is_discreet(caught.value)
        assert caught.value.reason, "Rejected.reason is empty; give the code of the refusal"
        await bench.sent(gateway, bench.message())

    @pytest.mark.parametrize("fault", Fault)
    async def test_send_meets_a_fault(self, bench: GatewayBench, fault: Fault) -> None:
        """The right class of error, never a second message, and the same instance goes on when it is over."""
        gateway = bench.new()
        message = bench.message()
        await bench.play(fault)
        with bench.raises(ACTING[fault], "send()", fault):
            await gateway.send(message)
        accepted = len(await bench.accepted(message.text))
        if fault in NOTHING_DONE:
            assert accepted == 0, f"send() under Fault.{fault.name} said that nothing was sent, but the service has it"
        assert accepted <= 1, (
            f"send() under Fault.{fault.name} sent the message {accepted} times; "
            "pass once=True to the lent client, and never repeat it yourself"
        )
        await bench.rig.fail(None)
        bench.rig.clock.advance(timedelta(seconds=bench.rig.retry_after_seconds))  # as long as the hub would wait
        await bench.sent(gateway, bench.message("Toinen viesti, kun häiriö on ohi"))
        again = len(await bench.accepted(message.text)) - accepted
        assert not again, f"the message that met Fault.{fault.name} was sent again by itself"

    async def test_a_repeated_message_can_be_folded(self, bench: GatewayBench) -> None:
        """What the hub sends again after an unknown outcome carries the same identity."""
        bench.needs(Capability.REPEATABLE)
        message = bench.message()
        await bench.sent(bench.new(), message)
        await bench.sent(bench.new(), replace(message, repeated=True))
        identities = {one.identity for one in await bench.accepted(message.text)}
        assert len(identities) == 1, (
            f"a repeated message went out under other identities: {sorted(identities)}; make them of Message.key, "
            "or do not declare Capability.REPEATABLE"
        )

    async def test_two_messages_are_not_folded(self, bench: GatewayBench) -> None:
        """Two surveys to one customer are two messages, even with the same words."""
        gateway = bench.new()
        first, second = bench.message(), bench.message()
        await bench.sent(gateway, first)
        await bench.sent(gateway, second)
        identities = [one.identity for one in await bench.accepted(first.text)]
        assert len(set(identities)) == 2, (
            f"two messages went out under {len(set(identities))} identities; make each of Message.key, not of the words"
        )

    async def test_a_message_whose_answer_was_lost_is_found(self, bench: GatewayBench) -> None:
        """Ten minutes later the service tells that it left."""
        bench.needs(Capability.LOOK_UP)
        gateway, message, since = bench.new(), bench.message(), bench.rig.clock.now()
        await bench.play_any(Fault.TIMEOUT_AFTER_REQUEST, Fault.RESET_AFTER_REQUEST, Fault.WRITE_ANSWER_LOST)
        with pytest.raises(OutcomeUnknown):
            await gateway.send(message)
        await bench.rig.fail(None)
        bench.advance(minutes=10)
        receipt = await gateway.look_up(message, since)
        assert receipt is not None, "look_up() says that a message never left which the service has: it is sent twice"
        assert receipt.key == message.key, f"the receipt's key is {receipt.key!r}, expected Message.key"
        assert receipt.provider_id, "the receipt has no provider_id; two messages could be taken for one"

    async def test_a_message_that_never_left_is_not_found(self, bench: GatewayBench) -> None:
        """Not even when the same customer got the same words some time before."""
        bench.needs(Capability.LOOK_UP)
        gateway, earlier = bench.new(), bench.message()
        await bench.sent(gateway, earlier)
        bench.advance(days=1)
        since = bench.rig.clock.now()
        bench.advance(minutes=10)
        found = await gateway.look_up(bench.message(earlier.text), since)
        assert found is None, "look_up() took an earlier message for this one; mind `since`"

    @pytest.mark.parametrize("fault", READING)
    async def test_look_up_meets_a_fault(self, bench: GatewayBench, fault: Fault) -> None:
        """A service that cannot be asked has not said that there is no such message."""
        bench.needs(Capability.LOOK_UP)
        gateway, message, since = bench.new(), bench.message(), bench.rig.clock.now()
        bench.advance(minutes=10)
        await bench.play(fault)
        with bench.raises((*READING[fault], OutcomeUnknown), "look_up()", fault):
            await gateway.look_up(message, since)
