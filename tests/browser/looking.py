"""What a person, a screen reader or a meter finds on a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page, Request

_RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
_RULES_FOR_PAGES = ("region", "landmark-one-main", "page-has-heading-one", "document-title")
_FOCUSED = """() => {
    const found = document.activeElement;
    if (!found || found === document.body) return null;
    const labels = [...(found.labels || [])];
    const name = labels[0]?.innerText || found.getAttribute("aria-label") || found.innerText || found.name || "";
    const outlined = (element) => {
        const style = getComputedStyle(element);
        return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    };
    const {top, bottom} = found.getBoundingClientRect();
    const inside = bottom > 0 && top < innerHeight;
    return {name: name.replace(/\\s+/g, " ").trim(), shown: inside && [found, ...labels].some(outlined)};
}"""


@dataclass
class Weight:
    """What was transferred."""

    requests: int = 0
    bytes: int = 0
    """Headers and bodies of the answers, compressed where they are."""


@dataclass(frozen=True)
class Focus:
    """Where the keyboard is."""

    name: str
    shown: bool
    """The element is on the screen, and it or its label has an outline."""


def axe(page: Page, *, but: Sequence[str] = ()) -> None:
    """Fail with everything that axe-core finds wrong, and where it is.

    :param but: ids of rules that do not fit, such as "region" for a mail.
    """
    from axe_playwright_python.sync_playwright import Axe

    rules = {rule: {"enabled": False} for rule in but}
    options = {"runOnly": {"type": "tag", "values": list(_RULES)}, "rules": rules, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options)
    assert found.response["passes"], "axe found nothing to judge"
    violations = [_told(violation) for violation in found.response["violations"]]
    assert not violations, f"{page.url}\n" + "\n".join(violations)


def _told(violation: dict[str, Any]) -> str:
    lines = [f"{violation['id']} ({violation['impact']}): {violation['help']}, {violation['helpUrl']}"]
    for node in violation["nodes"]:
        lines += [f"  {node['html']}", *(f"    {line}" for line in node["failureSummary"].splitlines())]
    return "\n".join(lines)


def names(page: Page) -> str:
    """What a screen reader finds, one role and name a line, such as `- button "Lähetä vastaus"`."""
    return page.locator("html").aria_snapshot()


@contextmanager
def weight(page: Page) -> Iterator[Weight]:
    """Weigh what is loaded meanwhile; the result is there at the end."""
    weight, finished = Weight(), []

    def note(request: Request) -> None:
        finished.append(request)

    page.on("requestfinished", note)
    yield weight
    page.wait_for_load_state("networkidle")
    page.remove_listener("requestfinished", note)
    for request in finished:
        sizes = request.sizes()
        weight.requests += 1
        weight.bytes += sizes["responseHeadersSize"] + sizes["responseBodySize"]


def show_mail(page: Page, html: str) -> None:
    """Show a mail as programs do that follow the reader's choice of light or dark."""
    page.set_content(html)
    page.add_style_tag(content=":root { color-scheme: light dark; background: Canvas; color: CanvasText; }")


def axe_on_mail(page: Page) -> None:
    """`axe` for what `show_mail` shows: a mail is no page with a heading and a main part of its own."""
    axe(page, but=_RULES_FOR_PAGES)


def is_wider_than_the_screen(page: Page) -> bool:
    """Whether one has to scroll sideways."""
    wider: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wider


def focus_order(page: Page) -> list[Focus]:
    """Press Tab from the top of the page to its end; gives where the focus was each time."""
    order: list[Focus] = []
    while len(order) < 100:
        page.keyboard.press("Tab")
        if (found := page.evaluate(_FOCUSED)) is None:
            return order
        order.append(Focus(**found))
    raise AssertionError(f"there is no way out: {order[-3:]}")
