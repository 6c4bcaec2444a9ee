"""Replies as people write them, and what the hub makes of them."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.survey.reading import Reading, read
from hub.survey.words import NUMBERS, OPT_OUT


@pytest.mark.parametrize(
    ("text", "rating", "comment"),
    [
        ("5", 5, None),
        ("  1  ", 1, None),
        ("5.", 5, None),
        ("5!", 5, None),
        ("5!!!", 5, None),
        ("5/5", 5, None),
        ("4 / 5", 4, None),
        ("5 kiitos", 5, "kiitos"),
        ("5, kiitos!", 5, "kiitos!"),
        ("4 - hyvin meni", 4, "hyvin meni"),
        ("4: hyvin meni", 4, "hyvin meni"),
        ("5) bra", 5, "bra"),
        ("5=erinomainen", 5, "=erinomainen"),
        ("5 (erinomainen)", 5, "(erinomainen)"),
        ("4/5 hyvä", 4, "hyvä"),
        ("5! 10 minuutissa kunnossa", 5, "10 minuutissa kunnossa"),
        ("5, 10 minuutissa kunnossa", 5, "10 minuutissa kunnossa"),
        ("5 tähteä", 5, "tähteä"),
        ("5 :)", 5, ":)"),
        ("5:)", 5, ":)"),
        ("5👍", 5, "👍"),
        ("5 ❤️", 5, "❤️"),
        ("2?", 2, "?"),
        ("\n\n \ufeff\n3\nAsia  jäi\n\nkesken.\n", 3, "Asia  jäi\n\nkesken."),
        ("\u200e4", 4, None),
        ("5\r\nTack", 5, "Tack"),
        ("５", 5, None),
        ("٤", 4, None),
        ("5️⃣", 5, None),
        ("5\u20e3", 5, None),
        ("4️⃣ hyvä", 4, "hyvä"),
        ("⭐⭐⭐⭐", 4, None),
        ("⭐️ ⭐️ ⭐️", 3, None),
        ("★★★☆☆", 3, None),
        ("🌟🌟🌟🌟🌟!", 5, None),
        ("viisi", 5, None),
        ("Viisi.", 5, None),
        ("viisi kiitos", 5, "kiitos"),
        ("Fem! Tack för hjälpen", 5, "Tack för hjälpen"),
        ("FYRA", 4, None),
        ("two, it broke again", 2, "it broke again"),
        ("kolme\nihan ok", 3, "ihan ok"),
        ("1. Tulostin on yhä rikki", 1, "Tulostin on yhä rikki"),
    ],
)
def test_a_rating_at_the_start_is_read_and_the_words_are_kept(text: str, rating: int, comment: str | None) -> None:
    assert read(text) == Reading(rating=rating, comment=comment)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "6",
        "-5",
        "10",
        "05",
        "55",
        "10/10",
        "5/10",
        "3/50",
        "1-5",
        "1 - 5",
        "1–5",
        "3.5",
        "3,5",
        "4½",
        "4+",
        "12:30",
        "5:30 soitettiin",
        "5G ei toimi",
        "5th floor",
        "5kpl",
        "5°",
        "5 %",
        "5 €",
        "1.6.2026",
        "1. 6. 2026 alkaen",
        "1/5/2026",
        "5 000 euroa",
        "040 123 4567",
        "5 päivää meni ja vieläkin rikki",
        "2 viikkoa odotin",
        "3 kertaa soitin",
        "4 days to fix a mouse",
        "2 timmar i kö",
        "1 st",
        "1. Tulostin\n2. Näyttö",
        "1) printer\n 2) screen",
        "Hei, 5",
        "Arvosana: 5",
        "INC0012345",
        "Tiketti 5 jäi auki",
        "one laptop is still broken",
        "En bra service",
        "viisi päivää meni",
        "yksinkertaista",
        "⭐ hieno palvelu",
        "⭐⭐⭐⭐⭐⭐",
        "★★☆",
        "Hyvä\n5",
        "² ³ ①",
        "hyvä",
    ],
)
def test_any_other_number_is_no_rating_and_the_whole_text_is_the_comment(text: str) -> None:
    assert read(text) == Reading(comment=text)


@pytest.mark.parametrize(
    ("text", "rating", "comment"),
    [
        ("STOP", None, None),
        (" stop. ", None, None),
        ("“Stop!”", None, None),
        ("ＳＴＯＰ", None, None),
        ("S.T.O.P", None, None),
        ("STOPP", None, None),
        ("Lopeta", None, None),
        ("avsluta!", None, None),
        ("Opt-out", None, None),
        ("STOP STOP", None, None),
        ("STOP kiitos", None, "kiitos"),
        ("5 STOP", 5, None),
        ("STOP 5", 5, None),
        ("5, stop", 5, None),
        ("4 / 5 STOP", 4, None),
        ("viisi STOP", 5, None),
        ("5 kiitos STOP", 5, "kiitos"),
        ("5\nSTOP", 5, None),
        ("STOP\n2\n", 2, None),
        ("2 hidasta\nSTOP\n", 2, "hidasta"),
        ("STOP\n\nMatti Meikäläinen", None, "Matti Meikäläinen"),
    ],
)
def test_an_opt_out_wins_and_keeps_the_rating(text: str, rating: int | None, comment: str | None) -> None:
    assert read(text) == Reading(rating=rating, comment=comment, opt_out=True)


@pytest.mark.parametrize(
    "text",
    [
        "stop sending broken laptops",
        "The printer does not stop",
        "En voi lopettaa kehumista",
        "peruuta tilaus 5",
        "5 hyvä mutta stop",
        "poista vanha käyttäjätunnus",
        "nonstop",
        "YES",
        "",
    ],
)
def test_an_opt_out_word_inside_a_sentence_is_only_a_word(text: str) -> None:
    assert not read(text).opt_out


@pytest.mark.parametrize("word", sorted(OPT_OUT))
def test_every_opt_out_word_works_alone_and_beside_a_rating(word: str) -> None:
    assert read(word.upper()) == Reading(opt_out=True)
    assert read(f"3 {word}") == Reading(rating=3, opt_out=True)


@pytest.mark.parametrize("word", sorted(NUMBERS))
def test_every_number_word_is_a_rating_alone_and_none_in_a_sentence(word: str) -> None:
    assert read(word.capitalize()) == Reading(rating=NUMBERS[word])
    assert read(f"{word} laptop") == Reading(comment=f"{word} laptop")


@pytest.mark.parametrize("text", ["", " \r\n\t", "\u200b", "\ufeff\n"])
def test_nothing_written_is_nothing_read(text: str) -> None:
    assert read(text) == Reading()


def test_a_reading_does_not_show_the_customers_words_in_a_repr() -> None:
    assert "hidasta" not in repr(read("2 hidasta"))


PIECES = st.sampled_from(
    ["1", "5", "9", "/5", " ", "\n", ".", "-", "STOP", "lopeta", "kiitos", "viisi", "⭐", "☆", "5️⃣", "\u200b", "😀", "x"]
)
REPLIES = st.text() | st.lists(PIECES, max_size=12).map("".join)


def letters(text: str) -> list[str]:
    return [char for char in text if char.isalnum()]


@given(REPLIES)
@example("\ud800 5")
@example("5/" + "9" * 5000)
def test_any_text_is_read_and_nothing_of_it_is_lost(text: str) -> None:
    reading = read(text)
    assert reading.rating in {None, 1, 2, 3, 4, 5}
    assert reading.comment is None or (reading.comment.strip() == reading.comment != "")
    if reading.rating is None and not reading.opt_out:
        assert reading.comment == (text.strip() or None) or not text.strip("\u200b\u200e\u200f\ufeff\u2060 \n\t")
    if reading.comment is None and reading.rating is None:
        assert reading.opt_out or not letters(text)


@given(REPLIES)
def test_a_comment_is_made_of_the_customers_own_characters_in_their_order(text: str) -> None:
    remaining = iter(text)
    assert all(char.isspace() or char in remaining for char in read(text).comment or "")


@given(REPLIES)
def test_reading_again_what_held_no_rating_changes_nothing(text: str) -> None:
    reading = read(text)
    if reading.rating is None and reading.comment is not None:
        assert read(reading.comment) == Reading(comment=reading.comment)


@given(st.integers(1, 5), st.text(alphabet=st.characters(whitelist_categories=["Lu", "Ll"]), min_size=1))
def test_a_digit_on_its_own_line_always_counts(rating: int, words: str) -> None:
    reading = read(f"{rating}\n{words}")
    assert reading.rating == rating
    assert reading.opt_out or reading.comment == words.strip()


@pytest.mark.parametrize(
    "text",
    [
        "5" * 60_000,
        "5" + " " * 60_000 + "x",
        "⭐ " * 20_000 + "x",
        "1. x" + "\n" * 60_000 + "x",
        "a\u0300\u0316" * 20_000,
        "STOP " * 12_000 + "x",
        "5" + ". " * 30_000,
    ],
)
def test_a_long_hostile_text_is_read_at_once(text: str) -> None:
    started = time.perf_counter()
    read(text)
    assert time.perf_counter() - started < 1
