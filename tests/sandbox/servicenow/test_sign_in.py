"""Ways to sign in, and what becomes of those that are not."""

from __future__ import annotations

from datetime import timedelta

import httpx
import pytest
from sandbox.servicenow import Instance

from hub.testing.clock import FakeClock

URL = "/api/now/table/incident"
CLIENT = {"client_id": "hub-client", "client_secret": "hub-client-secret"}
PASSWORD = CLIENT | {"grant_type": "password", "username": "xm.hub", "password": "correct-horse"}
CREDENTIALS = CLIENT | {"grant_type": "client_credentials"}


async def token(stranger: httpx.AsyncClient, form: dict[str, str]) -> dict[str, object]:
    answer = await stranger.post("/oauth_token.do", data=form)
    assert answer.status_code == 200
    tokens: dict[str, object] = answer.json()
    return tokens


async def status(stranger: httpx.AsyncClient, access: object) -> int:
    return (await stranger.get(URL, headers={"Authorization": f"Bearer {access}"})).status_code


@pytest.mark.parametrize(
    "headers",
    [{}, {"Authorization": "Basic bm9ib2R5OndyZW5n"}, {"Authorization": "Basic ?"}, {"x-sn-apikey": "wrong"}],
)
async def test_nobody_comes_in_without_a_right_to(stranger: httpx.AsyncClient, headers: dict[str, str]) -> None:
    answer = await stranger.get(URL, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"] == "User Not Authenticated"
    assert "WWW-Authenticate" in answer.headers


async def test_the_api_key_is_a_header(instance: Instance, stranger: httpx.AsyncClient) -> None:
    headers = {"x-sn-apikey": instance.account.api_key}
    assert (await stranger.get(URL, headers=headers)).status_code == 200
    instance.sign_in.accepted.discard("api_key")
    assert (await stranger.get(URL, headers=headers)).status_code == 401


async def test_an_instance_may_refuse_basic(instance: Instance, client: httpx.AsyncClient) -> None:
    assert (await client.get(URL)).status_code == 200
    instance.sign_in.accepted.discard("basic")
    assert (await client.get(URL)).status_code == 401


async def test_a_password_buys_two_tokens_and_a_refresh_only_one(stranger: httpx.AsyncClient) -> None:
    bought = await token(stranger, PASSWORD)
    assert bought.keys() == {"access_token", "refresh_token", "scope", "token_type", "expires_in"}
    assert bought["expires_in"] == 1799
    refresh = CLIENT | {"grant_type": "refresh_token", "refresh_token": str(bought["refresh_token"])}
    for _ in range(2):
        renewed = await token(stranger, refresh)
        assert "refresh_token" not in renewed
        assert await status(stranger, renewed["access_token"]) == 200


async def test_client_credentials_buy_no_refresh_token(stranger: httpx.AsyncClient) -> None:
    bought = await token(stranger, CREDENTIALS)
    assert "refresh_token" not in bought
    assert await status(stranger, bought["access_token"]) == 200


async def test_clients_may_name_themselves_by_basic(stranger: httpx.AsyncClient) -> None:
    auth = (CLIENT["client_id"], CLIENT["client_secret"])
    answer = await stranger.post("/oauth_token.do", data={"grant_type": "client_credentials"}, auth=auth)
    assert answer.status_code == 200


async def test_a_token_runs_out_in_the_middle_of_a_walk(
    instance: Instance, stranger: httpx.AsyncClient, clock: FakeClock
) -> None:
    instance.sign_in.lifetime = timedelta(seconds=60)
    access = (await token(stranger, CREDENTIALS))["access_token"]
    clock.advance(timedelta(seconds=59))
    assert await status(stranger, access) == 200
    clock.advance(timedelta(seconds=1))
    assert await status(stranger, access) == 401
    access = (await token(stranger, CREDENTIALS))["access_token"]
    instance.before_page(1, instance.sign_in.expire_tokens)
    assert [await status(stranger, access) for _ in range(2)] == [200, 401]
    assert instance.sign_in.tokens_issued == 2


@pytest.mark.parametrize(
    "form",
    [
        CREDENTIALS | {"client_secret": "wrong"},
        PASSWORD | {"password": "wrong"},
        CLIENT | {"grant_type": "refresh_token", "refresh_token": "stale"},
        CLIENT | {"grant_type": "magic"},
    ],
)
async def test_a_wrong_form_buys_nothing(stranger: httpx.AsyncClient, form: dict[str, str]) -> None:
    answer = await stranger.post("/oauth_token.do", data=form)
    assert (answer.status_code, answer.json()["error_description"]) == (401, "access_denied")


async def test_json_is_no_form(stranger: httpx.AsyncClient) -> None:
    assert (await stranger.post("/oauth_token.do", json=CREDENTIALS)).status_code == 401


async def test_a_revoked_refresh_token_buys_nothing(instance: Instance, stranger: httpx.AsyncClient) -> None:
    bought = await token(stranger, PASSWORD)
    instance.sign_in.revoke_refresh_tokens()
    refresh = CLIENT | {"grant_type": "refresh_token", "refresh_token": str(bought["refresh_token"])}
    assert (await stranger.post("/oauth_token.do", data=refresh)).status_code == 401
