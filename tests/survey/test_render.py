"""The invitations as customers receive them."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from hub import Channel
from hub.survey.plain import one_line, ticket_subject, to_gsm
from hub.survey.render import Rendered, render
from hub.survey.texts import LANGUAGES, texts_in

TOKEN = "abcdefghij234567klmn"


def rendered(channel: Channel = Channel.EMAIL, **changes: str) -> Rendered:
    values = {
        "language": "fi",
        "token": TOKEN,
        "public_url": "https://survey.example.fi",
        "sender_name": "Acme Service Desk",
        "ticket_key": "INC0012345",
        "subject": "Tulostin ei toimi",
    }
    return render(channel=channel, **(values | changes))


class Page(HTMLParser):
    """Links, tags and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_sms_is_one_gsm_part_with_the_longest_usual_names(language: str) -> None:
    sms = rendered(Channel.SMS, language=language, sender_name="Ä" * 30, ticket_key="T" * 20)
    parts = smsutil.split(sms.text)
    assert parts.encoding == "gsm0338"
    assert len(parts.parts) == 1
    assert parts.total_bytes <= 160


@pytest.mark.parametrize(("language", "word"), [("fi", "STOP"), ("sv", "STOPP"), ("en", "STOP")])
def test_an_sms_names_sender_ticket_scale_and_the_way_out(language: str, word: str) -> None:
    sms = rendered(Channel.SMS, language=language)
    assert sms.text.startswith("Acme Service Desk: ")
    assert "INC0012345" in sms.text
    assert "1-5 (5=" in sms.text
    assert sms.text.endswith(f": {word}")
    assert (sms.subject, sms.html, sms.unsubscribe_url) == ("", None, None)


def test_typographic_and_foreign_letters_do_not_shorten_an_sms() -> None:
    sms = rendered(Channel.SMS, sender_name="Šárka’s “IT” – Café\u00a0½", ticket_key="A‑1…")
    assert sms.text.startswith('Sarka\'s "IT" - Café 1: ')
    assert smsutil.split(sms.text).encoding == "gsm0338"


def test_letters_without_a_likeness_are_kept() -> None:
    assert to_gsm("Служба") == "Служба"


def test_nothing_is_sent_over_the_page() -> None:
    with pytest.raises(ValueError, match="'page'"):
        rendered(Channel.PAGE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_offers_five_ratings_and_a_way_out_in_text_and_html(language: str) -> None:
    mail = rendered(language=language)
    assert mail.html is not None
    urls = [f"https://survey.example.fi/a/{TOKEN}?r={rating}" for rating in (5, 4, 3, 2, 1)]
    urls.append(f"https://survey.example.fi/u/{TOKEN}")
    assert re.findall(r"https://\S+", mail.text) == urls
    assert Page(mail.html).links == urls
    assert mail.unsubscribe_url == urls[-1]
    for label in texts_in(language).ratings:
        assert label in mail.text
        assert label in mail.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_starts_with_the_line_to_write_above(language: str) -> None:
    mail = rendered(language=language)
    assert mail.html is not None
    line = f"##- {texts_in(language).marker} -##"
    assert mail.text.splitlines()[0] == line
    body = mail.html.split("<body")[1].split(">", 1)[1]
    assert Page(body).text.strip().startswith(line)


def test_the_html_needs_nothing_from_elsewhere() -> None:
    mail = rendered()
    assert mail.html is not None
    page = Page(mail.html)
    assert page.tags.isdisjoint({"img", "script", "link", "style", "iframe", "form"})
    assert not [name for name in page.attributes if name.startswith("on") or name == "src"]
    assert "url(" not in mail.html
    assert len(mail.html) < 10_000


def test_a_mail_without_a_ticket_subject_names_the_ticket_only() -> None:
    mail = rendered(subject="  \r\n")
    assert "Tukipyyntösi INC0012345 on nyt suljettu." in mail.text


def test_a_hostile_ticket_cannot_leave_its_place() -> None:
    hostile = "</p><script>alert(1)</script>\r\nBcc: a@b.example {{7*7}} {sender} \u202egnp.exe\x00"
    mail = rendered(subject=hostile, ticket_key=hostile, sender_name=hostile)
    assert mail.html is not None
    assert "script" not in Page(mail.html).tags
    assert "49" not in mail.text
    assert not [char for char in mail.subject if unicodedata.category(char) in {"Cc", "Cf"}]
    assert not [line for line in mail.text.splitlines() if line.startswith("Bcc")]


@pytest.mark.parametrize(
    "subject", ["Win https://evil.example/x now", "Win www.evil.example now", "Win HTTP://evil.example now"]
)
def test_links_in_a_ticket_subject_are_not_passed_on(subject: str) -> None:
    mail = rendered(subject=subject)
    assert "evil" not in mail.text + str(mail.html) + mail.subject
    assert "Win … now" in mail.text


def test_customers_and_urls_do_not_show_in_a_repr() -> None:
    assert TOKEN not in repr(rendered())


@given(st.text())
def test_one_line_is_short_and_has_no_control_characters(text: str) -> None:
    line = one_line(text, limit=50)
    assert len(line) <= 50
    assert not [char for char in line if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
    assert one_line(line, limit=50) == line


@given(st.text(alphabet=st.characters(max_codepoint=0x24F)))
def test_a_subject_from_anywhere_renders(subject: str) -> None:
    assert ticket_subject(subject) in rendered(subject=subject).text


@given(st.text())
def test_gsm_text_stays_as_it_is(text: str) -> None:
    folded = to_gsm(text)
    assert to_gsm(folded) == folded
    if smsutil.is_valid_gsm(unicodedata.normalize("NFC", text)):
        assert folded == unicodedata.normalize("NFC", text)
