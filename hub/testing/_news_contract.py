"""What every source keeps that reads single tickets, counts them, or takes webhooks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import pytest

from hub import Capability, Fetched, Hint, Source, Webhook, WebhookRefused
from hub.testing._bench import READING
from hub.testing._source_bench import SourceBench, closures, pull
from hub.testing.rigs import Fault

_BODIES = (b"", b"{", b"[]", b"null", b'{"a": ' * 5000, b"\xff\xfe", b'"text"', b"1" * 5000)


def _parts(fetched: Fetched, ids: Sequence[str]) -> dict[str, list[str]]:
    """Each id with the parts of the answer that it is in."""
    assert isinstance(fetched, Fetched), f"fetch() returned {type(fetched).__name__}, expected Fetched"
    told = {
        "tickets": {ticket.id for ticket in fetched.tickets},
        "open": set(fetched.open),
        "gone": set(fetched.gone),
    }
    return {id_: [name for name, members in told.items() if id_ in members] for id_ in ids}


async def _census(source: Source[Any], since: datetime) -> set[str]:
    async with aclosing(cast("AsyncGenerator[Sequence[str], None]", source.census(since))) as walk:
        return {id_ async for ids in walk for id_ in ids}


class NewsContract:
    """The promises of `Capability.FETCH`, `CENSUS` and `RECEIVE`. Part of `SourceContract`."""

    async def test_fetch_gives_the_same_closure_as_pull(self, bench: SourceBench) -> None:
        """A survey is held back when the closure_key of fetch() is another one."""
        bench.needs(Capability.FETCH)
        source, cursor = await bench.started()
        closed = [one.id for one in await bench.close_tickets(bench.rig.page_size + 1)]
        pulled = closures(await pull(source, cursor))
        for reader in (source, bench.new()):
            fetched = await reader.fetch(closed)
            assert _parts(fetched, closed) == {id_: ["tickets"] for id_ in closed}, (
                "fetch() of closed tickets must give each of them in Fetched.tickets, once and in no other part"
            )
            keys = {ticket.id: {ticket.closure_key} for ticket in fetched.tickets}
            assert keys == {id_: pulled[id_] for id_ in closed}, (
                "fetch() gives another closure_key than pull(); no survey of this desk would ever leave"
            )

    async def test_fetch_tells_an_open_ticket_from_a_closed_one(self, bench: SourceBench) -> None:
        """Nobody is asked about a ticket that was opened again."""
        bench.needs(Capability.FETCH)
        source, _ = await bench.started()
        opened, closed = await bench.close_tickets(2)
        await bench.rig.reopen(opened.id)
        fetched = await source.fetch([opened.id, closed.id])
        assert _parts(fetched, [opened.id, closed.id]) == {opened.id: ["open"], closed.id: ["tickets"]}, (
            "after a ticket was opened again fetch() must name it in Fetched.open, and only there"
        )
        await bench.rig.close_again(opened.id)
        again = await source.fetch([opened.id])
        assert _parts(again, [opened.id]) == {opened.id: ["tickets"]}, (
            "after a reopened ticket was closed again fetch() must give it in Fetched.tickets"
        )

    async def test_fetch_names_what_is_gone(self, bench: SourceBench) -> None:
        """Deleted and hidden tickets are no error: the others of the call are read."""
        bench.needs(Capability.FETCH)
        source, _ = await bench.started()
        gone, kept = await bench.close_tickets(2)
        await bench.rig.remove_ticket(gone.id)
        fetched = await source.fetch([gone.id, kept.id])
        assert _parts(fetched, [gone.id, kept.id]) == {gone.id: ["gone"], kept.id: ["tickets"]}, (
            "fetch() must name a removed ticket in Fetched.gone and still give the others"
        )

    @pytest.mark.parametrize("fault", [fault for fault in READING if fault is not Fault.NOT_FOUND])
    async def test_fetch_under_a_fault_claims_nothing(self, bench: SourceBench, fault: Fault) -> None:
        """A desk that cannot be read must not look like one whose tickets are gone."""
        bench.needs(Capability.FETCH)
        source, _ = await bench.started()
        [closed] = await bench.close_tickets(1)
        await bench.play(fault)
        with bench.raises(READING[fault], "fetch()", fault):
            await source.fetch([closed.id])
        await bench.rig.fail(None)
        assert _parts(await source.fetch([closed.id]), [closed.id]) == {closed.id: ["tickets"]}, (
            f"after Fault.{fault.name} had passed, fetch() did not give the ticket"
        )

    async def test_the_census_lists_what_is_closed_since_then(self, bench: SourceBench) -> None:
        """All of it, over several pages; nothing that is open again."""
        bench.needs(Capability.CENSUS)
        await bench.close_tickets(2)
        since = bench.rig.clock.now()
        source, _ = await bench.started()
        closed = [one.id for one in await bench.close_tickets(2 * bench.rig.page_size + 1)]
        opened = closed.pop()
        await bench.rig.reopen(opened)
        bench.advance(minutes=5)
        listed = await _census(source, since)
        missed = sorted(set(closed) - listed)
        assert not missed, f"census() does not list ticket {', '.join(missed)}, which was closed since then"
        assert opened not in listed, f"census() lists ticket {opened}, which is open again"

    async def test_a_webhook_names_its_ticket(self, bench: SourceBench) -> None:
        """Its repetition is known by the same delivery_id, if the desk gives one."""
        bench.needs(Capability.RECEIVE)
        source, _ = await bench.started()
        [closed] = await bench.close_tickets(1)
        requests = await bench.rig.pushes(closed.id)
        assert requests, "the rig's pushes() made no request"
        for request in requests:
            hint = await source.receive(request)
            assert isinstance(hint, Hint), f"receive() returned {type(hint).__name__}, expected Hint"
            assert closed.id in hint.ticket_ids, f"receive() names {hint.ticket_ids}, the request is about {closed.id}"
            assert await bench.new().receive(request) == hint, (
                "the same request read twice must give the same Hint, so that the hub knows the repetition"
            )

    async def test_a_webhook_that_is_forged_or_unreadable_is_refused(self, bench: SourceBench) -> None:
        """With WebhookRefused and nothing private in it; never with another exception."""
        bench.needs(Capability.RECEIVE)
        source, _ = await bench.started()
        [closed] = await bench.close_tickets(1)
        for request in await bench.rig.pushes(closed.id):
            forged = bench.rig.forged(request)
            broken = [replace(forged, body=body) for body in _BODIES]
            for one in (forged, *broken):
                with pytest.raises(WebhookRefused) as refused:
                    await source.receive(one)
                bench.is_discreet(refused.value)
            for body in _BODIES:
                await self._read_or_refuse(bench, source, replace(request, body=body))

    async def _read_or_refuse(self, bench: SourceBench, source: Source[Any], request: Webhook) -> None:
        """Whoever knows the secret may still send nonsense."""
        try:
            hint = await source.receive(request)
        except WebhookRefused as refused:
            bench.is_discreet(refused)
        else:
            assert isinstance(hint, Hint), f"receive() returned {type(hint).__name__}, expected Hint"
