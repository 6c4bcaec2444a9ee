"""The documentation as files: where it is, its headings, its code, and its generated parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
_GENERATED = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def pages() -> list[Path]:
    """Every page that a reader can come to."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")]
    return sorted([*found, *ROOT.glob("plugins/*/README.md"), *ROOT.glob("contrib/*/README.md")])


def read(page: Path) -> str:
    """The text of a page."""
    return page.read_text(encoding="utf-8")


def code(page: Path, language: str) -> list[str]:
    """The code blocks of a page in one language, in order."""
    return [match[3] for match in _FENCE.finditer(read(page)) if match[2] == language]


def code_in(text: str) -> list[str]:
    """All code blocks of a text."""
    return [match[3] for match in _FENCE.finditer(text)]


def prose(text: str) -> str:
    """A page without its code blocks."""
    return _FENCE.sub("", text)


def headings(page: Path) -> list[str]:
    """The headings of a page, as written."""
    return re.findall(r"^#{1,6} (.+)$", prose(read(page)), re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """What a link into a page can name: its headings as GitHub turns them into ids."""
    found: set[str] = set()
    for heading in headings(page):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = 0
        while (slug if not number else f"{slug}-{number}") in found:
            number += 1
        found.add(slug if not number else f"{slug}-{number}")
    return found


def links(page: Path) -> Iterator[str]:
    """Targets of the links of a page."""
    without_code = re.sub(r"`[^`\n]*`", "", prose(read(page)))
    yield from re.findall(r"\]\(([^)\s]+)\)", without_code)


def generated(text: str) -> list[tuple[str, str]]:
    """Name and whole text of each generated part, markers included."""
    return [(match[2], match[0]) for match in _GENERATED.finditer(text)]


def replace_generated(text: str, parts: dict[str, str]) -> str:
    """The page with its generated parts as they should be."""
    return _GENERATED.sub(lambda match: f"{match[1]}\n{parts[match[2]].strip()}\n\n{match[3]}", text)


def cell(text: str) -> str:
    """Text as one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)
