"""The customers and the SMS gateway before them: speaks as Kannel does and counts every message by its token.

Runs as a process of its own; see `chaos.child`. Its ledger is what reached phones, whatever the hub believes.
"""

from __future__ import annotations

import asyncio
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx
from sandbox.background import Background
from sandbox.browser import forms_in
from sandbox.web_server import serve
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from chaos import doors
from chaos.child import Json, obey
from chaos.people import COMMENT, QUESTIONS, SERVICE, STOP, Customer, Said, deal
from chaos.relay import Relay
from chaos.weather import Weather

USERNAME, PASSWORD, SENDER = "hub", "kannel-password", "16400"
CALLBACK_SECRET = "callback-secret-of-chaos"
ACCEPTED, DELIVERED = 8, 1
_AGAIN_S = 1.0
"""Kannel's `http-queue-delay`; it tries for as long as the run lasts."""
_ASKS = re.compile(rf"\b({'|'.join(QUESTIONS)})\?".encode())
"""How the hub's messages ask in a run; see `chaos.workers`."""
_DATES_IN_S = 2.1
"""Kannel dates in whole seconds."""


@dataclass(slots=True)
class Phones:
    """The gateway and its customers.

    :param customers: by their numbers.
    :param client: reaches the hub.
    :param doubled: of the calls to the hub, how many are made twice although the first one was taken.
    """

    customers: dict[str, Customer]
    client: httpx.AsyncClient
    chance: random.Random
    doubled: float = 0.1
    longest_delay_s: float = 4.0
    messages: list[tuple[str, str, str]] = field(default_factory=list)
    """What reached a phone: the message's token, the number, and the question; none in thanks and confirmations."""
    taken: list[str] = field(default_factory=list)
    """Ids of the replies that the hub said it had stored."""
    stopped: dict[str, int] = field(default_factory=dict)
    """How many messages a phone had received when its owner wanted no more."""
    refused: Counter[str] = field(default_factory=Counter)
    """Answers on the page that the hub did not want, by status."""
    calls: Counter[str] = field(default_factory=Counter)
    """Calls to the hub by what became of them."""
    under_way: int = 0
    """Reports and answers that the hub has not taken yet."""
    asked: set[str] = field(default_factory=set)
    """Phones that a message has reached."""
    _replied: set[str] = field(default_factory=set)
    """Ids of the replies that are under way or done: nobody answers a question twice."""
    _ids: count[int] = field(default_factory=lambda: count(1))
    _background: Background = field(default_factory=Background)

    @property
    def app(self) -> Starlette:
        """The gateway's HTTP interface."""
        return Starlette(routes=[Route("/cgi-bin/sendsms", self._sendsms, methods=["POST"])])

    async def close(self) -> None:
        """End what is under way."""
        await self._background.stop()
        await self.client.aclose()

    async def _sendsms(self, request: Request) -> Response:
        headers, body = request.headers, await request.body()
        if (headers.get("x-kannel-username"), headers.get("x-kannel-password")) != (USERNAME, PASSWORD):
            return _words(403, "Authorization failed for sendsms")
        recipient, report_url = headers.get("x-kannel-to", ""), headers.get("x-kannel-dlr-url", "")
        if not recipient:
            return _words(400, "Missing receiver number, rejected")
        self._accept(recipient, report_url, _question(body))
        return _words(202, "0: Accepted for delivery")

    def _accept(self, recipient: str, report_url: str, question: str) -> None:
        token = parse_qs(urlsplit(report_url).query).get("key", ["none"])[0]
        self.messages.append((token, recipient, question))
        self.asked.add(recipient)
        for kind, words in ((ACCEPTED, "ACK/"), (DELIVERED, "id:1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:")):
            self._start(self._report(report_url, kind, words))
        customer = self.customers.get(recipient)
        replies = _replies(customer, question) if customer else ()
        if customer is None or not replies or replies[0].id in self._replied:
            return
        self._replied.update(said.id for said in replies)
        page = urlsplit(report_url)._replace(path=f"/a/{token}", query="").geturl()
        self._start(self._answer_on_page(replies[0], page) if customer.by_page else self._answer(customer, replies))

    def _start(self, work: Any) -> None:
        self.under_way += 1
        self._background.start(self._counted(work))

    async def _counted(self, work: Any) -> None:
        try:
            await work
        finally:
            self.under_way -= 1

    async def _report(self, template: str, kind: int, words: str) -> None:
        """Tell what became of a message; reports overtake each other."""
        values = {"d": str(kind), "A": words, "F": f"op-{next(self._ids)}", "T": _now()}
        url = re.sub(r"%([a-zA-Z])", lambda escape: quote_plus(values.get(escape[1], "")), template)
        await self._delay()
        await self._until_taken("report", "GET", url, (200,))

    async def _answer(self, customer: Customer, replies: Sequence[Said]) -> None:
        await self._delay()
        texts = []
        for turn, said in enumerate(replies):
            await asyncio.sleep(_DATES_IN_S * turn)
            if said.text == STOP:
                self.stopped[customer.phone] = sum(phone == customer.phone for _, phone, _ in self.messages)
            texts.append(asyncio.create_task(self._write(customer.phone, said)))
        await asyncio.gather(*texts)

    async def _answer_on_page(self, said: Said, url: str) -> None:
        """Open the page, and send its form with a finger on the button, until the hub has taken it."""
        await self._delay()
        while (page := await self._request("GET", url)) is None or page.status_code not in (200, 404, 410):  # noqa: ASYNC110
            await asyncio.sleep(_AGAIN_S)
        forms = forms_in(page.text)
        if not forms:
            self.refused[str(page.status_code)] += 1
            return
        form = forms[0].filled({SERVICE: str(said.value), COMMENT: said.word})
        status = await self._until_taken("page", "POST", url, (303, 404, 410), data=form)
        if status == 303:
            self.taken.append(said.id)
        else:
            self.refused[str(status)] += 1

    async def _write(self, phone: str, said: Said) -> None:
        """Write an SMS back: `post-url` with `send-sender`."""
        url = f"http://hub/hooks/sms/{CALLBACK_SECRET}/mo?id=in-{next(self._ids)}&time={_now()}"
        await asyncio.sleep(self.chance.uniform(0, self.longest_delay_s / 4))
        headers = {"X-Kannel-From": phone, "X-Kannel-To": SENDER, "Content-Type": 'text/plain; charset="UTF-8"'}
        await self._until_taken("answer", "POST", url, (200,), content=said.text.encode(), headers=headers)
        self.taken.append(said.id)

    async def _until_taken(self, what: str, method: str, url: str, good: tuple[int, ...], **request: Any) -> int:
        """Call the hub until it takes it, and now and then once more; the status."""
        while True:
            status = await self._call(method, url, **request)
            self.calls[f"{what} {status or 'lost'}"] += 1
            if status in good:
                break
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * _AGAIN_S)
        if what != "page" and self.chance.random() < self.doubled:
            await self._delay()
            self.calls[f"{what} doubled"] += 1
            await self._call(method, url, **request)
        return status

    async def _call(self, method: str, url: str, **request: Any) -> int:
        answer = await self._request(method, url, **request)
        return 0 if answer is None else answer.status_code

    async def _request(self, method: str, url: str, **request: Any) -> httpx.Response | None:
        try:
            return await self.client.request(method, url, **request)
        except httpx.TransportError:
            return None

    async def _delay(self) -> None:
        await asyncio.sleep(self.chance.uniform(0, self.longest_delay_s))


def _question(body: bytes) -> str:
    found = _ASKS.search(body)
    return found[1].decode() if found else ""


def _replies(customer: Customer, question: str) -> Sequence[Said]:
    """What a customer says to this question; nothing when they are silent."""
    if question == SERVICE:
        return customer.answers
    return tuple(said for said in customer.follow_ups.values() if said.question == question)


def _words(status: int, words: str) -> Response:
    return Response(words, status, media_type="text/html")


def _now() -> str:
    return str(int(time.time()))


async def main(settings: Json) -> None:
    """Run as a child: what `deal` takes, `ports` of the hub, `share` of requests with a fault, `cuts`."""
    chance = random.Random(f"phones {settings['seed']}")
    customers = deal(settings["seed"], settings["tickets"], settings["answers"], settings["reopened"])
    phones = Phones(
        {one.phone: one for one in customers if one.phone},
        doors.client(settings["ports"], chance),
        chance,
    )
    weather = Weather(phones.app, chance, settings["share"])
    inside = settings["inside"]
    relay = Relay(inside, chance, settings["cuts"])

    async def answer(asked: Json) -> Json:
        match asked["command"]:
            case "calm":
                weather.clear_up()
                relay.share = 0.0
            case "silence":
                weather.silent.append(asked["when"])
            case "down":
                relay.go_down(asked["seconds"])
            case "report":
                return {
                    "messages": phones.messages,
                    "taken": phones.taken,
                    "stopped": phones.stopped,
                    "refused": phones.refused,
                    "calls": phones.calls,
                    "faults": weather.injected + relay.injected,
                }
        counts = {"messages": len(phones.messages), "asked": len(phones.asked), "taken": len(phones.taken)}
        return {"under_way": phones.under_way} | counts

    async with serve(weather, inside):
        await obey({"port": await relay.start()}, answer)
        await relay.stop()
        await phones.close()


if __name__ == "__main__":
    import json

    asyncio.run(main(json.loads(sys.argv[1])))
