"""How many parts are counted, which characters give way, and that none is ever lost."""

from __future__ import annotations

import unicodedata

import pytest
import smsutil  # type: ignore[import-untyped]
from hub_twilio.text import LOOKALIKES, prepare
from hypothesis import given
from hypothesis import strategies as st

from hub import Rejected

VECTORS = [
    ("a" * 160, 1),
    ("a" * 161, 2),
    ("a" * 306, 2),
    ("a" * 307, 3),
    ("ä" * 160, 1),
    ("€" * 80, 1),
    ("€" * 81, 2),
    ("€" * 153, 3),
    ("a" * 158 + "€", 1),
    ("a" * 159 + "€", 2),
    ("a" * 152 + "€" + "b" * 10, 2),
    ("ş" * 70, 1),
    ("ş" * 71, 2),
    ("ş" * 134, 2),
    ("ş" * 135, 3),
    ("👍" * 35, 1),
    ("👍" * 36, 2),
    ("Hei Maija! Miten meni tikettisi INC0012345 hoito? Vastaa 1-5 (5=erinomainen). Lopeta: STOP", 1),
]


@pytest.mark.parametrize(("text", "parts"), VECTORS)
def test_parts_are_those_of_the_standard(text: str, parts: int) -> None:
    assert prepare(text, parts) == text
    if parts > 1:
        with pytest.raises(Rejected, match=f"needs {parts} parts, {parts - 1} are allowed"):
            prepare(text, parts - 1)


def test_typographic_characters_give_way_when_that_makes_the_text_gsm() -> None:
    assert (
        prepare("Hei – arvioi palvelu\u00a01–5 ’kiitos’ “heti”… •", 1)
        == "Hei - arvioi palvelu 1-5 'kiitos' \"heti\"... *"
    )


def test_typographic_characters_stay_when_the_text_needs_unicode_anyway() -> None:
    text = "Оцените – “спасибо” 👍"
    assert prepare(text, 1) == text


def test_a_letter_written_as_two_characters_becomes_one() -> None:
    assert prepare(unicodedata.normalize("NFD", "Hyvää työtä, Åsa"), 1) == "Hyvää työtä, Åsa"


@given(st.text(alphabet=st.characters(codec=None), max_size=300), st.integers(1, 10))
def test_every_text_arrives_as_it_is_or_is_refused(text: str, max_parts: int) -> None:
    try:
        prepared = prepare(text, max_parts)
    except Rejected:
        return
    composed = unicodedata.normalize("NFC", text)
    assert prepared in {composed, composed.translate(LOOKALIKES)}
    assert smsutil.is_valid_gsm(prepared) or prepared == composed
    assert len(prepared) <= 1600
