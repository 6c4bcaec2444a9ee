"""What every gateway keeps that brings back replies and delivery reports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub import (
    Capability,
    DeliveryReport,
    DeliveryStatus,
    Gateway,
    Inbound,
    NotSupported,
    Reply,
    Webhook,
    WebhookRefused,
)
from hub.testing._bench import READING
from hub.testing._gateway_bench import GatewayBench, collect, plain
from hub.testing.rigs import Fault

REPLY = "5 – kiitos, Åsa! 🙂"
_GARBAGE = (b"", b"\x00", b"{", b"\xff\xfe\xfa", b"<xml", b"[]", b"null", b"a=%ff&b", b"x" * 10_000)


def _replies(pages: Iterable[Inbound]) -> list[Reply]:
    return [reply for page in pages for reply in page.replies]


def _reports(pages: Iterable[Inbound]) -> list[DeliveryReport]:
    return [report for page in pages for report in page.reports]


def _mutilated(request: Webhook) -> Iterator[tuple[str, Webhook]]:
    """The same request, damaged in every way that a careless or hostile client finds."""
    for body in _GARBAGE:
        yield f"the body {body[:10]!r}", replace(request, body=body)
    yield "half of its body", replace(request, body=request.body[: len(request.body) // 2])
    yield "another method", replace(request, method="DELETE")
    yield "another path", replace(request, path=f"{request.path}/../x")
    for name, _ in request.query:
        others = tuple((other, value) for other, value in request.query if other != name)
        yield f"no query parameter {name!r}", replace(request, query=others)
        for value in ("", "\x00", "9" * 400, "-1", "ä🙂"):
            yield f"the query parameter {name!r} as {value[:9]!r}", replace(request, query=((name, value), *others))
    for name in request.headers:
        rest = {other: value for other, value in request.headers.items() if other != name}
        yield f"no header {name!r}", replace(request, headers=rest)


class InboundContract:
    """The promises of `Capability.COLLECT` and `Capability.RECEIVE`. Part of `GatewayContract`."""

    async def test_a_reply_arrives_with_its_words(self, bench: GatewayBench) -> None:
        """Once, from the right sender, at an aware time, unharmed."""
        gateway = bench.new()
        cursor = await bench.listening(gateway)
        message = bench.message()
        await bench.sent(gateway, message)
        pages = await self._answer(bench, gateway, message, REPLY, cursor)
        replies = _replies(pages)
        assert len(replies) == 1, f"one reply of a customer made {len(replies)}"
        [reply] = replies
        assert plain(reply.text) == REPLY, f"the reply's text arrived as {reply.text!r}"
        assert reply.sender == message.recipient, f"the reply's sender is {reply.sender!r}, expected Message.recipient"
        assert reply.channel is bench.type.channel, f"the reply's channel is {reply.channel}"
        assert reply.provider_id, "the reply has no provider_id; the hub could not remove duplicates"
        assert reply.received_at.utcoffset() == timedelta(), (
            f"received_at is not in UTC: {reply.received_at!r}; add .astimezone(UTC)"
        )
        assert reply.key in {None, message.key}, "the reply's key is not that of the message it answers"
        assert not reply.automatic, "a customer's reply is taken for an automatic one"

    async def test_two_replies_are_two(self, bench: GatewayBench) -> None:
        """Also with the same words."""
        gateway = bench.new()
        cursor = await bench.listening(gateway)
        message = bench.message()
        await bench.sent(gateway, message)
        first = await self._answer(bench, gateway, message, "5", cursor)
        bench.advance(minutes=1)
        second = await self._answer(bench, gateway, message, "5", first[-1].cursor)
        ids = {reply.provider_id for reply in _replies([*first, *second])}
        assert len(ids) == 2, (
            "two replies with the same words have one provider_id; the second would be dropped. "
            "Take the service's id, or make it of sender, time and words"
        )

    async def test_a_repeated_reply_is_recognised(self, bench: GatewayBench) -> None:
        """A service that got no 200 calls again, and a cursor that was not stored is collected from again."""
        gateway = bench.new()
        cursor = await bench.listening(gateway)
        message = bench.message()
        await bench.sent(gateway, message)
        hooks = await bench.rig.customer_replies(message, REPLY)
        bench.made_up.add(REPLY)
        first = _replies(await bench.brought_in(gateway, hooks, cursor))
        bench.advance(minutes=5)
        again = _replies(await bench.brought_in(bench.new(), hooks, cursor))
        assert [one.provider_id for one in first] == [one.provider_id for one in again], (
            "the same reply, delivered twice, has two provider_ids; it would be counted twice. "
            "Take the service's id, or make it of sender, time and words"
        )

    @pytest.mark.parametrize("status", list(DeliveryStatus))
    async def test_a_report_names_message_and_status(self, bench: GatewayBench, status: DeliveryStatus) -> None:
        """The hub finds the message by its key or by the id in the receipt."""
        if status not in bench.rig.reports:
            pytest.skip(f"{type(bench.rig).__name__}.reports does not name DeliveryStatus.{status.name}")
        gateway = bench.new()
        cursor = await bench.listening(gateway)
        message = bench.message()
        receipt = await bench.sent(gateway, message)
        hooks = await bench.rig.report(message, receipt, status)
        for attempt in ("a report", "a repeated report"):
            reports = _reports(await bench.brought_in(gateway, hooks, cursor))
            assert reports, f"{attempt} of the service made none"
            for report in reports:
                assert report.status is status, f"{attempt} of {status} became {report.status}"
                known = report.key == message.key or (report.provider_id and report.provider_id == receipt.provider_id)
                assert known, f"{attempt} carries neither Message.key nor Receipt.provider_id"
                assert report.at.utcoffset() == timedelta(), f"the report's time is not in UTC: {report.at!r}"

    async def test_a_forged_request_is_refused(self, bench: GatewayBench) -> None:
        """Somebody who does not know the secret cannot answer for a customer."""
        gateway, hooks = await self._hooks(bench)
        for hook in hooks:
            with pytest.raises(WebhookRefused) as caught:
                await gateway.receive(bench.rig.forged(hook))
            bench.is_discreet(caught.value)
            assert caught.value.status in {401, 403}, f"a forged request is answered with {caught.value.status}"

    async def test_a_bare_request_is_refused(self, bench: GatewayBench) -> None:
        """Neither is it let in without any secret, signature or parameter."""
        gateway, hooks = await self._hooks(bench)
        for hook in hooks:
            bare = replace(hook, query=(), headers={}, body=b"", path="", url=hook.url.split("?")[0])
            with pytest.raises(WebhookRefused):
                await gateway.receive(bare)

    async def test_a_damaged_request_raises_nothing_else(self, bench: GatewayBench) -> None:
        """It is refused or ignored. Any other exception is a bug that anybody on the internet can provoke."""
        gateway, hooks = await self._hooks(bench)
        for hook in hooks:
            for damage, request in _mutilated(hook):
                try:
                    await gateway.receive(request)
                except WebhookRefused as refused:
                    bench.is_discreet(refused)
                except Exception as error:
                    message = f"receive() of a request with {damage} raised {type(error).__name__}"
                    raise AssertionError(message) from error

    async def test_collect_starts_from_now(self, bench: GatewayBench) -> None:
        """What lay in the mailbox before the hub was installed is left alone."""
        bench.needs(Capability.COLLECT)
        gateway = bench.new()
        message = bench.message()
        await bench.sent(gateway, message)
        if await bench.rig.customer_replies(message, REPLY):
            pytest.skip("the service calls a webhook for each reply")
        bench.advance(minutes=1)
        await bench.listening(bench.new())

    async def test_collect_resumes_from_every_cursor(self, bench: GatewayBench) -> None:
        """The hub may be killed after any page; nothing is lost."""
        bench.needs(Capability.COLLECT)
        gateway = bench.new()
        cursor = await bench.listening(gateway)
        message = bench.message()
        await bench.sent(gateway, message)
        for number in range(5):
            if await bench.rig.customer_replies(message, f"{REPLY} {number}"):
                pytest.skip("the service calls a webhook for each reply")
        pages = await collect(gateway, cursor)
        everything = {reply.provider_id for reply in _replies(pages)}
        assert len(everything) == 5, f"five replies came in, collect() yielded {len(everything)}"
        for number, page in enumerate(pages, start=1):
            rest = _replies(await collect(bench.new(), page.cursor))
            stored = _replies(pages[:number])
            found = {reply.provider_id for reply in [*stored, *rest]}
            assert found == everything, f"resuming after page {number} lost or made up replies"

    @pytest.mark.parametrize("fault", READING)
    async def test_collect_meets_a_fault(self, bench: GatewayBench, fault: Fault) -> None:
        """The right class of error; when it is over, the same instance goes on and nothing is lost."""
        bench.needs(Capability.COLLECT)
        gateway = bench.new()
        cursor = await bench.listening(gateway)
        message = bench.message()
        await bench.sent(gateway, message)
        if await bench.rig.customer_replies(message, REPLY):
            pytest.skip("the service calls a webhook for each reply")
        await bench.play(fault)
        with bench.raises(READING[fault], "collect()", fault):
            await collect(gateway, cursor)
        await bench.rig.fail(None)
        assert _replies(await collect(gateway, cursor)), f"the collection after Fault.{fault.name} lost a reply"

    async def test_wait_returns_when_there_is_news(self, bench: GatewayBench) -> None:
        """A reply is worked on at once, not after the next interval."""
        bench.needs(Capability.WAIT)
        gateway = bench.new()
        cursor = await bench.listening(gateway)
        message = bench.message()
        await bench.sent(gateway, message)
        waiting = asyncio.create_task(gateway.wait())
        for _ in range(20):
            await bench.rig.customer_replies(message, REPLY)
            await asyncio.wait([waiting], timeout=0.5)
            if waiting.done():
                break
        assert waiting.done(), "wait() did not return within ten seconds in which replies came in"
        await waiting
        assert _replies(await collect(gateway, cursor)), (
            "after wait() returned, collect() found nothing; return only for news that the next collect() finds"
        )

    async def test_what_is_not_declared_says_so(self, bench: GatewayBench) -> None:
        """Calling an undeclared capability raises NotSupported."""
        gateway = bench.new()
        if Capability.RECEIVE not in bench.type.capabilities:
            with pytest.raises(NotSupported):
                await gateway.receive(Webhook(method="POST", path=""))
        if Capability.COLLECT not in bench.type.capabilities:
            with pytest.raises(NotSupported):
                await collect(gateway, None)
        if Capability.LOOK_UP not in bench.type.capabilities:
            with pytest.raises(NotSupported):
                await gateway.look_up(bench.message(), bench.rig.clock.now())

    async def _answer(
        self, bench: GatewayBench, gateway: Gateway[Any], message: Any, text: str, cursor: Any
    ) -> list[Inbound]:
        """Let the customer reply, and bring it in."""
        if len(text) > 1:
            bench.made_up.add(text)
        hooks = await bench.rig.customer_replies(message, text)
        pages = await bench.brought_in(gateway, hooks, cursor)
        assert _replies(pages), "a customer replied, and the gateway brought back no reply"
        return pages

    async def _hooks(self, bench: GatewayBench) -> tuple[Gateway[Any], list[Webhook]]:
        """Genuine requests of the service, for a reply and for every status it reports."""
        bench.needs(Capability.RECEIVE)
        gateway = bench.new()
        message = bench.message()
        receipt = await bench.sent(gateway, message)
        bench.made_up.add(REPLY)
        hooks = list(await bench.rig.customer_replies(message, REPLY))
        for status in sorted(bench.rig.reports):
            hooks += await bench.rig.report(message, receipt, status)
        assert hooks, "the plugin declares Capability.RECEIVE, but the rig makes no requests"
        return gateway, hooks
