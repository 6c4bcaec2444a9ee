"""Requests: where they go, how they are signed, what a refusal is said to mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_jira.client import JiraClient, endpoint
from hub_jira.config import JiraConfig
from hub_jira.site import Kind
from sandbox.jira import EMAIL, Answer
from sandbox.jira.faults import html

from hub import AuthFailed, RateLimited, Rejected, Unexpected
from hub.testing.fakes import FakeContext

JSON = {"content-type": "application/json"}
WORDS = "Åsa's password is hunter2"


def client(rig: Any, **changed: Any) -> JiraClient:
    given = {**rig.settings, **changed}
    settings = JiraConfig.model_validate({name: value for name, value in given.items() if value is not None})
    return JiraClient(settings, rig.context)


async def test_requests_ask_for_json_and_english_and_carry_no_cookies(cloud: Any) -> None:
    """Cookies would exempt the hub from Data Center's limits, and errors would come in the account's language."""
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={}, headers={"set-cookie": "JSESSIONID=1; Path=/"})

    context = FakeContext(transport=httpx.MockTransport(answer))
    jira = JiraClient(JiraConfig.model_validate(cloud.settings), context)
    for _ in range(2):
        await jira.json("GET", "rest/api/3/myself")
    headers = seen[-1].headers
    assert headers["accept"] == "application/json"
    assert (headers["accept-language"], headers["x-force-accept-language"]) == ("en", "true")
    assert headers["user-agent"].startswith("itsm-hub/")
    assert headers["authorization"].startswith("Basic ")
    assert "cookie" not in headers


async def test_scoped_token_goes_through_the_gateway(cloud: Any) -> None:
    """On the site's own address it is refused."""
    site = cloud.site
    site.auth.add_token(site.account, "scoped-token", scoped=True)
    gateway = {"api_token": "scoped-token", "api_url": site.base_url}
    found = await client(cloud, cloud_id=site.cloud_id, **gateway).site()
    assert found.account == site.account.account_id
    with pytest.raises(AuthFailed):
        await client(cloud, **gateway).site()


async def test_data_center_takes_a_login_name_below_its_context_path(data_center: Any) -> None:
    """Where there are no personal access tokens."""
    site = data_center.site
    site.auth.add_token(site.account, "correct-horse")
    found = await client(data_center, token=None, username=site.account.login, password="correct-horse").site()
    assert (found.kind, found.api, found.account) == (Kind.DATA_CENTER, "rest/api/2", site.account.login)


async def test_site_says_what_it_can_do(jsm: Any) -> None:
    """Zone, fields, Service Management, licence."""
    team = jsm.site.add_field("Team", "select")
    jsm.site.user_zone = "Europe/Helsinki"
    found = await client(jsm).site()
    assert (found.kind, found.api) == (Kind.CLOUD, "rest/api/3")
    assert (found.zone, found.service_management, found.agent_licence) == ("Europe/Helsinki", True, True)
    assert found.fields[team.id] == "option"
    jsm.site.account.is_agent = False
    assert not (await client(jsm).site()).agent_licence


async def test_site_is_looked_at_once_a_day_and_after_a_refusal(cloud: Any) -> None:
    """Not for each pull."""
    jira = client(cloud)
    for _ in range(3):
        await jira.site()
    assert cloud.asked("/myself") == 1
    cloud.advance(hours=25)
    await jira.site()
    assert cloud.asked("/myself") == 2
    cloud.site.faults.on("GET", "/status", Answer(403))
    with pytest.raises(AuthFailed):
        await jira.status_categories({})
    await jira.site()
    assert cloud.asked("/myself") == 3


async def test_site_that_is_no_jira_is_told(cloud: Any) -> None:
    """A wrong url is the most common mistake."""
    for body in ({"ok": True}, [], "yes"):
        cloud.site.faults.on("GET", "/serverInfo", Answer(200, body, JSON))
        with pytest.raises(Unexpected, match="check the url"):
            await client(cloud).site()
    cloud.site.faults.on("GET", "/serverInfo", html(404, "Not Found"))
    with pytest.raises(Unexpected, match="no Jira API at this address"):
        await client(cloud).site()


async def test_time_is_jiras(cloud: Any) -> None:
    """Also when it comes in the body only, because a proxy has removed the header."""
    cloud.site.clock_skew = timedelta(hours=-1)
    assert await client(cloud).server_now() == cloud.clock.now() - timedelta(hours=1)

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"serverTime": "2026-03-02T11:00:00.000+0200"})

    context = FakeContext(transport=httpx.MockTransport(answer), clock=cloud.clock)
    jira = JiraClient(JiraConfig.model_validate(cloud.settings), context)
    assert (await jira.server_now()).isoformat() == "2026-03-02T09:00:00+00:00"


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (Answer(400, {"errorMessages": [f"Oops '{WORDS}'"], "errors": {}}, JSON), Rejected, "Oops"),
        (Answer(400, {"errors": {"customfield_10050": WORDS}}, JSON), Rejected, "customfield_10050"),
        (Answer(403, {"errorMessage": "Not an agent", "i18nErrorMessage": {}}, JSON), AuthFailed, "Not an agent"),
        (Answer(404, {"message": "No such thing"}, JSON), Unexpected, "check the url"),
        (Answer(404, {"errorMessages": ["Issue does not exist"]}, JSON), Rejected, "may not see it"),
        (Answer(401, b"", {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}), AuthFailed, "expired"),
        (Answer(401, b"", {"x-seraph-loginreason": "AUTHENTICATION_DENIED"}), AuthFailed, "CAPTCHA"),
        (Answer(403, b"", {"x-authentication-denied-reason": "CAPTCHA_CHALLENGE"}), AuthFailed, "CAPTCHA"),
        (Answer(410, {"errorMessages": ["removed"]}, JSON), Unexpected, "update the hub"),
        (Answer(413, {"errorMessages": ["limit"]}, JSON), Rejected, "limit"),
        (html(400, "Bad Request"), Rejected, "400"),
    ],
)  # fmt: skip
async def test_refusal_is_explained_without_private_words(cloud: Any, answer: Answer, kind: Any, words: str) -> None:
    """In all shapes that Jira's errors come in."""
    cloud.site.faults.on("GET", "/myself", answer)
    with pytest.raises(kind, match=words) as raised:
        await client(cloud).request("GET", "rest/api/3/myself")
    assert "hunter2" not in str(raised.value)


async def test_refused_write_quotes_field_ids_only(cloud: Any) -> None:
    """What Jira says of a comment may be the comment."""
    body = {"errorMessages": ["Not valid: my password is hunter2"], "errors": {"comment": WORDS}}
    cloud.site.faults.on("POST", "/comment", Answer(400, body, JSON))
    with pytest.raises(Rejected, match="comment") as raised:
        await client(cloud).request("POST", "rest/api/3/issue/1/comment", json={"body": WORDS}, once=True)
    assert "hunter2" not in str(raised.value)
    assert raised.value.reason == "http_400"


@pytest.mark.parametrize(
    "sentence",
    [
        "The mail of fred@customer.example bounced",
        "Call +358 40 123 4567 now",
        "See https://acme.atlassian.net/browse/SUP-1?x=secret",
        'The value "Fred said no',
        "The value “Fred said no” is bad",
    ],
)
async def test_sentence_of_jiras_is_shown_without_what_may_be_private(cloud: Any, sentence: str) -> None:
    """Addresses, numbers and quotations."""
    cloud.site.faults.on("GET", "/myself", Answer(400, {"errorMessages": [sentence]}, JSON))
    with pytest.raises(Rejected) as raised:
        await client(cloud).request("GET", "rest/api/3/myself")
    for private in ("fred@", "123 4567", "secret", "Fred said no"):
        assert private not in str(raised.value)


async def test_burst_limit_of_one_endpoint_holds_up_that_endpoint_only(cloud: Any) -> None:
    """Whatever ids are in its path."""
    jira = client(cloud)
    cloud.site.limits.burst("GET", "/issue/", 0, retry_after=600)
    with pytest.raises(RateLimited):
        await jira.request("GET", "rest/api/3/issue/10001")
    asked = len(cloud.site.requests)
    with pytest.raises(RateLimited):
        await jira.request("GET", "rest/api/3/issue/SUP-2")
    assert len(cloud.site.requests) == asked
    await jira.request("GET", "rest/api/3/myself")


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("rest/api/3/issue/10231/properties/com.itsm-hub.experience", "rest/api/3/issue/{}/properties/{}"),
        ("rest/servicedeskapi/request/SUP-42/comment", "rest/servicedeskapi/request/{}/comment"),
        ("rest/api/3/search/jql", "rest/api/3/search/jql"),
    ],
)
def test_endpoint_is_a_path_without_ids(path: str, named: str) -> None:
    """And with its version."""
    assert endpoint(path).replace("rest/api/{}", "rest/api/3") == named


async def test_address_in_the_account_stays_out_of_what_is_told(cloud: Any) -> None:
    """The e-mail address of the account is a credential too."""
    cloud.site.auth.revoke(cloud.secrets[0])
    with pytest.raises(AuthFailed) as raised:
        await client(cloud).site()
    assert EMAIL not in str(raised.value)
