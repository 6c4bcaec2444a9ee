"""What an answer looks like on the instance."""

from __future__ import annotations

from typing import Any

from hub_servicenow import results
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import Choice, Item, ItemKind, QuestionKind, Score

NAMES = {"rating": "u_csat", "nps": "u_nps", "comment": "u_xm_comment", "response": "u_xm_response_id"}
PIECES = st.sampled_from(["[code]", "[/CODE]", "[Code]", "[[code]code]", "@[", "@@[[", "<b>", "\n", "ä", " ", "code]"])


def test_the_first_score_is_the_rating_and_others_go_by_name(answer: Any) -> None:
    scores = (
        Score(question="csat", value=4, minimum=1, maximum=5),
        Score(question="nps", value=9.5, minimum=0, maximum=10),
    )
    assert results.columns(answer("t", scores=scores), NAMES) == {
        "u_csat": "4",
        "u_nps": "9.5",
        "u_xm_comment": "Kiitos, Åsa!",
        "u_xm_response_id": "x991.1",
    }


def test_a_question_by_that_name_is_the_rating(answer: Any) -> None:
    scores = (
        Score(question="nps", value=9, minimum=0, maximum=10),
        Score(question="rating", value=2, minimum=1, maximum=5),
    )
    assert results.columns(answer("t", scores=scores), NAMES)["u_csat"] == "2"


def test_without_scores_no_column_of_a_score_is_touched(answer: Any) -> None:
    assert set(results.columns(answer("t", scores=()), NAMES)) == {"u_xm_comment", "u_xm_response_id"}
    assert "a comment" in results.note(answer("t", scores=()))


def test_a_note_tells_everything_that_was_answered(answer: Any) -> None:
    items = (Item(kind=ItemKind.IDEA, text="Call [code]first[/code]", question="three"),)
    solved = Score(question="solved", kind=QuestionKind.YES_NO, value=1, minimum=0, maximum=1)
    choices = (Choice(question="factors", options=("slow", "process_no"), process=True),)
    note = results.note(answer("t", scores=(solved,), items=items, choices=choices, lost_minutes=60))
    first, *said, _ = note.splitlines()
    assert first.endswith(": solved yes")
    assert said == [
        "factors: slow, process_no (the process stood in the way)",
        "Work time lost: 1 h",
        "Idea (suggested): Call [ code]first[ /code]",
    ]


def test_what_was_withdrawn_is_emptied(answer: Any) -> None:
    gone = answer("t", revision=2, scores=(), comment=None, withdrawn=True)
    assert results.columns(gone, NAMES | {"lost_minutes": "u_lost"}) == {
        "u_csat": "", "u_nps": "", "u_xm_comment": "", "u_lost": "", "u_xm_response_id": "x991.2",
    }  # fmt: skip
    assert results.note(gone).splitlines()[0].endswith(": withdrawn by the customer")


def test_choices_and_lost_time_go_by_name(answer: Any) -> None:
    item = answer("t", choices=(Choice(question="factors", options=("slow", "rude")),), lost_minutes=15)
    columns = results.columns(item, {"factors": "u_factors", "lost_minutes": "u_lost"})
    assert columns == {"u_factors": "slow, rude", "u_lost": "15"}


def test_a_reference_leaves_nothing_that_a_query_would_read(answer: Any) -> None:
    assert results.reference(answer("t", id="a^b,c=d e")) == "a-b-c-d-e.1"


@given(comment=st.lists(PIECES | st.text(max_size=20), max_size=20).map("".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_comment_becomes_markup_or_mentions_anybody(answer: Any, comment: str) -> None:
    """What stands between [code] tags is drawn as HTML; @[...] tells whoever is named."""
    note = results.note(answer("t", comment=comment)).lower()
    assert "[code]" not in note
    assert "[/code]" not in note
    assert "@[" not in note


@given(length=st.integers(0, 9000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_note_fits_begins_with_its_marker_and_tells_of_a_cut(answer: Any, length: int) -> None:
    item = answer("t", comment="x" * length)
    note = results.note(item)
    assert len(note) <= results.NOTE_LENGTH
    assert note.startswith(results.marker(item))
    assert ("x" * length in note) != ("(cut; the hub has all of it)" in note)


def test_what_the_instance_changed_is_told_from_what_it_wrote_differently() -> None:
    sent = {"u_csat": "4", "u_nps": "9", "u_xm_comment": "one\ntwo ", "u_xm_response_id": "x.1", "u_text": "abc"}
    stored = {"u_csat": "4.00", "u_nps": "", "u_xm_comment": "one\r\ntwo", "u_xm_response_id": "x.1", "u_text": "ab"}
    assert results.ignored(sent, stored) == ["u_nps was ignored", "u_text was cut to 2 characters"]
