"""Pages that tell something, and the one that stops surveys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.survey.texts import LANGUAGES, texts_in
from tests.browser.conftest import DESKTOP, PHONE, NewPage, Shoot
from tests.browser.looking import axe, focus_order, is_wider_than_the_screen, names, weight
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Page

IN_EACH_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


def _assert_tells(page: Page, title: str, text: str) -> None:
    axe(page)
    found = names(page)
    assert f'- heading "{title}" [level=1]' in found
    assert f"- paragraph: {text}" in found.replace('"', "")
    assert not is_wider_than_the_screen(page)


@IN_EACH_LANGUAGE
@pytest.mark.parametrize("state", ["expired", "cancelled"])
def test_who_comes_too_late_is_told_kindly(phone: Page, site: Site, shoot: Shoot, language: str, state: str) -> None:
    texts, token = texts_in(language), site.ask(language)
    site.expire(token) if state == "expired" else site.cancel(token)
    phone.goto(f"{site.url}/a/{token}")
    shoot(phone, f"{state}-{language}")
    _assert_tells(phone, getattr(texts, f"{state}_title"), getattr(texts, f"{state}_text"))
    assert phone.get_by_role("button").count() == 0


@IN_EACH_LANGUAGE
def test_a_broken_link_is_explained_in_the_language_of_the_browser(
    new_page: NewPage, site: Site, shoot: Shoot, language: str
) -> None:
    texts, page = texts_in(language), new_page(PHONE, locale=language)
    page.goto(f"{site.url}/a/none")
    shoot(page, f"unknown-{language}")
    _assert_tells(page, texts.unknown_title, texts.unknown_text)


@IN_EACH_LANGUAGE
def test_surveys_stop_after_one_tap_and_not_before(phone: Page, site: Site, shoot: Shoot, language: str) -> None:
    texts, token = texts_in(language), site.ask(language)
    with weight(phone) as found:
        phone.goto(f"{site.url}/u/{token}")
    assert (found.requests, found.bytes < 30_000) == (1, True)
    shoot(phone, f"unsubscribe-{language}")
    _assert_tells(phone, texts.unsubscribe_title, texts.unsubscribe_text.format(sender="Acme"))
    phone.get_by_role("button", name=texts.unsubscribe_button).tap()
    phone.get_by_role("heading", name=texts.unsubscribed_title).wait_for()
    shoot(phone, f"unsubscribed-{language}")
    _assert_tells(phone, texts.unsubscribed_title, texts.unsubscribed_text)


@pytest.mark.parametrize("options", [{"color_scheme": "dark"}, {"java_script_enabled": False}, DESKTOP])
def test_surveys_are_stopped_in_the_dark_without_scripts_and_by_keyboard(
    new_page: NewPage, site: Site, options: dict[str, object]
) -> None:
    texts, page = texts_in("fi"), new_page(**options)
    page.goto(f"{site.url}/u/{site.ask()}")
    if options.get("java_script_enabled", True):
        axe(page)
        assert [focus.name for focus in focus_order(page)][-1] == texts.unsubscribe_button
    page.get_by_role("button").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name=texts.unsubscribed_title).wait_for()
