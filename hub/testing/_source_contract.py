"""What every source keeps when it is pulled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import ClassVar, cast

import pytest

from hub import Capability, NotSupported, Page, RemoteError
from hub.testing._bench import READING, Bench
from hub.testing._component_contract import ComponentContract
from hub.testing._milestone_contract import MilestoneContract
from hub.testing._news_contract import NewsContract
from hub.testing._source_bench import (
    SourceBench,
    assert_found,
    assert_same_closures,
    closures,
    experience,
    pull,
    tickets,
)
from hub.testing._write_back_contract import WriteBackContract
from hub.testing.rigs import Fault


class SourceContract(WriteBackContract, NewsContract, MilestoneContract, ComponentContract):
    """The promises of a source. Subclass it in the plugin's tests, and bring a rig:

        class TestAcme(SourceContract):
            plugin = hub_acme

            @pytest.fixture
            def rig(self) -> AcmeRig:
                return AcmeRig()

    Tests of what the plugin does not declare, or the rig cannot play, are skipped with the reason.
    Needs pytest-asyncio.
    """

    kind: ClassVar[str] = "source"
    bench_type: ClassVar[type[Bench]] = SourceBench  # type: ignore[type-arg]  # any bench

    async def test_first_pull_starts_from_now(self, bench: SourceBench) -> None:
        """A desk's old tickets are not surveyed when the hub is installed."""
        old = await bench.close_tickets(2)
        pages = await pull(bench.new(), None)
        assert pages, "pull(None) yielded no page; yield one empty page with the cursor to start from"
        surveyed = sorted(set(closures(pages)) & {closed.id for closed in old})
        assert not surveyed, (
            f"pull(None) yielded ticket {', '.join(surveyed)}, closed before the hub was installed; "
            "yield one empty page with a cursor for the present"
        )

    async def test_old_tickets_stay_unasked_after_the_first_pull(self, bench: SourceBench) -> None:
        """Also the second pull knows where the first began."""
        old = await bench.close_tickets(2)
        source, cursor = await bench.started()
        pages = await pull(source, cursor)
        surveyed = sorted(set(closures(pages)) & {closed.id for closed in old})
        assert not surveyed, (
            f"the second pull yielded ticket {', '.join(surveyed)}, closed before the hub was installed; "
            "keep in the cursor when the first pull was, and leave out what was closed before"
        )

    async def test_new_closures_are_found_with_their_fields(self, bench: SourceBench) -> None:
        """Over several pages: each ticket, nothing else, and what the desk says of it."""
        source, cursor = await bench.started()
        closed = await bench.close_tickets(2 * bench.rig.page_size + 1)
        pages = await pull(source, cursor)
        assert_found(pages, closed, "pull()")
        drafts = {one.id: one.draft for one in closed}
        for ticket in tickets(pages):
            assert ticket.id in drafts, f"pull() yielded ticket {ticket.id}, which was not closed since the cursor"
            draft = drafts[ticket.id]
            assert ticket.subject == draft.subject, (
                f"ticket {ticket.id}: Ticket.subject is {ticket.subject!r}, the desk has {draft.subject!r}"
            )
            assert ticket.customer.email == draft.customer.email, (
                f"ticket {ticket.id}: Customer.email is {ticket.customer.email!r}, "
                f"the desk has {draft.customer.email!r}"
            )
            if bench.rig.exact_times:
                assert ticket.closed_at == draft.closed_at, (
                    f"ticket {ticket.id}: closed_at is {ticket.closed_at}, the desk says {draft.closed_at}. "
                    "If your desk stamps the closing itself, set exact_times = False in the rig"
                )
        several = [ticket_id for ticket_id, keys in closures(pages).items() if len(keys) > 1]
        assert not several, (
            f"one pull yielded ticket {', '.join(several)} with two closure keys; it would be asked twice. "
            "Make the key of the closing, such as its time or its history entry"
        )

    @pytest.mark.parametrize("together", [False, True], ids=["a minute apart", "at the same moment"])
    async def test_resumes_after_every_page(self, bench: SourceBench, together: bool) -> None:
        """The hub may be killed after any page. A new instance then yields the rest from that page's cursor."""
        source, cursor = await bench.started()
        closed = await bench.close_tickets(2 * bench.rig.page_size + 1, together=together)
        stored: list[Page] = []
        for number in range(1, 4 * len(closed)):
            walked = await pull(bench.new(), cursor, pages=1)
            stored += walked
            rest = await pull(source, walked[-1].cursor) if walked else []
            assert_found([*stored, *rest], closed, f"resuming after page {number}")
            if not walked or walked[-1].cursor == cursor:
                return
            cursor = walked[-1].cursor
        pytest.fail(
            "the cursor still moves after four pages for each closed ticket; pull() does not come to an end. "
            "Stop when the desk has nothing more to give"
        )

    async def test_the_same_cursor_gives_the_same_closures(self, bench: SourceBench) -> None:
        """A page that was not stored is pulled again."""
        source, cursor = await bench.started()
        closed = await bench.close_tickets(bench.rig.page_size + 1)
        first = await pull(source, cursor)
        bench.advance(minutes=5)
        for again, who in ((source, "the same instance"), (bench.new(), "a new instance")):
            pages = await pull(again, cursor)
            assert_found(pages, closed, f"a second pull from one cursor by {who}")
            assert_same_closures(closures(first), closures(pages), f"a second pull from one cursor by {who}")

    async def test_a_quiet_desk_brings_no_news(self, bench: SourceBench) -> None:
        """Overlap may repeat a closure, but never makes a new one."""
        source, cursor = await bench.started()
        await bench.close_tickets(bench.rig.page_size)
        pages = await pull(source, cursor)
        for _ in range(2):
            bench.advance(minutes=10)
            quiet = await pull(source, pages[-1].cursor)
            assert_same_closures(closures(pages), closures(quiet), "a pull from a quiet desk")
            pages += quiet

    async def test_a_closure_at_the_moment_of_a_pull_is_not_lost(self, bench: SourceBench) -> None:
        """Two tickets carry the same closing time; the pull ran between them."""
        source, cursor = await bench.started()
        one = await bench.close_ticket()
        pages = await pull(source, cursor)
        other = await bench.close_ticket()
        bench.advance(minutes=1)
        pages += await pull(source, pages[-1].cursor if pages else cursor)
        assert_found(pages, [one, other], "pulling between two closings of the same moment")

    async def test_a_reopened_ticket_is_told_and_closes_anew(self, bench: SourceBench) -> None:
        """Reopening cancels surveys not yet sent; the second closing is another closure."""
        source, cursor = await bench.started()
        [closed] = await bench.close_tickets(1)
        pages = await pull(source, cursor)
        before = closures(pages)[closed.id]
        await bench.rig.reopen(closed.id)
        bench.advance(minutes=1)
        pages = await pull(source, pages[-1].cursor)
        assert closed.id in {one for page in pages for one in page.reopened}, (
            "pull() does not tell of a reopened ticket; name its id in Page.reopened, so that its survey is withdrawn"
        )
        await bench.rig.close_again(closed.id)
        bench.advance(minutes=1)
        after = closures(await pull(source, pages[-1].cursor)).get(closed.id, set())
        assert after - before, (
            "a ticket that was reopened and closed again has no new closure_key; nobody would be asked. "
            "Make the key of the closing, not of the ticket"
        )

    async def test_a_customer_who_writes_again_is_told(self, bench: SourceBench) -> None:
        """Nobody is asked how it went while they wait for an answer."""
        source, cursor = await bench.started()
        [closed] = await bench.close_tickets(1)
        pages = await pull(source, cursor)
        await bench.rig.customer_writes(closed.id, "Ei se toiminutkaan, käyttääkö Åsa samaa?")
        bench.advance(minutes=1)
        pages = await pull(source, pages[-1].cursor)
        assert closed.id in {one for page in pages for one in page.reopened}, (
            "the customer wrote on a closed ticket, and pull() does not name it in Page.reopened"
        )

    @pytest.mark.parametrize("fault", READING)
    async def test_pull_meets_a_fault(self, bench: SourceBench, fault: Fault) -> None:
        """The right class of error; when it is over, the same instance goes on and nothing is lost."""
        source, cursor = await bench.started()
        closed = await bench.close_tickets(1)
        await bench.play(fault)
        with bench.raises(READING[fault], "pull()", fault):
            await pull(source, cursor)
        await bench.rig.fail(None)
        assert_found(await pull(source, cursor), closed, f"the pull after Fault.{fault.name}")

    async def test_a_fault_between_two_pages_loses_nothing(self, bench: SourceBench) -> None:
        """What was stored before the fault stays, the rest comes afterwards."""
        source, cursor = await bench.started()
        closed = await bench.close_tickets(2 * bench.rig.page_size + 1)
        stored: list[Page] = []
        async with aclosing(cast("AsyncGenerator[Page, None]", source.pull(cursor))) as walk:
            stored.append(await anext(walk))
            await bench.play_any(Fault.UNAVAILABLE, Fault.CONNECT, Fault.AUTH)
            with contextlib.suppress(RemoteError):  # a source that reads ahead may not notice
                stored += [page async for page in walk]
        await bench.rig.fail(None)
        rest = await pull(source, stored[-1].cursor)
        assert_found([*stored, *rest], closed, "the pull after a fault between two pages")

    async def test_wait_returns_when_there_is_news(self, bench: SourceBench) -> None:
        """The survey goes out soon after the closing, not after the next interval."""
        bench.needs(Capability.WAIT)
        source, cursor = await bench.started()
        waiting = asyncio.create_task(source.wait())
        for _ in range(20):
            await bench.close_tickets(1)
            await asyncio.wait([waiting], timeout=0.5)
            if waiting.done():
                break
        assert waiting.done(), (
            "wait() did not return within ten seconds in which tickets were closed; "
            "return when the desk tells of news, or do not declare Capability.WAIT"
        )
        await waiting
        assert tickets(await pull(source, cursor)), (
            "after wait() returned, pull() found nothing; return only for news that the next pull finds"
        )

    async def test_wait_may_be_cancelled(self, bench: SourceBench) -> None:
        """The polling interval ends the waiting; the source is usable at once."""
        bench.needs(Capability.WAIT)
        source, cursor = await bench.started()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.wait(), timeout=0.3)
        closed = await bench.close_tickets(1)
        assert_found(await pull(source, cursor), closed, "the pull after a cancelled wait()")

    async def test_closed_at_is_not_in_the_future(self, bench: SourceBench) -> None:
        """A naive local time read as UTC shows here."""
        source, cursor = await bench.started()
        await bench.close_tickets(1)
        for ticket in tickets(await pull(source, cursor)):
            ahead = ticket.closed_at - bench.rig.clock.now()
            assert ahead <= timedelta(seconds=1), (
                f"ticket {ticket.id} was closed {ahead} from now; is closed_at in UTC? "
                "Read the desk's times with the desk's time zone"
            )

    async def test_rewind_leads_back_to_older_closures(self, bench: SourceBench) -> None:
        """`hub sync --since` yields what was closed before the first pull."""
        bench.needs(Capability.REWIND)
        await bench.close_tickets(1)
        since = bench.rig.clock.now()
        closed = await bench.close_tickets(bench.rig.page_size + 1)
        source, _ = await bench.started()
        cursor = await source.rewind(since)
        assert_found(await pull(bench.new(), cursor), closed, "the pull after rewind()")

    async def test_what_is_not_declared_says_so(self, bench: SourceBench) -> None:
        """Calling an undeclared capability raises NotSupported."""
        source, cursor = await bench.started()
        await bench.close_tickets(1)
        [ticket, *_] = tickets(await pull(source, cursor))
        if Capability.WRITE_BACK not in bench.type.capabilities:
            with pytest.raises(NotSupported):
                await source.write_back([experience(ticket, comment="Kiitos")])
        if Capability.REWIND not in bench.type.capabilities:
            with pytest.raises(NotSupported):
                await source.rewind(bench.rig.clock.now())
