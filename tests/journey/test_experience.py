"""What becomes of answers: the record of an experience, its items, and when there is a new revision of it. No store."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.api.records import Channel, Experience, Item, ItemKind, Milestone, QuestionKind, Ticket
from hub.journey.experience import build, next_revision
from hub.journey.heard import OPERATOR, Heard, gather_rows
from hub.journey.items import correction, suggest
from hub.survey.model import Survey
from tests.survey.asked import built_in, question, survey

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
CLOSING = built_in("closing")
WIDE = survey(
    "service", "solved", "factors", "lost_time", "three", "comment", "channel",
    nps=question("nps"), pain=question("rating", minimum=0, maximum=4, better="lower"),
)  # fmt: skip


def answer(text: str = "", channel: Channel = Channel.SMS, **values: Any) -> dict[str, Any]:
    """One row of `answers`."""
    return {
        "id": 1,
        "gateway": "page" if channel is Channel.PAGE else "sms",
        "channel": channel,
        "text": text,
        "rating": None,
        "question": None,
        "given": None,
        "withdraws": False,
        "matched_by": "token",
        "received_at": NOW,
        "stored_at": NOW,
        **values,
    }


def page(values: dict[str, Any], text: str = "", **others: Any) -> dict[str, Any]:
    """What a page submitted."""
    return answer(text, Channel.PAGE, given=json.dumps(values), **others)


def heard(*rows: dict[str, Any], asked: Survey = CLOSING, **values: Any) -> Heard:
    """Everything that was answered to one invitation."""
    ticket = Ticket(id="7", key="T-7", closure_key="1", closed_at=NOW, subject="Printer", agent="Anna")
    invitation = {
        "id": 1,
        "ticket": ticket.model_dump_json(),
        "source": "desk",
        "milestone": "closed",
        "language": "fi",
        "sent_at": NOW - timedelta(hours=1),
        "delivered_at": None,
        "answered_at": NOW,
        **values,
    }
    return Heard(invitation, asked, rows, gather_rows(asked, rows, invitation["language"]), ())


def record(*rows: dict[str, Any], **values: Any) -> Experience:
    """The record of these answers."""
    made = build(heard(*rows, **values), "x1", 1)
    assert made is not None
    return made


def test_each_value_stands_in_the_record_as_what_it_is() -> None:
    made = record(
        page({
            "service": 2, "solved": 0, "factors": ["slow", "process_no"], "lost_time": 90,
            "three": {"problem": "Tulostin ei toimi", "feedback": "Olisi kiva saada viesti"}, "comment": "Kiitos!",
            "channel": "phone", "nps": 9, "pain": 1,
        }),
        asked=WIDE,
    )  # fmt: skip
    scores = {score.question: (score.kind, score.value, score.normalised) for score in made.scores}
    assert scores == {
        "service": (QuestionKind.RATING, 2, 0.25),
        "solved": (QuestionKind.YES_NO, 0, 0),
        "nps": (QuestionKind.NPS, 9, 0.9),
        "pain": (QuestionKind.RATING, 1, 0.75),
    }
    choices = {choice.question: (choice.options, choice.process) for choice in made.choices}
    assert choices == {"factors": (("slow", "process_no"), True), "channel": (("phone",), False)}
    assert made.lost_minutes == 90
    assert made.comment == "Tulostin ei toimi\nOlisi kiva saada viesti\nKiitos!"
    assert [(item.kind, item.by, item.question) for item in made.items] == [
        (ItemKind.PROBLEM_FAULT, "rule", "three"),
        (ItemKind.WISH, "rule", "three"),
        (ItemKind.COMMENT, "rule", "comment"),
    ]
    assert (made.survey, made.survey_version, made.place, made.milestone) == ("test", "1", None, Milestone.CLOSED)


def test_a_number_read_from_words_is_marked_as_such() -> None:
    made = record(answer("ihan ok"))
    assert [(score.value, score.approximate) for score in made.scores] == [(3, True)]
    assert made.comment == "ihan ok"


def test_a_page_of_the_version_before_answers_the_first_question() -> None:
    made = record(answer("slow", Channel.PAGE, rating=2))
    assert [(score.question, score.value) for score in made.scores] == [("service", 2)]
    assert made.comment == "slow"


def test_an_answer_at_a_service_point_names_the_place() -> None:
    assert record(page({"service": 5}), source="places.lobby").place == "lobby"


def test_nobody_answers_before_being_asked() -> None:
    made = record(answer("5", received_at=NOW - timedelta(hours=2)))
    assert made.answered_at == made.asked_at == NOW - timedelta(hours=1)


def test_delivery_is_told_where_the_gateway_told_it_and_not_where_only_the_answer_proves_it() -> None:
    arrived = NOW - timedelta(minutes=50)
    assert record(answer("5"), delivered_at=arrived).delivered_at == arrived
    assert record(answer("5"), answer("4"), delivered_at=NOW, answered_at=NOW).delivered_at is None


def test_nothing_said_gives_no_record() -> None:
    assert build(heard(answer("stop")), "x1", 1) is None


def _revisions(*steps: Sequence[dict[str, Any]]) -> list[Experience]:
    """The records that come of answers, seen after each step."""
    rows: list[dict[str, Any]] = []
    made: list[Experience] = []
    for step in steps:
        rows += step
        if one := next_revision(heard(*rows), made[-1] if made else None):
            made.append(one)
    return made


def test_a_withdrawn_answer_gives_a_revision_that_says_nothing_else() -> None:
    first, last = _revisions([answer("1 surkeaa")], [page({}, withdraws=True)])
    assert (first.revision, last.revision, last.id) == (1, 2, first.id)
    assert last.withdrawn
    assert (last.scores, last.choices, last.comment, last.items, last.remarks) == ((), (), None, (), ())


def test_an_answer_after_a_withdrawal_counts_again() -> None:
    *_, last = _revisions([answer("1 surkeaa")], [page({}, withdraws=True)], [page({"service": 4})])
    assert (last.revision, last.withdrawn, last.scores[0].value, last.comment) == (3, False, 4, None)


def test_what_was_withdrawn_before_anybody_saw_it_leaves_no_record() -> None:
    assert _revisions([answer("1"), page({}, withdraws=True)]) == []


@pytest.mark.parametrize("again", [[answer("4")], [page({"service": 4})], [page({})], [answer("stop")]])
def test_what_says_nothing_new_gives_no_revision(again: list[dict[str, Any]]) -> None:
    assert len(_revisions([answer("4")], again)) == 1


def _corrected(item: Item, kind: ItemKind) -> dict[str, Any]:
    return answer("", gateway=OPERATOR, given=json.dumps(correction(item, kind)))


def test_a_person_corrects_what_kind_an_item_is() -> None:
    (first,) = _revisions([answer("1 surkeaa")])
    _, last = _revisions([answer("1 surkeaa")], [_corrected(first.items[0], ItemKind.IDEA)])
    assert [(item.kind, item.by) for item in first.items] == [(ItemKind.COMPLAINT, "rule")]
    assert [(item.kind, item.by) for item in last.items] == [(ItemKind.IDEA, "person")]
    assert (last.revision, last.comment, last.answered_at) == (2, first.comment, first.answered_at)


def test_who_is_asked_what_to_order_says_the_kind() -> None:
    made = record(page({"three": {"service": "Uusi näyttö"}}))
    assert [(item.kind, item.by, item.text) for item in made.items] == [(ItemKind.SERVICE, "customer", "Uusi näyttö")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Tulostin ei vieläkään toimi", ItemKind.PROBLEM_FAULT),
        ("Skrivaren fungerar fortfarande inte", ItemKind.PROBLEM_FAULT),
        ("It still doesn't work", ItemKind.PROBLEM_FAULT),
        ("En osaa käyttää tätä", ItemKind.PROBLEM_CUSTOMER),
        ("Hur gör jag för att logga in?", ItemKind.PROBLEM_CUSTOMER),
        ("How do I log in?", ItemKind.PROBLEM_CUSTOMER),
        ("Haluaisin tilata näytön", ItemKind.SERVICE),
        ("Jag vill beställa en skärm", ItemKind.SERVICE),
        ("I would like to order a screen", ItemKind.SERVICE),
        ("Ehdotan, että portaali muistaa minut", ItemKind.IDEA),
        ("Toivoisin nopeampaa vastausta", ItemKind.WISH),
        ("Kesti kolme viikkoa", ItemKind.COMPLAINT),
        ("Det tog för lång tid", ItemKind.COMPLAINT),
        ("Kiitos nopeasta avusta", ItemKind.PRAISE),
        ("Tack för snabb hjälp", ItemKind.PRAISE),
        ("My badge is brand", ItemKind.COMMENT),
        ("", ItemKind.COMMENT),
    ],
)
def test_words_suggest_a_kind(text: str, kind: ItemKind) -> None:
    assert suggest(text) is kind


def test_words_at_odds_with_the_score_are_a_comment() -> None:
    assert suggest("Kiitos vaan", ItemKind.COMPLAINT) is ItemKind.COMMENT
    assert suggest("Kesti hetken", ItemKind.PRAISE) is ItemKind.COMMENT


def test_nothing_to_say_is_no_praise_whatever_the_score() -> None:
    assert suggest("Ei muuta, kiitos", ItemKind.PRAISE) is ItemKind.PRAISE, "it says thanks"
    assert suggest("Ei muuta", ItemKind.PRAISE) is suggest("nothing", ItemKind.COMPLAINT) is ItemKind.COMMENT


def test_words_that_came_late_do_not_take_the_tone_of_the_old_score() -> None:
    late = answer("Nyt on toisin", id=2, matched_by="sender, after it expired")
    made = record(answer("1 Missä viipyy"), late)
    assert [(item.text, item.kind) for item in made.items] == [
        ("Missä viipyy", ItemKind.COMPLAINT),
        ("Nyt on toisin", ItemKind.COMMENT),
    ]


_words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30)
"""As the store has them."""
_text = _words | st.sampled_from(["5 kiitos", "1", "👍 hyvä", "tarkoitin 5", "ok\nja silti"])
_page = st.fixed_dictionaries(
    {},
    optional={
        "service": st.integers(1, 5),
        "comment": st.just("") | _words,
        "three": st.dictionaries(st.sampled_from(["service", "problem", "feedback"]), _words),
    },
)
_rows = st.lists(
    st.builds(answer, _text)
    | st.builds(answer, _text, st.just(Channel.EMAIL))
    | st.builds(page, _page)
    | st.builds(lambda: page({}, withdraws=True)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=50)
@given(_rows)
def test_words_are_untouched_and_none_is_missing(rows: list[dict[str, Any]]) -> None:
    made = build(heard(*rows), "x1", 1)
    if made is None:
        return
    texts = [row["text"] for row in rows] + [row["given"] and json.loads(row["given"]) for row in rows]
    assert made.comment == ("\n".join(remark.text for remark in made.remarks) or None)
    assert [item.text for item in made.items] == [remark.text for remark in made.remarks]
    for remark in made.remarks:
        assert any(remark.text in said for said in _flat(texts))
    gathered = heard(*rows).gathered
    written = {text for _, text in gathered.remarks} | set(_flat([gathered.values.get("comment", "")]))
    written |= set(_flat([gathered.values.get("three", {})]))
    assert {text for text in written if text} == {remark.text for remark in made.remarks}
    assert Experience.model_validate_json(made.model_dump_json()) == made
    assert next_revision(heard(*rows), made) is None


def _flat(values: Sequence[Any]) -> list[str]:
    found: list[str] = []
    for value in values:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            found += _flat(list(value.values()))
    return found
