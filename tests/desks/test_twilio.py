"""A hub that sends through a simulated Twilio account, over loopback and on the real clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from sandbox.twilio import ACCOUNT, NUMBER, TOKEN, TwilioPhones, TwilioSite
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.clients.conftest import serve
from tests.daemon.running import RunningHub, wait_until

__all__ = ["serve"]


class Losing:
    """An API that carries out what it is asked; while `loses` is set, answers to messages and callbacks are lost."""

    def __init__(self, telling: ASGIApp, silent: ASGIApp) -> None:
        self.loses = False
        self._telling, self._silent = telling, silent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if self.loses and scope["method"] == "POST" and message["type"] == "http.response.start":
                message = {**message, "status": 502}
            await send(message)

        await (self._silent if self.loses else self._telling)(scope, receive, answer)


class World:
    """The hub and the account."""

    def __init__(self, folder: Path, serve: Callable[[ASGIApp], str]) -> None:
        self.site = TwilioSite()
        unkept = httpx.Limits(max_keepalive_connections=0)
        self.phones = TwilioPhones(self.site, client=httpx.AsyncClient(limits=unkept, trust_env=False))
        self.api = Losing(self.phones.app, self.site.app)
        self.hub = RunningHub(folder, extra=self._table(serve(self.api)))
        settings = self.hub.config.read_text().replace("[survey]", '[survey]\ngateways = ["texts"]')
        self.hub.config.write_text(settings)
        self.hub.extra_environment = {"TWILIO_TOKEN": TOKEN}
        self.site.inbound_url = f"http://127.0.0.1:{self.hub.port}/hooks/texts/inbound"

    def _table(self, url: str) -> str:
        return f"""
[gateways.texts]
plugin = "twilio"
interval = "1s"
url = "{url}"
account_sid = "{ACCOUNT}"
auth_token = {{ env = "TWILIO_TOKEN" }}
sender = "{NUMBER}"
"""

    def invitations(self) -> list[dict[str, Any]]:
        return list(self.hub.json("invitations", "list")["invitations"])

    def state(self) -> str:
        found = self.invitations()
        return str(found[0]["state"]) if found else ""

    def write(self, number: str, text: str) -> int:
        """A customer writes; gives the hub's answer."""
        call = self.site.write(number, text)
        return httpx.post(call.url, content=call.body, headers=dict(call.headers)).status_code

    def ten_minutes_pass(self) -> None:
        """For what waits to be looked up; the hub must not run."""
        with closing(sqlite3.connect(self.hub.folder / "hub.db")) as store, store:
            store.execute("UPDATE invitations SET due_at = '2020-01-01 00:00:00.000000'")


@pytest.fixture
def world(tmp_path: Path, serve: Callable[[ASGIApp], str]) -> Iterator[World]:
    made = World(tmp_path, serve)
    made.hub.start()
    yield made
    made.hub.kill()


def test_a_survey_goes_out_and_its_answer_reaches_the_ticket(world: World) -> None:
    world.hub.close_tickets(1)
    [sms] = wait_until(lambda: world.phones.received, "the phone shows the survey")
    wait_until(lambda: world.state() == "delivered", "the status callback counts")
    assert [world.write(sms.recipient, "5 kiitos") for _ in range(2)] == [204, 204]
    wait_until(lambda: world.hub.lines("written"), "the ticket carries the answer")
    assert world.hub.command("check").returncode == 0
    assert world.hub.stop() == 0
    assert sms.recipient not in world.hub.log_text()
    assert TOKEN not in world.hub.log_text()


def test_somebody_who_opted_out_at_twilio_is_not_asked_again(world: World) -> None:
    world.site.opted_out.add(("+358401230000", NUMBER))
    world.hub.close_tickets(1)
    wait_until(lambda: world.state() == "failed", "Twilio's word counts")
    assert world.invitations()[0]["reason"] == "21610"
    assert "the customer asked not to be surveyed again" in world.hub.command("why", "T-0").stdout


@pytest.mark.parametrize("reaches", [True, False])
def test_a_message_whose_answer_was_lost_is_looked_up(world: World, reaches: bool) -> None:
    world.api.loses = True
    world.hub.close_tickets(1)
    wait_until(lambda: world.state() == "unknown", "nobody knows whether it left")
    world.hub.stop()
    if not reaches:
        world.site.texts.clear()
    world.api.loses = False
    world.ten_minutes_pass()
    world.hub.start()
    wait_until(lambda: world.state() in {"sent", "delivered"}, "it is settled")
    assert len(world.site.texts) == 1, "the customer gets it once"
    why = world.hub.command("why", "T-0").stdout
    assert ("looked up at the service" in why) is reaches
    assert ("it is sent again" in why) is not reaches
