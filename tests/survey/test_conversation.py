"""Conversations: what a customer's replies come to, and what would be asked next."""

from __future__ import annotations

from typing import Any

import pytest

from hub.api.records import Channel
from hub.survey.conversation import Gathered, Given, gather
from hub.survey.model import Values
from tests.survey.asked import built_in, survey

CLOSING = survey("service", "solved", "improve", "reasons", "lost_time", "three", "comment")
"""The question "improve" comes after a low score only."""


def sms(*texts: str, asked: str | None = None) -> list[Given]:
    """Texts from one phone, the last of which answers a question."""
    given = [Given(Channel.SMS, text) for text in texts]
    return [*given[:-1], Given(Channel.SMS, texts[-1], asked=asked)]


def page(withdraws: bool = False, **values: Any) -> Given:
    """What a page submitted."""
    return Given(Channel.PAGE, "", values=values, withdraws=withdraws)


def mail(text: str) -> Given:
    """A reply by mail."""
    return Given(Channel.EMAIL, text)


def gathered(
    values: Values,
    *remarks: tuple[str, str],
    next: str | None = None,  # noqa: A002 - as the field is called
    approximate: tuple[str, ...] = (),
) -> Gathered:
    """What should have been understood."""
    return Gathered(values, remarks, next, False, bool(values or remarks), frozenset(approximate))


def test_nothing_said_leaves_the_first_question_open() -> None:
    assert gather(CLOSING, []) == gathered({}, next="service")
    assert gather(CLOSING, sms(" \n")) == gathered({}, next="service")


@pytest.mark.parametrize(
    ("language", "texts", "expected"),
    [
        ("fi", ("5",), gathered({"service": 5}, next="solved")),
        ("fi", ("5 kiitos",), gathered({"service": 5}, ("service", "kiitos"), next="solved")),
        ("fi", ("ihan ok",), gathered({"service": 3}, ("service", "ihan ok"), next="solved", approximate=("service",))),
        ("fi", ("5", "joo"), gathered({"service": 5, "solved": 1}, next="reasons")),
        ("fi", ("2", "ei"), gathered({"service": 2, "solved": 0}, next="improve")),
        (
            "sv",
            ("2 långsamt", "Nej, inte än", "Ring tillbaka när ni lovat det", "1, 3", "2 timmar"),
            gathered(
                {
                    "service": 2,
                    "solved": 0,
                    "improve": "Ring tillbaka när ni lovat det",
                    "reasons": ["time", "silence"],
                    "lost_time": 120,
                },
                ("service", "långsamt"),
                ("solved", "inte än"),
                next="three",
            ),
        ),
        (
            "en",
            ("five", "yes thanks", "2", "nothing", "The scanner does not work", "bye"),
            gathered(
                {
                    "service": 5,
                    "solved": 1,
                    "reasons": ["unsolved"],
                    "lost_time": 0,
                    "three": {"problem": "The scanner does not work"},
                    "comment": "bye",
                },
                ("solved", "thanks"),
            ),
        ),
    ],
)
def test_each_reply_answers_the_open_question(language: str, texts: tuple[str, ...], expected: Gathered) -> None:
    assert gather(CLOSING, sms(*texts), language) == expected


def test_a_reply_that_does_not_answer_is_a_remark_and_its_question_is_passed_over() -> None:
    assert gather(CLOSING, sms("Tulostin on yhä rikki"), "fi") == gathered(
        {}, ("service", "Tulostin on yhä rikki"), next="solved"
    )
    assert gather(CLOSING, sms("5", "kiitos hyvä palvelu"), "fi") == gathered(
        {"service": 5}, ("solved", "kiitos hyvä palvelu"), next="reasons"
    )


@pytest.mark.parametrize("text", ["kiitos", "Ok, kiitos!", "tack så mycket", "Thanks a lot", "🙏", "moi", "!", "👌 ❤️"])
def test_thanks_and_greetings_answer_nothing_and_leave_the_question_open(text: str) -> None:
    assert gather(CLOSING, sms("5", text), "fi") == gathered({"service": 5}, ("solved", text), next="solved")
    assert gather(CLOSING, sms("5", text, "joo"), "fi").values == {"service": 5, "solved": 1}


def test_the_same_text_sent_twice_is_one_reply() -> None:
    assert gather(CLOSING, sms("5", "5"), "fi") == gathered({"service": 5}, next="solved")
    assert gather(CLOSING, sms("hidasta oli", "hidasta oli"), "fi") == gathered(
        {}, ("service", "hidasta oli"), next="solved"
    )


@pytest.mark.parametrize("text", ["0", "1", "3", "5"])
def test_a_bare_number_to_an_open_yes_or_no_is_a_remark_and_corrects_nothing(text: str) -> None:
    assert gather(CLOSING, sms("4", text), "fi") == gathered({"service": 4}, ("solved", text), next="reasons")


@pytest.mark.parametrize(
    "text", ["tarkoitin 5", "Anteeksi, 5 piti olla!", "eikun viisi", "jag menade 5", "Sorry, I meant 5", "*5", "oho 5"]
)
def test_a_number_with_a_word_that_says_so_corrects_at_any_time(text: str) -> None:
    for before in (["1"], ["1", "joo"], ["1", "ei"]):
        result = gather(CLOSING, sms(*before, text), "fi")
        assert result.values == {**gather(CLOSING, sms(*before), "fi").values, "service": 5}
        assert result.remarks == (("service", text),)


@pytest.mark.parametrize("text", ["siis 5 päivää meni", "sorry, 9", "tarkoitin 4 tai 5", "anteeksi", "oho"])
def test_such_a_word_with_anything_else_corrects_nothing(text: str) -> None:
    assert gather(CLOSING, sms("1", text), "fi").values == {"service": 1}


def test_a_word_of_regret_is_no_correction_while_a_number_is_asked_for() -> None:
    both = survey("recommend", "effort")
    assert gather(both, sms("9", "sorry 5"), "en") == gathered({"recommend": 9}, ("effort", "sorry 5"))
    assert gather(both, sms("9", "I meant 5"), "en").values == {"recommend": 5}


def test_before_the_next_question_was_sent_a_bare_answer_corrects_and_words_pass_nothing_over() -> None:
    corrected = gather(CLOSING, sms("1", "5", asked="service"), "fi")
    assert corrected == gathered({"service": 5}, next="solved")
    praised = gather(CLOSING, sms("5", "kiitos hyvä palvelu", asked="service"), "fi")
    assert praised == gathered({"service": 5}, ("service", "kiitos hyvä palvelu"), next="solved")
    assert gather(CLOSING, sms("5", "joo", "ei", asked="solved"), "fi").values["solved"] == 0
    assert gather(CLOSING, sms("2", "ei", "Apua", "ja vielä", asked="improve"), "fi") == gathered(
        {"service": 2, "solved": 0, "improve": "Apua"}, ("improve", "ja vielä"), next="reasons"
    )


def test_a_number_is_no_answer_to_a_question_that_was_never_sent() -> None:
    # the conversation ended at its last message; the next question would have been about reasons
    assert gather(CLOSING, sms("2", "joo", "4", asked="solved"), "fi").values == {"service": 4, "solved": 1}
    assert gather(CLOSING, sms("5", "joo", "kiitos hei", asked="solved"), "fi") == gathered(
        {"service": 5, "solved": 1}, ("solved", "kiitos hei"), next="reasons"
    )


def test_one_more_number_after_factors_or_lost_time_corrects_no_score() -> None:
    ends = survey("service", "reasons")
    assert gather(ends, sms("5", "1", "2"), "fi").values == {"service": 5, "reasons": ["time"]}
    ends = survey("service", "lost_time")
    assert gather(ends, sms("5", "15 min", "3"), "fi").values == {"service": 5, "lost_time": 15}
    assert gather(ends, sms("5", "15 min", "30 min"), "fi").values == {"service": 5, "lost_time": 30}


def test_a_question_that_was_passed_over_is_still_answered_by_a_reply_to_it() -> None:
    late = gather(CLOSING, sms("5", "hyvin meni kaikki tänään", "kyllä", asked="solved"), "fi")
    assert late.values == {"service": 5, "solved": 1}
    assert gather(CLOSING, sms("5", "hyvin meni tänään", "👍", asked="solved"), "fi").values == {"service": 5}


def test_a_question_that_no_longer_exists_is_not_believed_to_be_asked() -> None:
    assert gather(CLOSING, sms("5", asked="unheard_of"), "fi").values == {"service": 5}


PROGRESS = built_in("progress")


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (("4", "Hyvä", "5"), {"visit": 5, "comment": "Hyvä"}),
        (("4", "Hyvä", "5 kiitos"), {"visit": 5, "comment": "Hyvä"}),
        (("4", "Hyvä", "5\nAsia onnistui"), {"visit": 5, "comment": "Hyvä"}),
        (("4", "Hyvä", "3 laptops are broken"), {"visit": 4, "comment": "Hyvä"}),
        (("4", "Hyvä", "ok"), {"visit": 4, "comment": "Hyvä"}),
        (("4", "Hyvä", "👎"), {"visit": 4, "comment": "Hyvä"}),
        (("Hidasta oli tänään", "Hyvä", "2"), {"visit": 2, "comment": "Hyvä"}),
    ],
)
def test_after_the_end_a_bare_number_corrects_and_words_are_a_remark(texts: tuple[str, ...], values: Values) -> None:
    result = gather(built_in("place"), sms(*texts), "fi")
    assert result.values == values
    assert result.next is None
    if values["visit"] == 4:
        assert result.remarks == (("comment", texts[-1]),)


def test_after_the_end_a_yes_may_only_be_polite() -> None:
    result = gather(PROGRESS, sms("ei", "Soittakaa", "joo kiitos"), "fi")
    assert result == gathered({"taken_care_of": 0, "comment": "Soittakaa"}, ("comment", "joo kiitos"))
    ends = survey("service", "solved")
    assert gather(ends, sms("5", "ei", "joo", asked="solved"), "fi").values == {"service": 5, "solved": 0}
    assert gather(ends, sms("5", "ei", "joo"), "fi").values == {"service": 5, "solved": 0}


def test_of_two_numbers_the_one_given_last_is_corrected() -> None:
    both = survey("recommend", "effort")
    assert gather(both, sms("9", "2", "6"), "en").values == {"recommend": 9, "effort": 6}
    both = survey("recommend", "effort", "comment")
    assert gather(both, sms("9", "2", "Easy", "6"), "en").values == {"recommend": 9, "effort": 6, "comment": "Easy"}


@pytest.mark.parametrize(("text", "values"), [("STOP", {"service": 4}), ("joo STOP", {"service": 4, "solved": 1})])
def test_a_wish_to_stop_ends_the_conversation_and_is_no_remark(text: str, values: Values) -> None:
    assert gather(CLOSING, sms("4", text), "fi") == gathered(values)
    later = gather(CLOSING, sms("4", "STOP", "START", "kiitos"), "fi")
    assert later == gathered({"service": 4}, ("service", "kiitos"))


@pytest.mark.parametrize("text", ["ei kiitos", "Nej tack!", "No thank you."])
def test_who_does_not_want_to_answer_is_asked_nothing_more(text: str) -> None:
    assert gather(CLOSING, sms(text), "fi") == gathered({}, ("service", text))
    assert gather(CLOSING, sms("4", text), "fi") == gathered({"service": 4}, ("solved", text))


def test_a_page_answers_everything_and_ends_the_conversation() -> None:
    result = gather(CLOSING, [*sms("3 hidasta"), page(service=5, solved=1, comment="Lopulta hyvä")], "fi")
    assert result == gathered({"service": 5, "solved": 1, "comment": "Lopulta hyvä"}, ("service", "hidasta"))


def test_a_later_page_replaces_an_earlier_one_question_by_question() -> None:
    pages = [page(service=2, solved=0, comment="Huono"), page(service=4, comment="Sittenkin hyvä", reasons=[])]
    assert gather(CLOSING, pages) == gathered({"service": 4, "solved": 0, "comment": "Sittenkin hyvä"})
    assert gather(CLOSING, [*pages, page(comment="")]) == gathered({"service": 4, "solved": 0})


def test_words_of_a_reply_that_a_page_replaces_stay_a_remark() -> None:
    before = sms("2", "ei", "Soittakaa", "4", "0", "Tarvitsen hiiren. Ei muuta")
    result = gather(CLOSING, [*before, page(improve="Kirjoittakaa", three={})], "fi")
    assert result.values["improve"] == "Kirjoittakaa"
    assert "three" not in result.values
    assert result.remarks == (
        ("improve", "Soittakaa"),
        ("three", "Tarvitsen hiiren."),
        ("three", "Ei muuta"),
    )


def test_a_number_after_a_page_corrects_it() -> None:
    result = gather(CLOSING, [page(service=2, comment="Huono"), *sms("5")], "fi")
    assert result == gathered({"service": 5, "comment": "Huono"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", gathered({"service": 5})),
        ("4\n\nHyvin hoidettu.\n\nMatti", gathered({"service": 4}, ("service", "Hyvin hoidettu.\n\nMatti"))),
        ("Hei,\n\ntulostin on rikki", gathered({}, ("service", "Hei,\n\ntulostin on rikki"))),
    ],
)
def test_a_mail_answers_the_first_question(text: str, expected: Gathered) -> None:
    assert gather(CLOSING, [mail(text)], "fi") == expected


def test_a_later_mail_corrects_only_with_a_number_on_a_line_of_its_own() -> None:
    assert gather(CLOSING, [mail("2"), mail("4\n\nMatti")], "fi").values == {"service": 4}
    assert gather(CLOSING, [mail("2"), mail("4 konetta vielä rikki")], "fi").values == {"service": 2}
    assert gather(PROGRESS, [mail("ei"), mail("Kyllä")], "fi").values == {"taken_care_of": 1}


def test_who_withdraws_has_said_nothing() -> None:
    result = gather(CLOSING, [*sms("1 surkeaa"), page(withdraws=True)], "fi")
    assert result == Gathered({}, (), None, withdrawn=True, said_anything=False)


def test_what_is_said_after_withdrawing_counts_anew_and_nothing_more_is_asked() -> None:
    given = [*sms("1 surkeaa", "ei"), page(withdraws=True), *sms("4")]
    assert gather(CLOSING, given, "fi") == gathered({"service": 4})
    assert gather(CLOSING, [*given[:-1], page(service=3)], "fi") == gathered({"service": 3})


def test_words_do_not_show_in_a_repr() -> None:
    assert "surkeaa" not in repr(gather(CLOSING, sms("1 surkeaa"), "fi")) + repr(sms("1 surkeaa"))
    assert "surkeaa" not in repr(page(comment="surkeaa"))


@pytest.mark.parametrize("turned", [False, True])
def test_a_correction_that_overtakes_what_it_corrects_counts_all_the_same(turned: bool) -> None:
    replies = [Given(Channel.SMS, "2 hidasta", asked="service"), Given(Channel.SMS, "tarkoitin 3", asked="service")]
    found = gather(built_in("closing"), replies[::-1] if turned else replies, "fi")
    assert found.values == {"service": 3}
    assert {words for _, words in found.remarks} >= {"tarkoitin 3"}


def test_who_first_asks_who_is_writing_can_still_give_the_score() -> None:
    asked = survey("service", "solved", "three")
    assert gather(asked, sms("Mikä tämä on?", "5 kiitos")) == gathered(
        {"service": 5}, ("service", "Mikä tämä on?"), ("service", "kiitos"), next="three"
    )
    may_be_a_yes = gather(asked, sms("Mikä tämä on?", "1"))
    assert may_be_a_yes == gathered({}, ("service", "Mikä tämä on?"), ("solved", "1"), next="three")
    hours = survey("service", "lost_time", "three")
    assert gather(hours, sms("Mikä tämä on?", "5")).values == {}


def test_no_twice_is_no_to_two_questions_and_a_digit_twice_is_one_answer() -> None:
    asked = survey("service", "solved", "three")
    assert gather(asked, sms("5", "Ei", "Ei")) == gathered({"service": 5, "solved": 0}, ("three", "Ei"))
    assert gather(asked, sms("5", "5")) == gathered({"service": 5}, next="solved")
