"""The screen at a service point, the form behind its QR code, and the form inside a portal."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from hub.survey.texts import texts_in
from hub.web.links import frame
from tests.browser.conftest import PHONE, NewPage, Shoot
from tests.browser.looking import axe, focus_order, is_wider_than_the_screen, names, weight
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FI, SV = texts_in("fi"), texts_in("sv")
TABLET = {"viewport": {"width": 1024, "height": 768}, "has_touch": True}


@dataclass
class Portal:
    """A web site of its own, with one page."""

    url: str
    page: str = ""


@contextmanager
def _portal() -> Iterator[Portal]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(portal.page.encode() if self.path == "/" else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    portal = Portal(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield portal
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def portals() -> Iterator[tuple[Portal, Portal]]:
    """The portal that hub.toml names, and another web site."""
    with _portal() as named, _portal() as other:
        yield named, other


@pytest.fixture(scope="module")
def served(new_site: Callable[[str], Site], portals: tuple[Portal, Portal]) -> Site:
    """A hub with a place."""
    return new_site(f"""
[places.lobby]
title = {{ fi = "Aulan palvelupiste", sv = "Servicepunkten i aulan", en = "Service point in the lobby" }}
embed_in = ["{portals[0].url}"]
per_device = 500
""")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screen_shows_faces_that_say_in_words_what_they_mean(
    new_page: NewPage, served: Site, shoot: Shoot, scheme: str
) -> None:
    page = new_page(TABLET, color_scheme=scheme)
    with weight(page) as found:
        page.goto(f"{served.url}/k/lobby")
    assert (found.requests, found.bytes < 30_000) == (1, True)
    shoot(page, f"kiosk-{scheme}")
    axe(page)
    told = names(page)
    for label in ("Erinomaista", "Hyvää", "Kohtalaista", "Huonoa", "Erittäin huonoa"):
        assert f'- button "{label}"' in told
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 64, "large enough for any finger"
        assert box["y"] + box["height"] <= 768, "on the screen without scrolling"


def test_one_press_answers_and_can_be_taken_back(new_page: NewPage, served: Site, shoot: Shoot) -> None:
    page = new_page(TABLET)
    page.goto(f"{served.url}/k/lobby?lang=sv")
    page.get_by_role("button", name="Bra", exact=True).tap()
    page.get_by_role("heading", name=SV.thanks_title).wait_for()
    shoot(page, "kiosk-thanks")
    axe(page)
    page.get_by_role("button", name=SV.withdraw).tap()
    page.get_by_role("button", name="Bra", exact=True).wait_for()


def test_a_screen_that_is_left_alone_is_soon_ready_without_scripts(new_page: NewPage, served: Site) -> None:
    page = new_page(TABLET, java_script_enabled=False)
    page.goto(f"{served.url}/k/lobby?lang=sv")
    page.get_by_role("button", name="Bra", exact=True).tap()
    page.get_by_role("heading", name=SV.thanks_title).wait_for()
    page.get_by_role("button", name="Hyvää").wait_for(timeout=20_000)
    assert page.url == f"{served.url}/k/lobby", "and speaks its own language again"


def test_a_visitor_can_tell_more_on_the_screen(new_page: NewPage, served: Site, shoot: Shoot) -> None:
    page = new_page(TABLET)
    page.goto(f"{served.url}/k/lobby")
    page.get_by_role("button", name="Huonoa", exact=True).tap()
    page.get_by_role("link", name=FI.place_more).tap()
    page.get_by_role("textbox").fill("Jono oli pitkä")
    page.get_by_role("button", name=FI.place_time).tap()
    page.get_by_text(FI.place_returns_minutes.format(minutes=30)).wait_for()
    assert page.get_by_role("textbox").input_value() == "Jono oli pitkä", "asking for more time costs no words"
    shoot(page, "kiosk-more")
    axe(page)
    page.get_by_role("button", name=FI.send).tap()
    page.get_by_role("heading", name=FI.thanks_title).wait_for()
    page.get_by_role("link", name=FI.place_next).tap()
    page.get_by_role("button", name="Hyvää").wait_for()


def test_the_form_behind_the_code_works_on_a_phone_and_a_narrow_screen(
    phone: Page, narrow: Page, plain_phone: Page, served: Site, shoot: Shoot
) -> None:
    for page, name in ((phone, "phone"), (narrow, "narrow"), (plain_phone, "plain")):
        page.goto(f"{served.url}/f/lobby")
        assert not is_wider_than_the_screen(page)
        if page is not plain_phone:
            axe(page)
            assert all(focus.shown for focus in focus_order(page))
        shoot(page, f"place-{name}")
        page.get_by_role("radio", name="4 Hyvää").check(force=True)
        page.get_by_role("button", name=FI.send).click()
        page.get_by_role("heading", name=FI.thanks_title).wait_for()
        assert page.get_by_role("link", name=FI.withdraw).is_visible()


def test_a_portal_shows_the_form_in_a_frame_and_another_site_cannot(
    new_page: NewPage, browser: Browser, served: Site, shoot: Shoot, portals: tuple[Portal, Portal]
) -> None:
    for portal in portals:
        content = frame(served.url, "lobby", "Palaute")
        portal.page = f"<!DOCTYPE html><html lang=fi><title>Portaali</title>{content}</html>"
    page = new_page(PHONE)
    page.goto(portals[0].url)
    inside = page.frame_locator("iframe")
    inside.get_by_role("radio", name="5 Erinomaista").check(force=True)
    shoot(page, "portal")
    inside.get_by_role("button", name=FI.send).tap()
    inside.get_by_role("heading", name=FI.thanks_title).wait_for()

    other = browser.new_page()
    told: list[str] = []
    other.on("console", lambda said: told.append(said.text))
    other.goto(portals[1].url)
    assert other.frame_locator("iframe").get_by_role("radio").count() == 0
    assert [text for text in told if "frame-ancestors" in text]
    other.close()
