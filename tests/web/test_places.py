"""Answers without a ticket: the form of a place on a phone or in a portal, and the screen at a service point."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from urllib.parse import urljoin

import httpx
import pytest
from structlog.testing import capture_logs

from hub.journey.submission import Outcome
from hub.survey.texts import texts_in
from hub.web.app import create_app
from hub.web.limits import Limits
from tests.web.asked import ODD
from tests.web.pages import Page
from tests.web.ports import MemoryPorts, place
from tests.web.test_answer_page import follow
from tests.web.test_limits import Clock

FI, SV = texts_in("fi"), texts_in("sv")
SAME = {"sec-fetch-site": "same-origin"}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def browser(ports: MemoryPorts, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(ports, Limits(clock)), client=("203.0.113.5", 1))
    async with httpx.AsyncClient(transport=transport, base_url="https://survey.example.fi") as client:
        yield client


async def test_the_form_asks_in_the_browsers_language_and_says_who_sees_the_answer(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/f/lobby", headers={"accept-language": "sv-FI, en"})
    page = Page(response.text)
    assert (response.status_code, page.language) == (200, "sv")
    assert page.names == ["q.visit", "q.comment"]
    assert page.chosen == []
    assert "Servicepunkten" in response.text
    assert SV.place_privacy.format(sender="Acme Service Desk") in response.text
    assert "/u/" not in response.text, "nobody is known there who could be stopped"
    assert Page((await browser.get("/f/lobby", headers={"accept-language": "de"})).text).language == "fi"
    assert Page((await browser.get("/f/lobby?lang=en")).text).language == "en"


async def test_an_answer_at_a_place_is_stored_and_can_be_completed_changed_and_withdrawn(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    sent = {"q.visit": "4", "q.comment": "Kiitos", "stamp": "s", "hand": "touch"}
    thanks = await follow(browser, await browser.post("/f/lobby?lang=fi", data=sent))
    [(name, submission)] = ports.submissions
    assert (name, submission.values) == ("lobby", {"visit": 4, "comment": "Kiitos"})
    assert (submission.stamp, submission.hand, submission.address) == ("s", "touch", "203.0.113.5")
    assert FI.thanks_title in thanks.text
    links = [urljoin(str(thanks.url), link["href"] or "") for link in Page(thanks.text).all("a")]
    [change] = [link for link in links if "change=1" in link]
    [withdraw] = [link for link in links if "/withdraw" in link]
    assert Page((await browser.get(change)).text).names == ["q.visit", "q.comment"]
    done = await follow(browser, await browser.post(withdraw))
    assert FI.withdrawn_title in done.text
    assert "Tukipyyntö" not in done.text
    assert ports.submissions[1][1].withdraws


@pytest.mark.parametrize("path", ["/f/lobby", "/k/lobby"])
async def test_a_form_without_an_answer_stores_nothing(
    browser: httpx.AsyncClient, ports: MemoryPorts, path: str
) -> None:
    response = await browser.post(path, data={"q.visit": "9", "q.comment": "x"})
    assert response.status_code == (422 if path == "/f/lobby" else 303)
    assert ports.submissions == []


async def test_only_the_sites_of_hub_toml_may_frame_the_form_and_only_as_an_embedded_one(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    plain = await browser.get("/f/lobby")
    assert "frame-ancestors 'none'" in plain.headers["content-security-policy"]
    framed = await browser.get("/f/lobby?embed=1")
    assert "frame-ancestors https://portal.example.org" in framed.headers["content-security-policy"]
    assert "x-frame-options" not in framed.headers
    thanks = await follow(browser, await browser.post("/f/lobby?embed=1", data={"q.visit": "4"}))
    assert "embed=1" in str(thanks.url)
    assert "frame-ancestors https://portal.example.org" in thanks.headers["content-security-policy"]
    links = [link["href"] or "" for link in Page(thanks.text).all("a")]
    assert links
    assert all("embed=1" in link for link in links)
    ports.places["lobby"] = place(embed_in=())
    assert "frame-ancestors 'none'" in (await browser.get("/f/lobby?embed=1")).headers["content-security-policy"]
    assert "frame-ancestors 'none'" in (await browser.get("/k/lobby?embed=1")).headers["content-security-policy"]


async def test_the_screen_shows_faces_with_words_and_the_way_to_a_phone(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/k/lobby")
    page = Page(response.text)
    buttons = page.all("button")
    assert [button["value"] for button in buttons] == ["5", "4", "3", "2", "1"]
    assert {button["type"] for button in buttons} == {"submit"}
    assert page.all("form")[0]["method"] == "post"
    mouths = re.findall(r"M14 [^\"]+", response.text)
    assert len(set(mouths)) == 5
    assert len(page.all("circle")) == 5
    for word in ("Erinomaista", "Erittäin huonoa"):
        assert f"<span>{word}</span>" in response.text
    assert "https://survey.example.fi/f/lobby" in response.text
    assert 'role="img"' in response.text
    assert "refresh" not in response.headers, "a screen that waits does not reload"


async def test_one_press_on_the_screen_answers_and_soon_it_is_ready_for_the_next(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    thanks = await follow(browser, await browser.post("/k/lobby", data={"q.visit": "2"}, headers=SAME))
    assert ports.given == [("lobby", {"visit": 2})]
    assert FI.thanks_title in thanks.text
    assert thanks.headers["refresh"] == "15; url=../lobby"
    assert FI.place_returns.format(seconds=15) in thanks.text
    assert urljoin(str(thanks.url), "../lobby").endswith("/k/lobby")
    assert "Huonoa" not in thanks.text, "the next visitor does not read what this one answered"


async def test_a_slip_on_the_screen_is_undone_by_a_press(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    thanks = await follow(browser, await browser.post("/k/lobby", data={"q.visit": "1"}))
    [undo] = [form["action"] for form in Page(thanks.text).all("form")]
    start = await follow(browser, await browser.post(urljoin(str(thanks.url), undo), data={"hand": "touch"}))
    assert [one.withdraws for _, one in ports.submissions] == [False, True]
    assert str(start.url).startswith("https://survey.example.fi/k/lobby?")


async def test_who_wants_to_tell_more_gets_time_for_it(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    thanks = await follow(browser, await browser.post("/k/lobby", data={"q.visit": "2"}))
    [more] = [link["href"] for link in Page(thanks.text).all("a") if "more=1" in (link["href"] or "")]
    form = await browser.get(urljoin(str(thanks.url), more))
    assert Page(form.text).names == ["q.comment"]
    assert form.headers["refresh"] == "180; url=../lobby"
    assert FI.place_returns_minutes.format(minutes=3) in form.text
    [patient] = [one for one in Page(form.text).all("button") if "patient=1" in one.get("formaction", "")
                 and "lang" not in one]  # fmt: skip
    address = urljoin(str(form.url), patient["formaction"])
    slow = await browser.post(address, data={"q.comment": "Jon", patient["name"]: "1"})
    assert slow.headers["refresh"] == "1800; url=../lobby"
    assert Page(slow.text).comment == "Jon", "what was written stays"
    assert len(ports.given) == 1, "and is not sent yet"
    done = await follow(browser, await browser.post(address, data={"q.comment": "Jono"}))
    assert ports.given[1][1] == {"comment": "Jono"}
    assert done.headers["refresh"] == "15; url=../lobby"
    assert not Page(done.text).all("form")


async def test_a_screen_never_gets_stuck(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    thanks = await follow(browser, await browser.post("/k/lobby", data={"q.visit": "2"}))
    ports.failure = RuntimeError("down: secret")
    with capture_logs() as logs:
        for method, path, status in (
            ("POST", "/k/lobby", 500),
            ("GET", thanks.url.path, 500),
            ("POST", thanks.url.path, 500),
            ("POST", f"{thanks.url.path}/undo", 500),
        ):
            response = await browser.request(method, path, data={"q.visit": "5", "q.comment": "x"})
            assert response.status_code == status
            start = response.headers["refresh"].partition("url=")[2]
            assert urljoin(f"https://x{path}", start) == "https://x/k/lobby"
    assert "secret" not in str(logs)
    ports.failure = None
    start = await browser.get(f"{thanks.url.path}/undo?lang=sv")  # somebody reloads it
    assert urljoin(f"https://x{thanks.url.path}/undo", start.headers["location"]) == "https://x/k/lobby"
    large = await browser.post("/k/lobby", content=b"x" * 65_537)
    assert (large.status_code, large.headers["refresh"]) == (413, "15; url=lobby")
    gone = await browser.get(f"/k/lobby/{'z' * 20}")
    assert gone.status_code == 404
    assert gone.headers["refresh"] == "15; url=../lobby"


async def test_words_on_the_screen_are_kept_when_storing_fails(
    browser: httpx.AsyncClient, ports: MemoryPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    thanks = await follow(browser, await browser.post("/k/lobby", data={"q.visit": "2"}))

    async def broken(*_: object) -> Outcome:
        raise RuntimeError

    monkeypatch.setattr(ports, "submit", broken)
    response = await browser.post(f"{thanks.url.path}?more=1", data={"q.comment": "Jono"})
    assert response.status_code == 503
    assert Page(response.text).comment == "Jono"
    assert FI.not_saved in response.text


@pytest.mark.parametrize("path", ["/f/lobby", "/k/lobby"])
async def test_too_many_answers_are_asked_to_wait(
    browser: httpx.AsyncClient, ports: MemoryPorts, clock: Clock, path: str
) -> None:
    ports.places["lobby"] = place(per_device=2)
    with capture_logs() as logs:
        codes = [(await browser.post(path, data={"q.visit": "3"})).status_code for _ in range(4)]
    assert codes == [303, 303, 429, 429]
    assert logs == [{"event": "web.place_limited", "place": "lobby", "log_level": "warning"}], "once"
    refused = await browser.post(path, data={"q.visit": "3", "q.comment": "Jono"})
    assert FI.too_many_text in refused.text
    assert path == "/k/lobby" or Page(refused.text).comment == "Jono", "what was written stays"
    assert refused.headers["retry-after"] == "60"
    clock.now = 61.0
    assert (await browser.post(path, data={"q.visit": "3"})).status_code == 303
    assert len(ports.submissions) == 3
    ports.outcome = Outcome.TOO_MANY
    clock.now = 200.0
    assert (await browser.post(path, data={"q.visit": "3"})).status_code == 429


@pytest.mark.parametrize("path", ["/f/lobby", "/k/lobby"])
async def test_another_site_cannot_make_a_browser_answer(
    browser: httpx.AsyncClient, ports: MemoryPorts, path: str
) -> None:
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
        assert (await browser.post(path, data={"q.visit": "1"}, headers=headers)).status_code == 403
    assert ports.submissions == []
    for headers in (SAME, {"origin": "https://survey.example.fi"}, {"origin": "null"}):
        assert (await browser.post(path, data={"q.visit": "1"}, headers=headers)).status_code == 303


@pytest.mark.parametrize("path", ["/f/nowhere", "/k/nowhere", f"/f/nowhere/{'a' * 20}"])
async def test_a_place_that_is_not_in_hub_toml_is_not_found(browser: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert (await browser.request(method, path, data={"q.visit": "1"})).status_code == 404


async def test_switching_the_language_of_a_form_keeps_what_was_entered_and_sends_nothing(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    shown = Page((await browser.get("/f/lobby?embed=1", headers={"accept-language": "fi"})).text)
    [swedish] = [button for button in shown.all("button") if button.get("lang") == "sv"]
    data = {"q.comment": "Jono", swedish["name"]: "sv"}
    response = await browser.post(urljoin("/f/lobby", swedish["formaction"]), data=data, headers=SAME)
    page = Page(response.text)
    assert (response.status_code, page.language, page.comment) == (200, "sv", "Jono")
    assert "embed=1" in str(page.all("form")[0]["action"])
    assert ports.given == []


@pytest.mark.parametrize(
    ("name", "status"), [("nps", 200), ("choice", 200), ("sad", 200), ("words", 303), ("items", 303)]
)
async def test_the_screen_takes_any_question_that_one_press_answers(
    browser: httpx.AsyncClient, ports: MemoryPorts, name: str, status: int
) -> None:
    ports.places["lobby"] = place(survey=ODD[name])
    response = await browser.get("/k/lobby")
    assert response.status_code == status
    if status == 303:
        assert urljoin(str(response.url), response.headers["location"]).endswith("/f/lobby")
        return
    assert len(Page(response.text).all("circle")) == (4 if name == "sad" else 0)
    for button in Page(response.text).all("button"):
        ports.submissions.clear()
        await browser.post("/k/lobby", data={str(button["name"]): str(button["value"])})
        ports.places["lobby"] = place(survey=ODD[name], per_device=99)
        assert len(ports.submissions) == 1


async def test_an_answer_that_is_held_is_thanked_for_too(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.holds = True
    for path in ("/f/lobby?lang=fi", "/k/lobby"):
        assert FI.thanks_title in (await follow(browser, await browser.post(path, data={"q.visit": "1"}))).text
