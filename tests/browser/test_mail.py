"""The mail with the question, as a mail program that knows HTML shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.survey.model import MessageKind
from hub.survey.render import render
from hub.survey.texts import LANGUAGES, texts_in
from hub.survey.wording import choices
from tests.browser.conftest import PHONE, NewPage, Shoot
from tests.browser.looking import axe_on_mail, is_wider_than_the_screen, names, show_mail
from tests.surveys import occasion, surveys

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_it_is_readable_in_light_and_dark(new_page: NewPage, shoot: Shoot, language: str, scheme: str) -> None:
    page, texts = new_page(PHONE, color_scheme=scheme), texts_in(language)
    show_mail(page, _mail(language))
    shoot(page, f"mail-{language}-{scheme}")
    axe_on_mail(page)
    found = names(page)
    for one in choices(surveys()["closing"].questions["service"], texts):
        assert f'- link "{one.value} – {one.label}"' in found
    assert f'- link "{texts.opt_out}"' in found


@pytest.mark.parametrize("kind", [MessageKind.REMINDER, MessageKind.THANKS])
def test_what_follows_it_is_readable_too(new_page: NewPage, kind: MessageKind) -> None:
    page = new_page(PHONE, color_scheme="dark")
    show_mail(page, _mail("sv", kind))
    axe_on_mail(page)


def test_it_fits_a_narrow_screen(narrow: Page) -> None:
    show_mail(narrow, _mail("fi"))
    assert not is_wider_than_the_screen(narrow)


def test_it_says_all_without_images(imageless_phone: Page) -> None:
    show_mail(imageless_phone, _mail("fi"))
    assert names(imageless_phone).count("- link ") == 6


def _mail(language: str, kind: MessageKind = MessageKind.SURVEY) -> str:
    mail = render(surveys()["closing"], kind, None, occasion(language=language))
    assert mail.html is not None
    return mail.html
