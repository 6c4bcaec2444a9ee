"""Debian's Chromium, driven by Playwright, which brings no browser of its own then."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.real.servers.apt import install, why_not

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_PROGRAM = "chromium"
_PACKAGES = ("chromium", "fonts-liberation", "fonts-noto-color-emoji")
"""With the letters that pages and mails ask for by the names Arial and Helvetica, and faces."""
_QUIET = (
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
"""Nothing but pages of this machine is asked for."""


def find_or_install() -> str:
    """Give the path of Chromium.

    :raises LookupError: it is not there, and cannot be installed here.
    :raises RuntimeError: apt could not install it.
    """
    if (found := shutil.which(_PROGRAM)) is None:
        if reason := why_not():
            raise LookupError(f"{_PROGRAM} is not installed, and {reason}")
        install(_PACKAGES)
        found = shutil.which(_PROGRAM)
    assert found is not None
    return found


@contextmanager
def running(program: str) -> Iterator[Browser]:
    """A browser without a window; it ends at the end."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        yield browser
        browser.close()
