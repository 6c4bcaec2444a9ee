# ruff: noqa: E501 - mails read best with their lines as they are
"""What a customer wrote, out of the mails that their programs make of it: Gmail, Outlook, Apple, phones; fi, sv, en."""

from __future__ import annotations

import time

import pytest
from hub_email.html_text import html_to_text
from hub_email.quotes import own_words
from hypothesis import given
from hypothesis import strategies as st

QUOTE = "> Miten palvelu onnistui? Vastaa 1–5.\n> Acme Service Desk\n"
ADDRESS = "survey+abcdefghij234567abcd@acme.fi"

PLAIN = {
    "only words": ("5 kiitos!", "5 kiitos!"),
    "gmail fi": (
        f"5 Kiitos, hyvin meni!\n\nma 1. kesäk. 2026 klo 10.15 Acme Service Desk ({ADDRESS}) kirjoitti:\n\n{QUOTE}",
        "5 Kiitos, hyvin meni!",
    ),
    "gmail fi, wrapped": (
        f"4\n\nma 1. kesäk. 2026 klo 10.15 Acme Service Desk (\n{ADDRESS}) kirjoitti:\n\n{QUOTE}",
        "4",
    ),
    "gmail fi, verb on a line of its own": (
        f"4\n\nke 3. kesäk. 2026 klo 9.00 Acme Service Desk <{ADDRESS}>\nkirjoitti:\n\n{QUOTE}",
        "4",
    ),
    "gmail sv": (
        f"4 Tack!\n\nDen mån 1 juni 2026 kl 10:15 skrev Acme Service Desk <\n{ADDRESS}>:\n\n{QUOTE}",
        "4 Tack!",
    ),
    "gmail en": (
        f"3 - slow.\n\nOn Mon, Jun 1, 2026 at 10:15 AM Acme Service Desk <{ADDRESS}>\nwrote:\n\n{QUOTE}",
        "3 - slow.",
    ),
    "gmail en, wrapped twice": (
        f"3\n\nOn Mon, Jun 1, 2026 at 10:15 AM Acme\nService Desk <{ADDRESS}>\nwrote:\n\n{QUOTE}",
        "3",
    ),
    "gmail fi, answer below the quote": (
        f"ma 1. kesäk. 2026 klo 10.15 Acme ({ADDRESS}) kirjoitti:\n\n{QUOTE}\n5\n\nHieno juttu\n",
        "5\n\nHieno juttu",
    ),
    "answers between the quotes": (
        "On 6/1/26 10:15, Acme wrote:\n> How did it go?\n\nWell, 5.\n\n> What could be better?\n\nNothing.\n",
        "Well, 5.\n\nNothing.",
    ),
    "outlook fi": (
        "5\nHomma hoitui.\n\nTerveisin\nPekka\n\n________________________________\nLähettäjä: Acme <survey@acme.fi>\n"
        "Lähetetty: maanantai 1. kesäkuuta 2026 10.15\nVastaanottaja: Pekka <pekka@firma.fi>\n"
        "Aihe: Miten meni?\n\nMiten palvelu onnistui?\n",
        "5\nHomma hoitui.\n\nTerveisin\nPekka",
    ),
    "outlook sv": (
        "2 Dåligt.\n\nFrån: Acme <survey@acme.fi>\nSkickat: den 1 juni 2026 10:15\nTill: Åsa\nÄmne: Hur gick det?\n\nHur?",
        "2 Dåligt.",
    ),
    "outlook en": (
        "1\n\nFrom: Acme <survey@acme.fi>\nSent: Monday, June 1, 2026 10:15 AM\nTo: Bob\nSubject: How did it go?\n\nHow?",
        "1",
    ),
    "outlook en, bold by asterisks": (
        "1\n\n*From:* Acme <survey@acme.fi>\n*Sent:* Monday, June 1, 2026\n*To:* Bob\n*Subject:* How?\n\nHow?",
        "1",
    ),
    "old outlook fi": (
        "4\n\n-----Alkuperäinen viesti-----\nLähettäjä: Acme\nAihe: Miten meni?\n\nMiten?",
        "4",
    ),
    "old outlook en": ("4\n\n-----Original Message-----\nFrom: Acme\nSubject: How?\n\nHow?", "4"),
    "old outlook sv": ("4\n\n-----Ursprungligt meddelande-----\nFrån: Acme\nÄmne: Hur?\n\nHur?", "4"),
    "outlook phone fi": (
        "5\n\nHanki Outlook for Android<https://aka.ms/AAb9ysg>\n________________________________\n"
        "From: Acme <survey@acme.fi>\nSent: Monday, June 1, 2026 10:15:00 AM\nTo: P\nSubject: Miten meni?\n\nMiten?",
        "5",
    ),
    "outlook phone en": (
        "5\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: Acme\n"
        "Sent: Monday, June 1, 2026\nTo: B\nSubject: How?\n\nHow?",
        "5",
    ),
    "iphone fi": (
        f"5 👍\n\nLähetetty iPhonesta\n\n> Acme Service Desk <{ADDRESS}> kirjoitti 1.6.2026 kello 10.15:\n> \n{QUOTE}",
        "5 👍",
    ),
    "iphone fi, attribution not quoted": (
        f"5\n\nLähetetty iPhonesta\n\nAcme Service Desk <{ADDRESS}> kirjoitti 1.6.2026 kello 10.15:\n\n{QUOTE}",
        "5",
    ),
    "iphone sv": (
        f"4\n\nSkickat från min iPhone\n\n> 1 juni 2026 kl. 10:15 skrev Acme <{ADDRESS}>:\n> \n{QUOTE}",
        "4",
    ),
    "iphone en": (
        f"4\n\nSent from my iPhone\n\n> On 1 Jun 2026, at 10:15, Acme <{ADDRESS}> wrote:\n> \n{QUOTE}",
        "4",
    ),
    "samsung fi": (
        "3\n\nLähetetty Samsung Galaxy -älypuhelimesta.\n\n\n-------- Alkuperäinen viesti --------\n"
        "Lähettäjä: Acme <survey@acme.fi>\nPäivä: 1.6.2026 10.15 (GMT+02:00)\nSaaja: p@firma.fi\nAihe: Miten meni?\n\nMiten?",
        "3",
    ),
    "samsung en": (
        "3\n\nSent from my Galaxy\n\n\n-------- Original message --------\nFrom: Acme\nDate: 1/6/2026 10:15 (GMT+02:00)\n"
        "To: p@firma.fi\nSubject: How?\n\nHow?",
        "3",
    ),
    "thunderbird fi": (f"5 ok\n\nAcme Service Desk kirjoitti 1.6.2026 klo 10.15:\n{QUOTE}", "5 ok"),
    "thunderbird sv": (f"5 ok\n\nDen 2026-06-01 kl. 10:15, skrev Acme Service Desk:\n{QUOTE}", "5 ok"),
    "thunderbird en": (f"5 ok\n\nOn 6/1/26 10:15, Acme Service Desk wrote:\n{QUOTE}", "5 ok"),
    "windows mail fi": (
        "4\n\nLähetetty Windows 10:n Sähköpostista\n\nLähettäjä: Acme\nLähetetty: maanantai 1.6.2026\n"
        "Vastaanottaja: P\nAihe: Miten meni?\n\nMiten?",
        "4",
    ),
    "german client": (f"5\n\nAm Mo., 1. Juni 2026 um 10:15 Uhr schrieb Acme <{ADDRESS}>:\n\n{QUOTE}", "5"),
    "signature": ("2 Ei auennut.\n\n-- \nPekka Virtanen\nFirma Oy, puh. 040 123\n", "2 Ei auennut."),
    "quote without attribution": (f"5\n\n{QUOTE}", "5"),
    "marker line": (
        "5 Hyvä\n\nma 1.6.2026 klo 10.15 Acme kirjoitti:\n\n##- Kirjoita vastauksesi tämän rivin yläpuolelle -##\n\nMiten?",
        "5 Hyvä",
    ),
    "marker line, quoted, unknown client": (
        "5 Hyvä\n\n> ##- Skriv ditt svar ovanför den här raden -##\n> Hur gick det?",
        "5 Hyvä",
    ),
    "marker line, answer below": (
        f"Acme kirjoitti 1.6.2026 klo 10.15:\n> ##- Kirjoita vastauksesi tämän rivin yläpuolelle -##\n{QUOTE}\n4 ihan ok",
        "4 ihan ok",
    ),
    "nothing but the quote": (f"\n\nAcme kirjoitti 1.6.2026 klo 10.15:\n{QUOTE}", ""),
    "windows line ends": ("5\r\n\r\nOn 6/1/26 10:15, Acme wrote:\r\n> How?\r\n", "5"),
}

KEPT = {
    "a list": "Two things:\n- the printer\n- the scanner",
    "thanks in the middle": "It took long.\n\nThanks, but it was terrible.",
    "a person who wrote": "Asentaja kirjoitti minulle:\ntulen huomenna.\nEi tullut.",
    "a sentence with date and verb": "Hän kirjoitti 1.6. että tulee:\nei tullut.",
    "a journey": "From: Helsinki\nTo: Oulu\nDate: 5.6.\nThe ticket was wrong.",
    "a parcel that was sent": "Lähetetty paketti ei tullut perille",
    "sent by the customer": "Sent from Helsinki on Monday, arrived on Friday",
    "a label": "Aihe: tulostin\n4, toimii nyt",
    "words above a wrapped attribution": "5, kaikki kunnossa 2.6.",
}


@pytest.mark.parametrize(("text", "words"), PLAIN.values(), ids=PLAIN.keys())
def test_quotes_and_what_programs_add_are_cut(text: str, words: str) -> None:
    assert own_words(text) == words


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT.keys())
def test_words_that_only_look_like_quotes_are_kept(text: str) -> None:
    assert own_words(text) == text
    assert own_words(f"{text}\n\nOn 6/1/26 10:15, Acme wrote:\n> How?") == text


HTML = {
    "gmail fi": (
        f'<div dir="ltr">5 Kiitos!<br><div>Nopea apu</div></div><br><div class="gmail_quote gmail_quote_container">'
        f'<div dir="ltr" class="gmail_attr">ma 1. kesäk. 2026 klo 10.15 Acme (<a href="mailto:x">{ADDRESS}</a>) kirjoitti:'
        '<br></div><blockquote class="gmail_quote" style="margin:0"><div>Miten <b>palvelu</b> onnistui?</div></blockquote>'
        "</div>",
        "5 Kiitos!\nNopea apu",
    ),
    "gmail, below the quote": (
        '<div class="gmail_quote"><div class="gmail_attr">On Mon wrote:</div><blockquote>How?</blockquote>'
        "<div><br></div><div>Well: 5</div></div>",
        "Well: 5",
    ),
    "outlook on the web": (
        '<html><head><style>p {margin:0}</style></head><body><div class="elementToProof">4, hieno</div>'
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg" dir="ltr"><font><b>Lähettäjä:</b> Acme<br>'
        "<b>Lähetetty:</b> ma<br><b>Aihe:</b> Miten</font></div><div>Miten palvelu onnistui?</div></body></html>",
        "4, hieno",
    ),
    "outlook desktop sv": (
        "<div><p class=MsoNormal>2 Tyvärr<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>"
        "<div style='border:none;border-top:solid #E1E1E1 1.0pt'><p class=MsoNormal><b>Från:</b> Acme<br><b>Skickat:</b> "
        "den 1 juni 2026<br><b>Till:</b> Åsa<br><b>Ämne:</b> Hur gick det?</p></div><p>Hur gick det?</p></div>",
        "2 Tyvärr",
    ),
    "apple mail en": (
        '<html><head><meta></head><body>1 not solved<br><div><br><blockquote type="cite"><div>On 1 Jun 2026, Acme wrote:'
        "</div><br><div>How?</div></blockquote></div></body></html>",
        "1 not solved",
    ),
    "iphone fi": (
        '<html><body dir="auto">5<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Lähetetty iPhonesta</div>'
        '<div dir="ltr"><br><blockquote type="cite">Acme kirjoitti 1.6.2026 kello 10.15:<br><br></blockquote></div>'
        '<blockquote type="cite"><div dir="ltr">Miten?</div></blockquote></body></html>',
        "5",
    ),
    "thunderbird sv": (
        '<p>4 bra</p><div class="moz-cite-prefix">Den 2026-06-01 kl. 10:15, skrev Acme:<br></div>'
        '<blockquote type="cite" cite="mid:x"><p>Hur?</p></blockquote><div class="moz-signature">-- <br>Åsa</div>',
        "4 bra",
    ),
    "yahoo": (
        '<div>3 ok</div><div id="yahoo_quoted_1" class="yahoo_quoted"><div>On Monday, Acme wrote:</div><div>How?</div></div>',
        "3 ok",
    ),
    "outlook phone": (
        '<div>5</div><div id="mail-editor-reference-message-container"><div><b>From:</b> Acme</div><div>How?</div></div>',
        "5",
    ),
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


SENTENCE = st.text(st.characters(categories=("L",), max_codepoint=0x24F), min_size=3, max_size=40)


@given(st.lists(SENTENCE, min_size=1, max_size=5), st.sampled_from([text for text, _ in PLAIN.values()]))
def test_sentences_above_any_quote_survive(sentences: list[str], quoted: str) -> None:
    words = "\n\n".join(sentences)
    assert own_words(f"{words}\n\n{quoted}").startswith(words)


@given(st.text(st.sampled_from("<>/!-[]&;=\"' \nabpdivblockquote"), max_size=300))
def test_any_html_gives_text(html: str) -> None:
    own_words(html_to_text(html))


@pytest.mark.parametrize(
    "text",
    ["On " + "a " * 50_000, "\n" * 100_000, "From:\n" * 20_000, "wrote:\n" * 20_000, ">" * 100_000, "- " * 50_000,
     "On x:\n" * 20_000, "kirjoitti " * 10_000 + ":", ":\n\n" * 30_000, "-" * 100_000, "##-" * 30_000, " \n" * 50_000],
    ids=range(12),
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
