"""What customers receive: text messages and mails."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser
from typing import Any

import pytest
import smsutil
from hypothesis import given
from hypothesis import strategies as st

from hub import Channel
from hub.api.records import Milestone
from hub.config.texts import LANGUAGES
from hub.survey.model import MessageKind
from hub.survey.plain import one_line, ticket_subject, to_gsm
from hub.survey.render import Rendered, render
from hub.survey.texts import texts_in
from hub.survey.wording import choices
from tests.surveys import TOKEN, occasion, surveys

OWN = """
[surveys.nps]
questions = ["recommend", "service"]
[surveys.effort]
questions = ["effort"]
[surveys.factors]
questions = ["factors"]
[surveys.words]
questions = ["comment", "three", "lost_time"]
[surveys.heavy]
questions = ["heavy"]
[questions.heavy]
kind = "rating"
maximum = 3
better = "lower"
text = { fi = "Kuinka raskasta?", sv = "Hur tungt?", en = "How heavy?" }
[surveys.computer]
questions = ["computer"]
[questions.computer]
kind = "choice"
text = { fi = "Kumpi?", sv = "Vilken?", en = "Which?" }
[questions.computer.options.mac]
text = { fi = "Omena", sv = "Äpple", en = "Mac" }
[questions.computer.options."p & c"]
text = { fi = "PC", sv = "PC", en = "PC & more" }
[surveys.tools]
questions = ["tools"]
languages = ["en"]
[questions.tools]
kind = "factors"
text = { en = "Which ones?" }
options = { mouse = { text.en = "Mouse" }, keys = { text.en = "Keys" } }
[surveys.many]
questions = ["many"]
languages = ["en"]
[questions.many]
kind = "choice"
text = { en = "Which one of these?" }
options = { a = { text.en = "The first one, which is long" }, b = { text.en = "The second one, which is very long" } }
"""
SURVEYS = surveys(OWN)
CLOSING = SURVEYS["closing"]
URL = f"https://survey.example.fi/a/{TOKEN}"


def rendered(
    channel: Channel = Channel.EMAIL,
    *,
    survey: str = "closing",
    kind: MessageKind = MessageKind.SURVEY,
    question: str | None = None,
    **changes: Any,
) -> Rendered:
    return render(SURVEYS[survey], kind, question, occasion(channel, **changes))


def html_of(mail: Rendered) -> str:
    assert mail.html is not None
    return mail.html


class Page(HTMLParser):
    """Links, tags and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.link_texts: list[str] = []
        self._in_link = False
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value or "" for name, value in attrs if name == "href"]
        self._in_link = tag == "a"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_link:
            self.link_texts.append(data)
            self._in_link = False


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_sms_is_one_gsm_part_with_the_longest_usual_names(language: str) -> None:
    sms = rendered(Channel.SMS, language=language, sender_name="Ä" * 30, ticket_key="T" * 20)
    parts = smsutil.split(sms.text)
    assert parts.encoding == "gsm0338"
    assert len(parts.parts) == 1
    assert parts.total_bytes <= 160


@pytest.mark.parametrize("kind", [MessageKind.SURVEY, MessageKind.REMINDER])
@pytest.mark.parametrize(("language", "word"), [("fi", "STOP"), ("sv", "STOPP"), ("en", "STOP")])
def test_an_sms_that_begins_a_conversation_names_sender_ticket_scale_and_the_way_out(
    language: str, word: str, kind: MessageKind
) -> None:
    sms = rendered(Channel.SMS, language=language, kind=kind)
    assert "Acme Service Desk (INC0012345): " in sms.text
    assert "1-5 (5=" in sms.text
    assert sms.text.endswith(f": {word}")
    assert "http" not in sms.text
    assert (sms.subject, sms.html, sms.unsubscribe_url) == ("", None, None)


@pytest.mark.parametrize(
    ("survey", "question", "text"),
    [
        ("closing", "solved", "Thank you. Was your request resolved? Reply Y=yes or N=no, comments welcome."),
        (
            "closing",
            "lost_time",
            "How much working time did you lose because of this? Reply for example 30 min or 2 h.",
        ),
        ("closing", "comment", "Is there anything else you would like to tell us? Reply in your own words."),
        ("closing", "three", "Anything to order, anything that does not work, anything to tell us? Reply in your"),
        ("closing", "factors", f"Thank you. What made you say so? Answer here: {URL}"),
        ("nps", "recommend", "How likely are you to recommend us to a colleague? Reply 0-10 (10=very likely)."),
        ("effort", "effort", "It was easy to get my request handled. Reply 1-7 (7=strongly agree), comments welcome."),
        ("heavy", "heavy", "How heavy? Reply 1-3 (1=best), comments welcome."),
        ("computer", "computer", "Thank you. Which? Reply with a number: 1=Mac, 2=PC & more"),
        ("tools", "tools", "Thank you. Which ones? Reply with numbers: 1=Mouse, 2=Keys"),
    ],
)
def test_an_sms_says_how_to_answer_each_kind_of_question(survey: str, question: str, text: str) -> None:
    sms = rendered(Channel.SMS, survey=survey, kind=MessageKind.QUESTION, question=question, language="en")
    assert text in sms.text


def test_a_question_whose_options_depend_on_a_score_brings_the_link() -> None:
    assert URL in rendered(Channel.SMS, survey="factors").text


def test_options_that_do_not_fit_into_one_part_are_on_the_page() -> None:
    short = rendered(Channel.SMS, survey="many", sender_name="A")
    assert "1=The first one, which is long, 2=The second one, which is very long" in short.text
    long = rendered(Channel.SMS, survey="many", sender_name="A" * 30)
    assert f"Which one of these? Answer here: {URL}" in long.text
    assert "1=" not in long.text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (MessageKind.THANKS, "Kiitos vastauksestasi! Voit vielä täydentää sitä vastaamalla tähän viestiin."),
        (MessageKind.STOPPED, "Acme Service Desk: Et saa enää kyselyitä. Jos muutat mielesi, vastaa START."),
        (MessageKind.STARTED, "Acme Service Desk: Saat taas kyselyitä. Kyselyt pois: STOP"),
    ],
)
def test_an_sms_that_asks_nothing_says_what_happened(kind: MessageKind, text: str) -> None:
    assert rendered(Channel.SMS, kind=kind, tone="informal").text == text


def test_a_survey_can_say_it_in_its_own_words() -> None:
    own = """
        [surveys.closing.texts.fi]
        sms_survey = "{ticket}: {question} {{1-5}} {link}"
        mail_subject = "Kysely:\\n{ticket}"
        greeting = "Moi & hei!"
    """
    survey = surveys(own)["closing"]
    sms = render(survey, MessageKind.SURVEY, None, occasion(Channel.SMS))
    assert sms.text == f"INC0012345: Millaista palvelua saitte? {{1-5}} {URL}"
    mail = render(survey, MessageKind.SURVEY, None, occasion())
    assert mail.subject == "Kysely: INC0012345"
    assert "Moi & hei!" in mail.text
    assert "Moi &amp; hei!" in html_of(mail)
    assert render(survey, MessageKind.SURVEY, None, occasion(language="sv")).text.splitlines()[2] == "Hej!"


def test_a_language_the_survey_does_not_speak_gives_its_first() -> None:
    survey = surveys('[surveys.closing]\nlanguages = ["sv"]')["closing"]
    assert "Hur var servicen?" in render(survey, MessageKind.SURVEY, None, occasion(Channel.SMS, language="fi")).text


def test_typographic_and_foreign_letters_do_not_shorten_an_sms() -> None:
    sms = rendered(Channel.SMS, sender_name="Šárka’s “IT” – Café\u00a0½", ticket_key="A‑1…")
    assert sms.text.startswith('Sarka\'s "IT" - Café 1 (A-1.): ')
    assert smsutil.split(sms.text).encoding == "gsm0338"


def test_letters_without_a_likeness_are_kept() -> None:
    assert to_gsm("Служба") == "Служба"


@pytest.mark.parametrize("kind", MessageKind)
def test_nothing_is_sent_over_the_page(kind: MessageKind) -> None:
    with pytest.raises(ValueError, match="'page'"):
        rendered(Channel.PAGE, kind=kind)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_offers_five_ratings_and_a_way_out_in_text_and_html(language: str) -> None:
    mail = rendered(language=language)
    urls = [f"{URL}?r={rating}" for rating in (5, 4, 3, 2, 1)]
    urls.append(f"https://survey.example.fi/u/{TOKEN}")
    assert re.findall(r"https://\S+", mail.text) == urls
    assert Page(html_of(mail)).links == urls
    assert mail.unsubscribe_url == urls[-1]
    for one in choices(CLOSING.questions["service"], texts_in(language)):
        assert f"{one.value} – {one.label}\n" in mail.text
        assert f"{one.value} – {one.label}" in Page(html_of(mail)).link_texts


@pytest.mark.parametrize(
    ("survey", "values", "links"),
    [
        ("nps", list(range(11)), [str(value) for value in range(11)]),
        ("effort", list(range(1, 8)), [str(value) for value in range(1, 8)]),
        ("heavy", [1, 2, 3], ["1", "2", "3"]),
        ("progress", [1, 0], ["Yes", "No"]),
        ("computer", ["mac", "p%20%26%20c"], ["Mac", "PC & more"]),
    ],
)
def test_a_mail_offers_every_answer_to_its_first_question(
    survey: str, values: list[int | str], links: list[str]
) -> None:
    mail = rendered(survey=survey, language="en")
    page = Page(html_of(mail))
    assert page.links[:-1] == [f"{URL}?r={value}" for value in values]
    assert page.link_texts[:-1] == links
    assert re.findall(r"https://\S+", mail.text)[:-1] == page.links[:-1]


def test_the_ends_of_a_scale_are_named_below_its_numbers() -> None:
    mail = rendered(survey="nps", language="en")
    assert "0 = Not at all likely" in html_of(mail)
    assert "10 = Very likely" in html_of(mail)
    assert f"0 – Not at all likely\n{URL}?r=0\n\n1\n{URL}?r=1\n" in mail.text
    assert "a number from 0 to 10 (10 = very likely)" in mail.text


@pytest.mark.parametrize("survey", ["factors", "words"])
def test_a_mail_whose_question_no_press_can_answer_leads_to_the_page(survey: str) -> None:
    mail = rendered(survey=survey, language="en")
    assert Page(html_of(mail)).links[0] == URL
    assert f"Answer the survey\n{URL}\n" in mail.text
    assert "Reply to this message in your own words. Or answer on a page:" in mail.text


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("fi", "Ette ole vielä vastanneet. Muistutamme vain tämän kerran."),
        ("sv", "Ni har inte svarat ännu. Vi påminner bara den här gången."),
        ("en", "You have not answered yet. This is the only reminder we send."),
    ],
)
def test_a_reminder_says_that_it_is_the_only_one(language: str, sentence: str) -> None:
    survey, reminder = rendered(language=language), rendered(language=language, kind=MessageKind.REMINDER)
    assert sentence in reminder.text
    assert sentence in html_of(reminder)
    assert sentence not in survey.text
    assert survey.subject in reminder.subject != survey.subject


@pytest.mark.parametrize(
    ("kind", "title"),
    [
        (MessageKind.THANKS, "Thank you for your answer!"),
        (MessageKind.STOPPED, "You will get no more surveys"),
        (MessageKind.STARTED, "You will get surveys again"),
    ],
)
def test_a_mail_that_asks_nothing_says_what_happened(kind: MessageKind, title: str) -> None:
    mail = rendered(kind=kind, language="en")
    assert mail.subject == f"Acme Service Desk: {title}"
    assert title in mail.text
    assert title in html_of(mail)
    way_out = [] if kind is MessageKind.STOPPED else [f"https://survey.example.fi/u/{TOKEN}"]
    assert Page(html_of(mail)).links == re.findall(r"https://\S+", mail.text) == way_out


def test_the_subject_of_a_mail_about_an_open_ticket_does_not_speak_of_its_end() -> None:
    mail = rendered(survey="progress", language="en", milestone=Milestone.WAITING)
    assert mail.subject == "Acme Service Desk: how are we doing with your request INC0012345?"
    assert "Your request INC0012345 “Tulostin ei toimi” is still open." in mail.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_mail_starts_with_the_line_to_write_above(language: str) -> None:
    mail = rendered(language=language)
    line = f"##- {texts_in(language).marker} -##"
    assert mail.text.splitlines()[0] == line
    body = html_of(mail).split("<body")[1].split(">", 1)[1]
    assert Page(body).text.strip().startswith(line)


@pytest.mark.parametrize("survey", ["closing", "nps", "factors"])
@pytest.mark.parametrize("kind", MessageKind)
def test_the_html_needs_nothing_from_elsewhere(survey: str, kind: MessageKind) -> None:
    html = html_of(rendered(survey=survey, kind=kind))
    page = Page(html)
    assert page.tags.isdisjoint({"img", "script", "link", "style", "iframe", "form"})
    assert not [name for name in page.attributes if name.startswith("on") or name == "src"]
    assert "url(" not in html
    assert len(html.encode()) < 10_000


def test_a_mail_has_one_line_for_each_thing_and_no_gaps() -> None:
    for survey in SURVEYS:
        for kind in MessageKind:
            text = rendered(survey=survey, kind=kind).text
            assert "\n\n\n" not in text
            assert not re.search(r"[ \t]\n", text)


def test_a_mail_without_a_ticket_subject_names_the_ticket_only() -> None:
    mail = rendered(subject="  \r\n")
    assert "Tukipyyntönne INC0012345 on nyt suljettu." in mail.text


def test_a_hostile_ticket_cannot_leave_its_place() -> None:
    hostile = "</p><script>alert(1)</script>\r\nBcc: a@b.example {{7*7}} {sender} \u202egnp.exe\x00"
    mail = rendered(subject=hostile, ticket_key=hostile, sender_name=hostile)
    assert "script" not in Page(html_of(mail)).tags
    assert "49" not in mail.text
    assert not [char for char in mail.subject if unicodedata.category(char) in {"Cc", "Cf"}]
    assert not [line for line in mail.text.splitlines() if line.startswith("Bcc")]


@pytest.mark.parametrize(
    "subject", ["Win https://evil.example/x now", "Win www.evil.example now", "Win HTTP://evil.example now"]
)
def test_links_in_a_ticket_subject_are_not_passed_on(subject: str) -> None:
    mail = rendered(subject=subject)
    assert "evil" not in mail.text + html_of(mail) + mail.subject
    assert "Win … now" in mail.text


def test_customers_and_urls_do_not_show_in_a_repr() -> None:
    assert TOKEN not in repr(rendered())
    assert TOKEN not in repr(occasion())


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
