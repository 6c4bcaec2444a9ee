"""A sink that breaks a promise fails the test of that promise, and the message says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from hub import CheckResult, DeliveryStatus, Experience, PluginConfig, Receipt, RemoteError, Sink, SinkType, Unavailable
from hub.testing._sink_contract import SinkBench
from hub.testing.contracts import SinkContract
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Fault, Published, SinkRig

WRONG: list[Any] = []


class Nothing(PluginConfig):
    """No settings."""


class Board(SinkRig):
    """Keeps every event it is sent."""

    faults = frozenset(Fault)

    def __init__(self) -> None:
        super().__init__()
        self.events: list[dict[str, str]] = []
        self._transport = FaultyTransport(httpx.MockTransport(self._answer), self.clock)

    @property
    def settings(self) -> dict[str, Any]:
        return {}

    @property
    def transport(self) -> httpx.AsyncBaseTransport:
        return self._transport

    async def fail(self, fault: Fault | None) -> None:
        self._transport.fault = fault

    async def published(self) -> Sequence[Published]:
        return [Published(event["id"], event["text"]) for event in self.events]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.events += json.loads(request.content)
        return httpx.Response(200)


class Good(Sink[Nothing]):
    async def check(self) -> Sequence[CheckResult]:
        return [CheckResult("all is well", ok=True)]

    def event(self, item: Experience) -> dict[str, str]:
        return {"id": f"{item.id}/{item.revision}", "text": f"{item.ticket.key}: {item.comment}"}

    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        await self.context.http.request("POST", "https://board.acme.example", json=[self.event(item) for item in items])
        return [Receipt(key=item.id, status=DeliveryStatus.SENT) for item in items]


def wrong(test: str, message: str, **parameters: Any) -> Any:
    def add(sink: type[Good]) -> type[Good]:
        WRONG.append(pytest.param(sink, test, message, parameters, id=f"{sink.__name__}-{test}"))
        return sink

    return add


@wrong("test_publish_delivers_each_experience", "made 0 events with the customer's words")
@wrong("test_publish_under_a_fault_loses_nothing", "and once more delivered nothing", fault=Fault.CONNECT)
class LosesUmlauts(Good):
    def event(self, item: Experience) -> dict[str, str]:
        return super().event(item) | {"text": ascii(item.comment)}


@wrong("test_publish_delivers_each_experience", "does not name ticket T-")
class ForgetsTheTicket(Good):
    def event(self, item: Experience) -> dict[str, str]:
        return super().event(item) | {"text": str(item.comment)}


@wrong("test_publish_delivers_each_experience", "expected one per item in order")
class MixesReceipts(Good):
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        return list(reversed(await super().publish(items)))


@wrong("test_two_experiences_are_two_events", "the receiving side would drop the second")
class TakesTheSurveyAsId(Good):
    def event(self, item: Experience) -> dict[str, str]:
        return super().event(item) | {"id": item.survey}


@wrong("test_revisions_arrive_in_order", "went out under one identity; the receiving side would keep the first")
class ForgetsTheRevision(Good):
    def event(self, item: Experience) -> dict[str, str]:
        return super().event(item) | {"id": item.id}


@wrong("test_revisions_arrive_in_order", r"arrived as \[1, 3, 2\]")
class TurnsTheOrder(Good):
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        return list(reversed(await super().publish(list(reversed(items)))))


@wrong("test_a_repeated_event_can_be_folded", "went out under 2 identities")
@wrong("test_publish_under_a_fault_loses_nothing", "used two identities", fault=Fault.RESET_AFTER_REQUEST)
class CountsItsEvents(Good):
    count = 0

    def event(self, item: Experience) -> dict[str, str]:
        type(self).count += 1
        return super().event(item) | {"id": str(self.count)}


@wrong("test_publish_under_a_fault_loses_nothing", "claims sent, but nothing arrived", fault=Fault.UNAVAILABLE)
@wrong("test_publish_under_a_fault_loses_nothing", "claims sent, but nothing arrived", fault=Fault.CONNECT)
class ClaimsTooMuch(Good):
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        try:
            return await super().publish(items)
        except Unavailable:
            return [Receipt(key=item.id, status=DeliveryStatus.SENT) for item in items]


@wrong("test_publish_under_a_fault_loses_nothing", "gave the experience up", fault=Fault.UNAVAILABLE)
class GivesUp(Good):
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        try:
            return await super().publish(items)
        except RemoteError:
            return [Receipt(key=item.id, status=DeliveryStatus.REJECTED) for item in items]


@wrong("test_publish_under_a_fault_loses_nothing", "raised ValueError; expected", fault=Fault.AUTH)
class RaisesItsOwn(Good):
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        try:
            return await super().publish(items)
        except RemoteError:
            raise ValueError from None


async def complaint(sink: type[Good], test: str, parameters: dict[str, Any]) -> str:
    rig = Board()
    bench = SinkBench(SinkType("made up", Nothing, sink), rig)
    try:
        await getattr(SinkContract(), test)(bench, **parameters)
    except AssertionError as error:
        return str(error)
    return "nothing"


@pytest.mark.parametrize(("sink", "test", "message", "parameters"), WRONG)
async def test_a_wrong_sink_fails_and_a_good_one_passes(
    sink: type[Good], test: str, message: str, parameters: dict[str, Any]
) -> None:
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(await complaint(sink, test, parameters))
    assert await complaint(Good, test, parameters) == "nothing"
