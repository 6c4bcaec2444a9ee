"""OAuth 2.0 with refresh tokens that each use replaces."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hub_jira.client import JiraClient

from hub import AuthFailed
from hub.testing.faults import FaultyTransport
from hub.testing.rigs import Fault


class Watched(httpx.AsyncBaseTransport):
    """Notes, at each request to the API, which refresh token a restart would go on with."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.inner = world.context._transport
        self.kept: list[tuple[str | None, str]] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/ex/jira/"):
            self.kept.append((self.world.context.vault.values.get("refresh_token"), self.world.app.refresh_token))
        await asyncio.sleep(0)
        return await self.inner.handle_async_request(request)


@pytest.fixture
def oauth(cloud: Any) -> Any:
    """A site where a user has authorised the hub's app; `app` is that authorisation."""
    cloud.app = cloud.site.auth.add_client(cloud.site.account)
    cloud.sign_in = {
        "oauth": {"client_id": "client-1", "client_secret": "client-secret", "refresh_token": cloud.app.refresh_token}
    }
    return cloud


def client(world: Any) -> JiraClient:
    """A new instance, as after a restart: what it knows is in the vault."""
    made: JiraClient = world.client()
    return made


async def test_requests_go_through_the_gateway_with_the_id_of_the_site(oauth: Any) -> None:
    sent: list[str] = []
    inner = oauth.context._transport

    class Noting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            sent.append(f"{request.url.host}{request.url.path}")
            return await inner.handle_async_request(request)

    oauth.context._transport = Noting()
    assert (await client(oauth).site()).account == oauth.site.account.account_id
    assert sent[:2] == ["auth.atlassian.com/oauth/token", "api.atlassian.com/oauth/token/accessible-resources"]
    assert {path.rpartition("/rest/")[0] for path in sent[2:]} == {f"api.atlassian.com/ex/jira/{oauth.site.cloud_id}"}


async def test_a_new_refresh_token_is_kept_before_the_access_token_is_used(oauth: Any) -> None:
    """A hub that is killed at any request can sign in again."""
    oauth.context._transport = watched = Watched(oauth)
    jira = client(oauth)
    for _ in range(3):
        await jira.json("GET", "rest/api/3/myself")
        oauth.clock.advance(timedelta(hours=2))
    assert oauth.app.grants == 3
    assert watched.kept
    assert all(kept == valid for kept, valid in watched.kept)


async def test_tasks_that_meet_share_one_refresh(oauth: Any) -> None:
    """Checklist 16. At the start, when the token has expired, and when Jira refuses it early."""
    oauth.context._transport = Watched(oauth)
    jira = client(oauth)

    async def all_at_once() -> int:
        before = oauth.app.grants
        answers = await asyncio.gather(*(jira.json("GET", "rest/api/3/myself") for _ in range(8)))
        assert {answer["accountId"] for answer in answers} == {oauth.site.account.account_id}
        return int(oauth.app.grants - before)

    assert await all_at_once() == 1
    assert await all_at_once() == 0
    oauth.clock.advance(timedelta(hours=2))
    assert await all_at_once() == 1
    _end_access_tokens(oauth)
    assert await all_at_once() == 1


def _end_access_tokens(world: Any) -> None:
    for secret, token in list(world.site.auth._tokens.items()):
        if token.bearer:
            world.site.auth.revoke(secret)


@pytest.mark.parametrize("early", [False, True])
async def test_a_token_that_ends_on_page_three_does_not_end_the_pull(oauth: Any, start: Any, early: bool) -> None:
    """Checklist 16."""
    source = oauth.source(page_size=2)
    cursor = await start(source)
    closed = set()
    for _ in range(10):
        oauth.clock.advance(timedelta(minutes=1))
        closed.add(oauth.closed().id)
    oauth.clock.advance(timedelta(minutes=5))
    found: list[str] = []
    number = 0
    async for page in source.pull(cursor):
        found += [ticket.id for ticket in page.tickets]
        number += 1
        if number == 2 and early:
            _end_access_tokens(oauth)
        elif number == 2:
            oauth.clock.advance(timedelta(hours=2))
    assert sorted(found) == sorted(closed)
    assert oauth.app.grants == 2


async def test_a_new_instance_goes_on_with_the_stored_token(oauth: Any) -> None:
    """The refresh token in hub.toml is used up by then."""
    for grants in (1, 2, 3):
        await client(oauth).json("GET", "rest/api/3/myself")
        assert oauth.app.grants == grants
        oauth.clock.advance(timedelta(hours=2))  # the access token ends


async def test_a_refused_refresh_token_says_what_to_do(oauth: Any, redacted: Any) -> None:
    jira = client(oauth)
    oauth.app.refresh_token = "revoked-by-the-user"
    for _ in range(2):
        with pytest.raises(AuthFailed, match="authorise the hub again") as failure:
            await jira.json("GET", "rest/api/3/myself")
        redacted(oauth, failure.value, also=["client-secret", "refresh-", "access-"])
    assert all(asked == "POST /oauth/token" for asked in oauth.asked())


async def test_an_authorisation_for_another_site_says_what_to_do(oauth: Any) -> None:
    other = client(oauth)
    oauth.site.base_url = "https://other.atlassian.net"
    with pytest.raises(AuthFailed, match="authorise the app for the site in url"):
        await other.json("GET", "rest/api/3/myself")


async def test_a_token_that_is_refused_right_after_its_renewal_is_not_renewed_for_ever(oauth: Any) -> None:
    jira = client(oauth)
    await jira.site()
    oauth.context._transport = faulty = FaultyTransport(oauth.context._transport, oauth.clock)
    oauth.context._http = None
    inner = faulty.handle_async_request

    async def only_the_api(request: httpx.Request) -> httpx.Response:
        faulty.fault = Fault.AUTH if request.url.path.startswith("/ex/") else None
        return await inner(request)

    faulty.handle_async_request = only_the_api  # type: ignore[method-assign]
    with pytest.raises(AuthFailed):
        await jira.json("GET", "rest/api/3/myself")
    assert oauth.app.grants == 2


async def test_a_comment_after_a_refused_token_is_written_once(oauth: Any) -> None:
    issue = oauth.closed()
    writer = oauth.writer()
    await writer.write([oauth.experience(oauth.closed())])
    _end_access_tokens(oauth)
    await writer.write([oauth.experience(issue)])
    assert len(issue.comments) == 1


async def test_tokens_are_in_no_log(oauth: Any, redacted: Any, start: Any) -> None:
    await start(oauth.source())
    _end_access_tokens(oauth)
    oauth.app.refresh_token = "gone"
    with pytest.raises(AuthFailed) as failure:
        await start(oauth.source())
    redacted(oauth, failure.value, also=["client-secret", "refresh-", "access-"])
