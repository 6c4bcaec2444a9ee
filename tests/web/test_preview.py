"""The page of a survey for those who write it."""

from __future__ import annotations

import httpx
import pytest

from hub.survey.texts import texts_in
from tests.web.asked import BUILTIN, ODD
from tests.web.pages import Page
from tests.web.ports import MemoryPorts

EN = texts_in("en")


@pytest.mark.parametrize("name", sorted(BUILTIN | ODD))
async def test_a_survey_is_shown_and_nothing_is_stored(
    browser: httpx.AsyncClient, ports: MemoryPorts, name: str
) -> None:
    response = await browser.get(f"/preview/{name}?lang=en")
    page = Page(response.text)
    assert response.status_code == 200
    assert EN.preview_note in response.text
    assert page.hidden["stamp"] == ""
    first = page.controls[0]
    given = {str(first["name"]): str(first.get("value", "words"))}
    thanks = await browser.post(f"/preview/{name}?lang=en", data=given)
    assert thanks.status_code == 200
    assert EN.preview_note in thanks.text
    assert {EN.more_title in thanks.text, EN.thanks_title in thanks.text} == {True, False}
    done = await browser.post(f"/preview/{name}?lang=en", data={"part": "more"})
    assert EN.thanks_title in done.text
    assert (await browser.get(f"/preview/{name}?lang=en&done=more")).status_code == 200
    assert (ports.submissions, ports.visits, ports.asked) == ([], [], [])


async def test_language_tone_and_rating_are_as_the_address_says(browser: httpx.AsyncClient) -> None:
    informal = await browser.get("/preview/closing?lang=fi&tone=informal&r=4")
    page = Page(informal.text)
    assert "Millaista palvelua sait?" in informal.text
    assert page.chosen == ["4"]
    assert all("tone=informal" in (link["href"] or "") for link in page.all("a"))
    assert "Millaista palvelua saitte?" in (await browser.get("/preview/closing?lang=fi&tone=odd")).text


async def test_both_pages_can_be_looked_at_in_another_language(browser: httpx.AsyncClient) -> None:
    first = await browser.post("/preview/closing?lang=sv", data={"q.comment": "x", "show": "sv"})
    assert (first.status_code, Page(first.text).comment) == (200, "x")
    second = Page((await browser.post("/preview/closing?lang=en", data={"q.service": "2"})).text)
    again = await browser.post("/preview/closing?lang=sv", data={**second.hidden, "q.improve": "y", "show": "sv"})
    page = Page(again.text)
    assert (page.language, page.comment.rstrip()) == ("sv", "y")
    assert page.names == second.names


async def test_a_form_that_is_not_complete_is_asked_for_again(browser: httpx.AsyncClient) -> None:
    response = await browser.post("/preview/closing?lang=en", data={"q.comment": "x"})
    assert response.status_code == 422
    assert EN.choose_answer in response.text


async def test_a_survey_that_is_not_there_is_not_found(browser: httpx.AsyncClient) -> None:
    for method in ("GET", "POST"):
        assert (await browser.request(method, "/preview/nothing")).status_code == 404
