"""The way out of further surveys, for people and for mail programs, and back."""

from __future__ import annotations

import httpx
import pytest

from hub.survey.texts import texts_in
from tests.web.pages import Page
from tests.web.ports import CANCELLED, EXPIRED, OPEN, UNKNOWN, MemoryPorts

EN = texts_in("en")


async def test_looking_does_not_opt_out(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    assert (await browser.head(f"/u/{OPEN}")).status_code == 200
    response = await browser.get(f"/u/{OPEN}")
    assert Page(response.text).all("form")[0]["method"] == "post"
    assert "Acme Service Desk" in response.text
    assert texts_in("fi").unsubscribe_all in response.text
    assert ports.stopped == set()


@pytest.mark.parametrize("token", [OPEN, EXPIRED, CANCELLED])
async def test_pressing_the_button_opts_out_also_when_the_survey_is_over_or_repeated(
    browser: httpx.AsyncClient, ports: MemoryPorts, token: str
) -> None:
    for _ in range(2):
        response = await browser.post(f"/u/{token}?lang=en")
        assert response.status_code == 200
        assert EN.unsubscribed_title in response.text
    assert ports.stopped == {token}


async def test_the_button_of_a_mail_program_works_without_a_redirect(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    form = await browser.post(f"/u/{OPEN}", data={"List-Unsubscribe": "One-Click"})
    parts = await browser.post(f"/u/{EXPIRED}", files={"List-Unsubscribe": (None, "One-Click")})
    assert (form.status_code, parts.status_code) == (200, 200)
    assert ports.stopped == {OPEN, EXPIRED}


async def test_who_changes_their_mind_can_take_it_back_there(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    stopped = await browser.post(f"/u/{OPEN}?lang=en")
    later = await browser.get(f"/u/{OPEN}?lang=en")
    for shown in (stopped, later):
        assert EN.unsubscribed_title in shown.text
        assert Page(shown.text).all("button")[0]["name"] == "again"
    response = await browser.post(f"/u/{OPEN}?lang=en", data={"again": "1"})
    assert EN.subscribed_title in response.text
    assert EN.unsubscribe_button in response.text
    assert ports.stopped == set()


@pytest.mark.parametrize("data", [{}, {"again": "1"}])
async def test_an_unknown_token_opts_nobody_out_or_in(
    browser: httpx.AsyncClient, ports: MemoryPorts, data: dict[str, str]
) -> None:
    ports.stopped.add(OPEN)
    assert (await browser.post(f"/u/{UNKNOWN}", data=data)).status_code == 404
    assert ports.stopped == {OPEN}


async def test_a_failed_opt_out_is_never_confirmed(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.failure = RuntimeError("disk full")
    response = await browser.post(f"/u/{OPEN}")
    assert response.status_code == 500
    assert EN.failed_title in response.text
