"""Who is named in a header, and who wrote a mail: names, quotes and comments never pass for addresses."""

from __future__ import annotations

import time

import pytest
from hub_email.headers import read_fields
from hub_email.people import author, people
from hypothesis import given
from hypothesis import strategies as st

PEKKA = "pekka@firma.fi"
OTHER = "other@x.fi"


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        (f"Pekka Virtanen <{PEKKA}>", [PEKKA]),
        (PEKKA, [PEKKA]),
        (f"{PEKKA} (Virtanen, Pekka)", [PEKKA]),
        (f'"Virtanen, Pekka" <{PEKKA}>', [PEKKA]),
        (f"Virtanen, Pekka <{PEKKA}>", [PEKKA]),
        (f"{PEKKA}, Other <{OTHER}>", [PEKKA, OTHER]),
        (f"Desk: {PEKKA}, <{OTHER}>;", [PEKKA, OTHER]),
        (f"{PEKKA} <{OTHER}>", [OTHER]),
        (f'"{PEKKA}" <{OTHER}>', [OTHER]),
        (f'"{PEKKA} <{PEKKA}>" <{OTHER}>', [OTHER]),
        (f"({PEKKA}) {OTHER}", [OTHER]),
        (f"(<{PEKKA}>, x) {OTHER}", [OTHER]),
        (f"=?utf-8?q?pekka=40firma=2Efi?= <{OTHER}>", [OTHER]),
        (f"=?utf-8?b?cGVra2FAZmlybWEuZmkgPHBla2thQGZpcm1hLmZpPiw=?= <{OTHER}>", [OTHER]),
        (f"{PEKKA}\0<{OTHER}>", [OTHER]),
        (f"{PEKKA}]<{OTHER}>", [OTHER]),
        (f"Pekka [mailto:{PEKKA}] <{OTHER}>", [OTHER]),
        (f"<@relay.x.fi:{PEKKA}>", [PEKKA]),
        (f"Pekka :( <{PEKKA}>", [PEKKA]),
        (f'Pekka "Pena <{PEKKA}>', [PEKKA]),
        ("Pekka@FIRMA.FI", ["Pekka@firma.fi"]),
        (f"{PEKKA}@x.fi", []),
        (f"<{PEKKA}@x.fi>", []),
        ("undisclosed-recipients:;", []),
        ("<>", []),
        ("", []),
    ],
)
def test_addresses_are_what_mail_programs_show_as_such(value: str, addresses: list[str]) -> None:
    assert [person.address for person in people([value])] == addresses


def test_names_are_decoded_and_unquoted() -> None:
    values = [f'"Öhman, =?utf-8?q?P=C3=A4ivi?=" <{PEKKA}>', f"{PEKKA} (Päivi)", PEKKA]
    assert [person.name for person in people(values)] == ["Öhman, Päivi", "Päivi", ""]


@pytest.mark.parametrize(
    ("header", "address"),
    [
        (f"From: {PEKKA}\nSender: {OTHER}\nReply-To: {OTHER}", PEKKA),
        (f"From: {OTHER} <{PEKKA}>", PEKKA),
        (f"From: {PEKKA} <Pekka@Firma.fi>", "Pekka@firma.fi"),
        (f"From: {PEKKA}, Pekka <pekka+work@firma.fi>", PEKKA),
        (f"From: {PEKKA}, {OTHER}\nSender: Other <{OTHER}>", OTHER),
        (f"From: {PEKKA}, {OTHER}", None),
        (f"From: {PEKKA}\nFrom: {OTHER}", None),
        (f"From: {PEKKA}, {OTHER}\nSender: third@x.fi", None),
        (f"Reply-To: {PEKKA}\nSender: {PEKKA}", None),
        ("From: Pekka", None),
    ],
)
def test_the_author_is_the_one_in_from(header: str, address: str | None) -> None:
    found = author(read_fields(header.encode()))
    assert (found and found.address) == address


@given(st.text(st.sampled_from('ab@.<>()",;:\\ \t\n=?ä'), max_size=60))
def test_any_value_is_read_and_gives_whole_addresses_only(value: str) -> None:
    for person in people([value]):
        local, at, domain = person.address.partition("@")
        assert all((local, at, domain))
        assert "@" not in domain


@pytest.mark.parametrize("piece", ["(", '"', "<", ",a@b", "()", "a@b ", '"\\', "<a", "(,", ":"])
def test_hostile_values_take_little_time(piece: str) -> None:
    began = time.perf_counter()
    people([piece * 30_000])
    assert time.perf_counter() - began < 2
