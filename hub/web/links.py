"""Where the pages of a place are, and how visitors get there: a QR code, a frame in a portal."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path
from urllib.parse import quote

FRAME_HEIGHT = 720
"""Pixels, enough for the first page on a narrow portal."""
QR_SUFFIXES = (".svg", ".png")


def form_url(public_url: str, place: str) -> str:
    """The form for visitors' own phones, and for frames."""
    return f"{public_url}/f/{quote(place, safe='')}"


def kiosk_url(public_url: str, place: str) -> str:
    """The page for a screen at the service point."""
    return f"{public_url}/k/{quote(place, safe='')}"


def frame(public_url: str, place: str, title: str) -> str:
    """The HTML that shows the form in a portal's own page."""
    url = escape(f"{form_url(public_url, place)}?embed=1")
    style = f"width: 100%; height: {FRAME_HEIGHT}px; border: 0"
    return f'<iframe src="{url}" title="{escape(title)}" style="{style}" loading="lazy"></iframe>'


@lru_cache(maxsize=32)
def qr_svg(url: str) -> str:
    """A QR code as an SVG to stand in a page, black on white also where the page is dark."""
    import segno

    code: str = segno.make(url, error="m").svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
    return code


def save_qr(url: str, file: Path) -> None:
    """Write a QR code to print, as an SVG or a PNG by the file's suffix."""
    import segno

    segno.make(url, error="m").save(str(file), scale=10, border=4, dark="#000", light="#fff")
