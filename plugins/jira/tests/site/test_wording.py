"""Comments: the customer's words can neither format, nor link, nor mention; the reference is found again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hub_jira import wording
from hypothesis import given
from hypothesis import strategies as st
from sandbox.jira.documents import as_text, is_document

from hub import Channel, Choice, Experience, Item, ItemKind, QuestionKind, Score, TicketSnapshot
from hub.testing.clock import START

ACTIVE = re.compile(
    r"""
      (?<!\\)[{}\[\]|!]                                  # macros, links and mentions, tables, images
    | (?:^|(?<=[\s.,:;("']))[*_+^~-](?=\S)               # emphasis that begins at a word
    | (?m:^)[ ]*(\#|[*-]\s|h[1-6]\.|bq\.)                # lists, headings, quotations
    | (?<!\\)\?\?
    | (?<!\\):(?=[^\s0-9]) | (?<![0-9\\]):(?=\S)       # addresses and smileys
    | (?<=\S)(?<!\\)@(?=\S) | (?i:www\.)               # addresses without a colon
    | (?<!\\);-?\) | (?<!\\)\((?i:[nyix/?!*+-]|\*[rgby]|on|off|flag|flagoff)\)
    """,
    re.VERBOSE,
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=80) | st.text(
    "{}[]|!*_+^~-?#h1.bq:;/\\ \n\r()@&%xyw9", max_size=60
)


def item(comment: str | None = None, *, uid: str = "0b5e77a2-1", revision: int = 1, scores: Any = ()) -> Experience:
    snapshot = TicketSnapshot(source="acme", id="1", key="DEV-1", closure_key="1", closed_at=START)
    return Experience(
        id=uid, revision=revision, ticket=snapshot, survey="closing", survey_version="1", channel=Channel.EMAIL,
        language="en", scores=scores, comment=comment, answered_at=START,
    )  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        "[~accountid:5b10ac8d82e05b22cc7d4ef5]", "[~fred]", "[click|https://evil.example]", "{color:red}red{color}",
        "\\{code}x\\{code}", "\\[~fred]", "!https://evil.example/x.png!", "*bold* _it_ -gone- +ins+ ^up^ ~down~",
        "h1. Loud", "  h2. Loud", "bq. quoted", "# one\n# two", "* one\n** two", "- one\n-- two", "----", "||a||b||",
        "??cite??", "see https://evil.example/?a=b", "mailto:x@evil.example",
        "h323://evil.example/x", "0://evil.example", "call fred@evil.example", "www.evil.example", ":) ;) ;-) :P 5:)",
        "(y) (n) (i) (/) (x) (!) (?) (+) (-) (*) (*r) (on) (off) (flag) (flagoff)", "{quote}\nRef 0b5e77a2-1.1",
    ],
)  # fmt: skip
def test_markup_in_the_customers_words_is_inert(words: str) -> None:
    assert not ACTIVE.search(wording.escape(wording.clean(words)))


@given(TEXTS)
def test_escaping_leaves_nothing_active_and_loses_nothing(words: str) -> None:
    cleaned = wording.clean(words)
    escaped = wording.escape(cleaned)
    assert not ACTIVE.search(escaped)
    shown = re.sub(r"\\(.)", r"\1", escaped)
    assert "".join(shown.split()) == "".join(cleaned.replace("\\", "＼").split())


@pytest.mark.parametrize(
    "words", ["wi-fi at 10:30", "What? Really?", "snake_case ok", "R&D costs 5 * 3", "Åsa (IT)", "meet @ 9; yes"]
)
def test_ordinary_words_stay_readable(words: str) -> None:
    assert wording.escape(words).replace("\\", "") == words
    assert wording.escape(words).count("\\") <= 1


def test_family_emoji_stay_whole_and_control_characters_go() -> None:
    assert wording.clean("\t👨‍👩‍👧 ok\x07\u202e!\r\n\x00") == "👨‍👩‍👧 ok  !"


@given(TEXTS)
def test_a_document_is_one_that_jira_takes(words: str) -> None:
    document = wording.as_document(asked := item(words))
    assert is_document(document)
    assert "".join(wording.clean(asked.comment or "").split()) in "".join(as_text(document).split())


@given(TEXTS, st.text(max_size=40), st.integers(1, 10**6))
def test_a_comment_is_recognised_in_both_forms(words: str, identity: str, revision: int) -> None:
    mine = item(words, uid=identity, revision=revision)
    other = item(words, uid=identity, revision=revision + 1)
    for body in (wording.as_document(mine), wording.as_wiki(mine), wording.as_wiki(mine).replace("\n", "\r\n")):
        assert wording.is_of(body, mine)
        assert not wording.is_of(body, other)


def test_a_customer_cannot_forge_the_reference_of_another_comment() -> None:
    forger = item("Ref 0b5e77a2-2.1\nRef 0b5e77a2-2.1", uid="0b5e77a2-1")
    for body in (wording.as_document(forger), wording.as_wiki(forger)):
        assert not wording.is_of(body, item(uid="0b5e77a2-2"))


def test_strange_ids_get_references_of_their_own() -> None:
    references = [wording.reference(item(uid=identity)) for identity in ("a b", "a_b", "a--b", "a-b", "[~x]", "")]
    assert len(set(references)) == 6
    assert all(re.fullmatch(r"Ref [A-Za-z0-9-]+\.1", reference) for reference in references)


def test_the_headline_names_every_score_with_its_scale() -> None:
    scores = (
        Score(question="csat", value=4, minimum=1, maximum=5),
        Score(question="ces", value=2.5, minimum=1, maximum=7, higher_is_better=False),
    )
    assert as_text(wording.as_document(item(scores=scores))) == (
        "Customer survey: CSAT 4 on a scale of 1 to 5, CES 2.5 on a scale of 1 to 7, lower is better "
        "(email, 2026-03-02 09.00 UTC)\n\nRef 0b5e77a2-1.1"
    )
    assert as_text(wording.as_document(item("hm"))).startswith("Customer survey: no rating (email, ")


def rich(**changes: Any) -> Experience:
    scores = (
        Score(question="service", value=3, minimum=1, maximum=5, approximate=True),
        Score(question="solved", kind=QuestionKind.YES_NO, value=0, minimum=0, maximum=1),
    )
    items = (
        Item(kind=ItemKind.PROBLEM_FAULT, text="It [still] fails", question="three"),
        Item(kind=ItemKind.WISH, text="Call first", question="three", by="person"),
    )
    return item("It [still] fails\nCall first", scores=scores).model_copy(
        update={"items": items, "lost_minutes": 75, "choices": (Choice(question="factors", options=("slow",)),)}
        | changes
    )


def test_everything_that_was_answered_is_in_the_comment() -> None:
    assert as_text(wording.as_document(rich())).split("\n\n") == [
        "Customer survey: SERVICE about 3 on a scale of 1 to 5, SOLVED no (email, 2026-03-02 09.00 UTC)",
        "factors: slow\nWork time lost: 1 h 15 min",
        "Problem, something is broken (suggested)",
        "It [still] fails",
        "Wish",
        "Call first",
        "Ref 0b5e77a2-1.1",
    ]
    wiki = wording.as_wiki(rich())
    assert "{quote}\nIt \\[still\\] fails\n{quote}" in wiki
    assert not ACTIVE.search(wiki.replace("{quote}", ""))


def test_a_withdrawn_answer_says_so_and_nothing_else() -> None:
    gone = rich(withdrawn=True, scores=(), choices=(), items=(), lost_minutes=None, comment=None)
    assert as_text(wording.as_document(gone)) == (
        "Customer survey: the customer withdrew the answer (email, 2026-03-02 09.00 UTC)\n\nRef 0b5e77a2-1.1"
    )


def test_many_things_fit_into_a_comment() -> None:
    for one, number in (("*" * 100, 1000), ("[" * 11_000, 2), ("x", 500)):
        items = tuple(Item(kind=ItemKind.IDEA, text=one, question="three") for _ in range(number))
        assert len(wording.as_wiki(rich(items=items, comment="\n".join(one for _ in items)))) < 32_767


def test_very_long_words_fit_into_a_comment() -> None:
    for words in ("*" * 100_000, "\n" * 99_999 + "x", "🙂" * 100_000):
        assert len(wording.as_wiki(item(words))) < 32_767


@given(st.recursive(st.none() | st.integers() | st.text(max_size=9), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["type", "text", "content", "attrs"]), inner)))  # fmt: skip
def test_any_body_can_be_looked_at(body: Any) -> None:
    assert isinstance(wording.text_of(body), str)
    assert not wording.is_of(body, item())


def test_a_deep_document_is_read_without_recursion() -> None:
    document: Any = {"type": "text", "text": "deep"}
    for _ in range(5_000):
        document = {"type": "blockquote", "content": [document]}
    assert wording.text_of(document).strip() == "deep"
