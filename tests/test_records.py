"""Records hold nothing that a database or a reader of JSON refuses, wherever it comes from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub import Customer, Ticket

TEXT = st.text(st.characters(codec="utf-8", categories=None) | st.sampled_from("\0\ud800\udfff"), max_size=20)


def ticket(**values: Any) -> Ticket:
    given = {"id": "1", "key": "A-1", "closure_key": "1", "closed_at": datetime(2026, 3, 1, tzinfo=UTC)}
    return Ticket(**{**given, **values})


@given(TEXT, st.dictionaries(TEXT, TEXT | st.tuples(TEXT, TEXT)))
def test_text_that_cannot_be_stored_is_replaced_wherever_it_stands(text: str, fields: dict[str, Any]) -> None:
    """In the record itself, in its lists and names, and in the record of the customer."""
    made = ticket(subject=text, fields=fields, customer=Customer(name=text))
    stored = made.model_dump_json()  # refuses half surrogate pairs
    assert r"\u0000" not in stored.replace(r"\\", "")
    assert Ticket.model_validate_json(stored) == made


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_text_that_can_be_stored_stays_as_it_is(text: str) -> None:
    """Whatever the language."""
    made = ticket(subject=text, fields={text: (text,)})
    assert (made.subject, made.fields) == (text, {text: (text,)})


def test_nul_in_json_is_replaced() -> None:
    """As the escape that JSON has for it."""
    record = json.loads(ticket().model_dump_json()) | {"subject": "a\0b", "customer": {"name": "\0"}}
    read = Ticket.model_validate_json(json.dumps(record))
    assert (read.subject, read.customer.name) == ("a\N{REPLACEMENT CHARACTER}b", "\N{REPLACEMENT CHARACTER}")


@pytest.mark.parametrize("wrong", ["text", ["a"], None, 5])
def test_what_is_no_record_is_refused(wrong: Any) -> None:
    """With pydantic's own error."""
    with pytest.raises(ValidationError):
        Ticket.model_validate(wrong)
