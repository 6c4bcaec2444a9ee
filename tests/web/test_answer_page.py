"""The answer page from the customer's side."""

from __future__ import annotations

from urllib.parse import urljoin

import httpx
import pytest
from structlog.testing import capture_logs

from hub.survey.texts import LANGUAGES, texts_in
from tests.web.pages import Page
from tests.web.ports import CANCELLED, EXPIRED, OPEN, UNKNOWN, MemoryPorts, view


async def test_the_page_asks_in_the_language_of_the_invitation(browser: httpx.AsyncClient) -> None:
    response = await browser.get(f"/a/{OPEN}", headers={"accept-language": "sv"})
    page = Page(response.text)
    assert response.status_code == 200
    assert page.language == "fi"
    assert "Miten hyvin hoidimme asiasi?" in page.texts["h1"]
    assert "Tukipyyntösi INC0012345 ”Tulostin ei toimi” on nyt suljettu." in response.text
    assert "Sen näkevät tukipyyntöäsi käsittelevät" in response.text


async def test_a_rating_needs_a_form_that_works_without_script(browser: httpx.AsyncClient) -> None:
    page = Page((await browser.get(f"/a/{OPEN}")).text)
    assert [form["method"] for form in page.all("form")] == ["post"]
    assert [radio["value"] for radio in page.all("input")] == ["5", "4", "3", "2", "1"]
    assert page.chosen == []
    assert not page.all("script")
    assert not page.all("img")
    assert {label.get("for") for label in page.all("label")} == {None, "comment"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_customer_can_switch_the_language_and_keeps_the_rating(
    browser: httpx.AsyncClient, language: str
) -> None:
    page = Page((await browser.get(f"/a/{OPEN}?r=3&lang={language}")).text)
    assert page.language == language
    others = [link["href"] for link in page.all("a") if (link["href"] or "").startswith("?")]
    assert others == [f"?lang={code}&r=3" for code in LANGUAGES if code != language]
    assert page.all("form")[0]["action"] == f"?lang={language}"


async def test_opening_a_rating_link_chooses_and_records_nothing(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    for rating in "12345":
        assert (await browser.head(f"/a/{OPEN}?r={rating}")).status_code == 200
        assert Page((await browser.get(f"/a/{OPEN}?r={rating}")).text).chosen == [rating]
    assert ports.answers == []
    assert ports.opted_out == set()


@pytest.mark.parametrize("wish", ["0", "6", "55", "x", "", "٥", "5 ", "1&r=%00"])
async def test_a_wrong_rating_in_the_link_chooses_nothing(browser: httpx.AsyncClient, wish: str) -> None:
    assert Page((await browser.get(f"/a/{OPEN}?r={wish}")).text).chosen == []


async def test_an_answer_is_stored_and_thanked_for(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    sent = {"rating": "4", "comment": "  Nopea apu,\r\nkiitos! 😀 <3\x00 "}
    response = await browser.post(f"/a/{OPEN}?lang=sv", data=sent)
    assert ports.answers == [(OPEN, 4, "Nopea apu,\nkiitos! 😀 <3")]
    assert response.status_code == 303
    thanks = await browser.get(urljoin(str(response.url), response.headers["location"]))
    assert thanks.status_code == 200
    assert "Tack för ditt svar!" in thanks.text
    assert "INC0012345" in thanks.text


async def test_a_rating_alone_is_an_answer(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    await browser.post(f"/a/{OPEN}", data={"rating": "1", "comment": " \n"})
    assert ports.answers == [(OPEN, 1, None)]


async def test_answering_again_is_possible_and_announced(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    await browser.post(f"/a/{OPEN}", data={"rating": "1"})
    page = await browser.get(f"/a/{OPEN}")
    assert texts_in("fi").answered_before in page.text
    await browser.post(f"/a/{OPEN}", data={"rating": "5"})
    assert [rating for _, rating, _ in ports.answers] == [1, 5]


async def test_nobody_is_thanked_before_answering(browser: httpx.AsyncClient) -> None:
    response = await browser.get(f"/a/{OPEN}?thanks=1")
    assert Page(response.text).all("textarea")


async def test_thanks_stay_when_the_survey_closes_meanwhile(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.invitations[OPEN] = view(state="expired", answered=True)
    response = await browser.get(f"/a/{OPEN}?thanks=1")
    assert "Kiitos vastauksestasi!" in response.text
    assert "Muuta vastaustasi" not in response.text


@pytest.mark.parametrize("rating", ["", "0", "6", "5.0", "-1", "five", "5\r\nX: y"])
async def test_without_a_rating_the_comment_is_kept_and_the_rating_asked_for(
    browser: httpx.AsyncClient, ports: MemoryPorts, rating: str
) -> None:
    response = await browser.post(f"/a/{OPEN}", data={"rating": rating, "comment": "</textarea>\nasia jäi"})
    page = Page(response.text)
    assert response.status_code == 422
    assert texts_in("fi").choose_rating in response.text
    assert page.comment == "</textarea>\nasia jäi"
    assert page.all("fieldset")[0]["aria-describedby"] == "error"
    assert ports.answers == []


async def test_a_comment_that_starts_with_an_empty_line_comes_back_whole(browser: httpx.AsyncClient) -> None:
    page = Page((await browser.post(f"/a/{OPEN}", data={"comment": "rivi\n\n  sisennetty"})).text)
    assert page.comment == "rivi\n\n  sisennetty"


async def test_a_comment_may_have_2000_characters_and_no_more(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    longest = "😀" * 1999 + "\n" + "x"
    refused = await browser.post(f"/a/{OPEN}", data={"rating": "2", "comment": longest})
    assert refused.status_code == 422
    assert Page(refused.text).comment == longest
    assert Page(refused.text).chosen == ["2"]
    assert ports.answers == []
    await browser.post(f"/a/{OPEN}", data={"rating": "2", "comment": longest[:2000]})
    assert len(ports.answers) == 1


async def test_when_storing_fails_nothing_the_customer_wrote_is_lost(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.failure = RuntimeError("database is locked: 'hidasta'")
    with capture_logs() as logs:
        response = await browser.post(f"/a/{OPEN}", data={"rating": "2", "comment": "hidasta"})
    page = Page(response.text)
    assert response.status_code == 503
    assert (page.chosen, page.comment) == (["2"], "hidasta")
    assert texts_in("fi").not_saved in response.text
    assert logs == [{"event": "web.answer_not_stored", "error": "RuntimeError", "log_level": "error"}]


@pytest.mark.parametrize(("token", "title"), [(EXPIRED, "expired_title"), (CANCELLED, "cancelled_title")])
async def test_a_closed_survey_says_so_kindly(
    browser: httpx.AsyncClient, ports: MemoryPorts, token: str, title: str
) -> None:
    for method in ("GET", "POST"):
        response = await browser.request(method, f"/a/{token}", data={"rating": "5"})
        assert response.status_code == 410
        assert getattr(texts_in("fi"), title) in response.text
    assert ports.answers == []


async def test_a_survey_that_closes_between_looking_and_storing_says_so(
    browser: httpx.AsyncClient, ports: MemoryPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> bool:
        return False

    monkeypatch.setattr(ports, "store_page_answer", refused)
    assert (await browser.post(f"/a/{OPEN}", data={"rating": "5"})).status_code == 410


@pytest.mark.parametrize("path", [f"/a/{UNKNOWN}", f"/u/{UNKNOWN}", "/a/short", "/a/", "/", "/docs", "/openapi.json"])
async def test_an_unknown_address_gives_one_kind_page(browser: httpx.AsyncClient, path: str) -> None:
    response = await browser.get(path, headers={"accept-language": "sv-FI;q=0.9, en"})
    assert response.status_code == 404
    assert response.text == (await browser.get("/a/other", headers={"accept-language": "sv"})).text
    assert "Sidan hittades inte" in response.text


async def test_the_browsers_language_is_used_only_without_an_invitation(browser: httpx.AsyncClient) -> None:
    assert Page((await browser.get("/nowhere", headers={"accept-language": "de, *;q=0.1"})).text).language == "en"


@pytest.mark.parametrize("path", [f"/a/{OPEN}", f"/a/{EXPIRED}", f"/u/{OPEN}", "/a/nothing"])
async def test_pages_are_light(browser: httpx.AsyncClient, path: str) -> None:
    assert len((await browser.get(path)).content) < 30_000
