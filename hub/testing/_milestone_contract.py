"""What every source keeps that tells of open tickets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Any, cast

import pytest

from hub import Capability, Milestone, Source, Ticket
from hub.testing._source_bench import Closed, SourceBench, pull

OPEN = [milestone for milestone in Milestone if milestone is not Milestone.CLOSED]


async def _look(source: Source[Any], since: datetime) -> list[Ticket]:
    async with aclosing(cast("AsyncGenerator[Sequence[Ticket], None]", source.milestones(since))) as walk:
        return [one async for page in walk for one in page]


class MilestoneContract:
    """The promises of `Capability.MILESTONES`. Part of `SourceContract`."""

    async def _reached(self, bench: SourceBench, milestone: Milestone) -> tuple[Source[Any], datetime, Closed]:
        """A source, a time, and a ticket that has reached a milestone since then."""
        bench.needs(Capability.MILESTONES)
        source, cursor = await bench.started()
        since = bench.rig.clock.now()
        bench.advance(minutes=1)
        reached = await bench.reach(milestone)
        bench.advance(minutes=5)
        await pull(source, cursor)
        return source, since, reached

    @pytest.mark.parametrize("milestone", OPEN)
    async def test_an_open_ticket_tells_what_it_has_reached(self, bench: SourceBench, milestone: Milestone) -> None:
        """With its customer, and under the same key whenever it is looked at."""
        source, since, reached = await self._reached(bench, milestone)
        found = await _look(source, since)
        assert [ticket.id for ticket in found] == [reached.id], (
            f"milestones() yielded {[ticket.id for ticket in found]}; ticket {reached.id} has reached {milestone!r}"
        )
        [ticket] = found
        assert ticket.milestone == milestone, f"Ticket.milestone is {ticket.milestone!r}, expected {milestone!r}"
        assert ticket.closed_at >= since, "closed_at must be the time when the ticket reached its milestone"
        assert ticket.subject == reached.draft.subject
        assert ticket.customer.email == reached.draft.customer.email
        bench.advance(minutes=30)
        for again, who in ((source, "the same instance"), (bench.new(), "a new instance")):
            keys = {one.closure_key for one in await _look(again, since)}
            assert keys == {ticket.closure_key}, (
                f"a second look by {who} gave another closure_key; the customer would be asked twice. "
                "Make the key of what happened, not of the last change"
            )

    @pytest.mark.parametrize("milestone", OPEN)
    async def test_what_was_reached_before_is_left_out(self, bench: SourceBench, milestone: Milestone) -> None:
        """Tickets that wait since long are no news when the hub is installed."""
        source, _, reached = await self._reached(bench, milestone)
        found = await _look(source, bench.rig.clock.now())
        assert reached.id not in {ticket.id for ticket in found}, (
            f"milestones() yielded ticket {reached.id}, which reached {milestone!r} before the time asked for"
        )

    @pytest.mark.parametrize("milestone", OPEN)
    async def test_a_closed_ticket_is_at_no_milestone(self, bench: SourceBench, milestone: Milestone) -> None:
        """Its customer is asked about the closing."""
        source, since, reached = await self._reached(bench, milestone)
        await bench.rig.close_again(reached.id)
        bench.advance(minutes=5)
        _, cursor = await bench.started()
        await pull(source, cursor)
        assert reached.id not in {ticket.id for ticket in await _look(source, since)}, (
            f"milestones() yielded ticket {reached.id}, which is closed"
        )
