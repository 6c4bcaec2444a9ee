"""A plugin that breaks a promise fails the test of that promise, and the message says what is wrong."""

import json
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from acme_rigs import AcmeDesk, AcmePhones
from hub_acme import AcmeConfig, AcmeGateway, AcmeSource, PollingGateway, inbound

from hub import (
    Capability,
    Channel,
    CheckResult,
    Cursor,
    DeliveryStatus,
    Experience,
    Gateway,
    GatewayType,
    Inbound,
    Message,
    OutcomeUnknown,
    Page,
    PluginConfig,
    Receipt,
    SourceType,
    Unavailable,
    Unexpected,
    Webhook,
)
from hub.testing.contracts import GatewayContract, SourceContract
from hub.testing.rigs import Fault

SOURCES: list[Any] = []
GATEWAYS: list[Any] = []


def source(test: str, message: str, **parameters: Any) -> Any:
    def add(wrong: type[AcmeSource]) -> type[AcmeSource]:
        SOURCES.append(pytest.param(wrong, test, message, parameters, id=f"{wrong.__name__}-{test}"))
        return wrong

    return add


def gateway(test: str, message: str, **parameters: Any) -> Any:
    def add(wrong: type[AcmeGateway]) -> type[AcmeGateway]:
        GATEWAYS.append(pytest.param(wrong, test, message, parameters, id=f"{wrong.__name__}-{test}"))
        return wrong

    return add


@source("test_new_closures_are_found_with_their_fields", r"pull\(\) skipped ticket 1001 of 5")
class SkipsATicket(AcmeSource):
    def page(self, events: list[Any], number: int) -> Page:
        return super().page([event for event in events if event["ticket"] != "1001"], number)


@source("test_resumes_after_every_page", "resuming after page 1 skipped ticket 1002", together=True)
class PutsTheCursorTooFar(AcmeSource):
    def page(self, events: list[Any], number: int) -> Page:
        return replace(super().page(events, number), cursor=Cursor(str(number + 1)))


@source("test_the_same_cursor_gives_the_same_closures", "ticket 1000 again with another closure_key")
class TakesTheTimeAsClosureKey(AcmeSource):
    def closure_key(self, event: Any) -> str:
        return self.context.clock.now().isoformat()


@source("test_a_reopened_ticket_is_told_and_closes_anew", "no new closure_key")
class TakesTheTicketAsClosureKey(AcmeSource):
    def closure_key(self, event: Any) -> str:
        return str(event["ticket"])


@source("test_a_reopened_ticket_is_told_and_closes_anew", "does not tell of a reopened ticket")
@source("test_a_customer_who_writes_again_is_told", "does not name it in Page.reopened")
class KeepsQuietAboutReopening(AcmeSource):
    def page(self, events: list[Any], number: int) -> Page:
        return replace(super().page(events, number), reopened=())


@source("test_first_pull_starts_from_now", r"pull\(None\) yielded ticket 1000, 1001, closed before")
class AsksAboutOldTickets(AcmeSource):
    def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        return super().pull(cursor or Cursor("0"))


@source(
    "test_pull_meets_a_fault",
    r"under Fault.MALFORMED raised JSONDecodeError; expected Unexpected",
    fault=Fault.MALFORMED,
)
class LetsJsonErrorsOut(AcmeSource):
    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        try:
            async for page in super().pull(cursor):
                yield page
        except Unexpected:
            json.loads("{")


@source("test_pull_meets_a_fault", "this shows 'acme-token-51fe', which must stay private", fault=Fault.MALFORMED)
@source("test_pull_meets_a_fault", "expected RateLimited .the hub then waits", fault=Fault.RATE_LIMIT)
class TellsItsToken(AcmeSource):
    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        try:
            async for page in super().pull(cursor):
                yield page
        except Exception as error:
            raise Unexpected(f"token {self.config.token.get_secret_value()} did not help") from error


@source("test_pull_meets_a_fault", "raised nothing; expected Unavailable", fault=Fault.CONNECT)
class SwallowsErrors(AcmeSource):
    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        try:
            async for page in super().pull(cursor):
                yield page
        except Unavailable:
            return


@source("test_write_back_twice_leaves_one_entry", "by the same instance changed ticket 1000: 1 entries before, 2 after")
@source("test_write_back_under_a_fault_ends_with_one_entry", "left 2 entries", fault=Fault.WRITE_ANSWER_LOST)
class WritesWithoutLooking(AcmeSource):
    async def write(self, item: Experience) -> Receipt:
        return await super().write(item.model_copy(update={"id": str(uuid.uuid4())}))

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        receipts = await super().write_back(items)
        return [replace(receipt, key=item.id) for receipt, item in zip(receipts, items, strict=True)]


@source("test_write_back_puts_each_experience_on_its_ticket", "expected one per item in order")
class MixesUpReceipts(AcmeSource):
    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        return list(reversed(await super().write_back(items)))


@source("test_each_thing_a_customer_wrote_is_on_the_ticket", "'Uusi näyttö, kiitos!' is not on ticket 1000")
class WritesTheFirstThingOnly(AcmeSource):
    async def write(self, item: Experience) -> Receipt:
        return await super().write(item.model_copy(update={"items": item.items[:1]}))


@source("test_a_withdrawn_answer_is_told_without_its_words", "left no trace on ticket 1000")
class KeepsQuietAboutWithdrawals(AcmeSource):
    async def write(self, item: Experience) -> Receipt:
        if item.withdrawn:
            return Receipt(key=item.id, status=DeliveryStatus.DELIVERED)
        return await super().write(item)


@source("test_the_own_write_back_is_no_news", "the own write-back counts as reopening of ticket 1000, 1001")
class TakesItsOwnNoteForNews(AcmeSource):
    def page(self, events: list[Any], number: int) -> Page:
        noted = [event["ticket"] for event in events if event["what"] == "noted"]
        return replace(super().page(events, number), reopened=tuple(noted))


@source("test_rewind_leads_back_to_older_closures", "the pull after rewind.. skipped ticket 1001, 1002, 1003")
class RewindsToNow(AcmeSource):
    async def rewind(self, since: datetime) -> Cursor:
        return await super().rewind(self.context.clock.now())


@source("test_check_proves_that_all_is_well", "returned nothing")
class ChecksNothing(AcmeSource):
    async def check(self) -> Sequence[CheckResult]:
        return ()


@source("test_check_reports_a_fault_and_does_not_raise", "under Fault.AUTH says that all is well", fault=Fault.AUTH)
class SaysAllIsWell(AcmeSource):
    async def check(self) -> Sequence[CheckResult]:
        return [CheckResult("reach acme", ok=True)]


@gateway("test_send_delivers_the_words_untouched", "the text arrived as 'K.si'", text="Käsi")
class LosesUmlauts(AcmeGateway):
    async def send(self, message: Message) -> Receipt:
        return await super().send(replace(message, text=message.text.encode("ascii", "replace").decode()))


@gateway("test_send_delivers_the_words_untouched", "the receipt's key is 'm0'", text="Hei")
class SwapsKeyAndId(AcmeGateway):
    async def send(self, message: Message) -> Receipt:
        receipt = await super().send(message)
        return replace(receipt, key=receipt.provider_id or "")


@gateway("test_send_meets_a_fault", "sent the message 2 times", fault=Fault.RESET_AFTER_REQUEST)
@gateway("test_send_meets_a_fault", "sent the message 2 times", fault=Fault.TIMEOUT_AFTER_REQUEST)
class SendsAgain(AcmeGateway):
    async def send(self, message: Message) -> Receipt:
        try:
            return await super().send(message)
        except OutcomeUnknown:
            return await super().send(message)


@gateway("test_a_forged_request_is_refused", "DID NOT RAISE.*WebhookRefused")
@gateway("test_a_bare_request_is_refused", "JSONDecodeError")
@gateway("test_a_damaged_request_raises_nothing_else", r"a request with the body b'' raised JSONDecodeError")
class TrustsEverybody(AcmeGateway):
    async def receive(self, request: Webhook) -> Inbound:
        return inbound([json.loads(request.body)])


@gateway("test_a_repeated_reply_is_recognised", "has two provider_ids; it would be counted twice")
class MakesUpIds(AcmeGateway):
    async def receive(self, request: Webhook) -> Inbound:
        found = await super().receive(request)
        return Inbound(tuple(replace(reply, provider_id=str(uuid.uuid4())) for reply in found.replies), found.reports)


@gateway("test_two_replies_are_two", "have one provider_id; the second would be dropped")
class TakesTheTextAsId(AcmeGateway):
    async def receive(self, request: Webhook) -> Inbound:
        found = await super().receive(request)
        return Inbound(tuple(replace(reply, provider_id=reply.text) for reply in found.replies), found.reports)


@gateway("test_collect_starts_from_now", "yielded old replies")
class CollectsOldReplies(PollingGateway):
    def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        return super().collect(cursor or Cursor("0"))


@gateway("test_collect_resumes_from_every_cursor", "resuming after page 1 lost or made up replies")
class LosesRepliesOnResuming(PollingGateway):
    async def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        async for found in super().collect(cursor):
            yield replace(found, cursor=Cursor(str(int(found.cursor or "0") + len(found.replies) // 2)))


@gateway("test_a_message_whose_answer_was_lost_is_found", "says that a message never left which the service has")
@gateway("test_look_up_meets_a_fault", "raised nothing; expected Unavailable", fault=Fault.CONNECT)
class FindsNothing(AcmeGateway):
    async def look_up(self, message: Message, since: datetime) -> Receipt | None:
        return None


@gateway("test_a_message_that_never_left_is_not_found", "took an earlier message for this one")
@gateway("test_a_message_whose_answer_was_lost_is_found", "the receipt has no provider_id")
class FindsEverything(AcmeGateway):
    async def look_up(self, message: Message, since: datetime) -> Receipt | None:
        return Receipt(key=message.key, status=DeliveryStatus.SENT)


async def complaint(contract: Any, test: str, offered: Any, rig: Any, parameters: dict[str, Any]) -> str:
    bench = contract.bench_type(offered, rig)
    try:
        await getattr(contract(), test)(bench, **parameters)
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - whatever the test says
        return f"{type(error).__name__} {error}"
    return "nothing"


@pytest.mark.parametrize(("wrong", "test", "message", "parameters"), SOURCES)
async def test_a_wrong_source_fails(wrong: Any, test: str, message: str, parameters: dict[str, Any]) -> None:
    offered = SourceType("wrong", AcmeConfig, wrong, frozenset({Capability.WRITE_BACK, Capability.REWIND}))
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(await complaint(SourceContract, test, offered, AcmeDesk(), parameters))


@pytest.mark.parametrize(("wrong", "test", "message", "parameters"), GATEWAYS)
async def test_a_wrong_gateway_fails(wrong: Any, test: str, message: str, parameters: dict[str, Any]) -> None:
    polls = issubclass(wrong, PollingGateway)
    capabilities = {Capability.COLLECT if polls else Capability.RECEIVE}
    if wrong.look_up is not Gateway.look_up:
        capabilities.add(Capability.LOOK_UP)
    offered = GatewayType("wrong", AcmeConfig, wrong, Channel.SMS, frozenset(capabilities))
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(await complaint(GatewayContract, test, offered, AcmePhones(push=not polls), parameters))


async def test_an_undescribed_setting_and_an_open_secret_are_found() -> None:
    class Bare(PluginConfig):
        url: str
        token: str
        page_size: int = 1

    offered = SourceType("bare", Bare, AcmeSource)
    contract = type("Bare", (SourceContract,), {"_offered": lambda _: offered})
    found = await complaint(contract, "test_settings_hide_secrets", offered, AcmeDesk(), {})
    assert "must stay private" in found
    with pytest.raises(AssertionError, match="have no description: url, token, page_size"):
        await contract().test_every_setting_is_described()
