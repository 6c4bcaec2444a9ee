"""Experiences onto their tickets: the first target that can take an answer gets it."""

from __future__ import annotations

from collections.abc import Sequence

from hub import Context, DeliveryStatus, Experience, OutcomeUnknown, Receipt, Rejected, RemoteError, Unexpected
from hub_servicenow import results
from hub_servicenow.client import Row, ServiceNowClient
from hub_servicenow.config import ServiceNowConfig
from hub_servicenow.targets.import_set import ImportSetTarget
from hub_servicenow.targets.own_table import OwnTableTarget
from hub_servicenow.targets.target import Held, Target, Unusable
from hub_servicenow.targets.ticket import FieldsTarget, NoteTarget


class ResultWriter:
    """Writes answers to the targets of `write_back`, best first."""

    def __init__(self, client: ServiceNowClient, config: ServiceNowConfig, context: Context) -> None:
        self._client = client
        self._config = config
        self._targets = {name: _target(name, client, config, context) for name in config.write_back}

    async def write(self, items: Sequence[Experience]) -> list[Receipt]:
        """Write what is not there yet; one receipt per item, in order.

        :raises RemoteError: nothing was tried.
        """
        receipts: list[Receipt] = []
        for item in items:
            try:
                receipts.append(await self._write(item))
            except OutcomeUnknown as error:
                receipts.append(_again(item, str(error)))
            except RemoteError as error:
                if not receipts:
                    raise
                if not isinstance(error, Rejected | Unexpected):
                    return receipts + [_again(left, str(error)) for left in items[len(receipts) :]]
                receipts.append(_again(item, str(error)))
        return receipts

    async def _write(self, item: Experience) -> Receipt:
        ticket = await self._ticket(item)
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

    async def _ticket(self, item: Experience) -> Row | None:
        response = self._config.result_fields.get(results.RESPONSE)
        fields = ("sys_id", "number", *([response] if response else []))
        ticket = await self._client.record(self._config.table, item.ticket.id, fields)
        if ticket is not None and not (ticket.get("sys_id") and ticket.get("number")):
            raise Unexpected(
                f"a record of {self._config.table} came without sys_id or number; may the account read it?"
            )
        return ticket


def _target(name: str, client: ServiceNowClient, config: ServiceNowConfig, context: Context) -> Target:
    fields = config.result_fields
    if name == "fields":
        return FieldsTarget(client, config.table, fields)
    if name == "note":
        return NoteTarget(client, config.table, fields.get(results.RESPONSE), context.vault)
    if name == "table":
        return OwnTableTarget(client, config.result_table, fields)
    return ImportSetTarget(client, config.import_table, fields)


def _receipt(item: Experience, held: Held, refusals: Sequence[str]) -> Receipt:
    status = DeliveryStatus.DELIVERED if held.checked else DeliveryStatus.SENT
    return Receipt(key=item.id, status=status, provider_id=held.place, reason="; ".join([held.where, *refusals]))


def _again(item: Experience, reason: str) -> Receipt:
    """Not written for certain; the hub calls again later, and what did arrive is found then."""
    return Receipt(key=item.id, status=DeliveryStatus.UNKNOWN, reason=reason)
