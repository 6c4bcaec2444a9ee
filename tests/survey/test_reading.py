"""Replies as people write them, and what the hub makes of them."""

from __future__ import annotations

import pytest

from hub.survey.reading import Reading, Wish, wishes
from hub.survey.reading import read as read_any
from hub.survey.wish_words import OPT_IN, OPT_OUT, OPT_OUT_LINES
from hub.survey.words import NUMBERS
from tests.survey.asked import QUESTIONS, question


def read(text: str, language: str = "fi") -> Reading:
    """As an answer from 1 to 5."""
    return read_any(text, QUESTIONS["service"], language)


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
        ("5 tähteä", 5, None),
        ("5 stars, thanks", 5, "thanks"),
        ("5 ⭐⭐⭐", 5, None),
        ("4 out of 5", 4, None),
        ("4 av 5 tack", 4, "tack"),
        ("viisi viidestä", 5, None),
        ("fem av fem!", 5, None),
        ("five out of five", 5, None),
        ("viisi tähteä", 5, None),
        ("four stars thanks", 4, "thanks"),
        ("viisi 👍", 5, "👍"),
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
        ("5kiitos avusta", 5, "kiitos avusta"),
        ("Arvosana: 5", 5, None),
        ("annan viisi!", 5, None),
        ("Hei, 5", 5, "Hei, 5"),
        ("Kiitos! 4", 4, "Kiitos! 4"),
        ("“5”", 5, None),
        ("(5)\nt. Matti", 5, "t. Matti"),
    ],
)
def test_a_rating_at_the_start_is_read_and_the_words_are_kept(text: str, rating: int, comment: str | None) -> None:
    assert read(text) == Reading(value=rating, comment=comment)


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
        "Hei, tiketti 5",
        "Kiitos 5 tunnin odotuksesta",
        "Arvosana: 5 miinus",
        "Hei, 5 päivää meni",
        "annan 6",
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
        "4 out of 10",
        "9 av 10",
        "2 of my laptops",
        "neljä kymmenestä",
        "five points to make",
        "4 tai 5",
        "3 or 4",
        "4 ja puoli",
        "2. kerta kun soitan samasta",
        "3 konetta on yhä rikki",
        "2 users cannot log in",
        "en",
        "kuusi",
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
        ("STOP 🛑", None, "🛑"),
        ("Kyselyt pois: STOP", None, None),
        ("Inga enkäter: STOPP", None, None),
        ("Opt out: STOP", None, None),
        ("Inga enkäter, tack!", None, None),
        ("stop these messages", None, None),
        ("Lopettakaa viestien lähettäminen!", None, None),
        ("sluta skicka sms", None, None),
        ("stop texting me please", None, "please"),
        ("5 stars STOP", 5, None),
        ("Älkää lähettäkö näitä enää!", None, None),
        ("Älä lähetä mulle näitä", None, None),
        ("Stoppa detta tack", None, "tack"),
        ("sluta skicka till mig", None, None),
        ("Stop spamming me, thank you", None, "thank"),
        ("3\nTake me off your list please", 3, None),
        ("5\nno more surveys", 5, None),
    ],
)
def test_an_opt_out_wins_and_keeps_the_rating(text: str, rating: int | None, comment: str | None) -> None:
    assert read(text) == Reading(value=rating, comment=comment, opt_out=True)


@pytest.mark.parametrize(
    "text",
    [
        "stop sending broken laptops",
        "The printer does not stop",
        "En voi lopettaa kehumista",
        "peruuta tilaus 5",
        "5 hyvä mutta stop",
        "poista vanha käyttäjätunnus",
        "the bus did not stop",
        "do not stop",
        "inte stopp",
        "älkää lähettäkö enää rikkinäisiä koneita",
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
    assert read(f"3 {word}") == Reading(value=3, opt_out=True)


def test_every_sentence_to_stop_works_as_a_line_and_not_inside_another_sentence() -> None:
    for words in OPT_OUT_LINES:
        assert read(f"2\n{' '.join(words)}.") == Reading(value=2, opt_out=True)
        assert not read(f"{' '.join(words)} rikkinäisiä laitteita").opt_out


@pytest.mark.parametrize("word", sorted(OPT_IN))
def test_every_opt_in_word_works_alone_and_not_in_a_sentence(word: str) -> None:
    assert read(word.upper()) == read(f" {word}! ") == Reading(opt_in=True)
    assert read(f"{word}, kiitos") == Reading(comment="kiitos", opt_in=True)
    assert read(f"{word} the engine") == Reading(comment=f"{word} the engine")
    assert not read(f"5 {word}").opt_in


def test_a_wish_to_stop_wins_over_one_to_start() -> None:
    assert wishes("STOP\nSTART") is Wish.STOP
    assert wishes("start") is Wish.START
    assert wishes("5 kiitos") is None


@pytest.mark.parametrize("word", sorted(NUMBERS))
def test_every_number_word_is_a_rating_alone_and_none_in_a_sentence(word: str) -> None:
    recommend = QUESTIONS["recommend"]
    assert read_any(word.capitalize(), recommend, "fi") == Reading(value=NUMBERS[word])
    assert read_any(f"{word} laptop", recommend, "fi") == Reading(comment=f"{word} laptop")


def test_a_word_of_two_languages_is_a_number_only_in_its_own() -> None:
    assert read("en", "sv") == Reading(value=1)
    assert read("en", "fi") == Reading(comment="en")


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("10", 10), ("10!", 10), ("10/10", 10), ("9/10 kiitos", 9), ("kymppi", 10), ("zero", 0), ("🔟", 10),
     ("1️⃣0️⃣", 10), ("5/5", None), ("11", None), ("100", None), ("00", None), ("-1", None), ("10 min", None)],
)  # fmt: skip
def test_an_answer_from_0_to_10_has_its_own_numbers(text: str, value: int | None) -> None:
    assert read_any(text, QUESTIONS["recommend"], "fi").value == value


def test_any_scale_has_its_own_numbers() -> None:
    stars = question("rating", minimum=1, maximum=10)
    texts = ("10", "1", "0", "10/10", "4/5", "8,5", "kymppi")
    assert [read_any(text, stars, "fi").value for text in texts] == [10, 1, None, 10, None, None, 10]
    low = question("rating", minimum=0, maximum=3, better="lower")
    assert [read_any(text, low, "fi").value for text in ("0", "3", "4", "nolla", "2/3")] == [0, 3, None, 0, 2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("loistavaa", 5), ("Loistavaa palvelua, kiitos paljon!", 5), ("todella hyvää", 5), ("mycket bra", 5),
        ("Great!", 5),
        ("👍", 4), ("👍🏽👍🏽", 4), ("hyvä", 4), ("hyvää palvelua", 4), ("hyvä :)", 4), ("bra service", 4),
        (":)", 4), ("😀", 4),
        ("ok", 3), ("ihan ok", 3), ("Ihan ok, kiitos.", 3), ("helt okej", 3), ("it was ok", 3), ("😐", 3),
        ("👎", 2), ("huono", 2), ("ganska dåligt", 2), ("dålig", 2), ("bad service", 2), (":(", 2),
        ("surkeaa", 1), ("tosi huono", 1), ("terrible", 1), ("😡", 1),
        ("ok 👍", 3), ("ok 👎", None), ("❤️", 5), ("hyvää ja nopeaa", 4), ("hyvää ja huonoa", None),
        ("ei hyvä", None), ("inte bra", None), ("not bad", None), ("no good", None), ("ok, mutta hidas", None),
        ("Loistavaa! Taas rikki", None), ("hyvä 🙄", None), ("👍👎", None), ("hyvä, huono", None), ("kiitos", None),
        ("hyvä " * 13, None),
    ],
)  # fmt: skip
def test_words_and_signs_are_a_rating_when_all_of_them_say_so_and_stay_a_comment(text: str, value: int | None) -> None:
    question_in_one_language = QUESTIONS["service"].model_copy(update={"labels": {}})
    expected = Reading(value=value, comment=text.strip(), literal=value is None)
    assert read_any(text, question_in_one_language, "fi") == expected


@pytest.mark.parametrize(
    ("minimum", "maximum", "better", "values"),
    [
        (1, 5, "higher", (1, 2, 3, 4, 5)),
        (1, 5, "lower", (5, 4, 3, 2, 1)),
        (0, 10, "higher", (0, 2, 5, 8, 10)),
        (1, 10, "higher", (1, 3, None, 8, 10)),
        (1, 7, "lower", (7, 6, 4, 2, 1)),
        (1, 4, "higher", (1, 2, None, 3, 4)),
        (1, 3, "higher", (1, 1, 2, 3, 3)),
        (0, 1, "higher", (0, 0, None, 1, 1)),
    ],
)
def test_a_degree_takes_its_place_on_the_scale(
    minimum: int, maximum: int, better: str, values: tuple[int | None, ...]
) -> None:
    scale = question("rating", minimum=minimum, maximum=maximum, better=better)
    words = ("surkea", "huono", "ok", "hyvä", "loistava")
    assert tuple(read_any(word, scale, "fi").value for word in words) == values


def test_words_of_degree_say_nothing_about_recommending_or_effort() -> None:
    assert read_any("ok", QUESTIONS["recommend"], "fi") == Reading(comment="ok")
    assert read_any("hyvä", QUESTIONS["effort"], "fi") == Reading(comment="hyvä")


@pytest.mark.parametrize(
    ("text", "language", "value", "comment"),
    [
        ("hyvää", "fi", 4, None),
        ("huonoa.", "fi", 2, None),
        ("Hyvää, kiitos", "fi", 4, "Hyvää, kiitos"),
        ("Erinomaista\nMatti", "fi", 5, "Matti"),
        ("varken bra eller dålig", "sv", 3, None),
        ("Utmärkt", "fi", 5, None),
        ("EXCELLENT", "sv", 5, None),
    ],
)
def test_a_label_of_the_scale_is_its_value(text: str, language: str, value: int, comment: str | None) -> None:
    assert read(text, language) == Reading(value=value, comment=comment)


def test_labels_of_the_ends_are_the_ends() -> None:
    ends = question("rating", minimum=1, maximum=7, labels={"fi": ("En lainkaan", "Täysin")})
    assert [read_any(text, ends, "fi").value for text in ("en lainkaan", "Täysin!", "melkein")] == [1, 7, None]


def test_stars_count_on_a_scale_of_five_or_with_the_empty_ones() -> None:
    ten = question("rating", minimum=1, maximum=10)
    assert read_any("⭐⭐⭐⭐", ten, "en") == Reading(comment="⭐⭐⭐⭐")
    assert read_any("★★★★☆☆☆☆☆☆", ten, "en") == Reading(value=4)
    assert read_any("⭐⭐⭐⭐⭐", question("rating", better="lower"), "en").value is None


@pytest.mark.parametrize("text", ["", " \r\n\t", "\u200b", "\ufeff\n"])
def test_nothing_written_is_nothing_read(text: str) -> None:
    assert read(text) == Reading()


def test_a_reading_does_not_show_the_customers_words_in_a_repr() -> None:
    assert "hidasta" not in repr(read("2 hidasta"))
