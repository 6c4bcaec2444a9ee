"""What text messages cost, and what of it customers get to see beforehand."""

from __future__ import annotations

import pytest
from hub_kannel.text import Coding, prepare
from hypothesis import given
from hypothesis import strategies as st

from hub import Channel, Rejected
from hub.config.texts import LANGUAGES, TONES
from hub.survey.model import MessageKind
from hub.survey.preview import all_mails, all_sms, occasion, page_url
from hub.survey.size import Size, size_of
from tests.surveys import occasion as real
from tests.surveys import surveys

THUMB = "\N{THUMBS UP SIGN}"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("a" * 160, Size("GSM-7", 160, 1, 0)),
        ("a" * 161, Size("GSM-7", 161, 2, 145)),
        ("a" * 307, Size("GSM-7", 307, 3, 152)),
        ("ä" * 160, Size("GSM-7", 160, 1, 0)),
        ("€" * 81, Size("GSM-7", 162, 2, 143)),
        ("a" * 158 + "€", Size("GSM-7", 160, 1, 0)),
        ("a" * 152 + "€" + "b" * 10, Size("GSM-7", 164, 2, 141)),
        ("ş" * 70, Size("UCS-2", 70, 1, 0)),
        ("ş" * 71, Size("UCS-2", 71, 2, 63)),
        (THUMB * 35, Size("UCS-2", 70, 1, 0)),
        (THUMB * 36, Size("UCS-2", 72, 2, 61)),
    ],
)
def test_a_text_is_measured_as_operators_do(text: str, size: Size) -> None:
    assert size_of(text) == size


@given(st.text(alphabet=st.sampled_from("aä€{ş" + THUMB), min_size=1, max_size=330))
def test_the_gateway_sends_as_many_parts_as_were_foretold(text: str) -> None:
    try:
        sent = prepare(text, max_parts=9)
    except Rejected:
        return  # a character would be cut, or there are too many parts
    size = size_of(text)
    assert (size.alphabet == "GSM-7", size.parts) == (sent.coding is Coding.GSM, sent.parts)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES)
@pytest.mark.parametrize("name", ["closing", "progress"])
def test_every_message_of_a_built_in_survey_is_one_part(name: str, language: str, tone: str) -> None:
    about = real(Channel.SMS, language=language, tone=tone, sender_name="Ä" * 24, ticket_key="T" * 12)
    found = list(all_sms(surveys()[name], about))
    assert [one for one in found if one.size.parts > 1 or one.size.alphabet != "GSM-7"] == []
    assert {one.kind for one in found} == set(MessageKind)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("tone", TONES)
def test_every_built_in_question_is_one_part_when_it_stands_first(language: str, tone: str) -> None:
    ids = ["recommend", "effort", "factors", "lost_time", "three", "visit", "improve", "comment"]
    tables = "".join(f'[surveys.{id_}]\nquestions = ["service", "{id_}"]\n' for id_ in ids)
    about = real(Channel.SMS, language=language, tone=tone)
    for name in ids:
        survey = surveys(tables)[name]
        first = survey.model_copy(update={"questions": {name: survey.questions[name]}})
        assert next(all_sms(first, about)).size.parts == 1, name


def test_the_preview_names_a_ticket_that_nobody_has() -> None:
    about = occasion(Channel.EMAIL, "sv", None, public_url="https://survey.example.org", sender_name="Acme")
    mails = dict(all_mails(surveys()["closing"], about))
    assert list(mails) == [MessageKind.SURVEY, MessageKind.REMINDER]
    assert "Ert ärende INC0012345 ”Skrivaren fungerar inte” är nu avslutat." in mails[MessageKind.SURVEY].text


def test_a_page_has_an_address_whatever_the_survey_is_called() -> None:
    assert page_url("https://a.example", "a b/c", "fi", "formal") == (
        "https://a.example/preview/a%20b%2Fc?lang=fi&tone=formal"
    )
