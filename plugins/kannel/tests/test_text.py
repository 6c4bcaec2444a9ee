"""Which alphabet is chosen, how many parts are counted, and that no character is ever lost."""

from __future__ import annotations

import unicodedata

import pytest
from hub_kannel.text import GSM_BASIC, GSM_EXTENDED, LOOKALIKES, Coding, prepare
from hypothesis import given
from hypothesis import strategies as st

from hub import Rejected

MANY = 255

VECTORS = [
    ("a" * 160, Coding.GSM, 1),
    ("a" * 161, Coding.GSM, 2),
    ("a" * 306, Coding.GSM, 2),
    ("a" * 307, Coding.GSM, 3),
    ("ä" * 160, Coding.GSM, 1),
    ("€" * 80, Coding.GSM, 1),
    ("€" * 81, Coding.GSM, 2),
    ("€" * 153, Coding.GSM, 3),
    ("a" * 158 + "€", Coding.GSM, 1),
    ("a" * 159 + "€", Coding.GSM, 2),
    ("a" * 152 + "€" + "b" * 10, Coding.GSM, 2),
    ("a" * 152 + "€" + "b" * 152, Coding.GSM, 3),
    ("ş" * 70, Coding.UCS2, 1),
    ("ş" * 71, Coding.UCS2, 2),
    ("ş" * 134, Coding.UCS2, 2),
    ("ş" * 135, Coding.UCS2, 3),
    ("👍" * 35, Coding.UCS2, 1),
    ("ş" + "👍" * 36, Coding.UCS2, 2),
    ("Hei Maija! Miten meni tikettisi INC0012345 hoito? Vastaa 1-5 (5=erinomainen). Lopeta: STOP", Coding.GSM, 1),
]


@pytest.mark.parametrize(("text", "coding", "parts"), VECTORS)
def test_alphabet_and_parts_are_those_of_the_standard(text: str, coding: Coding, parts: int) -> None:
    prepared = prepare(text, MANY)
    assert (prepared.content, prepared.coding, prepared.parts) == (text, coding, parts)


def test_typographic_characters_give_way_when_that_makes_the_text_gsm() -> None:
    prepared = prepare("Hei – arvioi palvelu\u00a01–5 ’kiitos’ “heti”… •", MANY)
    assert prepared.content == "Hei - arvioi palvelu 1-5 'kiitos' \"heti\"... *"
    assert prepared.coding is Coding.GSM


def test_typographic_characters_stay_when_the_text_needs_unicode_anyway() -> None:
    text = "Оцените – “спасибо” 👍"
    assert prepare(text, MANY).content == text


def test_a_letter_written_as_two_characters_becomes_one() -> None:
    prepared = prepare(unicodedata.normalize("NFD", "Hyvää työtä, Åsa"), MANY)
    assert (prepared.content, prepared.coding) == ("Hyvää työtä, Åsa", Coding.GSM)


@pytest.mark.parametrize("character", ["ç", "š", "ž", "°", "½", "\x1b", "\x00"])
def test_what_is_not_in_the_gsm_alphabet_goes_as_unicode(character: str) -> None:
    assert prepare(f"a{character}b", MANY).coding is Coding.UCS2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty_text"),
        (" \u00a0\n", "empty_text"),
        ("\u200b", "empty_text"),
        ("a" * 460, "too_long"),
        ("ş" * 202, "too_long"),
        ("👍" * 36, "emoji_cut"),
        ("ş" * 66 + "👍" + "ş" * 10, "emoji_cut"),
        ("ş" * 133 + "👍", "emoji_cut"),
        ("broken \ud83d", "invalid_text"),
    ],
)
def test_what_cannot_arrive_intact_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        prepare(text, 3)
    assert caught.value.reason == reason
    assert not caught.value.address_unusable


@given(st.text(alphabet=st.characters(codec=None), max_size=300), st.integers(1, 10))
def test_every_text_arrives_as_it_is_or_is_refused(text: str, max_parts: int) -> None:
    try:
        prepared = prepare(text, max_parts)
    except Rejected:
        return
    composed = unicodedata.normalize("NFC", text)
    assert 1 <= prepared.parts <= max_parts
    if prepared.coding is Coding.GSM:
        assert set(prepared.content) <= GSM_BASIC | GSM_EXTENDED
        assert prepared.content == composed.translate(LOOKALIKES)
    else:
        assert prepared.content == composed
        assert [part.decode("utf-16-be") for part in _as_kannel_cuts(prepared.content)]


@given(st.text(alphabet="aä€👍ş–", min_size=1, max_size=400))
def test_the_parts_counted_hold_the_text(text: str) -> None:
    try:
        prepared = prepare(text, MANY)
    except Rejected:
        return
    if prepared.coding is Coding.GSM:
        septets = sum(2 if character in GSM_EXTENDED else 1 for character in prepared.content)
        least = 1 if septets <= 160 else -(-septets // 153)
        assert least <= prepared.parts <= -(-septets // 152)
    else:
        assert prepared.parts == len(_as_kannel_cuts(prepared.content))


def _as_kannel_cuts(text: str) -> list[bytes]:
    encoded = text.encode("utf-16-be")
    if len(encoded) <= 140:
        return [encoded]
    return [encoded[start : start + 134] for start in range(0, len(encoded), 134)]
