"""The answer page where something is wrong: with the answer, the survey, the store or the address."""

from __future__ import annotations

from urllib.parse import urljoin

import httpx
import pytest
from sandbox.browser import forms_in
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from hub.journey.submission import Outcome
from hub.survey.texts import Texts, texts_in
from tests.web.pages import Page
from tests.web.ports import CANCELLED, EXPIRED, OPEN, UNKNOWN, MemoryPorts

FI: Texts = texts_in("fi")


@pytest.mark.parametrize("rating", ["", "0", "6", "5.0", "-1", "five", "5\r\nX: y", "٥"])
async def test_without_a_rating_the_rest_is_kept_and_the_rating_asked_for(
    browser: httpx.AsyncClient, ports: MemoryPorts, rating: str
) -> None:
    given = {"q.service": rating, "q.solved": "1", "q.comment": "</textarea>\nasia jäi"}
    response = await browser.post(f"/a/{OPEN}", data=given)
    page = Page(response.text)
    assert response.status_code == 422
    assert FI.choose_answer in response.text
    assert (page.comment, page.chosen) == ("</textarea>\nasia jäi", ["1"])
    assert page.all("fieldset")[0]["aria-describedby"] == "q0-problem"
    assert page.by_id("q0-problem")
    assert [link["href"] for link in page.all("a") if (link["href"] or "").startswith("#")] == ["#q0-0"]
    assert page.by_id("q0-0")
    assert ports.submissions == []


async def test_a_comment_that_starts_with_an_empty_line_comes_back_whole(browser: httpx.AsyncClient) -> None:
    page = Page((await browser.post(f"/a/{OPEN}", data={"q.comment": "rivi\n\n  sisennetty"})).text)
    assert page.comment == "rivi\n\n  sisennetty"


async def test_a_text_may_have_2000_characters_and_no_more(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    longest = "😀" * 1999 + "\n" + "x"
    [area] = Page((await browser.get(f"/a/{OPEN}")).text).all("textarea")
    assert int(area["maxlength"] or 0) > 2000, "a browser must not cut what is too long before anybody says so"
    refused = await browser.post(f"/a/{OPEN}", data={"q.service": "2", "q.comment": longest})
    assert refused.status_code == 422
    assert FI.too_long.format(limit=2000) in refused.text
    assert (Page(refused.text).comment, Page(refused.text).chosen) == (longest, ["2"])
    assert ports.submissions == []
    await browser.post(f"/a/{OPEN}", data={"q.service": "2", "q.comment": longest[:2000]})
    assert len(ports.submissions) == 1
    again = await browser.post(f"/a/{OPEN}?done=answered", data={"part": "more", "q.three.problem": longest})
    assert again.status_code == 422
    assert Page(again.text).texts["textarea"].strip() == longest
    assert len(ports.submissions) == 1


@pytest.mark.parametrize("more", [False, True])
async def test_when_storing_fails_nothing_the_customer_wrote_is_lost(
    browser: httpx.AsyncClient, ports: MemoryPorts, more: bool
) -> None:
    name = "q.improve" if more else "q.comment"
    if more:
        await browser.post(f"/a/{OPEN}", data={"q.service": "2"})
    ports.failure = RuntimeError("database is locked: 'hidasta'")
    given = {"part": "more"} if more else {"q.service": "2"}
    with capture_logs() as logs:
        response = await browser.post(f"/a/{OPEN}?done=answered", data={**given, name: "hidasta"})
    assert response.status_code == 503
    assert "hidasta" in Page(response.text).texts["textarea"]
    assert Page(response.text).chosen == ([] if more else ["2"])
    assert FI.not_saved in response.text
    assert logs == [{"event": "web.answer_not_stored", "error": "RuntimeError", "log_level": "error"}]


AWAY = [(ConnectionResetError("secret"), 503), (OperationalError("", None, Exception("secret")), 503)]


@pytest.mark.parametrize(("error", "status"), [*AWAY, (RuntimeError("secret"), 500)])
async def test_while_the_store_is_away_pages_say_so_and_what_the_customer_wrote_can_be_sent_again(
    browser: httpx.AsyncClient, ports: MemoryPorts, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    async def away(token: str) -> None:
        raise error

    written = {"q.service": "2", "q.comment": 'Hidasta\n"<b>&amp;', "stamp": "s", "hand": "touch"}
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(ports, "survey", away)
        assert (await browser.get(f"/a/{OPEN}")).status_code == status
        response = await browser.post(f"/a/{OPEN}?lang=sv", data=written)
    assert response.status_code == 503
    assert texts_in("sv").not_saved in response.text
    assert "secret" not in response.text + str(logs)
    [form] = forms_in(response.text)
    assert form.values == written
    done = await browser.post(urljoin(str(response.url), form.action), data=written)
    assert done.status_code == 303
    assert ports.given == [(OPEN, {"service": 2, "comment": 'Hidasta\n"<b>&amp;'})]


@pytest.mark.parametrize(("token", "title"), [(EXPIRED, "expired_title"), (CANCELLED, "cancelled_title")])
async def test_a_closed_survey_says_so_kindly(
    browser: httpx.AsyncClient, ports: MemoryPorts, token: str, title: str
) -> None:
    for method in ("GET", "POST"):
        response = await browser.request(method, f"/a/{token}?done=answered", data={"q.service": "5"})
        assert response.status_code == 410
        assert getattr(FI, title) in response.text
    links = [link["href"] for link in Page(response.text).all("a")]
    assert links == ["?lang=sv", "?lang=en"]
    assert getattr(texts_in("sv"), title) in (await browser.get(f"/a/{token}{links[0]}")).text
    assert ports.submissions == []


async def test_a_survey_that_closes_between_looking_and_storing_says_so(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.outcome = Outcome.CLOSED
    response = await browser.post(f"/a/{OPEN}", data={"q.service": "5"})
    assert response.status_code == 410
    assert FI.expired_title in response.text


async def test_too_many_submissions_are_asked_to_wait(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.outcome = Outcome.TOO_MANY
    response = await browser.post(f"/a/{OPEN}", data={"q.service": "5"})
    assert response.status_code == 429
    assert FI.too_many_title in response.text


@pytest.mark.parametrize("path", [f"/a/{UNKNOWN}", f"/u/{UNKNOWN}", "/a/short", "/a/", "/", "/docs", "/openapi.json"])
async def test_an_unknown_address_gives_one_kind_page(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(path, headers={"accept-language": "sv-FI;q=0.9, en"})
    assert response.status_code == 404
    assert response.text == (await browser.get("/a/other", headers={"accept-language": "sv"})).text
    assert "Sidan hittades inte" in response.text


async def test_the_browsers_language_is_used_only_without_a_survey(browser: httpx.AsyncClient) -> None:
    assert Page((await browser.get("/nowhere", headers={"accept-language": "de, *;q=0.1"})).text).language == "en"
