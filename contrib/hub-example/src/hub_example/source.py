"""The source that the hub runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub import CheckResult, Context, Cursor, DeliveryStatus, Experience, Page, Receipt, RemoteError, Source

from hub_example import mapping
from hub_example.client import Client, DeskTicket
from hub_example.config import ExampleConfig

OVERLAP = timedelta(minutes=2)
"""How late a change may become visible. What is younger is read again by the next pull."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pull stands."""

    since: datetime
    """Closings before this are not asked about."""
    changed: datetime
    number: int
    """The change that was read last: tickets are read by time of change, then by number."""

    @classmethod
    def at(cls, time: datetime) -> Place:
        """The place from which everything closed at this time or later is found."""
        return cls(since=time, changed=time, number=0)

    @classmethod
    def read(cls, cursor: Cursor) -> Place:
        """The place that a cursor stands for."""
        since, changed, number = cursor.split()
        return cls(datetime.fromisoformat(since), datetime.fromisoformat(changed), int(number))

    def after(self, last: DeskTicket) -> Place:
        """The place behind a ticket."""
        return Place(self.since, last.changed_at, last.number)

    def cursor(self, horizon: datetime) -> Cursor:
        """The cursor for this place, or for the horizon when the place is beyond it."""
        changed, number = min((self.changed, self.number), (horizon, 0))
        return Cursor(f"{self.since.isoformat()} {changed.isoformat()} {number}")


class ExampleSource(Source[ExampleConfig]):
    """Pulls closed tickets and writes what customers said onto them as notes.

    A source may offer more, each with its capability: `receive` and `fetch` (webhooks, and a last look before a survey
    leaves), `census` (all closed tickets, to find what was missed), `wait` (the desk tells news at once).
    """

    def __init__(self, config: ExampleConfig, context: Context) -> None:
        super().__init__(config, context)
        self._client = Client(config, context)

    async def check(self) -> Sequence[CheckResult]:
        """Prove that the desk is reached and takes the token."""
        what = "the desk takes the token"
        try:
            me = await self._client.me()
        except RemoteError as error:
            return (CheckResult(what, ok=False, detail=f"{error}; check url and token"),)
        return (CheckResult(what, ok=True, detail=f"signed in as {me.login}"),)

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        """Yield what changed, oldest change first."""
        now = (await self._client.me()).now  # the desk's clock, not ours: its times are compared with it
        if cursor is None:
            yield Page((), Place.at(now).cursor(now))
            return
        place = Place.read(cursor)
        while changed := await self._client.changed(place.changed, place.number):
            place = place.after(changed[-1])
            yield self._page(changed, place, horizon=now - OVERLAP)

    def _page(self, changed: Sequence[DeskTicket], place: Place, *, horizon: datetime) -> Page:
        closed = (mapping.to_ticket(one, str(self.config.url)) for one in changed if mapping.is_closed(one))
        return Page(
            tickets=tuple(ticket for ticket in closed if ticket.closed_at >= place.since),
            cursor=place.cursor(horizon),
            reopened=tuple(str(one.number) for one in changed if mapping.is_open_again(one)),
        )

    async def rewind(self, since: datetime) -> Cursor:
        """The cursor for `hub sync --since`."""
        return Place.at(since).cursor(since)

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        """Add a note for each experience that has none yet."""
        receipts: list[Receipt] = []
        for item in items:
            try:
                receipts.append(await self._write(item))
            except RemoteError as error:
                if not receipts:
                    raise  # nothing was written: the hub comes again with the whole batch
                receipts.append(Receipt(key=item.id, status=DeliveryStatus.UNKNOWN, reason=str(error)))
        return receipts

    async def _write(self, item: Experience) -> Receipt:
        number, note = item.ticket.id, mapping.to_note(item)
        there = await self._client.notes(number)
        if there is not None and note.ref not in {one.ref for one in there}:
            await self._client.add_note(number, note)
            there = await self._client.notes(number)
        if there is None:
            return Receipt(key=item.id, status=DeliveryStatus.REJECTED, reason="the ticket is gone")
        written = note.ref in {one.ref for one in there}
        status = DeliveryStatus.DELIVERED if written else DeliveryStatus.UNKNOWN
        return Receipt(key=item.id, status=status, reason="note")
