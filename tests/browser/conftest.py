"""A hub, a browser, and pages on all kinds of screens."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import chromium
from tests.browser.site import Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True,
}  # fmt: skip
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}}
ZOOMED: dict[str, Any] = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2}
"""A desktop at 200 %."""
NARROW: dict[str, Any] = {"viewport": {"width": 320, "height": 640}}
"""As wide as a desktop at 400 %: there WCAG 2.2 asks for one column (1.4.10)."""

NewPage = Callable[..., "Page"]
Shoot = Callable[["Page", str], None]


@pytest.fixture(scope="package")  # while Playwright's own loop is there, no asynchronous test can run
def browser() -> Iterator[Browser]:
    """Chromium. A machine that lacks it gets it if it can."""
    try:
        program = chromium.find_or_install()
    except LookupError as error:
        pytest.skip(str(error))
    with chromium.running(program) as running:
        yield running


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Makes pages of a device, with further options of Playwright's `new_context`.

    At the end nothing may have been asked for outside this machine, and the browser may have complained of nothing.
    """
    contexts, complaints = [], []

    def make(device: dict[str, Any] = PHONE, **options: Any) -> Page:
        context = browser.new_context(**({"locale": "fi-FI"} | device | options))
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: _note_foreign(request.url, complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: _note_complaint(said.type, said.text, complaints))
        return page

    yield make
    for context in contexts:
        context.close()
    assert complaints == []


def _note_foreign(url: str, complaints: list[str]) -> None:
    if not re.match(r"http://127\.0\.0\.1:|data:|about:", url):
        complaints.append(f"{url} was asked for")


def _note_complaint(kind: str, text: str, complaints: list[str]) -> None:
    if kind in ("error", "warning") and not text.startswith("Failed to load resource"):  # pages may answer 410
        complaints.append(text)


@pytest.fixture
def phone(new_page: NewPage) -> Page:
    return new_page(PHONE)


@pytest.fixture
def dark_phone(new_page: NewPage) -> Page:
    return new_page(PHONE, color_scheme="dark")


@pytest.fixture
def plain_phone(new_page: NewPage) -> Page:
    """Without JavaScript."""
    return new_page(PHONE, java_script_enabled=False)


@pytest.fixture
def imageless_phone(phone: Page) -> Page:
    """Images are not loaded, as in most mail programs until the reader allows it."""
    phone.route("**/*", lambda route: route.abort() if route.request.resource_type == "image" else route.continue_())
    return phone


@pytest.fixture
def desktop(new_page: NewPage) -> Page:
    return new_page(DESKTOP)


@pytest.fixture
def zoomed(new_page: NewPage) -> Page:
    return new_page(ZOOMED)


@pytest.fixture
def narrow(new_page: NewPage) -> Page:
    return new_page(NARROW)


@pytest.fixture(scope="session")
def new_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Site]]:
    """Starts a hub with further tables in its hub.toml; all are stopped at the end."""
    made: list[Site] = []

    def make(tables: str = "") -> Site:
        made.append(Site(tmp_path_factory.mktemp("hub"), tables))
        made[-1].start()
        return made[-1]

    yield make
    for site in made:
        site.stop()


@pytest.fixture(scope="session")
def site(new_site: Callable[[str], Site]) -> Site:
    """A hub with the usual survey."""
    return new_site("")


@pytest.fixture
def shoot(request: pytest.FixtureRequest, tmp_path: Path) -> Shoot:
    """Keeps a picture of the whole page, in the folder that the environment variable SCREENSHOTS names."""
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)

    def keep(page: Page, name: str) -> None:
        page.screenshot(path=folder / f"{name}.png", full_page=True, animations="disabled")

    return keep
