"""What the last net under the log catches, and what it lets through."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.redact import EMAIL, PHONE, SECRET, Redactor


@pytest.mark.parametrize(
    "phone",
    [
        "+358401234567",
        "+358 40 123 4567",
        "+358 (0)40 123 4567",
        "+358-40-123-4567",
        "+358‑40‑1234567",
        "00358401234567",
        "358401234567",
        "0401234567",
        "040 123 4567",
        "(040) 123-4567",
        "040/1234567",
        "０４０１２３４５６７",
        "+1 415 555 2671",
        "(415) 555-2671",
        "415-555-2671",
    ],
)
def test_masks_phone_numbers_as_people_and_gateways_write_them(phone: str) -> None:
    assert Redactor().text(f"to {phone}, failed") == f"to {PHONE}, failed"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T17:08:00.123456+00:00",
        "2026-01-02 03:04:05",
        "01.02.2026 10:00-12:00",
        "550e8400-e29b-41d4-a716-446655440000",
        "127.0.0.1:8080 and 0.0.0.0:8080",
        "INC0010001 JSM-10001 #123456",
        "answered 503 after 0.123456789 s",
        "1.234567890123",
        "20 000 000 bytes",
        "<object at 0x7f1af9910350>",
        "httpx 0.28.1, Python 3.11.7",
        "gateways.sms",
    ],
)
def test_leaves_alone_what_operators_need(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("from Anna <anna.b+c@example.test>", f"from Anna <{EMAIL}>"),
        ("to=anna%40example.test&x=1", f"to={EMAIL}&x=1"),
        ("rcpt:äiti@esimerkki.test.", f"rcpt:{EMAIL}"),
        ("to=%2B358401234567&x=1", f"to={PHONE}&x=1"),
    ],
)
def test_masks_inside_headers_and_urls(text: str, masked: str) -> None:
    assert Redactor().text(text) == masked


def test_masks_a_secret_as_written_in_urls_and_json() -> None:
    secret = 'pä/s "w&rd'
    redactor = Redactor([secret])
    forms = [secret, "p%C3%A4/s%20%22w%26rd", "p%C3%A4%2Fs+%22w%26rd", json.dumps(secret)[1:-1]]
    assert [redactor.text(form) for form in forms] == [SECRET] * 4


def test_masks_the_longer_of_two_secrets_whole() -> None:
    assert Redactor(["hunter", "hunter2"]).text("hunter2 hunter") == f"{SECRET} {SECRET}"


def test_leaves_a_very_short_secret_alone() -> None:
    assert Redactor(["a", ""]).text("a banana") == "a banana"


def test_reads_whatever_is_in_an_event() -> None:
    class Odd:
        def __str__(self) -> str:
            return "odd hunter2"

    event = {
        "event": "mail.sent",
        "count": 3,
        "ok": True,
        "none": None,
        "nested": {"to": ["a@example.test", ("b@example.test", {"+358401234567": b"hunter2"})]},
        "error": ValueError("no hunter2"),
        "path": Path("/run/hunter2"),
        "odd": Odd(),
    }
    assert Redactor(["hunter2"])(None, "info", event) == {
        "event": "mail.sent",
        "count": 3,
        "ok": True,
        "none": None,
        "nested": {"to": [EMAIL, [EMAIL, {PHONE: SECRET}]]},
        "error": f"no {SECRET}",
        "path": f"/run/{SECRET}",
        "odd": f"odd {SECRET}",
    }


def _wrapped(leaf: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    around = st.text("abc xyz:<\"'", max_size=5)
    text = st.builds(lambda before, value, after: f"{before} {value} {after}", around, leaf, around)
    values = text | text.map(str.encode) | text.map(ValueError)
    return st.recursive(
        values,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | inner.map(lambda value: (value,))
            | st.dictionaries(st.text("abc", max_size=3), inner, min_size=1, max_size=3)
        ),
        max_leaves=5,
    )


def _shown(redactor: Redactor, value: object) -> str:
    def texts(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            part = list(part.values())
        for each in part if isinstance(part, list) else [part]:
            yield from [each] if isinstance(each, str) else texts(each)

    return "\n".join(texts(redactor(None, "info", {"value": value})["value"]))


@given(data=st.data(), secret=st.text(min_size=4, max_size=30))
def test_no_secret_gets_through_however_deep(data: st.DataObject, secret: str) -> None:
    shown = _shown(Redactor([secret]), data.draw(_wrapped(st.just(secret))))
    assert secret not in shown.replace(SECRET, "")


@given(data=st.data(), email=st.emails().filter(lambda email: email.split("@")[0][-1].isalnum()))
def test_no_address_gets_through_however_deep(data: st.DataObject, email: str) -> None:
    shown = _shown(Redactor(), data.draw(_wrapped(st.just(email))))
    assert EMAIL in shown
    assert email not in shown


@given(
    data=st.data(),
    prefix=st.sampled_from(["+", "00", "0"]),
    first=st.integers(1, 9),
    groups=st.lists(st.from_regex(r"[0-9]{2,4}", fullmatch=True), min_size=3, max_size=3),
    separator=st.sampled_from(["", " ", "-", "\u00a0"]),
)
def test_no_phone_number_gets_through_however_deep(
    data: st.DataObject, prefix: str, first: int, groups: list[str], separator: str
) -> None:
    phone = f"{prefix}{first}{separator.join(groups)}"
    shown = _shown(Redactor(), data.draw(_wrapped(st.just(phone))))
    assert PHONE in shown
    assert phone not in shown
    assert not any(character.isdigit() for character in shown)


@given(st.text())
def test_any_text_can_be_masked(text: str) -> None:
    Redactor(["hunter2"]).text(text)


def test_a_long_line_is_masked_quickly() -> None:
    line = "x" * 200_000 + ":" + "1-" * 100_000
    assert Redactor(["hunter2"]).text(line) == line
