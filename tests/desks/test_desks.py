"""A hub between a simulated Jira and a simulated ServiceNow, over loopback and on the real clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sandbox.jira import EMAIL, TOKEN, Answer, Cut, JiraSite
from sandbox.jira import faults as jira_faults
from sandbox.servicenow import BusinessRule, Instance, build_app
from sandbox.servicenow import faults as servicenow_faults
from starlette.types import ASGIApp

from hub.clock import SystemClock
from tests.clients.conftest import serve
from tests.daemon.running import RunningHub, wait_until

__all__ = ["serve"]
SECRET = "a-secret-of-16-or-more"


@dataclass
class Desks:
    """Both desks, and the hub between them."""

    hub: RunningHub
    jira: JiraSite
    servicenow: Instance

    def __post_init__(self) -> None:
        self.project = self.jira.add_project("SUP", service_desk=True)
        self._phone = 0

    def phone(self) -> str:
        self._phone += 1
        return f"+35840555{self._phone:04}"

    def close_jira(self, phone: str) -> Any:
        field = next(
            iter(self.jira.fields[name] for name in self.jira.fields if self.jira.fields[name].name == "Phone")
        )
        customer = self.jira.add_user("Fred", email="", account_type="customer")
        issue = self.jira.open_issue(self.project, "VPN drops", customer, custom={field.id: phone})
        self.jira.transition(issue, "Resolved", by=self.jira.agent)
        return issue

    def close_servicenow(self, phone: str) -> str:
        caller = self.servicenow.add_user("", phone)
        record = self.servicenow.open_record("incident", caller, "Printer jams")
        self.servicenow.resolve(record)
        return record

    def asked(self) -> set[str]:
        return {line["to"] for line in self.hub.lines("sent")}

    def component(self, name: str) -> dict[str, Any]:
        return dict(self.hub.json("status")["components"].get(name, {}))


@pytest.fixture
def desks(tmp_path: Path, serve: Callable[[ASGIApp], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Desks]:
    # a request is repeated for 20 s before the status tells, and a busy machine needs its time beside that
    monkeypatch.setattr("tests.daemon.running.PATIENCE_S", 60)
    site = JiraSite("cloud")
    field = site.add_field("Phone", "textfield")
    site.base_url = serve(site.app)
    instance = Instance(SystemClock(), "http://127.0.0.1")
    url = serve(build_app(instance, silent_seconds=1))
    tables = f"""
[sources.jira]
plugin = "jira"
interval = "1s"
url = "{site.base_url}"
email = "{EMAIL}"
api_token = {{ env = "DESKS_TOKEN" }}
projects = ["SUP"]
contact_phone_fields = ["{field.id}"]
webhook_secret = {{ env = "DESKS_SECRET" }}
[sources.servicenow]
plugin = "servicenow"
interval = "1s"
url = "{url}"
username = "{instance.account.username}"
password = {{ env = "DESKS_PASSWORD" }}
table = "incident"
push_secret = {{ env = "DESKS_SECRET" }}
"""
    hub = RunningHub(tmp_path, extra=tables)
    hub.extra_environment = {
        "DESKS_TOKEN": TOKEN, "DESKS_SECRET": SECRET, "DESKS_PASSWORD": instance.account.password,
    }  # fmt: skip
    site.webhooks.register(f"http://127.0.0.1:{hub.port}/push/jira", secret=SECRET)
    yield Desks(hub, site, instance)
    hub.kill()


def _started(desks: Desks) -> None:
    desks.hub.start()
    for name in ("sources.jira", "sources.servicenow"):
        wait_until(lambda name=name: desks.component(name).get("last_ok_at"), f"{name} was pulled once")  # type: ignore[misc]
    time.sleep(1.1)  # both desks date in whole seconds or less: what is closed from now on is news


async def test_tickets_of_both_desks_are_asked_about_and_carry_the_answer(desks: Desks) -> None:
    _started(desks)
    async with httpx.AsyncClient(trust_env=False) as client:
        rule = BusinessRule(desks.servicenow, client, f"http://127.0.0.1:{desks.hub.port}/push/servicenow", SECRET)
        issue, record = desks.close_jira(desks.phone()), desks.close_servicenow(desks.phone())
        await rule.deliver(times=3)
        for delivery in desks.jira.webhooks.deliver(issue) * 2:
            assert await delivery.send(client) == [200]
    wait_until(lambda: issue.comments and issue.properties, "the issue carries the answer")
    wait_until(lambda: desks.servicenow.journal(record, "work_notes"), "the incident carries the answer")
    desks.hub.stop()
    assert len(desks.hub.lines("sent")) == 2
    assert [comment.public for comment in issue.comments] == [False]
    assert len(desks.servicenow.journal(record, "work_notes")) == 1
    assert desks.servicenow.journal(record, "comments") == []
    assert rule.lost == 0


JIRA_FAULTS = {
    "html": jira_faults.html(200, "Log in"),
    "maintenance": jira_faults.html(503, "Maintenance"),
    "deep": jira_faults.deep(),
    "huge": jira_faults.huge(20),
    "cut": Cut(40),
    "cut connection": Cut(40, connection=True),
    "refused": Answer(401, b"", {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}),
    "wrong types": Answer(200, {"issues": [{"id": 5, "fields": "none"}], "isLast": True}),
    "gone": Answer(410, {"errorMessages": ["The requested API has been removed."], "errors": {}}),
}


@pytest.mark.parametrize("fault", JIRA_FAULTS)
def test_a_jira_that_answers_badly_stops_itself_only_and_loses_nothing(desks: Desks, fault: str) -> None:
    _started(desks)
    desks.jira.faults.on("*", r"/search|/bulkfetch|/changelog", JIRA_FAULTS[fault], times=0)
    late, in_time = desks.phone(), desks.phone()
    desks.close_jira(late)
    error = wait_until(lambda: desks.component("sources.jira").get("error"), "the status tells")
    assert len(error) > 20
    assert "Traceback" not in error
    desks.close_servicenow(in_time)
    wait_until(lambda: in_time in desks.asked(), "the other desk goes on")
    assert late not in desks.asked()
    desks.jira.faults.clear()
    assert desks.hub.stop() == 0
    desks.hub.start()  # rather than waiting for the pause to end
    wait_until(lambda: late in desks.asked(), "nothing was lost")
    assert TOKEN not in desks.hub.log_text()
    assert late not in desks.hub.log_text()


SERVICENOW_FAULTS = {
    "hibernating": servicenow_faults.HIBERNATING,
    "login page": servicenow_faults.LOGIN,
    "cut": servicenow_faults.cancelled,
    "huge": servicenow_faults.huge,
    "deep": servicenow_faults.deep,
    "wrong types": servicenow_faults.wrong_types,
    "no rights": servicenow_faults.NO_RIGHTS,
}


@pytest.mark.parametrize("fault", SERVICENOW_FAULTS)
def test_a_servicenow_that_answers_badly_stops_itself_only_and_loses_nothing(desks: Desks, fault: str) -> None:
    _started(desks)
    desks.servicenow.faults.plan(SERVICENOW_FAULTS[fault], path="/table/incident", times=1_000_000)
    late, in_time = desks.phone(), desks.phone()
    desks.close_servicenow(late)
    error = wait_until(lambda: desks.component("sources.servicenow").get("error"), "the status tells")
    assert len(error) > 20
    desks.close_jira(in_time)
    wait_until(lambda: in_time in desks.asked(), "the other desk goes on")
    assert late not in desks.asked()
    desks.servicenow.faults.clear()
    assert desks.hub.stop() == 0
    desks.hub.start()
    wait_until(lambda: late in desks.asked(), "nothing was lost")
    assert desks.servicenow.account.password not in desks.hub.log_text()
    assert late not in desks.hub.log_text()


def test_rows_that_the_account_may_not_see_are_a_warning_in_the_status(desks: Desks) -> None:
    _started(desks)
    hidden, shown = desks.phone(), desks.phone()
    desks.servicenow.hide(desks.close_servicenow(hidden))
    desks.close_servicenow(shown)
    wait_until(lambda: shown in desks.asked(), "what is visible is asked about")
    assert "hidden from the account" in wait_until(
        lambda: desks.component("sources.servicenow")["warning"], "the status warns"
    )
    assert "hidden from the account" in desks.hub.command("status").stdout
