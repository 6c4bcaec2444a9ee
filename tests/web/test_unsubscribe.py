"""The way out of further surveys, for people and for mail programs."""

from __future__ import annotations

import httpx
import pytest

from hub.survey.texts import texts_in
from tests.web.pages import Page
from tests.web.ports import CANCELLED, EXPIRED, OPEN, UNKNOWN, MemoryPorts


async def test_looking_does_not_opt_out(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    assert (await browser.head(f"/u/{OPEN}")).status_code == 200
    response = await browser.get(f"/u/{OPEN}")
    assert Page(response.text).all("form")[0]["method"] == "post"
    assert "Acme Service Desk" in response.text
    assert ports.opted_out == set()


@pytest.mark.parametrize("token", [OPEN, EXPIRED, CANCELLED])
async def test_pressing_the_button_opts_out_also_when_the_survey_is_over_or_repeated(
    browser: httpx.AsyncClient, ports: MemoryPorts, token: str
) -> None:
    for _ in range(2):
        response = await browser.post(f"/u/{token}?lang=en")
        assert response.status_code == 200
        assert texts_in("en").unsubscribed_title in response.text
    assert ports.opted_out == {token}


async def test_the_button_of_a_mail_program_works_without_a_redirect(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    form = await browser.post(f"/u/{OPEN}", data={"List-Unsubscribe": "One-Click"})
    parts = await browser.post(f"/u/{EXPIRED}", files={"List-Unsubscribe": (None, "One-Click")})
    assert (form.status_code, parts.status_code) == (200, 200)
    assert ports.opted_out == {OPEN, EXPIRED}


async def test_an_unknown_token_opts_nobody_out(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    assert (await browser.post(f"/u/{UNKNOWN}")).status_code == 404
    assert ports.opted_out == set()


async def test_a_failed_opt_out_is_never_confirmed(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.failure = RuntimeError("disk full")
    response = await browser.post(f"/u/{OPEN}")
    assert response.status_code == 500
    assert texts_in("en").failed_title in response.text
