"""Every way to sign in, and tokens that end at a bad moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from hub import AuthFailed, Cursor
from hub.testing.redaction import assert_redacted

GRANTS = ["client_credentials", "password", "refresh_token"]


@pytest.fixture
def oauth(desk: Any) -> Callable[..., dict[str, Any]]:
    """Settings for a grant that the instance takes."""
    account = desk.instance.account

    def settings(grant: str, **changes: Any) -> dict[str, Any]:
        table = {"grant": grant, "client_id": account.client_id, "client_secret": account.client_secret}
        if grant == "password":
            table |= {"username": account.username, "password": account.password}
        if grant == "refresh_token":
            table |= {"refresh_token": "first-refresh-token"}
            desk.instance.sign_in._refresh.add("first-refresh-token")
        return {"oauth": table | changes}

    return settings


async def start(source: Any) -> Cursor:
    [page] = [page async for page in source.pull(None)]
    return page.cursor


async def walk(source: Any, cursor: Cursor) -> list[str]:
    return sorted([ticket.id async for page in source.pull(cursor) for ticket in page.tickets])


def api_requests(desk: Any) -> list[Any]:
    return [request for request in desk.instance.requests if request.path != "/oauth_token.do"]


async def test_basic(desk: Any) -> None:
    source = desk.source()
    cursor = await start(source)
    assert await walk(source, cursor) == []
    assert {request.headers["authorization"].split()[0] for request in desk.instance.requests} == {"Basic"}


async def test_an_api_key_goes_into_its_own_header(desk: Any) -> None:
    await start(desk.source(api_key=desk.instance.account.api_key))
    for request in desk.instance.requests:
        assert request.headers["x-sn-apikey"] == desk.instance.account.api_key
        assert "authorization" not in request.headers


@pytest.mark.parametrize("grant", GRANTS)
async def test_oauth_asks_for_a_token_once_and_by_form(desk: Any, oauth: Any, grant: str) -> None:
    source = desk.source(**oauth(grant))
    await walk(source, await start(source))
    tokens = [request for request in desk.instance.requests if request.path == "/oauth_token.do"]
    assert len(tokens) == 1
    assert tokens[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert f"grant_type={grant}".encode() in tokens[0].body
    assert {request.headers["authorization"].split()[0] for request in api_requests(desk)} == {"Bearer"}


@pytest.mark.parametrize("grant", GRANTS)
async def test_checklist_16_a_token_that_ends_on_page_three_loses_nothing(desk: Any, oauth: Any, grant: str) -> None:
    """Checklist 16."""
    source = desk.source(**oauth(grant), page_size=2)
    cursor = await start(source)
    tickets = desk.resolved(9)
    desk.instance.before_page(3, desk.instance.sign_in.expire_tokens)
    assert await walk(source, cursor) == sorted(tickets)
    assert desk.instance.sign_in.tokens_issued == 2
    assert [request.status for request in desk.instance.requests].count(401) == 1


async def test_a_refresh_answers_without_a_refresh_token_and_the_old_one_stays_good(desk: Any, oauth: Any) -> None:
    source = desk.source(**oauth("password"))
    cursor = await start(source)
    for _ in range(3):
        desk.instance.sign_in.expire_tokens()
        await walk(source, cursor)
    bodies = [request.body for request in desk.instance.requests if request.path == "/oauth_token.do"]
    assert [b"grant_type=password" in body for body in bodies] == [True, False, False, False]


async def test_a_refresh_token_that_ended_leads_back_to_the_password(desk: Any, oauth: Any) -> None:
    source = desk.source(**oauth("password"))
    cursor = await start(source)
    desk.instance.sign_in.expire_tokens()
    desk.instance.sign_in.revoke_refresh_tokens()
    assert await walk(source, cursor) == []


async def test_checklist_16_two_tasks_share_one_renewal(desk: Any, oauth: Any) -> None:
    """Checklist 16."""
    source = desk.source(**oauth("password"))
    [ticket] = desk.resolved()
    await source.fetch([ticket])
    desk.instance.sign_in.expire_tokens()
    issued = desk.instance.sign_in.tokens_issued
    found = await asyncio.gather(*(source.fetch([ticket]) for _ in range(2)))
    assert [[one.id for one in each.tickets] for each in found] == [[ticket], [ticket]]
    assert desk.instance.sign_in.tokens_issued == issued + 1


@pytest.mark.parametrize("way", ["basic", "api_key", *GRANTS])
async def test_a_refused_credential_is_told_once_without_being_shown(desk: Any, oauth: Any, way: str) -> None:
    account = desk.instance.account
    settings = {"basic": {}, "api_key": {"api_key": account.api_key}}.get(way) if way not in GRANTS else oauth(way)
    desk.instance.sign_in.accepted.clear()
    with pytest.raises(AuthFailed) as refused:
        await start(desk.source(**settings or {}))
    assert len(desk.instance.requests) <= 2, "an account must not be locked by trying again"
    secrets = (account.password, account.api_key, account.client_secret, "first-refresh-token")
    assert_redacted([refused.value, *map(str, desk.context.log.entries)], *secrets)


async def test_a_token_that_is_refused_twice_pauses_the_source(desk: Any, oauth: Any) -> None:
    """The endpoint gives tokens, but the instance takes none."""
    desk.instance.sign_in.accepted.discard("bearer")
    with pytest.raises(AuthFailed, match="refused the credentials"):
        await start(desk.source(**oauth("client_credentials")))
    assert [request.status for request in desk.instance.requests] == [200, 401, 200, 401]


async def test_no_cookie_is_ever_sent_back(desk: Any) -> None:
    """Each would bind the account to a session."""
    source = desk.source()
    await walk(source, await start(source))
    assert not any("cookie" in request.headers for request in desk.instance.requests)
