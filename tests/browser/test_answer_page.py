"""The page of a survey as customers use it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from hub.survey.texts import LANGUAGES, texts_in
from tests.browser.conftest import Shoot
from tests.browser.looking import axe, focus_order, is_wider_than_the_screen, names, weight
from tests.browser.site import Site
from tests.daemon.running import wait_until
from tests.surveys import surveys

if TYPE_CHECKING:
    from playwright.sync_api import Page

IN_EACH_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)
HEAVIEST_BYTES = 30_000
SURVEY = surveys()["closing"]
FI = texts_in("fi")
RATINGS = re.compile(r"^[1-5] ")


def question(id_: str, language: str = "fi") -> str:
    return SURVEY.questions[id_].text[language]  # type: ignore[index]


def opened(page: Page, site: Site, language: str = "fi", query: str = "") -> str:
    """Opens the page of a new survey; gives its token."""
    token = site.ask(language)
    page.goto(f"{site.url}/a/{token}{query}")
    return token


def held(site: Site) -> int:
    """How many answers are held."""
    return int(site.hub.json("status")["answers"].get("quarantined", 0))


def written(site: Site, key: str, question: str) -> dict[str, Any]:
    """What stands on the ticket, once it has an answer to this question."""

    def found() -> dict[str, Any] | None:
        records = [line for line in site.hub.lines("written") if line["ticket"]["key"] == key]
        return records[-1] if records and question in str(records[-1]) else None

    record: dict[str, Any] = wait_until(found, "the answer is on the ticket")
    return record


@IN_EACH_LANGUAGE
def test_on_a_phone_it_takes_one_tap_and_one_to_confirm(phone: Page, site: Site, shoot: Shoot, language: str) -> None:
    texts = texts_in(language)
    opened(phone, site, language)
    shoot(phone, f"answer-{language}")
    axe(phone)
    assert phone.locator(":checked").count() == 0, "nothing is chosen for the customer"
    send = phone.get_by_role("button", name=texts.send)
    for control in (phone.get_by_role("radio", name=RATINGS).last, send):
        box = control.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 844, "nobody has to scroll for it"
    phone.get_by_role("radio", name=RATINGS).first.tap()
    send.tap()
    phone.get_by_role("heading", name=texts.more_title).wait_for()
    shoot(phone, f"thanks-{language}")
    axe(phone)


@IN_EACH_LANGUAGE
def test_a_screen_reader_finds_the_questions_their_answers_and_the_button(
    phone: Page, site: Site, language: str
) -> None:
    texts = texts_in(language)
    opened(phone, site, language)
    found = names(phone)
    assert f'- heading "{question("service", language)}" [level=1]' in found
    assert f'- group "{question("service", language)}"' in found
    for value, label in enumerate(SURVEY.questions["service"].labels[language], 1):  # type: ignore[index]
        assert f'- radio "{value} {label}"' in found
    assert f'- group "{question("solved", language)} ({texts.optional.lower()})"' in found
    assert f'- textbox "{question("comment", language)} ({texts.optional.lower()})"' in found
    assert f'- button "{texts.send}"' in found
    assert texts.trap not in found
    assert phone.title() == f"{question('service', language)} – Acme"
    assert phone.locator("html").get_attribute("lang") == language


def test_each_page_is_one_light_request_and_so_are_all_together(phone: Page, site: Site) -> None:
    with weight(phone) as first:
        opened(phone, site, query="?r=1")
    with weight(phone) as second:
        phone.get_by_role("button", name=FI.send).tap()
        phone.get_by_role("heading", name=FI.more_title).wait_for()
    phone.get_by_role("checkbox").first.check()
    with weight(phone) as third:
        phone.get_by_role("button", name=FI.more_send).tap()
        phone.get_by_role("heading", name=FI.thanks_title).wait_for()
    assert [found.requests for found in (first, second, third)] == [1, 2, 2], "with what leads on from a press"
    assert min(found.bytes for found in (first, second, third)) > 1_000
    assert first.bytes + second.bytes + third.bytes < HEAVIEST_BYTES


@pytest.mark.parametrize("screen", ["phone", "dark_phone"])
def test_it_is_readable_in_light_and_dark(
    request: pytest.FixtureRequest, site: Site, shoot: Shoot, screen: str
) -> None:
    page: Page = request.getfixturevalue(screen)
    texts = texts_in("sv")
    opened(page, site, "sv", "?r=1")
    page.get_by_role("radio", name=texts.no).check(force=True)
    shoot(page, f"answer-chosen-{screen}")
    axe(page)
    page.get_by_role("button", name=texts.send).tap()
    page.get_by_role("heading", name=texts.more_title).wait_for()
    page.get_by_role("checkbox").first.check()
    shoot(page, f"more-chosen-{screen}")
    axe(page)


@pytest.mark.parametrize("size", ["narrow", "zoomed", "phone", "desktop"])
def test_nobody_scrolls_sideways(request: pytest.FixtureRequest, site: Site, shoot: Shoot, size: str) -> None:
    page: Page = request.getfixturevalue(size)
    word = "Käyttäjätunnuksenvaihtolomakkeenlähetyspainike"
    token = site.ask("fi", subject=f"{word} {word}", key="INC-" + "7" * 40)
    page.goto(f"{site.url}/a/{token}?r=1")
    shoot(page, f"answer-{size}")
    assert not is_wider_than_the_screen(page)
    axe(page)
    page.get_by_role("button", name=FI.send).click()
    page.get_by_role("heading", name=FI.more_title).wait_for()
    shoot(page, f"more-{size}")
    assert not is_wider_than_the_screen(page)
    axe(page)


def test_the_keyboard_is_enough_and_always_seen(desktop: Page, site: Site) -> None:
    token = opened(desktop, site)
    order = focus_order(desktop)
    assert all(focus.shown for focus in order), order
    optional = f" ({FI.optional.lower()})"
    assert [focus.name for focus in order] == [
        "Svenska", "English", "5 Erinomaista", FI.yes, question("comment") + optional, FI.send, FI.opt_out,
    ]  # fmt: skip
    desktop.reload()
    for key in ("Tab", "Tab", "Tab", "Space", "ArrowDown", "ArrowDown", "Tab", "Tab"):  # to the third rating and on
        desktop.keyboard.press(key)
    desktop.keyboard.type("Ihan hyvä")
    desktop.keyboard.press("Tab")
    desktop.keyboard.press("Enter")
    desktop.get_by_role("heading", name=FI.more_title).wait_for()
    assert all(focus.shown for focus in focus_order(desktop))
    desktop.goto(f"{site.url}/a/{token}")
    found = names(desktop)
    assert f'- heading "{FI.answered_title}" [level=1]' in found, "keys are a hand too: it counts"
    assert "3 – Kohtalaista" in found
    assert "Ihan hyvä" in found


@pytest.mark.parametrize("lacking", ["plain_phone", "imageless_phone"])
def test_it_works_without_scripts_and_without_images(request: pytest.FixtureRequest, site: Site, lacking: str) -> None:
    page: Page = request.getfixturevalue(lacking)
    texts = texts_in("en")
    opened(page, site, "en", "?r=2")
    page.get_by_role("textbox").fill("It took a week.")
    page.get_by_role("button", name=texts.send).tap()
    page.get_by_role("heading", name=texts.more_title).wait_for()
    page.get_by_role("checkbox", name="It took too long").check()
    page.get_by_role("textbox").first.fill("Answer faster.")
    page.get_by_role("button", name=texts.more_send).tap()
    page.get_by_role("heading", name=texts.thanks_title).wait_for()


def test_a_rating_tapped_in_a_mail_is_chosen_and_stays_so_in_another_language(phone: Page, site: Site) -> None:
    token = opened(phone, site, "fi", "?r=4")
    assert phone.get_by_role("radio", checked=True).get_attribute("value") == "4"
    phone.get_by_role("button", name="Svenska").tap()
    phone.get_by_role("heading", name=question("service", "sv")).wait_for()
    assert phone.locator("html").get_attribute("lang") == "sv"
    assert phone.get_by_role("radio", checked=True).get_attribute("value") == "4"
    assert phone.url.startswith(f"{site.url}/a/{token}?")


def test_the_language_can_be_switched_amid_an_answer_without_scripts(
    plain_phone: Page, site: Site, shoot: Shoot
) -> None:
    texts = texts_in("en")
    opened(plain_phone, site)
    plain_phone.get_by_role("radio", name="3 Kohtalaista").check()
    plain_phone.get_by_role("textbox").fill("Jono, kö, queue\nمرحبا")
    plain_phone.get_by_role("button", name="English").tap()
    plain_phone.get_by_role("heading", name=question("service", "en")).wait_for()
    shoot(plain_phone, "switched")
    assert plain_phone.get_by_role("radio", checked=True).get_attribute("value") == "3"
    assert plain_phone.get_by_role("textbox").input_value() == "Jono, kö, queue\nمرحبا"
    plain_phone.get_by_role("button", name=texts.send).tap()
    plain_phone.get_by_role("checkbox").first.check()
    plain_phone.get_by_role("button", name="Suomi").tap()
    plain_phone.get_by_role("heading", name=FI.more_title).wait_for()
    assert plain_phone.get_by_role("checkbox", checked=True).count() == 1


def test_the_enter_key_sends_and_does_not_switch_the_language(desktop: Page, site: Site) -> None:
    opened(desktop, site)
    desktop.get_by_role("radio", name="3 Kohtalaista").focus()
    desktop.keyboard.press("Space")
    desktop.keyboard.press("Enter")
    desktop.get_by_role("heading", name=FI.more_title).wait_for()


def test_more_can_be_told_and_all_of_it_reaches_the_ticket(phone: Page, site: Site, shoot: Shoot) -> None:
    token = site.ask("fi", key="INC-MORE")
    phone.goto(f"{site.url}/a/{token}?r=2")
    phone.get_by_role("radio", name=FI.no).check(force=True)
    phone.get_by_role("button", name=FI.send).tap()
    phone.get_by_role("textbox", name=question("improve")).fill("Vastatkaa nopeammin")
    phone.get_by_role("checkbox", name="Kesti liian kauan").check()
    phone.get_by_role("radio", name=FI.lost_60).check(force=True)
    phone.get_by_role("textbox", name=FI.item_problem).fill("Skanneri")
    shoot(phone, "more-filled")
    phone.get_by_role("button", name=FI.more_send).tap()
    phone.get_by_role("heading", name=FI.thanks_title).wait_for()
    shoot(phone, "done")
    axe(phone)
    record = written(site, "INC-MORE", "improve")
    assert {score["question"]: score["value"] for score in record["scores"]} == {"service": 2, "solved": 0}
    assert record["choices"][0]["options"] == ["speed_bad"]
    assert record["lost_minutes"] == 60
    assert {remark["text"] for remark in record["remarks"]} == {"Vastatkaa nopeammin", "Skanneri"}


def test_an_answer_can_be_changed_and_withdrawn(phone: Page, site: Site, shoot: Shoot) -> None:
    token = opened(phone, site, "fi", "?r=1")
    phone.get_by_role("button", name=FI.send).tap()
    phone.get_by_role("link", name=FI.change_answer).tap()
    shoot(phone, "answer-again")
    axe(phone)
    assert "1 – Erittäin huonoa" in names(phone)
    assert phone.get_by_role("radio", checked=True).count() == 0
    phone.get_by_role("radio", name="5 Erinomaista").check(force=True)
    phone.get_by_role("button", name=FI.send).tap()
    phone.get_by_role("heading", name=FI.changed_title).wait_for()
    phone.goto(f"{site.url}/a/{token}")
    shoot(phone, "answered")
    axe(phone)
    phone.get_by_role("link", name=FI.withdraw).tap()
    phone.get_by_role("heading", name=FI.withdraw_title).wait_for()
    shoot(phone, "withdraw")
    axe(phone)
    phone.get_by_role("button", name=FI.withdraw).tap()
    phone.get_by_role("heading", name=FI.withdrawn_title).wait_for()
    shoot(phone, "withdrawn")
    axe(phone)


def test_a_mistake_is_told_and_what_was_written_stays(phone: Page, site: Site, shoot: Shoot) -> None:
    opened(phone, site)
    phone.get_by_role("textbox").fill("Kiitos avusta!")
    phone.evaluate("document.querySelector('form').noValidate = true")  # as a browser that knows no `required`
    phone.get_by_role("button", name=FI.send).tap()
    phone.get_by_role("alert").wait_for()
    shoot(phone, "answer-mistake")
    axe(phone)
    assert FI.choose_answer in phone.get_by_role("alert").inner_text()
    assert phone.evaluate("document.activeElement.getAttribute('role')") == "alert", "a screen reader begins there"
    assert phone.get_by_role("textbox").input_value() == "Kiitos avusta!"
    phone.get_by_role("alert").get_by_role("link").tap()
    assert phone.url.endswith("#q0-0")


def test_a_finger_counts_even_a_second_after_the_message(phone: Page, site: Site) -> None:
    before = held(site)
    token = site.ask("fi", key="INC-QUICK")
    phone.goto(f"{site.url}/a/{token}?r=5")
    phone.get_by_role("button", name=FI.send).tap()
    written(site, "INC-QUICK", "service")
    assert held(site) == before
