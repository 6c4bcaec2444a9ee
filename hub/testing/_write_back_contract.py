"""What every source keeps that takes experiences back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hub import Capability, DeliveryStatus, Experience, Page, Receipt, Source, Ticket
from hub.testing._bench import ACTING, NOTHING_DONE, READING
from hub.testing._source_bench import (
    SourceBench,
    assert_same_closures,
    closures,
    experience,
    pull,
    rich_experience,
    tickets,
    withdrawn,
)
from hub.testing.rigs import Fault

COMMENT = "Kiitos, Åsa! Nyt tulostaa – vihdoin 🙂"
THREE_THINGS = ("Tulostin ei toimi vieläkään – 'lp0 on fire'", "Uusi näyttö, kiitos!", "Voisitte soittaa ensin 🙂")
SECOND_COMMENT = "Ehdin jo iloita: ei tulosta sittenkään…"


async def _closed(bench: SourceBench, count: int = 1) -> tuple[Source[Any], list[Ticket], list[Page]]:
    """A source and the tickets that it pulled, one each."""
    bench.needs(Capability.WRITE_BACK)
    bench.made_up |= {COMMENT, SECOND_COMMENT}
    source, cursor = await bench.started()
    await bench.close_tickets(count)
    pages = await pull(source, cursor)
    found = {ticket.id: ticket for ticket in tickets(pages)}
    return source, list(found.values()), pages


def _check(items: Sequence[Experience], receipts: Sequence[Receipt]) -> None:
    expected = [item.id for item in items]
    keys = [receipt.key for receipt in receipts]
    assert keys == expected, f"write_back() gave receipts for {keys}, expected one per item in order: {expected}"


async def _write(source: Source[Any], *items: Experience) -> None:
    """Write, and expect success."""
    receipts = await source.write_back(items)
    _check(items, receipts)
    for receipt in receipts:
        assert receipt.status is DeliveryStatus.DELIVERED, (
            f"the receipt of {receipt.key} says {receipt.status}; after a healthy write it is DELIVERED"
        )


class WriteBackContract:
    """The promises of `Capability.WRITE_BACK`. Part of `SourceContract`."""

    async def test_write_back_puts_each_experience_on_its_ticket(self, bench: SourceBench) -> None:
        """One receipt per item, in order; the customer's words are on the right ticket and intact."""
        source, found, _ = await _closed(bench, 3)
        await _write(source, *(experience(ticket, comment=f"{COMMENT} {ticket.id}") for ticket in found))
        for ticket in found:
            entries = await bench.rig.written(ticket.id)
            assert any(f"{COMMENT} {ticket.id}" in entry for entry in entries), (
                f"the comment is not on ticket {ticket.id}, or its characters are damaged: {list(entries)}"
            )

    async def test_write_back_twice_leaves_one_entry(self, bench: SourceBench) -> None:
        """The hub repeats a write-back after a crash, also from a new process."""
        source, [ticket], _ = await _closed(bench)
        item = experience(ticket, comment=COMMENT)
        await _write(source, item)
        once = list(await bench.rig.written(ticket.id))
        for again, who in ((source, "the same instance"), (bench.new(), "a new instance")):
            await _write(again, item)
            entries = list(await bench.rig.written(ticket.id))
            assert entries == once, (
                f"write_back() of the same (id, revision) by {who} changed ticket {ticket.id}: "
                f"{len(once)} entries before, {len(entries)} after. "
                "Look for a mark made of Experience.id and revision before you write"
            )

    async def test_a_later_revision_is_written_too(self, bench: SourceBench) -> None:
        """A customer who answers again changes the experience; both revisions are idempotent."""
        source, [ticket], _ = await _closed(bench)
        first = experience(ticket, comment=COMMENT)
        second = experience(ticket, revision=2, comment=SECOND_COMMENT)
        await _write(source, first)
        await _write(source, second)
        entries = list(await bench.rig.written(ticket.id))
        assert any(SECOND_COMMENT in entry for entry in entries), (
            f"revision 2 is not on ticket {ticket.id}; a mark made of Experience.id alone hides it, add the revision"
        )
        await _write(source, second)
        assert list(await bench.rig.written(ticket.id)) == entries, "writing revision 2 again changed the ticket"

    async def test_each_thing_a_customer_wrote_is_on_the_ticket(self, bench: SourceBench) -> None:
        """A record can hold several scores, choices, lost time and several things with their kinds."""
        source, [ticket], _ = await _closed(bench)
        bench.made_up |= set(THREE_THINGS)
        item = rich_experience(ticket, THREE_THINGS)
        await _write(source, item)
        entries = list(await bench.rig.written(ticket.id))
        for words in THREE_THINGS:
            assert any(words in entry for entry in entries), (
                f"{words!r} is not on ticket {ticket.id}, or its characters are damaged: {entries}; "
                "hub.tell_words() gives all that a customer wrote"
            )
        await _write(source, item)
        assert list(await bench.rig.written(ticket.id)) == entries, "writing it again changed the ticket"

    async def test_a_withdrawn_answer_is_told_without_its_words(self, bench: SourceBench) -> None:
        """What is replaced holds the words no more, and what is added does not repeat them."""
        source, [ticket], _ = await _closed(bench)
        bench.made_up |= set(THREE_THINGS)
        item = rich_experience(ticket, THREE_THINGS)
        await _write(source, item)
        before = list(await bench.rig.written(ticket.id))
        await _write(source, withdrawn(item))
        entries = list(await bench.rig.written(ticket.id))
        new = [entry for entry in entries if entry not in before]
        assert new, (
            f"the revision that withdraws the answer left no trace on ticket {ticket.id}; look at Experience.withdrawn"
        )
        for entry in new:
            assert not any(words in entry for words in THREE_THINGS), f"the withdrawn words were written anew: {entry}"
        await _write(source, withdrawn(item))
        assert list(await bench.rig.written(ticket.id)) == entries, "writing the withdrawal again changed the ticket"

    async def test_the_own_write_back_is_no_news(self, bench: SourceBench) -> None:
        """Otherwise each answer would ask the customer again."""
        source, found, pages = await _closed(bench, 2)
        await _write(source, *(experience(ticket, comment=COMMENT) for ticket in found))
        bench.advance(minutes=5)
        for puller in (source, bench.new()):
            news = await pull(puller, pages[-1].cursor)
            assert_same_closures(closures(pages), closures(news), "the pull after the own write-back")
            reopened = [one for page in news for one in page.reopened]
            assert not reopened, (
                f"the own write-back counts as reopening of ticket {', '.join(reopened)}; "
                "leave out of Page.reopened what the hub's own account wrote"
            )

    async def test_a_removed_ticket_is_rejected_alone(self, bench: SourceBench) -> None:
        """The ticket is gone for good; the others of the batch are written."""
        source, [gone, kept], _ = await _closed(bench, 2)
        await bench.rig.remove_ticket(gone.id)
        items = [experience(gone, comment=COMMENT), experience(kept, comment=COMMENT)]
        receipts = await source.write_back(items)
        _check(items, receipts)
        assert receipts[0].status is DeliveryStatus.REJECTED, (
            f"the receipt of a removed ticket says {receipts[0].status}; expected REJECTED, or the hub tries for days"
        )
        assert receipts[0].reason, (
            "the receipt of a removed ticket gives no reason; say in Receipt.reason what is wrong"
        )
        assert receipts[1].status is DeliveryStatus.DELIVERED, "one removed ticket kept another from being written"

    @pytest.mark.parametrize("fault", Fault)
    async def test_write_back_under_a_fault_ends_with_one_entry(self, bench: SourceBench, fault: Fault) -> None:
        """Whatever the fault did, the hub calls again afterwards, and the ticket then has exactly one entry."""
        source, [ticket, model], _ = await _closed(bench, 2)
        await _write(source, experience(model, comment=COMMENT))
        item = experience(ticket, comment=COMMENT)
        await bench.play(fault)
        await self._try(bench, source, item, fault)
        await bench.rig.fail(None)
        await _write(source, item)
        entries, expected = await bench.rig.written(ticket.id), await bench.rig.written(model.id)
        assert len(entries) == len(expected), (
            f"write_back() under Fault.{fault.name} and once more left {len(entries)} entries on the ticket; "
            f"a healthy write leaves {len(expected)}. Look before you write, and write with once=True"
        )

    async def _try(self, bench: SourceBench, source: Source[Any], item: Experience, fault: Fault) -> None:
        """A write under a fault may raise, or say in the receipt what it knows; it may not claim too much."""
        receipts: Sequence[Receipt] = ()
        allowed = tuple(dict.fromkeys((*READING.get(fault, ()), *ACTING[fault])))
        with bench.raises(allowed, "write_back()", fault, or_nothing=True):
            receipts = await source.write_back([item])
            _check([item], receipts)
        for receipt in receipts:
            self._check_claim(receipt, fault)

    def _check_claim(self, receipt: Receipt, fault: Fault) -> None:
        final = receipt.status is DeliveryStatus.REJECTED and fault is not Fault.NOT_FOUND
        assert not final, (
            f"write_back() under Fault.{fault.name} gave the experience up with REJECTED; "
            "that fault passes, so raise instead"
        )
        claimed = receipt.status is DeliveryStatus.DELIVERED and fault in NOTHING_DONE
        assert not claimed, f"write_back() under Fault.{fault.name} claims DELIVERED, but nothing was carried out"
