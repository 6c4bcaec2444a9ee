# ruff: noqa: E501 - mails read best with their lines as they are
"""What a customer wrote, out of the mails that their programs make of it."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hub_email.html_text import html_to_text
from hub_email.quotes import own_words
from hypothesis import given
from hypothesis import strategies as st

from . import corpus

CASES = list(corpus.cases())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_of_each_programs_mail_the_customers_words_remain(case: corpus.Case) -> None:
    for marker in (True, False):
        assert words_of(case, marker=marker) == case.words


def test_each_language_has_its_share_of_cases() -> None:
    count = Counter(case.language for case in CASES)
    assert {language: count[language] >= 40 for language in corpus.LANGUAGES} == {"fi": True, "sv": True, "en": True}
    assert len({str(case) for case in CASES}) == len(CASES)


def words_of(case: corpus.Case, *, marker: bool = True) -> str:
    text = case.text(marker=marker)
    return own_words(html_to_text(text) if text.startswith("<") else text)


QUOTE = "> Miten palvelu onnistui? Vastaa 1–5.\n> Acme Service Desk\n"

PLAIN = {
    "only words": ("5 kiitos!", "5 kiitos!"),
    "german client": (
        f"5\n\nAm Mo., 1. Juni 2026 um 10:15 Uhr schrieb Acme <survey@acme.fi>:\n\n{QUOTE}",
        "5",
    ),
    "signature": ("2 Ei auennut.\n\n-- \nPekka Virtanen\nFirma Oy, puh. 040 123\n", "2 Ei auennut."),
    "a line that ends it, and nothing below": ("2 Ei auennut.\n\n--\n", "2 Ei auennut."),
    "marker line, quoted, unknown client": (
        "5 Hyvä\n\n> ##- Skriv ditt svar ovanför den här raden -##\n> Hur gick det?",
        "5 Hyvä",
    ),
    "marker line, not quoted, after an attribution": (
        "5 Hyvä\n\nma 1.6.2026 klo 10.15 Acme kirjoitti:\n\n##- Kirjoita vastauksesi tämän rivin yläpuolelle -##\n\nMiten?",
        "5 Hyvä",
    ),
    "marker line, answer below": (
        f"Acme kirjoitti 1.6.2026 klo 10.15:\n> ##- Kirjoita vastauksesi tämän rivin yläpuolelle -##\n{QUOTE}\n4 ihan ok",
        "4 ihan ok",
    ),
    "marker line, quoted, answers above and below": (
        f"4\n\nAcme kirjoitti 1.6.2026 klo 10.15:\n> ##- Kirjoita vastauksesi tämän rivin yläpuolelle -##\n{QUOTE}\nIhan ok",
        "4\n\nIhan ok",
    ),
    "marker line and an answer below it only": ("##- Kirjoita vastauksesi -##\n4 ihan ok", "4 ihan ok"),
    "windows line ends": ("5\r\n\r\nOn 6/1/26 10:15, Acme wrote:\r\n> How?\r\n", "5"),
    "spaces that do not break, inside": ("5\xa0kiitos\u202favusta", "5 kiitos avusta"),
    "a family of four": (
        "5 \U0001f468\u200d\U0001f469\u200d\U0001f467",
        "5 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    ),
}

KEPT = {
    "a list": "Two things:\n- the printer\n- the scanner",
    "thanks in the middle": "It took long.\n\nThanks, but it was terrible.",
    "a person who wrote": "Asentaja kirjoitti minulle:\ntulen huomenna.\nEi tullut.",
    "a person who wrote, with date and time": "Asentaja kirjoitti 1.6.2026 klo 10.15:\ntulen huomenna.\nEi tullut.",
    "a sentence with date and verb": "Hän kirjoitti 1.6. että tulee:\nei tullut.",
    "a journey": "From: Helsinki\nTo: Oulu\nDate: 5.6.\nThe ticket was wrong.",
    "a form": "Lähettäjä: Pekka\nAihe: tulostin\nPäivä: 5.6.\nei toimi",
    "a parcel that was sent": "Lähetetty paketti ei tullut perille",
    "sent by the customer": "Sent from Helsinki on Monday, arrived on Friday",
    "sent by phone": "Sent my answer with the phone",
    "a mail that got lost": "Lähetetty sähköposti katosi puhelimesta",
    "a phone to be fetched": "Hae puhelin vastaanotosta",
    "a program to be installed": "Get Outlook to work for me",
    "a label": "Aihe: tulostin\n4, toimii nyt",
    "two hyphens as a line": "5\n--\nMutta näyttö jäi rikki",
    "arrows inside a line": "5 -> hyvä\nTiedosto > Avaa ei toimi",
    "words above a wrapped attribution": "5, kaikki kunnossa 2.6.",
    "words right above a wrapped attribution": "ke 3.6. toimi taas",
}


@pytest.mark.parametrize(("text", "words"), PLAIN.values(), ids=PLAIN.keys())
def test_quotes_and_what_programs_add_are_cut(text: str, words: str) -> None:
    assert own_words(text) == words


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_words_that_only_look_like_quotes_are_kept(text: str) -> None:
    assert own_words(text) == text
    for quoted in ("\n\nOn 6/1/26 10:15, Acme wrote:\n> How?", "\nAcme\nDesk <a@acme.fi>\nkirjoitti:\n\n> Miten?"):
        assert own_words(f"{text}{quoted}").startswith(text)


HTML = {
    "gmail, below the quote": (
        '<div class="gmail_quote"><div class="gmail_attr">On Mon wrote:</div><blockquote>How?</blockquote>'
        "<div><br></div><div>Well: 5</div></div>",
        "Well: 5",
    ),
    "outlook phone": (
        '<div>5</div><div id="mail-editor-reference-message-container"><div><b>From:</b> Acme</div><div>How?</div></div>',
        "5",
    ),
    "quoted by a border": ('4<blockquote style="margin-left:10px;border-left:2px solid blue">How?</blockquote>', "4"),
    "indented by the customer": ('4<blockquote style="margin-left: 3em">Näin</blockquote>', "4\n\nNäin"),
    "a signature with a line above it": ("<p>2 ei</p><div>-- <br>Pekka<br>Firma Oy</div>", "2 ei"),
    "paragraphs, lists and cells": (
        "<p>Yksi &amp; kaksi</p><ul><li>a</li><li>b</li></ul><table><tr><td>c</td><td>d</td></tr></table><pre>e\nf</pre>",
        "Yksi & kaksi\n\na\nb\nc d\n\ne\nf",
    ),
    "elements that never close": ("<div><p>5<b>hyvä<blockquote>Miten?", "5hyvä"),
    "comments and declarations": (
        "<!DOCTYPE html><!--[if mso]><p>x</p><![endif]--><![if !mso]><p>5 hyvä<!-- </p>",
        "5 hyvä<!--",
    ),
    "a sign that is no markup": ("<p>alle 5 < 6 & yli</p>", "alle 5 < 6 & yli"),
    "a head that never closes": ("<html><head><title>x</title><body>5", "5"),
}


@pytest.mark.parametrize(("html", "words"), HTML.values(), ids=HTML.keys())
def test_html_only_mail_gives_the_same(html: str, words: str) -> None:
    assert own_words(html_to_text(html)) == words


# What customers write, in pieces that look like the marks of programs and are none.
PIECES = st.sampled_from(
    ["Asentaja kirjoitti", "wrote", "skrev till mig", "On Monday", "Den 5:e", "ma 1.6.", "klo 10.15", "Lähettäjä", "From", "Aihe", "Sent",
     "Subject", "Lähetetty paketti", "Get the phone", "Hämta telefonen", "--", "-", "***", "5", "viisi", "###", "==", ":", "–", "<b>", "->",
     "1)", "Terveisin", "Re", "|", "\xa0", "\ufeff", "👍"]
)  # fmt: skip
LINE = st.one_of(
    st.lists(PIECES, min_size=1, max_size=6).map(" ".join),
    st.text(
        st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp"), blacklist_characters=">@"), min_size=1, max_size=60
    ),
).filter(lambda line: not line.lstrip().startswith(">") and not line.rstrip().endswith(":"))
TYPED = st.lists(LINE, min_size=1, max_size=6).map("\n".join)
SUFFIXES = [corpus.SURVEYS["fi"], QUOTE] + [case.text() for case in CASES if not case.words]


def bare(text: str) -> str:
    """Only what could be read aloud: letters, digits and signs."""
    return "".join(char for char in text if not char.isspace() and char.isprintable() and char != "\u00ad")


@given(TYPED, st.sampled_from(SUFFIXES))
def test_words_above_any_quote_are_never_lost(typed: str, quoted: str) -> None:
    found = bare(own_words(f"{typed}\n\n{quoted}"))
    assert found.startswith(bare(typed).rstrip("-*=_"))


MARKS = st.sampled_from(
    ["kirjoitti:", "On 6/1/26 10:15, Acme wrote:", "Acme <a@acme.fi> skrev:", "> Miten?", ">", "-- ", "Lähettäjä: Acme <a@acme.fi>",
     "Lähetetty: 1.6.2026 10.15", "Aihe: Miten?", "-----Original Message-----", "Lähetetty iPhonesta", "##- Skriv ovanför -##", "_____", ""]
)  # fmt: skip
WORDS = st.text(st.sampled_from("abcdefghåäöABCÅÄÖ ,.!?"), min_size=1, max_size=40).map(str.strip).filter(bool)


@given(st.lists(WORDS, min_size=1, max_size=5), st.lists(MARKS | WORDS, max_size=12))
def test_whatever_the_mail_plain_words_before_its_first_mark_are_kept(typed: list[str], rest: list[str]) -> None:
    found = own_words("\n".join([*typed, "", *rest]))
    assert found.split("\n")[: len(typed)] == typed


@given(st.lists(MARKS | WORDS, max_size=20))
def test_nothing_is_made_up(lines: list[str]) -> None:
    kept = own_words("\n".join(lines)).split("\n")
    assert set(kept) <= {line.strip() for line in lines} | {""}


@given(st.text(st.sampled_from("<>/!-[]&;=\"' \nabpdivblockquote"), max_size=300))
def test_any_html_gives_text(html: str) -> None:
    own_words(html_to_text(html))


@pytest.mark.parametrize(
    "text",
    ["On " + "a " * 50_000, "\n" * 100_000, "From:\n" * 20_000, "wrote:\n" * 20_000, ">" * 100_000, "- " * 50_000,
     "On x:\n" * 20_000, "kirjoitti " * 10_000 + ":", ":\n\n" * 30_000, "-" * 100_000, "##-" * 30_000, " \n" * 50_000,
     "lähetetty iphone" + "a" * 50_000 + "\n", ("sent from my " + "iphone " * 20 + "!x\n") * 3_000, ("1 <a@b>" + " " * 400 + ":\n") * 1_000,
     ("1.6.2026 10.15 <a@b> wrote:" + "  x" * 100 + "\n") * 1_000, "-- \n" * 50_000, "From: a@b\n" * 20_000],
    ids=range(18),
)  # fmt: skip
def test_hostile_text_takes_no_time(text: str) -> None:
    began = time.perf_counter()
    own_words(text)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    "html",
    ["<" * 100_000, "<a " * 50_000, "<div>" * 60_000, "<b>x" * 60_000, "</p>" * 60_000, "<!--" * 50_000, "&#" * 100_000,
     "<![" * 50_000, "<a><b>" * 30_000 + "</i>" * 30_000, "<a href='" * 30_000, "<?" * 50_000, "<td>x" * 60_000],
    ids=range(12),
)  # fmt: skip
def test_hostile_html_takes_little_time(html: str) -> None:
    began = time.perf_counter()
    html_to_text(html)
    assert time.perf_counter() - began < 5
