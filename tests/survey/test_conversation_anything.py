"""Any answers in any order: there is always a decision, and nothing of what was said is lost."""

from __future__ import annotations

import time
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from hub.api.records import Channel
from hub.config.questions import Question
from hub.survey.conversation import Gathered, Given, gather
from hub.survey.model import Survey
from hub.survey.reading import Wish, read, wishes, without_wishes
from tests.survey.asked import QUESTIONS, built_in, question, survey
from tests.survey.test_reading_anything import LANGUAGE, REPLIES, is_blank, is_valid, own_words

DIGITS = question("yes_no", text={"fi": "Ratkesiko asianne?"}, sms={"fi": "Ratkesiko? 1 = kyllä, 0 = ei"})
SURVEYS = {
    "closing": built_in("closing"),
    "progress": built_in("progress"),
    "place": built_in("place"),
    "numbers": survey("recommend", "effort", "service", "channel", digits=DIGITS),
    "words": survey("comment", "three", "solved", "service"),
    "options": survey("reasons", "lost_time", "service"),
}
BARE = st.sampled_from(
    ["0", "1", "2", "5", "10", "joo", "ei", "nej", "yes", "👍", "ok", "kiitos", "STOP", "1, 3", "2 h"]
)
CORRECTING = st.sampled_from(["tarkoitin 5", "sorry, 2", "*4", "ei kiitos", "5", "5", "viisi", "kyllä kiitos"])
TEXTS = BARE | REPLIES | CORRECTING
ASKED = st.none() | st.sampled_from([*QUESTIONS, "digits", "unheard_of"])
SMS = st.builds(Given, st.just(Channel.SMS), TEXTS, asked=ASKED)
MAIL = st.builds(Given, st.just(Channel.EMAIL), TEXTS)


def value_of(asked: Question) -> st.SearchStrategy[Any]:
    """What a page can submit to a question, the empty answers included."""
    match asked.kind:
        case "choice":
            return st.sampled_from([*asked.options, ""])
        case "factors":
            return st.lists(st.sampled_from([*asked.options]), unique=True)
        case "lost_time":
            return st.integers(0, 10_000)
        case "text":
            return st.sampled_from(["", "Huono", "5"])
        case "items":
            return st.dictionaries(st.sampled_from(["service", "problem", "feedback"]), st.just("Hiiri"))
    return st.integers(asked.minimum, asked.maximum)


def page(asked: Survey) -> st.SearchStrategy[Given]:
    """A submission of a page."""
    values = st.fixed_dictionaries({}, optional={id_: value_of(one) for id_, one in asked.questions.items()})
    return st.builds(Given, st.just(Channel.PAGE), st.just(""), values=values)


REPLIED = st.tuples(st.sampled_from(sorted(SURVEYS)), st.lists(SMS | SMS | MAIL, max_size=8))
ANSWERED = st.sampled_from(sorted(SURVEYS)).flatmap(
    lambda name: st.tuples(st.just(name), st.lists(SMS | MAIL | page(SURVEYS[name]), max_size=8))
)
TAKEN_BACK = st.lists(st.just(Given(Channel.PAGE, "", withdraws=True)) | SMS, max_size=8)
Conversation = tuple[str, list[Given]]


@given(ANSWERED, LANGUAGE)
@example(("closing", [Given(Channel.SMS, "\ud800 5"), Given(Channel.SMS, "\0", asked="three")]), "fi")
def test_any_answers_give_a_decision(conversation: Conversation, language: str) -> None:
    asked, answers = SURVEYS[conversation[0]], conversation[1]
    result = gather(asked, answers, language)
    assert all(is_valid(asked.questions[id_], value) for id_, value in result.values.items())
    assert result.next is None or (result.next in asked.questions and result.next not in result.values)
    assert result.approximate <= result.values.keys()
    assert {id_ for id_, _ in result.remarks} <= asked.questions.keys()
    assert len({words for _, words in result.remarks}) == len(result.remarks)
    assert result.said_anything == bool(result.values or result.remarks)
    assert result == gather(asked, list(answers), language)


@given(ANSWERED, LANGUAGE)
def test_one_more_answer_never_changes_earlier_remarks(conversation: Conversation, language: str) -> None:
    asked, answers = SURVEYS[conversation[0]], conversation[1]
    remarks = gather(asked, answers, language).remarks
    for length in range(len(answers)):
        earlier = gather(asked, answers[:length], language).remarks
        assert remarks[: len(earlier)] == earlier


@given(REPLIED, LANGUAGE)
@example(("closing", [Given(Channel.SMS, "4"), Given(Channel.SMS, "3")]), "fi")
@example(("closing", [Given(Channel.SMS, "4"), Given(Channel.SMS, "3 laptops", asked="service")]), "fi")
@example(("words", [Given(Channel.SMS, "Hei"), Given(Channel.SMS, "x", asked="comment")]), "fi")
def test_every_reply_is_an_answer_or_a_remark(conversation: Conversation, language: str) -> None:
    """What a reading leaves out of its comment is no own word: `test_any_text_is_read_and_no_word_of_it_is_lost`."""
    asked, answers = SURVEYS[conversation[0]], conversation[1]
    before = gather(asked, [], language)
    for length, answer in enumerate(answers):
        after = gather(asked, answers[: length + 1], language)
        words, remarks = without_wishes(answer.text), {remark for _, remark in after.remarks}
        repeated = length > 0 and answers[length - 1].text.strip() == answer.text.strip()
        assert is_blank(words) or words in remarks or repeated or is_answer(asked, answer, before, after, language)
        for id_, value in before.values.items():
            assert not own_words(value) or asked.questions[id_].kind == "choice" or after.values[id_] == value
        before = after


def is_answer(asked: Survey, answer: Given, before: Gathered, after: Gathered, language: str) -> bool:
    """Whether a text is the answer that a question has now, and the rest of it a remark."""
    for id_, value in after.values.items():
        reading = read(answer.text, asked.questions[id_], language)
        if reading.value == value and (reading.comment is None or (id_, reading.comment) in after.remarks):
            return True
        if reading.value == value and reading.comment in {remark for _, remark in before.remarks}:
            return True
    return False


@given(REPLIED, LANGUAGE)
def test_nobody_is_asked_on_after_a_wish_to_stop(conversation: Conversation, language: str) -> None:
    asked, answers = SURVEYS[conversation[0]], conversation[1]
    if any(wishes(answer.text) is Wish.STOP for answer in answers):
        assert gather(asked, answers, language).next is None


@given(TAKEN_BACK)
def test_withdrawing_leaves_only_what_is_said_after_it(answers: list[Given]) -> None:
    last = max((place for place, answer in enumerate(answers) if answer.withdraws), default=None)
    if last is not None:
        result, later = gather(SURVEYS["closing"], answers), gather(SURVEYS["closing"], answers[last:])
        assert result == later
        assert result.withdrawn is not result.said_anything


def test_a_long_conversation_is_gathered_at_once() -> None:
    answers = [Given(Channel.SMS, f"{number} " + "ei toimi. " * 1_000) for number in range(20)]
    started = time.process_time()
    result = gather(SURVEYS["closing"], answers, "fi")
    assert time.process_time() - started < 0.5
    assert len(result.remarks) + len(result.values) >= len(answers)
