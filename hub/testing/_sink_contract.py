"""What every sink keeps when it publishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from hub import DeliveryStatus, Experience, Receipt, Sink, Ticket, Unavailable
from hub.testing._bench import ACTING, NOTHING_DONE, READING, Bench
from hub.testing._component_contract import ComponentContract
from hub.testing._source_bench import experience, withdrawn
from hub.testing.rigs import Fault, Published, SinkRig

COMMENT = "Kiitos, Åsa! Nyt tulostaa – vihdoin 🙂"
_TAKEN = frozenset({DeliveryStatus.SENT, DeliveryStatus.DELIVERED})


class SinkBench(Bench[Sink[Any], SinkRig]):
    """The bench of a sink."""

    _count = 0

    def experience(self, *, revision: int = 1) -> Experience:
        """What a customer said: of a ticket of its own, or of the last one again with a later revision."""
        if revision == 1:
            type(self)._count += 1  # noqa: SLF001 - ids differ between tests too: a real service may keep old events
        number = self._count
        ticket = Ticket(
            id=str(number), key=f"T-{number}", closure_key="1", closed_at=self.rig.clock.now(), subject="Tulostin – Åsa"
        )
        comment = f"{COMMENT} {number}/{revision}"
        self.made_up |= {ticket.subject, comment}
        return experience(ticket, revision=revision, comment=comment)

    async def publish(self, sink: Sink[Any], *items: Experience) -> None:
        """Publish on a healthy rig, and expect success."""
        receipts = await sink.publish(items)
        check_order(items, receipts)
        for receipt in receipts:
            assert receipt.status in _TAKEN, (
                f"the receipt of {receipt.key} says {receipt.status}; after a healthy publish() it is SENT or DELIVERED"
            )

    async def arrived(self, item: Experience) -> list[Published]:
        """The events that carry this revision, known by the customer's words."""
        return [event for event in await self.rig.published() if (item.comment or "") in event.text]


def check_order(items: Sequence[Experience], receipts: Sequence[Receipt]) -> None:
    """Fail unless there is one receipt per item, in order."""
    expected = [item.id for item in items]
    keys = [receipt.key for receipt in receipts]
    assert keys == expected, f"publish() gave receipts for {keys}, expected one per item in order: {expected}"


class SinkContract(ComponentContract):
    """The promises of a sink. Subclass it in the plugin's tests, and bring a rig:

        class TestAcme(SinkContract):
            plugin = hub_acme

            @pytest.fixture
            def rig(self) -> AcmeRig:
                return AcmeRig()

    Tests of what the rig cannot play are skipped with the reason. Needs pytest-asyncio.
    """

    kind: ClassVar[str] = "sink"
    bench_type: ClassVar[type[Bench]] = SinkBench  # type: ignore[type-arg]  # any bench

    async def test_publish_delivers_each_experience(self, bench: SinkBench) -> None:
        """One receipt per item, in order; the customer's words and the ticket are in the event."""
        items = [bench.experience() for _ in range(3)]
        await bench.publish(bench.new(), *items)
        for item in items:
            events = await bench.arrived(item)
            assert len(events) == 1, (
                f"experience {item.id} made {len(events)} events with the customer's words; expected one, and its "
                "characters unharmed"
            )
            assert item.ticket.key in events[0].text, f"the event of {item.id} does not name ticket {item.ticket.key}"

    async def test_two_experiences_are_two_events(self, bench: SinkBench) -> None:
        """Neither may be folded into the other."""
        sink, first = bench.new(), bench.experience()
        second = bench.experience()
        await bench.publish(sink, first, second)
        one, other = await bench.arrived(first), await bench.arrived(second)
        assert one[0].identity != other[0].identity, (
            "two experiences went out under one identity; the receiving side would drop the second. "
            "Make it of Experience.id and Experience.revision"
        )

    async def test_revisions_arrive_in_order(self, bench: SinkBench) -> None:
        """A customer who answers again changes the experience; the last event has the last word."""
        sink, first = bench.new(), bench.experience()
        second, third = bench.experience(revision=2), bench.experience(revision=3)
        await bench.publish(sink, first)
        await bench.publish(sink, second, third)
        events = await bench.rig.published()
        order = [
            item.revision for event in events for item in (first, second, third) if str(item.comment) in event.text
        ]
        assert order == [1, 2, 3], f"revisions 1, 2 and 3 arrived as {order}; publish them in the order of the items"
        assert len({event.identity for event in events}) == 3, (
            "two revisions went out under one identity; the receiving side would keep the first. "
            "Make it of Experience.id and Experience.revision"
        )

    async def test_a_withdrawn_answer_is_published(self, bench: SinkBench) -> None:
        """Who has been told what a customer said must hear that it was taken back."""
        sink, item = bench.new(), bench.experience()
        await bench.publish(sink, item)
        before = len(await bench.rig.published())
        await bench.publish(sink, withdrawn(item))
        events = (await bench.rig.published())[before:]
        assert len(events) == 1, f"the revision that withdraws an answer made {len(events)} events; expected one"
        assert (item.comment or "") not in events[0].text, "the event of a withdrawal repeats the customer's words"

    async def test_a_repeated_event_can_be_folded(self, bench: SinkBench) -> None:
        """After a crash the hub publishes again, also from a new process."""
        item = bench.experience()
        for _ in range(2):
            await bench.publish(bench.new(), item)
        identities = sorted({event.identity for event in await bench.arrived(item)})
        assert len(identities) == 1, (
            f"the same (id, revision), published twice, went out under {len(identities)} identities: {identities}; "
            "the receiving side cannot tell that it is one"
        )

    @pytest.mark.parametrize("fault", Fault)
    async def test_publish_under_a_fault_loses_nothing(self, bench: SinkBench, fault: Fault) -> None:
        """Whatever the fault did, the hub calls again afterwards, and the event is there under one identity."""
        sink, item = bench.new(), bench.experience()
        await bench.play(fault)
        await self._try(bench, sink, item, fault)
        await bench.rig.fail(None)
        await bench.publish(sink, item)
        events = await bench.arrived(item)
        assert events, f"publish() under Fault.{fault.name} and once more delivered nothing"
        assert len({event.identity for event in events}) == 1, (
            f"publish() under Fault.{fault.name} and once more used two identities for one (id, revision)"
        )

    async def _try(self, bench: SinkBench, sink: Sink[Any], item: Experience, fault: Fault) -> None:
        """Publishing under a fault may raise, or say in the receipt what it knows; it may not claim too much."""
        receipts: Sequence[Receipt] = ()
        allowed = tuple(dict.fromkeys((*READING.get(fault, ()), *ACTING[fault], Unavailable)))  # repeating is harmless
        with bench.raises(allowed, "publish()", fault, or_nothing=True):
            receipts = await sink.publish([item])
            check_order([item], receipts)
        for receipt in receipts:
            claimed = receipt.status in _TAKEN and not await bench.arrived(item)
            assert not claimed, f"publish() under Fault.{fault.name} claims {receipt.status}, but nothing arrived"
            given_up = receipt.status is DeliveryStatus.REJECTED and fault is not Fault.NOT_FOUND
            assert not given_up, f"publish() under Fault.{fault.name} gave the experience up; that fault passes"
        if fault in NOTHING_DONE:
            assert not await bench.arrived(item), f"the rig carried a request out under Fault.{fault.name}"
