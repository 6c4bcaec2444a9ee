"""Access tokens that renew themselves."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from pydantic import SecretStr

from hub import AccessTokens, AuthFailed, Grant, Unexpected
from hub.testing.fakes import FakeContext, FakeVault

URL = "https://auth.example.test/oauth/token"


class Issuer:
    """A token endpoint: numbered access tokens, and refresh tokens that each use replaces."""

    def __init__(self, *, rotates: bool = True) -> None:
        self.asked: list[dict[str, Any]] = []
        self.types: list[str] = []
        self.valid_refresh = "seed"
        self.rotates = rotates
        self.refuses = False
        self.answer: httpx.Response | None = None

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        body = await request.aread()
        self.types.append(request.headers["content-type"])
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.asked.append(form)
        if self.answer is not None:
            return self.answer
        if self.refuses or ("refresh_token" in form and form["refresh_token"] != self.valid_refresh):
            return httpx.Response(401, json={"error": "invalid_grant", "error_description": form})
        answer = {"access_token": f"access-{len(self.asked)}", "expires_in": 1800}
        if self.rotates:
            self.valid_refresh = f"refresh-{len(self.asked)}"
            answer["refresh_token"] = self.valid_refresh
        return httpx.Response(200, json=answer)


def _tokens(issuer: Issuer, context: FakeContext | None = None, **grant: Any) -> tuple[AccessTokens, FakeContext]:
    context = context or FakeContext(transport=httpx.MockTransport(issuer))
    defaults: dict[str, Any] = {"kind": "client_credentials", "client_id": "hub", "client_secret": SecretStr("s3cret")}
    return AccessTokens(context, URL, Grant(**defaults | grant)), context


def _rotating(issuer: Issuer, context: FakeContext | None = None) -> tuple[AccessTokens, FakeContext]:
    return _tokens(issuer, context, kind="refresh_token", refresh_token=SecretStr("seed"))


async def test_a_token_is_asked_for_once_and_renewed_a_minute_before_its_end() -> None:
    issuer = Issuer(rotates=False)
    tokens, context = _tokens(issuer)
    assert [await tokens.get() for _ in range(3)] == ["access-1"] * 3
    context.clock.advance(timedelta(seconds=1739))
    assert await tokens.get() == "access-1"
    context.clock.advance(timedelta(seconds=2))
    assert await tokens.get() == "access-2"
    assert issuer.asked[0] == {"grant_type": "client_credentials", "client_id": "hub", "client_secret": "s3cret"}


async def test_tasks_that_meet_share_one_renewal() -> None:
    issuer = Issuer(rotates=False)
    tokens, _ = _tokens(issuer)
    assert set(await asyncio.gather(*(tokens.get() for _ in range(5)))) == {"access-1"}
    assert set(await asyncio.gather(*(tokens.renew("access-1") for _ in range(5)))) == {"access-2"}
    assert len(issuer.asked) == 2


async def test_a_new_refresh_token_is_kept_before_the_access_token_is_used() -> None:
    issuer = Issuer()
    tokens, context = _rotating(issuer)
    assert await tokens.get() == "access-1"
    assert context.vault.values["refresh_token"] == "refresh-1"
    context.clock.advance(timedelta(hours=1))
    restarted, _ = _rotating(issuer, context)
    assert await restarted.get() == "access-2"
    assert issuer.asked[1]["refresh_token"] == "refresh-1"


async def test_workers_that_renew_at_once_use_the_refresh_token_once_and_share_what_it_brought() -> None:
    issuer = Issuer()
    one, context = _rotating(issuer)
    others = [_rotating(issuer, context)[0] for _ in range(4)]
    assert {await tokens.get() for tokens in (one, *others)} == {"access-1"}
    context.clock.advance(timedelta(hours=1))
    assert set(await asyncio.gather(*(tokens.get() for tokens in (one, *others)))) == {"access-2"}
    assert set(await asyncio.gather(*(tokens.renew("access-2") for tokens in (one, *others)))) == {"access-3"}
    assert [form["refresh_token"] for form in issuer.asked] == ["seed", "refresh-1", "refresh-2"]


@pytest.mark.parametrize(
    "kept",
    ["", "[]", '["a"]', "{}", "5", '["a", 5]', '["a", "soon"]', '["a", "2026-03-02T09:00:30+00:00"]',
     '["a", "2036-03-02T09:00:00+00:00"]', '["a", "2026-03-02T09:30:00"]'],
)  # fmt: skip
async def test_a_kept_access_token_that_is_no_good_is_not_used(kept: str) -> None:
    issuer = Issuer()
    tokens, context = _rotating(issuer)
    context.vault.values["access_token"] = kept
    assert await tokens.get() == "access-1"


async def test_a_refresh_token_that_another_process_has_used_is_replaced_by_its_successor() -> None:
    issuer = Issuer()
    mine, context = _rotating(issuer)
    used = await mine.get()
    context.vault = LateVault(context.vault.values | {"refresh_token": "refresh-0"})
    assert await mine.renew(used) == "access-3"
    assert [form["refresh_token"] for form in issuer.asked] == ["seed", "refresh-0", "refresh-1"]


class LateVault(FakeVault):
    """A vault in which another process puts what it got, after this one has looked."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__()
        self.values = values

    async def load(self, name: str, *, key: str | None = None) -> str | None:
        value = await super().load(name, key=key)
        if name == "refresh_token":
            self.values[name] = "refresh-1"
        return value


async def test_a_dead_refresh_token_says_what_to_do() -> None:
    issuer = Issuer()
    issuer.valid_refresh = "another"
    tokens, _ = _rotating(issuer)
    with pytest.raises(AuthFailed, match="authorise the hub again") as refused:
        await tokens.get()
    assert "seed" not in str(refused.value)


async def test_a_password_grant_goes_back_to_the_password_when_its_refresh_token_ends() -> None:
    issuer = Issuer()
    tokens, context = _tokens(issuer, kind="password", username="hub", password=SecretStr("pw"))
    await tokens.get()
    issuer.valid_refresh = "ended"
    context.clock.advance(timedelta(hours=1))
    await tokens.get()
    assert [form["grant_type"] for form in issuer.asked] == ["password", "refresh_token", "password"]
    assert context.vault.values == {}


async def test_refused_credentials_are_named_without_the_answer() -> None:
    issuer = Issuer()
    issuer.refuses = True
    tokens, context = _tokens(issuer)
    with pytest.raises(AuthFailed) as refused:
        await tokens.get()
    assert "s3cret" not in str(refused.value) + "".join(map(str, context.log.entries))


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"access_token": 5}', b'{"token": "x"}', b"[" * 100_000], ids=range(6)
)
async def test_an_answer_without_a_token_is_not_taken_for_one(body: bytes) -> None:
    issuer = Issuer()
    issuer.answer = httpx.Response(200, content=body)
    tokens, _ = _tokens(issuer)
    with pytest.raises(Unexpected, match="did not answer with a token"):
        await tokens.get()


@pytest.mark.parametrize("lifetime", [None, "soon", float("nan"), -5, "1e400"])
async def test_a_lifetime_that_makes_no_sense_does_not_break_anything(lifetime: object) -> None:
    issuer = Issuer()
    text = f'{{"access_token": "a", "expires_in": {"NaN" if lifetime != lifetime else _json(lifetime)}}}'
    issuer.answer = httpx.Response(200, content=text)
    tokens, _ = _tokens(issuer)
    assert await tokens.get() == "a"


def _json(value: object) -> str:
    import json

    return json.dumps(value)


async def test_where_the_service_wants_json_it_gets_json() -> None:
    issuer = Issuer(rotates=False)
    tokens, _ = _tokens(issuer, as_json=True)
    await tokens.get()
    assert issuer.types == ["application/json"]


class BrokenVault(FakeVault):
    """A vault that fails some times first."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def save(self, name: str, value: str, *, key: str | None = None) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("disk full")
        await super().save(name, value, key=key)


async def test_a_refresh_token_that_could_not_be_stored_is_stored_at_the_next_try_and_not_lost() -> None:
    issuer = Issuer()
    tokens, context = _rotating(issuer)
    context.vault = BrokenVault(1)
    with pytest.raises(OSError, match="disk full"):
        await tokens.get()
    assert await tokens.get() == "access-2"
    assert issuer.asked[1]["refresh_token"] == "refresh-1"
    assert context.vault.values["refresh_token"] == "refresh-2"


async def test_a_caller_that_gives_up_does_not_lose_the_new_refresh_token() -> None:
    issuer = Issuer()
    tokens, context = _rotating(issuer)
    impatient = asyncio.create_task(tokens.get())
    for _ in range(3):
        await asyncio.sleep(0)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert await tokens.get() == "access-1"
    assert context.vault.values["refresh_token"] == "refresh-1"
    assert len(issuer.asked) == 1
