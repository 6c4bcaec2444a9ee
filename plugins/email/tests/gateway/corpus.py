"""Replies as the mail programs of customers make them, and the words in them that customers wrote.

`mails/LANGUAGE.txt` holds them: a line `#### name`, the mail, a line `#### words`, the words. In a mail, {quoted}
stands for the survey with "> " in front of each line, {plain} for the survey as it is and {html} for it as HTML;
␠ stands for a space at the end of a line and ⍽ for a space that does not break.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

LANGUAGES = ("fi", "sv", "en")
_MAILS = Path(__file__).parent / "mails"
SURVEYS = {
    "fi": (
        "##- Kirjoita vastauksesi tämän rivin yläpuolelle -##\n\nHei!\n\n"
        "Tukipyyntösi 4711 ”Tulostin” on nyt suljettu.\n\nMiten hyvin hoidimme asiasi?\n\n"
        "1 – Erittäin huonosti\nhttps://survey.acme.fi/a/x?r=1\n\nYstävällisin terveisin\n"
        "Acme Palvelupiste\n\nEn halua enää näitä kyselyitä:\nhttps://survey.acme.fi/u/x"
    ),
    "sv": (
        "##- Skriv ditt svar ovanför den här raden -##\n\nHej!\n\nDitt ärende 4711 ”Skrivare” är nu avslutat.\n\n"
        "Hur bra skötte vi ditt ärende?\n\n1 – Mycket dåligt\nhttps://survey.acme.fi/a/x?r=1\n\nMed vänlig hälsning\n"
        "Acme Servicedesk\n\nJag vill inte ha fler enkäter:\nhttps://survey.acme.fi/u/x"
    ),
    "en": (
        "##- Write your reply above this line -##\n\nHello!\n\nYour request 4711 “Printer” is now closed.\n\n"
        "How well did we handle it?\n\n1 – Very badly\nhttps://survey.acme.fi/a/x?r=1\n\nKind regards\n"
        "Acme Service Desk\n\nI do not want these surveys any more:\nhttps://survey.acme.fi/u/x"
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One mail and what is to be read in it."""

    language: str
    name: str
    mail: str
    words: str

    def __str__(self) -> str:
        return f"{self.language}: {self.name}"

    def text(self, *, marker: bool = True) -> str:
        """The mail; without the hub's marker line in the survey it has to do with the program's own marks."""
        survey = SURVEYS[self.language] if marker else SURVEYS[self.language].partition("\n\n")[2]
        quoted = "\n".join(f"> {line}".rstrip() for line in survey.splitlines())
        html = "".join(f"<p>{escape(line)}</p>" for line in survey.splitlines() if line)
        mail = self.mail.replace("{quoted}", quoted).replace("{plain}", survey).replace("{html}", html)
        return mail.replace("␠", " ").replace("⍽", "\xa0")


def cases() -> Iterator[Case]:
    """All of them."""
    for language in LANGUAGES:
        blocks = (_MAILS / f"{language}.txt").read_text("utf-8").split("#### ")[1:]
        for mail, words in zip(blocks[::2], blocks[1::2], strict=True):
            name, _, text = mail.partition("\n")
            title, _, expected = words.partition("\n")
            assert title == "words", name
            yield Case(language, name, text.removesuffix("\n"), expected.removesuffix("\n"))
