"""The answer page from the customer's side."""

from __future__ import annotations

from urllib.parse import urljoin

import httpx
import pytest
from structlog.testing import capture_logs

from hub import Milestone
from hub.journey.page import Stage
from hub.journey.submission import Outcome
from hub.survey.texts import LANGUAGES, Texts, texts_in
from tests.web.asked import BUILTIN, ODD
from tests.web.pages import Page
from tests.web.ports import OPEN, SETTLED, UNKNOWN, MemoryPorts, view

FI: Texts = texts_in("fi")


async def follow(browser: httpx.AsyncClient, response: httpx.Response) -> httpx.Response:
    """Go where a redirect leads."""
    assert response.status_code == 303
    return await browser.get(urljoin(str(response.url), response.headers["location"]))


async def test_the_page_asks_in_the_language_of_the_survey_and_says_what_becomes_of_the_answer(
    browser: httpx.AsyncClient,
) -> None:
    response = await browser.get(f"/a/{OPEN}", headers={"accept-language": "sv"})
    page = Page(response.text)
    assert response.status_code == 200
    assert page.language == "fi"
    assert page.texts["h1"] == "Millaista palvelua saitte?"
    assert "Tukipyyntönne INC0012345 ”Tulostin ei toimi” on nyt suljettu." in response.text
    assert "Sen näkevät tukipyyntöänne käsittelevät" in response.text


@pytest.mark.parametrize("milestone", Milestone)
async def test_the_page_says_what_happened_to_the_ticket(
    browser: httpx.AsyncClient, ports: MemoryPorts, milestone: Milestone
) -> None:
    ports.views[OPEN] = view(survey=BUILTIN["progress"], milestone=milestone, subject="")
    assert getattr(FI, f"about_{milestone}").format(ticket="INC0012345") in (await browser.get(f"/a/{OPEN}")).text


async def test_the_tone_of_the_survey_is_kept(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.views[OPEN] = view(tone="informal")
    assert "Millaista palvelua sait?" in (await browser.get(f"/a/{OPEN}")).text


async def test_the_first_page_asks_little_and_needs_one_answer(browser: httpx.AsyncClient) -> None:
    page = Page((await browser.get(f"/a/{OPEN}")).text)
    assert [form["method"] for form in page.all("form")] == ["post"]
    assert page.names == ["q.service", "q.solved", "q.comment"]
    assert page.required == {"q.service"}
    assert page.offered("q.service") == ["5", "4", "3", "2", "1"]
    assert page.chosen == []
    assert not page.all("img")
    assert page.is_labelled


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_customer_can_switch_the_language_and_keeps_the_rating(
    browser: httpx.AsyncClient, language: str
) -> None:
    page = Page((await browser.get(f"/a/{OPEN}?r=3&lang={language}")).text)
    assert page.language == language
    assert page.chosen == ["3"]
    others = [code for code in LANGUAGES if code != language]
    switches = [button for button in page.all("button") if "lang" in button]
    assert [button["formaction"] for button in switches] == [f"?lang={code}&r=3" for code in others]
    assert [button["lang"] for button in switches] == others
    assert page.all("form")[0]["action"] == f"?lang={language}"


@pytest.mark.parametrize("more", [False, True])
async def test_switching_the_language_keeps_what_was_entered_and_sends_nothing(
    browser: httpx.AsyncClient, ports: MemoryPorts, more: bool
) -> None:
    await browser.post(f"/a/{OPEN}", data={"q.service": "2"}) if more else None
    ports.submissions.clear()
    path, fields = f"/a/{OPEN}", {"q.solved": "0", "q.comment": "a\nb"}
    if more:
        path, fields = f"{path}?done=answered", {"part": "more", "q.lost_time": "60", "q.improve": "a\nb"}
    shown = Page((await browser.get(path)).text)
    first, *_ = shown.all("button")
    assert "formaction" not in first, "what the Enter key presses sends"
    [swedish] = [button for button in shown.all("button") if button.get("lang") == "sv"]
    assert swedish["form"] == shown.all("form")[0]["id"]
    assert "formnovalidate" in swedish
    response = await browser.post(urljoin(path, swedish["formaction"]), data={**fields, swedish["name"]: "sv"})
    page = Page(response.text)
    assert (response.status_code, page.language, page.comment.rstrip()) == (200, "sv", "a\nb")
    assert page.chosen == (["60"] if more else ["0"])
    assert texts_in("sv").choose_answer not in response.text, "nothing was sent, so nothing is missing"
    assert ports.submissions == []


async def test_only_languages_that_the_survey_speaks_are_offered(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.views[OPEN] = view(survey=ODD["english"])
    page = Page((await browser.get(f"/a/{OPEN}?lang=sv")).text)
    assert page.language == "en"
    assert not page.all("nav")


async def test_opening_a_rating_link_chooses_it_and_records_a_visit_only(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    for rating in "12345":
        assert (await browser.head(f"/a/{OPEN}?r={rating}")).status_code == 200
        assert Page((await browser.get(f"/a/{OPEN}?r={rating}")).text).chosen == [rating]
    assert ports.visits == [(OPEN, rating) for rating in range(1, 6)]
    assert ports.submissions == []
    assert ports.stopped == set()


async def test_a_visit_that_cannot_be_stored_hides_no_page(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.failure = RuntimeError("database is locked")
    with capture_logs() as logs:
        assert (await browser.get(f"/a/{OPEN}?r=3")).status_code == 200
    assert logs == [{"event": "web.visit_not_stored", "error": "RuntimeError", "log_level": "warning"}]


@pytest.mark.parametrize("wish", ["0", "6", "55", "x", "", "٥", "5 ", "05", "1&r=%00", "9" * 9999])
async def test_a_wrong_rating_in_the_link_chooses_nothing(
    browser: httpx.AsyncClient, ports: MemoryPorts, wish: str
) -> None:
    assert Page((await browser.get(f"/a/{OPEN}?r={wish}")).text).chosen == []
    assert ports.visits == []


async def test_an_answer_is_stored_and_thanked_for(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    sent = {"q.service": "4", "q.solved": "0", "q.comment": "  Nopea apu,\r\nkiitos! 😀 <3\x00 ", "hand": "touch"}
    response = await browser.post(f"/a/{OPEN}?lang=sv", data=sent | {"stamp": "s"})
    [(token, submission)] = ports.submissions
    assert (token, submission.values) == (OPEN, {"service": 4, "solved": 0, "comment": "Nopea apu,\nkiitos! 😀 <3"})
    assert (submission.stamp, submission.hand, submission.trap_filled) == ("s", "touch", False)
    assert submission.address == "127.0.0.1"
    thanks = await follow(browser, response)
    assert thanks.status_code == 200
    assert Page(thanks.text).language == "sv"
    assert texts_in("sv").more_title in thanks.text


async def test_a_rating_alone_is_an_answer(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    await browser.post(f"/a/{OPEN}", data={"q.service": "1", "q.comment": " \n", "q.solved": ""})
    assert ports.given == [(OPEN, {"service": 1})]


async def test_what_is_asked_afterwards_depends_on_the_score(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    low = Page((await follow(browser, await browser.post(f"/a/{OPEN}", data={"q.service": "1"}))).text)
    assert set(low.names) == {
        "q.improve", "q.factors", "q.lost_time", "q.three.service", "q.three.problem", "q.three.feedback",
    }  # fmt: skip
    assert low.required == set()
    assert low.chosen == []
    assert low.is_labelled
    ports.views[OPEN] = view()
    high = Page((await follow(browser, await browser.post(f"/a/{OPEN}", data={"q.service": "5"}))).text)
    assert "q.improve" not in high.names
    assert not set(low.offered("q.factors")) & set(high.offered("q.factors"))


async def test_factors_stand_in_another_order_for_others_and_in_the_same_one_for_one(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    orders = []
    for token in (OPEN, OPEN, "e" * 20, "f" * 20):
        ports.views[token] = view(token=token, stage=Stage.ANSWERED, values={"service": 2})
        orders.append(Page((await browser.get(f"/a/{token}")).text).offered("q.factors"))
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) > 1
    assert len({frozenset(order) for order in orders}) == 1


async def test_what_is_told_afterwards_is_added_and_thanked_for(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    first = await follow(browser, await browser.post(f"/a/{OPEN}", data={"q.service": "2", "q.comment": "x"}))
    action = Page(first.text).all("form")[0]["action"] or ""
    more = {"part": "more", "q.factors": ["not_solved", "speed_bad", "nonsense"], "q.lost_time": "60",
            "q.three.problem": "Tulostin", "q.three.service": " "}  # fmt: skip
    done = await follow(browser, await browser.post(urljoin(str(first.url), action), data=more))
    assert ports.given[1] == (
        OPEN,
        {"factors": ["speed_bad", "not_solved"], "lost_time": 60, "three": {"problem": "Tulostin"}},
    )
    assert FI.thanks_title in done.text
    assert not Page(done.text).all("form"), "nobody is asked for more and more"


async def test_nothing_more_to_tell_stores_nothing(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    await browser.post(f"/a/{OPEN}", data={"q.service": "2"})
    done = await follow(browser, await browser.post(f"/a/{OPEN}", data={"part": "more", "q.improve": " "}))
    assert FI.thanks_title in done.text
    assert len(ports.submissions) == 1


async def test_who_has_answered_sees_the_answer_in_words_and_can_complete_it(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    values = {"service": 2, "solved": 0, "factors": ["speed_bad"], "lost_time": 60, "three": {"problem": "Tulostin"}}
    ports.views[OPEN] = view(
        stage=Stage.ANSWERED,
        values=values,
        remarks=(("service", "ihan ok"),),
        change_until=ports.views[SETTLED].change_until,
    )
    response = await browser.get(f"/a/{OPEN}")
    page = Page(response.text)
    assert FI.answered_title in response.text
    for words in ("2 – Huonoa", "ihan ok", "Ei", "Kesti liian kauan", "Noin tunti", "Tämä ei toimi: Tulostin"):
        assert f'<dd dir="auto">{words}</dd>' in response.text
    assert page.names == ["q.improve"]
    assert page.chosen == []
    assert FI.change_until.format(until="8.6.2026 klo 14.05") in response.text


async def test_an_answer_is_changed_by_asking_anew_with_nothing_chosen(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.views[OPEN] = view(stage=Stage.ANSWERED, values={"service": 2, "comment": "Hidasta"})
    page = Page((await browser.get(f"/a/{OPEN}?change=1")).text)
    assert page.names == ["q.service", "q.solved", "q.comment"]
    assert (page.chosen, page.comment) == ([], "")
    assert "Hidasta" in page.texts["dd"]
    changed = await follow(browser, await browser.post(f"/a/{OPEN}?lang=fi", data={"q.service": "4"}))
    assert FI.changed_title in changed.text


async def test_tapping_another_rating_offers_to_change_the_answer(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.views[OPEN] = view(stage=Stage.ANSWERED, values={"service": 2})
    response = await browser.get(f"/a/{OPEN}?r=5")
    assert Page(response.text).chosen == ["5"]
    assert FI.change_note in response.text


async def test_an_answer_can_be_withdrawn_after_a_question(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.views[OPEN] = view(stage=Stage.ANSWERED, values={"service": 2})
    shown = await browser.get(f"/a/{OPEN}")
    [link] = [a["href"] for a in Page(shown.text).all("a") if "withdraw" in (a["href"] or "")]
    asked = await browser.get(urljoin(str(shown.url), link))
    assert FI.withdraw_title in asked.text
    assert ports.submissions == [], "looking withdraws nothing"
    done = await follow(browser, await browser.post(str(asked.url), data={"stamp": "s", "hand": "key"}))
    assert [(one.withdraws, one.stamp, one.hand) for _, one in ports.submissions] == [(True, "s", "key")]
    assert FI.withdrawn_title in done.text
    again = await browser.get(f"/a/{OPEN}")
    assert FI.withdrawn_title in again.text
    assert Page((await browser.get(f"/a/{OPEN}?change=1")).text).names == ["q.service", "q.solved", "q.comment"]


async def test_what_was_not_answered_cannot_be_withdrawn(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    response = await follow(browser, await browser.get(f"/a/{OPEN}/withdraw"))
    assert "q.service" in Page(response.text).names
    assert (await browser.get(f"/a/{UNKNOWN}/withdraw")).status_code == 404
    assert (await browser.post(f"/a/{UNKNOWN}/withdraw")).status_code == 404


async def test_after_the_time_for_changes_the_page_says_so(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    response = await browser.get(f"/a/{SETTLED}")
    assert response.status_code == 200
    assert FI.answered_text in response.text
    assert "2 – Huonoa" in response.text
    assert "withdraw" not in response.text
    assert not Page(response.text).all("form")
    ports.outcome = Outcome.CLOSED
    refused = await browser.post(f"/a/{SETTLED}", data={"q.service": "5"})
    assert refused.status_code == 410
    assert FI.answered_text in refused.text
    assert (await browser.post(f"/a/{SETTLED}/withdraw")).status_code == 410


async def test_an_answer_that_is_held_is_thanked_for_all_the_same_and_brought_along(
    browser: httpx.AsyncClient, ports: MemoryPorts
) -> None:
    ports.holds = True
    thanks = await follow(browser, await browser.post(f"/a/{OPEN}", data={"q.service": "2", "q.solved": "0"}))
    page = Page(thanks.text)
    assert FI.more_title in thanks.text
    assert "q.improve" in page.names
    assert {"held": "1", "q.service": "2", "q.solved": "0"}.items() <= page.hidden.items()
    await browser.post(f"/a/{OPEN}?done=answered", data={**page.hidden, "q.improve": "Vastatkaa", "hand": "touch"})
    _, submission = ports.submissions[1]
    assert submission.values == {"service": 2, "solved": 0, "improve": "Vastatkaa"}
    assert submission.follows_held
    later = Page((await browser.get(f"/a/{OPEN}")).text)
    assert (later.names[0], later.chosen) == ("q.service", []), "the customer who comes later finds it open"


async def test_a_withdrawal_that_is_held_is_thanked_for_too(browser: httpx.AsyncClient, ports: MemoryPorts) -> None:
    ports.views[OPEN] = view(stage=Stage.ANSWERED, values={"service": 2})
    ports.holds = True
    done = await follow(browser, await browser.post(f"/a/{OPEN}/withdraw"))
    assert FI.withdrawn_title in done.text
    assert "2 – Huonoa" in (await browser.get(f"/a/{OPEN}")).text


@pytest.mark.parametrize("done", ["answered", "changed", "more", "withdrawn", "nonsense"])
async def test_nobody_is_thanked_before_answering(browser: httpx.AsyncClient, done: str) -> None:
    response = await browser.get(f"/a/{OPEN}?done={done}")
    assert "q.service" in Page(response.text).names


@pytest.mark.parametrize("name", sorted(BUILTIN | ODD))
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_survey_can_be_asked_lightly(
    browser: httpx.AsyncClient, ports: MemoryPorts, name: str, language: str
) -> None:
    survey = (BUILTIN | ODD)[name]
    for shown in (
        view(survey=survey, language=language),
        view(survey=survey, language=language, stage=Stage.ANSWERED),
        view(survey=survey, language=language, stage=Stage.ANSWERED, values={survey.first: 0 if name == "nps" else 1}),
    ):
        ports.views[OPEN] = shown
        response = await browser.get(f"/a/{OPEN}?change=1" if not shown.values else f"/a/{OPEN}")
        assert response.status_code == 200
        assert len(response.content) < 30_000
        page = Page(response.text)
        assert page.is_labelled
        assert len(page.ids) == len(set(page.ids)), "each id once"
