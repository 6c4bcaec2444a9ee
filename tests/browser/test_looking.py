"""The measures themselves: what is wrong is found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.looking import axe, focus_order, is_wider_than_the_screen, names

if TYPE_CHECKING:
    from playwright.sync_api import Page

BAD = """<!DOCTYPE html><html lang="fi"><title>Kysely</title><main><h1>Kysely</h1>
<p style="color:#bbb;background:#fff">Tuskin luettavissa</p>
<input id="age"><button style="outline:none">Lähetä</button><p style="width:2000px">Leveä</p>
<div><button aria-label="x" style="width:9px;padding:0"></button
><button aria-label="y" style="width:9px;padding:0"></button></div>
</main></html>"""


def test_what_cannot_be_read_or_named_is_told_with_its_place(phone: Page) -> None:
    phone.set_content(BAD)
    with pytest.raises(AssertionError) as raised:
        axe(phone)
    told = str(raised.value)
    assert "color-contrast (serious)" in told
    assert '<p style="color:#bbb;background:#fff">Tuskin luettavissa</p>' in told
    assert "label (critical)" in told
    assert "target-size (serious)" in told


def test_what_is_too_wide_and_what_has_no_visible_focus_is_found(desktop: Page) -> None:
    desktop.set_content(BAD)
    assert is_wider_than_the_screen(desktop)
    assert [focus.shown for focus in focus_order(desktop) if focus.name == "Lähetä"] == [False]
    assert '- button "Lähetä"' in names(desktop)
