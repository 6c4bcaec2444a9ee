"""Credentials that Jira no longer accepts, and functions that they do not cover: told, never taken for an answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hub_jira.client import JiraClient
from hub_jira.config import JiraConfig
from hub_jira.source import JiraSource
from sandbox.jira import Answer, EmailShown

from hub import AuthFailed

JSON = {"content-type": "application/json"}


def lapse(rig: Any) -> None:
    """Jira goes on answering the account, but as it answers strangers."""
    rig.site.auth.lapse_to_anonymous = True
    rig.site.auth.revoke(rig.secrets[1] if rig.flavour == "dc" else rig.secrets[0])


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
async def test_ticket_that_a_lapsed_account_cannot_see_is_not_gone(any_rig: Any, told: bool) -> None:
    """Whether Jira's header says so, or a proxy has taken it away: no survey is withdrawn."""
    issue = any_rig.close()
    source = any_rig.source()
    await source.fetch([issue.id])
    any_rig.site.auth.tells_of_lapses = told
    lapse(any_rig)
    with pytest.raises(AuthFailed):
        await source.fetch([issue.id])


async def test_filter_that_a_lapsed_account_finds_nothing_with_does_not_make_tickets_gone(cloud: Any) -> None:
    """The ticket itself was read a moment before."""
    issue = cloud.close()
    source = cloud.source(jql="priority = Medium")
    await source.fetch([issue.id])
    cloud.site.faults.on("POST", "/search/jql", Answer(200, {"issues": [], "isLast": True}, JSON))
    cloud.site.faults.on("GET", "/myself", Answer(401))
    with pytest.raises(AuthFailed):
        await source.fetch([issue.id])


async def test_account_is_asked_for_once_in_a_call_that_finds_tickets_gone(any_rig: Any) -> None:
    """And not at all when all are there."""
    kept, *removed = (any_rig.close() for _ in range(4))
    source = any_rig.source()
    await source.fetch([kept.id])
    asked = any_rig.asked("/myself")
    await source.fetch([kept.id])
    assert any_rig.asked("/myself") == asked
    for issue in removed:
        any_rig.site.delete(issue)
    fetched = await source.fetch([kept.id, *(issue.id for issue in removed)])
    assert len(fetched.gone) == 3
    assert any_rig.asked("/myself") == asked + 1


@pytest.mark.parametrize("status", [200, 201, 404])
@pytest.mark.parametrize("reason", ["AUTHENTICATED_FAILED", "AUTHENTICATION_DENIED", "OUT, AUTHENTICATED_FAILED"])
async def test_answer_to_a_stranger_is_no_answer(cloud: Any, status: int, reason: str) -> None:
    """Whatever its status, and also where that status would be accepted."""
    jira = JiraClient(JiraConfig.model_validate(cloud.settings), cloud.context)
    cloud.site.faults.on("GET", "/issue/1", Answer(status, {"errors": {}}, {**JSON, "X-Seraph-LoginReason": reason}))
    with pytest.raises(AuthFailed):
        await jira.request("GET", "rest/api/3/issue/1", accept=(404,))


async def test_good_answer_says_ok_in_the_same_header(cloud: Any) -> None:
    """Data Center sends it with each answer."""
    jira = JiraClient(JiraConfig.model_validate(cloud.settings), cloud.context)
    cloud.site.faults.on("GET", "/issue/1", Answer(200, {"id": "1"}, {**JSON, "X-Seraph-LoginReason": "OK"}))
    assert await jira.json("GET", "rest/api/3/issue/1") == {"id": "1"}


async def test_401_of_service_management_that_names_no_scope_stops_the_pull(jsm: Any, new_hub: Any) -> None:
    """Otherwise a sign-in that fails for a moment would cost customers their addresses."""
    hub = new_hub(jsm.source())
    await hub.pull()
    jsm.close(jsm.open(reporter=jsm.customer(email_shown=EmailShown.PORTAL)))
    jsm.advance(minutes=1)
    jsm.site.faults.on("GET", "/servicedeskapi/", Answer(401))
    with pytest.raises(AuthFailed):
        await hub.pull()
    await hub.pull()
    [ticket] = hub.closures.values()
    assert ticket.customer.email == "fred@customer.example"


async def test_scope_that_is_lacking_renews_no_token_and_is_asked_for_once(jsm: Any, new_hub: Any) -> None:
    """Each renewal replaces the refresh token, and Atlassian limits them."""
    client = jsm.site.auth.add_client(jsm.site.account)
    client.scopes = tuple(scope for scope in client.scopes if scope != "manage:servicedesk-customer")
    oauth = {"client_id": client.client_id, "client_secret": client.client_secret}
    settings = {name: value for name, value in jsm.settings.items() if name not in {"email", "api_token"}}
    settings["oauth"] = {**oauth, "refresh_token": client.refresh_token}
    hub = new_hub(JiraSource(JiraConfig.model_validate(settings), jsm.context))
    await hub.pull()
    for number in range(20):
        jsm.close(jsm.open(reporter=jsm.customer(f"C{number}", email_shown=EmailShown.NOWHERE)))
    jsm.advance(minutes=1)
    for _ in range(3):
        await hub.pull()
    assert len(hub.ids) == 20
    assert client.grants == 1
    assert jsm.asked("/customer") <= 8  # those that were asked at once


async def test_customer_who_is_on_no_list_is_looked_for_once_a_day(jsm: Any, new_hub: Any) -> None:
    """The list allows five calls a second, and every pull sees the ticket again."""
    hub = new_hub(jsm.source())
    await hub.pull()
    jsm.close(jsm.open(reporter=jsm.customer(email_shown=EmailShown.NOWHERE)))
    jsm.advance(minutes=1)
    for _ in range(3):
        await hub.pull()
    assert jsm.asked("/customer") == 1
    jsm.clock.advance(timedelta(hours=25))
    await hub.pull()
    assert jsm.asked("/customer") == 2


async def test_request_that_is_not_shown_is_asked_for_once_a_day(jsm: Any, new_hub: Any) -> None:
    """A ticket of a desk that did not come through the portal."""
    hub = new_hub(jsm.source())
    await hub.pull()
    issue = jsm.open()
    issue.request_type = None
    jsm.close(issue)
    jsm.advance(minutes=1)
    for _ in range(3):
        await hub.pull()
    assert jsm.asked("/servicedeskapi/request/") == 1
    jsm.clock.advance(timedelta(hours=25))
    await hub.pull()
    assert jsm.asked("/servicedeskapi/request/") == 2
