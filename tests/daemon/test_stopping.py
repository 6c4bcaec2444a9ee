"""The first signal lets work finish, the second does not; whatever happens, nothing is lost."""

from __future__ import annotations

import signal
import time

import httpx
import pytest

from tests.daemon.running import NewHub, RunningHub, wait_until
from tests.databases import Postgres, postgres

SECRET = "callback-secret-0123456789"


def _hub_that_sends(new_hub: NewHub, *, slow_s: int) -> RunningHub:
    """A hub that has just begun to send a message, which takes so long."""
    hub = new_hub(answer="", slow_s=slow_s)
    hub.close_tickets(1)
    hub.start()
    wait_until(lambda: hub.json("status")["invitations"].get("sending", 0) == 1, "a message is being sent")
    return hub


def test_the_first_sigterm_lets_a_message_finish(new_hub: NewHub) -> None:
    hub = _hub_that_sends(new_hub, slow_s=4)
    assert hub.stop() == 0
    assert len(hub.lines("sent")) == 1
    assert hub.json("status")["invitations"] == {"sent": 1}


def test_the_second_sigterm_stops_at_once_and_the_message_counts_as_unknown(new_hub: NewHub) -> None:
    hub = _hub_that_sends(new_hub, slow_s=60)
    assert hub.process is not None
    hub.process.send_signal(signal.SIGTERM)
    wait_until(lambda: any(entry["event"] == "hub.draining" for entry in hub.events()), "it drains")
    assert hub.stop() == 143
    hub.start()
    wait_until(lambda: hub.json("status")["unknown"] == {"worker_died": 1}, "the outcome is unknown")
    assert hub.stop() == 0


def test_sigterm_during_a_reload_lets_a_message_finish(new_hub: NewHub) -> None:
    hub = _hub_that_sends(new_hub, slow_s=4)
    assert hub.process is not None
    hub.write_config(answer="5")
    hub.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)  # the reload waits for the gateway
    assert hub.stop() == 0
    assert hub.json("status")["invitations"] == {"sent": 1}


def _score(hub: RunningHub, ticket_key: str) -> int | None:
    written = (line for line in hub.lines("written") if line["ticket"]["key"] == ticket_key)
    return next((int(line["scores"][0]["value"]) for line in written), None)


def test_a_reload_asked_for_while_another_waits_for_a_message_comes_after_it(new_hub: NewHub) -> None:
    hub = _hub_that_sends(new_hub, slow_s=2)
    assert hub.process is not None
    for answer in ("5", "2 hidasta"):
        hub.write_config(answer=answer)
        hub.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)  # the first reload waits for the gateway, and the second for the first
    wait_until(lambda: sum(entry["event"] == "config.reloaded" for entry in hub.events()) == 2, "both are done")
    hub.close_tickets(2)
    assert wait_until(lambda: _score(hub, "T-1"), "the last configuration works") == 2
    assert [line["to"] for line in hub.lines("sent")] == ["+358401230000", "+358401230001"]
    assert hub.stop() == 0


def test_the_same_on_postgresql(new_hub: NewHub, postgres_server: Postgres) -> None:
    hub = new_hub(store=postgres_server.new_database())
    hub.close_tickets(3)
    hub.start("write_back.written", ready=False)
    assert hub.wait_for_death() == -9
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.daemon.running.PATIENCE_S", 30)
        hub.start()
        wait_until(lambda: hub.json("status")["experiences"] == 3, "experiences are made")
        assert hub.stop() == 0
    assert len({line["to"] for line in hub.lines("sent")}) == len(hub.lines("sent")) == 3


def test_the_hub_outlives_a_restart_of_postgresql(new_hub: NewHub) -> None:
    with postgres() as server:
        hub = new_hub(store=server.new_database())
        hub.start()
        wait_until(lambda: "sources.desk" in hub.json("status")["components"], "it works")
        server.stop()
        wait_until(lambda: any(entry["event"] == "component.failing" for entry in hub.events()), "it notices")
        hub.close_tickets(1)
        server.start()
        wait_until(lambda: hub.lines("written"), "it works again")
        assert hub.stop() == 0


def test_a_reply_by_webhook_is_stored_before_the_answer_even_when_the_hub_is_killed(hub: RunningHub) -> None:
    _write_kannel_config(hub)
    for point in ("answer.before_commit", "answer.stored"):
        hub.start(point)
        assert _reply(hub, point) is None, "the hub died before it answered"
        assert hub.wait_for_death() == -9
        hub.start()
        assert _reply(hub, point) == 200, "the gateway repeats what was not answered"
        assert _reply(hub, point) == 200
        assert hub.stop() == 0
    assert sum(hub.json("status")["answers"].values()) == 2


def _reply(hub: RunningHub, message_id: str) -> int | None:
    url = f"http://127.0.0.1:{hub.port}/hooks/sms/{SECRET}/mo"
    try:
        return httpx.get(
            url, params={"from": "+358401234567", "to": "16400", "text": "5", "id": message_id}
        ).status_code
    except httpx.TransportError:
        return None


def _write_kannel_config(hub: RunningHub) -> None:
    hub.config.write_text(
        f"""
[hub]
allow_plain_secrets = true
[web]
listen = "127.0.0.1:{hub.port}"
public_url = "http://127.0.0.1:{hub.port}"
[survey]
sender_name = "Acme"
[sources.desk]
plugin = "files"
folder = "{hub.folder}"
[gateways.sms]
plugin = "kannel"
url = "http://127.0.0.1:1/cgi-bin/sendsms"
username = "hub"
password = "hub"
sender = "16400"
callback_secret = "{SECRET}"
"""
    )
