"""The answer page as customers use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.survey.texts import LANGUAGES, texts_in
from tests.browser.conftest import Shoot
from tests.browser.looking import axe, focus_order, is_wider_than_the_screen, names, weight
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

IN_EACH_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)
HEAVIEST_BYTES = 30_000


def _opened(page: Page, site: Site, language: str = "fi", query: str = "") -> str:
    """Opens the page of a new survey; gives its token."""
    token = site.ask(language)
    page.goto(f"{site.url}/a/{token}{query}")
    return token


@IN_EACH_LANGUAGE
def test_on_a_phone_it_takes_one_tap_and_one_to_confirm(phone: Page, site: Site, shoot: Shoot, language: str) -> None:
    texts = texts_in(language)
    _opened(phone, site, language)
    shoot(phone, f"answer-{language}")
    axe(phone)
    assert phone.locator(":checked").count() == 0, "nothing is chosen for the customer"
    phone.get_by_role("radio", name=texts.ratings[-1]).tap()
    phone.get_by_role("button", name=texts.send).tap()
    phone.get_by_role("heading", name=texts.thanks_title).wait_for()
    shoot(phone, f"thanks-{language}")
    axe(phone)


@IN_EACH_LANGUAGE
def test_a_screen_reader_finds_the_question_its_answers_and_the_button(phone: Page, site: Site, language: str) -> None:
    texts = texts_in(language)
    _opened(phone, site, language)
    found = names(phone)
    assert f'- heading "{texts.question}" [level=1]' in found
    assert f'- group "{texts.question}"' in found
    for rating, label in texts.choices():
        assert f'- radio "{rating} {label}"' in found
    assert f'- textbox "{texts.comment_question}"' in found
    assert f'- button "{texts.send}"' in found
    assert phone.title() == f"{texts.question} – Acme"
    assert phone.locator("html").get_attribute("lang") == language


def test_it_is_one_light_request(phone: Page, site: Site) -> None:
    with weight(phone) as found:
        _opened(phone, site)
    assert found.requests == 1
    assert 1_000 < found.bytes < HEAVIEST_BYTES


@pytest.mark.parametrize("screen", ["phone", "dark_phone"])
def test_it_is_readable_in_light_and_dark(
    request: pytest.FixtureRequest, site: Site, shoot: Shoot, screen: str
) -> None:
    page: Page = request.getfixturevalue(screen)
    _opened(page, site, "sv", "?r=4")
    shoot(page, f"answer-chosen-{screen}")
    axe(page)


@pytest.mark.parametrize("size", ["narrow", "zoomed", "phone", "desktop"])
def test_nobody_scrolls_sideways(request: pytest.FixtureRequest, site: Site, shoot: Shoot, size: str) -> None:
    page: Page = request.getfixturevalue(size)
    word = "Käyttäjätunnuksenvaihtolomakkeenlähetyspainike"
    token = site.ask("fi", subject=f"{word} {word}", key="INC-" + "7" * 40)
    page.goto(f"{site.url}/a/{token}")
    shoot(page, f"answer-{size}")
    assert not is_wider_than_the_screen(page)
    axe(page)


def test_the_keyboard_is_enough_and_always_seen(desktop: Page, site: Site) -> None:
    texts = texts_in("fi")
    token = _opened(desktop, site)
    order = focus_order(desktop)
    assert all(focus.shown for focus in order), order
    expected = [
        "Svenska",
        "English",
        "{} {}".format(*texts.choices()[0]),
        texts.comment_question,
        texts.send,
        texts.opt_out,
    ]
    assert [focus.name for focus in order] == expected
    desktop.reload()
    for key in ("Tab", "Tab", "Tab", "Space", "ArrowDown", "ArrowDown"):  # past two languages to the third rating
        desktop.keyboard.press(key)
    desktop.keyboard.press("Tab")
    desktop.keyboard.type("Ihan hyvä")
    desktop.keyboard.press("Tab")
    desktop.keyboard.press("Enter")
    desktop.get_by_role("heading", name=texts.thanks_title).wait_for()
    desktop.goto(f"{site.url}/a/{token}")
    assert texts.answered_before in names(desktop)


@pytest.mark.parametrize("lacking", ["plain_phone", "imageless_phone"])
def test_it_works_without_scripts_and_without_images(request: pytest.FixtureRequest, site: Site, lacking: str) -> None:
    page: Page = request.getfixturevalue(lacking)
    _opened(page, site, "en", "?r=2")
    page.get_by_role("textbox").fill("It took a week.")
    page.get_by_role("button").tap()
    page.get_by_role("heading", name=texts_in("en").thanks_title).wait_for()


def test_a_rating_tapped_in_a_mail_is_chosen_and_stays_so_in_another_language(phone: Page, site: Site) -> None:
    token = _opened(phone, site, "fi", "?r=4")
    assert phone.get_by_role("radio", checked=True).get_attribute("value") == "4"
    phone.get_by_role("link", name="Svenska").tap()
    assert phone.locator("html").get_attribute("lang") == "sv"
    assert phone.get_by_role("radio", checked=True).get_attribute("value") == "4"
    assert phone.url.startswith(f"{site.url}/a/{token}?")


def test_an_answer_can_be_changed(phone: Page, site: Site, shoot: Shoot) -> None:
    texts = texts_in("fi")
    _opened(phone, site, "fi", "?r=1")
    phone.get_by_role("button", name=texts.send).tap()
    phone.get_by_role("link", name=texts.change_answer).tap()
    shoot(phone, "answer-again")
    axe(phone)
    assert texts.answered_before in names(phone)
    assert phone.get_by_role("radio", checked=True).count() == 0


def test_a_mistake_is_told_and_what_was_written_stays(phone: Page, site: Site, shoot: Shoot) -> None:
    texts = texts_in("fi")
    _opened(phone, site)
    phone.get_by_role("textbox").fill("Kiitos avusta!")
    phone.evaluate("document.querySelector('form').noValidate = true")  # as a browser that knows no `required`
    phone.get_by_role("button", name=texts.send).tap()
    phone.wait_for_selector("[role=alert]")
    shoot(phone, "answer-mistake")
    axe(phone)
    assert f"- alert: {texts.choose_rating}" in names(phone)
    assert phone.get_by_role("textbox").input_value() == "Kiitos avusta!"
