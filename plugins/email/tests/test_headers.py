"""Reading headers, also broken ones."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hub_email.automatic import is_automatic
from hub_email.desk import Desk, Role
from hub_email.headers import (
    bare_subject,
    decode,
    first,
    message_ids,
    own_message_id,
    read_fields,
)
from hub_email.people import people
from hypothesis import given
from hypothesis import strategies as st

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DESK = Desk(["desk@acme.example", "@agents.example"], r"\[#(\d+)\]")


def header(**fields: str) -> bytes:
    return "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items()).encode()


@given(st.binary(max_size=500))
def test_no_header_is_too_broken_to_be_read(raw: bytes) -> None:
    for hostile in (raw, b"From: " + raw, b"Subject: =?utf-8?b?" + raw, b"References: " + raw, b"To: ((" + raw):
        mail = DESK.read(hostile, AT)
        if mail:
            "".join((mail.id, mail.subject, mail.customer, *mail.links)).encode()


@pytest.mark.parametrize("charset", ["unknown-8bit", "x-user-defined", "utf8mb4", "utf-7", "idna", "base64", "rot13"])
def test_an_odd_charset_is_read_as_well_as_can_be(charset: str) -> None:
    assert decode(f"=?{charset}?q?Hei?= maailma").endswith("maailma")


def test_nested_comments_do_not_end_the_stack() -> None:
    assert people(["(" * 5000, "Maija <maija@customer.example>"])[-1].address == "maija@customer.example"


def test_encoded_words_and_raw_utf8_are_decoded_onto_one_line() -> None:
    assert decode("=?utf-8?q?Ty=C3=B6?=\r\n\t jono \x00") == "Työ jono"
    assert decode("Tulostin – rikki") == "Tulostin – rikki"


def test_folded_and_repeated_fields_are_kept() -> None:
    fields = read_fields(b"To: a@x.example,\r\n b@x.example\r\nReceived: one\r\nReceived: two\r\nnonsense\r\n")
    assert first(fields, "to") == "a@x.example, b@x.example"
    assert fields["received"] == ["one", "two"]


def test_only_the_domain_of_an_address_is_put_into_lower_case() -> None:
    [person] = people(['"Öhman, Päivi" <Paivi+Work@Customer.EXAMPLE>'])
    assert (person.name, person.address) == ("Öhman, Päivi", "Paivi+Work@customer.example")
    assert person.identity == "paivi@customer.example"


@pytest.mark.parametrize(
    "subject", ["Re: Printer", "AW: Re: Printer", "VS: [#12] Printer", "RE[2]: Printer", "[closed] Fwd: Printer"]
)
def test_reply_marks_and_tags_are_no_part_of_a_subject(subject: str) -> None:
    assert bare_subject(subject) == "Printer"


def test_a_subject_that_only_begins_like_a_mark_is_kept() -> None:
    assert bare_subject("Reference printers: all broken") == "Reference printers: all broken"


def test_of_too_many_references_the_root_and_the_last_are_kept() -> None:
    ids = message_ids([" ".join(f"<{number}@x>" for number in range(300))])
    assert (len(ids), ids[0], ids[-1]) == (100, "0@x", "299@x")


def test_a_mail_without_id_gets_the_same_one_each_time() -> None:
    one = own_message_id(read_fields(header(From="a@x.example", Subject="Printer", Date="today")))
    other = own_message_id(read_fields(header(From="a@x.example", Subject="Screen", Date="today")))
    assert one == own_message_id(read_fields(header(From="a@x.example", Subject="Printer", Date="today")))
    assert one != other


def test_a_monstrous_id_is_shortened() -> None:
    assert len(own_message_id(read_fields(header(Message_ID=f"<{'x' * 5000}@y>")))) < 120


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied; owner=x"},
        {"Return_Path": "<>"},
        {"Content_Type": "multipart/report; report-type=delivery-status"},
        {"Precedence": "bulk"},
        {"List_Id": "News <news.shop.example>"},
        {"List_Unsubscribe": "<https://shop.example/u>"},
        {"X_Autoreply": "yes"},
        {"From": "MAILER-DAEMON@customer.example"},
        {"From": "no-reply@shop.example"},
    ],
    ids=str,
)
def test_machine_mail_is_recognised(fields: dict[str, str]) -> None:
    mail = DESK.read(header(**({"From": "maija@customer.example"} | fields)), AT)
    assert mail is not None
    assert mail.role is Role.MACHINE


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "no"},
        {"X_Auto_Response_Suppress": "All"},
        {"List_Id": "<desk.acme.example>", "Precedence": "list"},
        {"From": "noreply@forms.example", "Reply_To": "maija@customer.example"},
        {"From": "'Maija' via Desk <desk@acme.example>", "X_Original_From": "Maija <maija@customer.example>"},
    ],
    ids=str,
)
def test_a_person_is_not_taken_for_a_machine(fields: dict[str, str]) -> None:
    mail = DESK.read(header(**({"From": "maija@customer.example"} | fields)), AT)
    assert mail is not None
    assert (mail.role, mail.customer) == (Role.CUSTOMER, "maija@customer.example")


def test_from_beats_reply_to() -> None:
    mail = DESK.read(header(From="maija@customer.example", Reply_To="boss@customer.example"), AT)
    assert mail is not None
    assert mail.customer == "maija@customer.example"


@pytest.mark.parametrize("sender", ["desk@acme.example", "Desk <DESK+17@acme.example>", "anna@agents.example"])
def test_the_desk_is_known_by_address_tag_and_domain(sender: str) -> None:
    mail = DESK.read(header(From=sender, To="Maija <Maija@customer.example>"), AT)
    assert mail is not None
    assert (mail.role, mail.customer) == (Role.DESK, "maija@customer.example")


@pytest.mark.parametrize(
    "fields",
    [
        {"X_XM_Survey": "1"},
        {"X_XM_Response_Id": "rsp-1.1"},
        {"In_Reply_To": "<abcdefghij234567abcd@acme.example>"},
        {"To": "survey+abcdefghij234567abcd@acme.example"},
    ],
    ids=str,
)
def test_the_hubs_own_mail_and_its_answers_are_not_the_desks(fields: dict[str, str]) -> None:
    assert DESK.read(header(From="maija@customer.example", **fields), AT) is None


@pytest.mark.parametrize("fields", [{"Subject": "VS: [#4711] Printer"}, {"To": "desk+4711@acme.example"}], ids=str)
def test_the_ticket_number_is_found_in_subject_and_address(fields: dict[str, str]) -> None:
    mail = DESK.read(header(From="maija@customer.example", **fields), AT)
    assert mail is not None
    assert mail.token == "4711"


def test_lists_of_others_are_machines_also_with_own_lists() -> None:
    fields = read_fields(header(List_Id="<news.shop.example>"))
    assert is_automatic(fields, None, own_lists=["desk@acme.example"])
