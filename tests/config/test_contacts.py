"""The contacts file completes what tickets leave out, and is judged without repeating what it holds."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub import Customer
from hub.config.contacts import Directory, load_contacts, read_contacts
from hub.config.messages import ConfigProblems
from hub.config.models import HubConfig
from tests.config.conftest import GOOD

PEOPLE = """\
email,phone,language,name
anna@acme.example,040 123 4567,fi,Anna
bo@acme.example,,sv,Bo
,+46 70 123 45 67,,Cecilia

dan@acme.example,09 4241 0001,,Dan
eve@acme.example,+358 9 4241 0001,en,
"""


@pytest.fixture
def directory(tmp_path: Path) -> Callable[[str | bytes], Directory]:
    def directory(content: str | bytes) -> Directory:
        file = tmp_path / "contacts.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_contacts(file, "FI")

    return directory


Read = Callable[[str | bytes], Directory]


def test_the_address_finds_a_contact_whatever_its_case(directory: Read) -> None:
    assert directory(PEOPLE).complete(Customer(email=" Anna@ACME.example ")) == Customer(
        email=" Anna@ACME.example ", phone="+358401234567", language="fi", name="Anna"
    )


@pytest.mark.parametrize("phone", ["+358 40 123 4567", "0401234567", "00358401234567", "040-123 4567"])
def test_the_number_finds_a_contact_however_it_is_written(directory: Read, phone: str) -> None:
    found = directory(PEOPLE).complete(Customer(phone=phone))
    assert found == Customer(email="anna@acme.example", phone=phone, language="fi", name="Anna")


def test_a_number_with_its_country_code_is_found(directory: Read) -> None:
    assert directory(PEOPLE).complete(Customer(phone="+46701234567")).name == "Cecilia"


@pytest.mark.parametrize(
    ("written", "consent"),
    [("sms", ("sms",)), ('"SMS;email"', ("sms", "email")), ("email sms email", ("email", "sms")), ("", None)],
)
def test_consents_are_read_by_channel(directory: Read, written: str, consent: tuple[str, ...] | None) -> None:
    known = directory(f"email,consent\nanna@acme.example,{written}\n")
    assert known.complete(Customer(email="anna@acme.example")).consent == consent


@pytest.mark.parametrize(("written", "vip"), [("yes", True), ("True", True), ("1", True), ("no", False), ("", None)])
def test_a_vip_is_marked_with_yes(directory: Read, written: str, vip: bool | None) -> None:
    known = directory(f"email,vip\nanna@acme.example,{written}\n")
    assert known.complete(Customer(email="anna@acme.example")).vip is vip


def test_what_the_source_says_of_consent_and_rank_counts(directory: Read) -> None:
    known = directory("email,vip,consent\nanna@acme.example,yes,sms\n")
    customer = Customer(email="anna@acme.example", vip=False, consent=())
    assert known.complete(customer) == customer


def test_what_the_ticket_says_stays(directory: Read) -> None:
    customer = Customer(email="anna@acme.example", phone="050 1", language="sv", name="A. Other")
    assert directory(PEOPLE).complete(customer) == customer


def test_the_address_counts_before_the_number(directory: Read) -> None:
    assert directory(PEOPLE).complete(Customer(email="bo@acme.example", phone="0401234567")).name == "Bo"


def test_a_number_that_two_share_names_neither(directory: Read) -> None:
    customer = Customer(phone="+358942410001")
    assert directory(PEOPLE).complete(customer) == customer
    assert directory(PEOPLE).complete(Customer(email="dan@acme.example")).phone == "+358942410001"


def test_strangers_stay_as_they_are(directory: Read) -> None:
    for customer in (Customer(), Customer(email="x@y.example"), Customer(phone="no number")):
        assert directory(PEOPLE).complete(customer) == customer


@pytest.mark.parametrize(
    "content",
    [
        PEOPLE.replace(",", ";"),
        "\ufeff" + PEOPLE,
        PEOPLE.replace("\n", "\r\n"),
        PEOPLE.replace("email,phone", " Email , PHONE "),
        PEOPLE.rstrip("\n"),
    ],
)
def test_common_kinds_of_csv_are_read(directory: Read, content: str) -> None:
    assert len(directory(content)) == 5


def test_columns_may_be_left_out_or_stand_in_another_order(directory: Read) -> None:
    assert directory("name,email\nAnna,a@b.example\n").complete(Customer(email="a@b.example")).name == "Anna"


def test_no_contacts_file_completes_nothing(read: Callable[[str], HubConfig]) -> None:
    directory = load_contacts(read(GOOD))
    assert len(directory) == 0
    assert directory.complete(Customer(email="a@b.example")) == Customer(email="a@b.example")


def test_the_configured_file_is_read_beside_hub_toml(read: Callable[[str], HubConfig], tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    assert len(load_contacts(read(GOOD + '[hub]\ncontacts = "people.csv"\n'))) == 5


def test_mistakes_in_further_columns_are_told_by_line(directory: Read, tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems) as caught:
        directory("email,consent,vip\na@b.example,phone,\nc@d.example,,perhaps\n")
    assert str(caught.value).replace(f"{tmp_path}/", "").split("\n")[:2] == [
        'contacts.csv:2: consent: names an unknown channel. Write "sms", "email" or "sms email".',
        "contacts.csv:3: vip: must be yes or no.",
    ]


def test_all_mistakes_are_told_by_line_without_what_stands_there(directory: Read, tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems) as caught:
        directory(
            "email,phone,language\n"
            "anna,,\n"
            "a@b.example,12,\n"
            "c@d.example,,Finnish\n"
            ",,fi\n"
            "e@f.example,,,extra\n"
            "G@h.example,,\n"
            "g@H.example,,\n"
        )
    assert str(caught.value).replace(f"{tmp_path}/", "").split("\n") == [
        "contacts.csv:2: email: is not an e-mail address.",
        "contacts.csv:3: phone: is not a phone number in FI. Write it as +358401234567.",
        'contacts.csv:4: language: is not a language code. Write two letters, such as "fi".',
        "contacts.csv:5: has neither an e-mail address nor a phone number.",
        "contacts.csv:6: has 4 fields, but the first line names 3 columns.",
        "contacts.csv:8: email: stands in line 7 already. Keep one of them.",
        "6 problems. Correct the contacts file, then run: hub config check",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", ":1: the first line must name the columns, each once: email, phone, language, name, consent, vip."),
        (
            "anna@acme.example,x\n",
            ":1: the first line must name the columns, each once: email, phone, language, name, consent, vip.",
        ),
        (
            "email,email\n",
            ":1: the first line must name the columns, each once: email, phone, language, name, consent, vip.",
        ),
        (
            "name,language\n",
            ":1: the first line must name the columns, each once: email, phone, language, name, consent, vip.",
        ),
        ('email\n"a@b.example\n', ":2: this is not CSV: unexpected end of data."),
        (b"email\na@b.example\n\xe4@b.example\n", ":3: this is not UTF-8. Save the file as UTF-8."),
    ],
)
def test_what_is_no_contacts_file(directory: Read, tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(ConfigProblems) as caught:
        directory(content)
    assert str(caught.value).split("\n")[0] == f"{tmp_path}/contacts.csv{message}"


def test_a_missing_contacts_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems) as caught:
        read_contacts(tmp_path / "none.csv", "FI")
    assert str(caught.value).endswith(
        "none.csv: there is no such file.\n1 problem. Correct the contacts file, then run: hub config check"
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(), st.text(alphabet='email,phone;\n\r"@ 04Ab').map(lambda text: f"email,phone\n{text}")))
def test_any_content_is_contacts_or_a_list_of_problems(directory: Read, content: str | bytes) -> None:
    with contextlib.suppress(ConfigProblems):
        directory(content)
