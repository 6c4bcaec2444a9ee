"""Experiences onto their tickets: the first target that can take an answer gets it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from hub import Context, DeliveryStatus, Experience, OutcomeUnknown, Receipt, Rejected, RemoteError, Unexpected
from hub_servicenow import results
from hub_servicenow.answers import Forbidden
from hub_servicenow.client import ServiceNowClient
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.look import Look
from hub_servicenow.targets.import_set import ImportSetTarget
from hub_servicenow.targets.memory import Memory
from hub_servicenow.targets.own_table import OwnTableTarget
from hub_servicenow.targets.target import Held, Target, Ticket, Unusable
from hub_servicenow.targets.ticket import FieldsTarget, NoteTarget

_BUDGET = timedelta(seconds=60)
"""For one batch. No answer is begun later, so that the receipts are there before the hub stops waiting for them."""
_FRESH = timedelta(seconds=15)
"""How long the look at a whole batch is relied on. Where the hub was killed, what it had sent may come meanwhile."""
_AT_ONCE = 4
_OF_ONE_TICKET = (Forbidden, Rejected, Unexpected)
"""Errors that say nothing of other tickets."""


class ResultWriter:
    """Writes answers to the targets of `write_back`, best first."""

    def __init__(self, client: ServiceNowClient, config: ServiceNowConfig, context: Context) -> None:
        self._client = client
        self._config = config
        self._clock = context.clock
        self._look = Look(client, config)
        self._targets = {name: _target(name, client, config, context) for name in config.write_back}

    async def write(self, items: Sequence[Experience]) -> list[Receipt]:
        """Write what is not there yet, some tickets at once; one receipt per item, in order.

        :raises RemoteError: nothing was tried.
        """
        began = self._clock.now()
        outcomes = await self._write_all(items, await self._look.at(items), began)
        errors = [outcome for outcome in outcomes if isinstance(outcome, RemoteError)]
        if errors and len(errors) == len(items) and not await self._concern_tickets(errors):
            raise errors[0]
        return [
            outcome if isinstance(outcome, Receipt) else _again(item, str(outcome))
            for item, outcome in zip(items, outcomes, strict=True)
        ]

    async def _write_all(
        self, items: Sequence[Experience], seen: dict[str, Ticket], began: datetime
    ) -> list[Receipt | RemoteError]:
        """Each ticket's answers one after another; nothing more once the instance as a whole has failed."""
        gate = asyncio.Semaphore(_AT_ONCE)
        outcomes: dict[int, Receipt | RemoteError] = {}
        stopped: list[RemoteError] = []

        async def write(place: int) -> None:
            if stopped:
                outcomes[place] = stopped[0]
            elif self._clock.now() >= began + _BUDGET:
                outcomes[place] = _again(items[place], "waits for its turn")
            else:
                # what was seen is good for a ticket's first answer, which changes it
                ticket = seen.pop(items[place].ticket.id, None) if self._clock.now() < began + _FRESH else None
                outcomes[place] = outcome = await self._attempt(items[place], ticket)
                if isinstance(outcome, RemoteError) and not isinstance(outcome, _OF_ONE_TICKET):
                    stopped.append(outcome)

        async def write_ticket(places: Sequence[int]) -> None:
            async with gate:
                for place in places:
                    await write(place)

        tickets: dict[str, list[int]] = defaultdict(list)
        for place, item in enumerate(items):
            tickets[item.ticket.id].append(place)
        async with asyncio.TaskGroup() as group:
            for places in tickets.values():
                group.create_task(write_ticket(places))
        return [outcomes[place] for place in range(len(items))]

    async def _attempt(self, item: Experience, ticket: Ticket | None) -> Receipt | RemoteError:
        try:
            return await self._write(item, ticket or await self._look.at_one(item))
        except OutcomeUnknown as error:
            return _again(item, str(error))
        except RemoteError as error:
            return error

    async def _concern_tickets(self, errors: Sequence[RemoteError]) -> bool:
        """Whether each ticket was refused for itself: the account may still read the table."""
        if not all(isinstance(error, Forbidden) for error in errors):
            return False
        try:
            found = await self._client.rows(self._config.table, query="ORDERBYsys_id", fields=("sys_id",), limit=25)
        except Forbidden:
            return False
        return bool(found.records)

    async def _write(self, item: Experience, ticket: Ticket | None) -> Receipt:
        if ticket is None:
            reason = "gone: there is no such record any more, or the account may not see it"
            return Receipt(key=item.id, status=DeliveryStatus.REJECTED, reason=reason)
        refusals: list[str] = []
        for name, target in self._targets.items():
            try:
                held = await target.write(item, ticket)
            except Unusable as error:
                refusals.append(f"not {name}: {error}")
            else:
                return _receipt(item, held, refusals)
        return _again(item, "; ".join(refusals))


def _target(name: str, client: ServiceNowClient, config: ServiceNowConfig, context: Context) -> Target:
    fields = config.result_fields
    memory = Memory(name if name in ("table", "import") else "ticket", context.vault, context.clock)
    if name == "fields":
        return FieldsTarget(client, config.table, fields, memory)
    if name == "note":
        return NoteTarget(client, config.table, fields.get(results.RESPONSE), memory)
    if name == "table":
        return OwnTableTarget(client, config.result_table, fields, memory)
    return ImportSetTarget(client, config.import_table, fields, memory)


def _receipt(item: Experience, held: Held, refusals: Sequence[str]) -> Receipt:
    status = DeliveryStatus.DELIVERED if held.checked else DeliveryStatus.SENT
    return Receipt(key=item.id, status=status, provider_id=held.place, reason="; ".join([held.where, *refusals]))


def _again(item: Experience, reason: str) -> Receipt:
    """Not written for certain; the hub calls again later, and what did arrive is found then."""
    return Receipt(key=item.id, status=DeliveryStatus.UNKNOWN, reason=reason)
