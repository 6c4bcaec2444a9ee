"""Which mails belong together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hub_email.desk import Mail, Role
from hub_email.threads import Thread, build_threads
from hypothesis import given
from hypothesis import strategies as st

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def mail(number: int, *links: str, customer: str = "maija", subject: str = "", days: float = 0, **more: object) -> Mail:
    plain = Mail(
        id=f"{number}@x",
        received_at=START + timedelta(days=days, minutes=number),
        role=Role.CUSTOMER,
        links=links,
        subject=subject,
        customer=customer,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def sorted_threads(*mails: Mail) -> list[list[str]]:
    threads = {thread.id: thread for thread in build_threads(mails).values()}
    return sorted([one.id for one in thread.mails] for thread in threads.values())


def test_references_hold_a_thread_together_also_where_the_parent_is_missing() -> None:
    assert sorted_threads(mail(1, "gone@x"), mail(2, "gone@x", "1@x"), mail(3, "gone@x")) == [["1@x", "2@x", "3@x"]]


def test_the_id_is_the_root_also_when_nobody_has_it() -> None:
    whole = build_threads([mail(1), mail(2, "1@x"), mail(3, "1@x", "2@x")])
    rest = build_threads([mail(2, "1@x"), mail(3, "1@x", "2@x")])
    assert whole["3@x"].id == rest["3@x"].id == "1@x"


def test_customers_with_the_same_subject_are_not_merged() -> None:
    one = mail(1, subject="Printer")
    other = mail(2, subject="Printer", customer="pekka", is_reply=True)
    assert sorted_threads(one, other) == [["1@x"], ["2@x"]]


def test_a_reply_without_references_is_joined_by_subject_within_two_weeks() -> None:
    opening = mail(1, subject="Printer")
    assert sorted_threads(opening, mail(2, subject="printer", is_reply=True, days=13)) == [["1@x", "2@x"]]
    assert sorted_threads(opening, mail(2, subject="printer", is_reply=True, days=15)) == [["1@x"], ["2@x"]]


def test_a_second_mail_with_an_old_subject_is_a_ticket_of_its_own() -> None:
    assert sorted_threads(mail(1, subject="Printer"), mail(2, subject="Printer")) == [["1@x"], ["2@x"]]
    assert sorted_threads(mail(1), mail(2, is_reply=True)) == [["1@x"], ["2@x"]]


def test_the_ticket_number_joins_what_nothing_else_joins() -> None:
    mails = [mail(1, token="7"), mail(2, customer="pekka", token="7"), mail(3, token="8")]
    assert sorted_threads(*mails) == [["1@x", "2@x"], ["3@x"]]


def test_different_ticket_numbers_never_come_together() -> None:
    mails = [mail(1, token="7"), mail(2, "1@x", token="8"), mail(3, "1@x", "2@x")]
    assert sorted_threads(*mails) == [["1@x"], ["2@x", "3@x"]]
    threads = build_threads(mails)
    assert threads["1@x"].id != threads["2@x"].id


def test_a_mail_that_arrives_twice_counts_once() -> None:
    late = replace(mail(1), received_at=START + timedelta(hours=1))
    assert build_threads([late, mail(1)])["1@x"].mails == (mail(1),)


def test_a_copy_in_the_sent_folder_decides_who_spoke() -> None:
    seen_as_customer, sent = mail(1), mail(1, role=Role.DESK)
    assert build_threads([seen_as_customer, sent])["1@x"].mails == (sent,)


@st.composite
def heaps(draw: st.DrawFn) -> list[Mail]:
    """Mails that refer to one another, and to lost ones, in any way; loops included."""
    numbers = draw(st.lists(st.integers(0, 30), unique=True, max_size=20))
    known = st.sampled_from([f"{number}@x" for number in range(35)])
    return [
        mail(
            number,
            *draw(st.lists(known, max_size=4)),
            customer=draw(st.sampled_from(["maija", "pekka", ""])),
            subject=draw(st.sampled_from(["", "Printer", "Screen"])),
            token=draw(st.sampled_from(["", "", "", "7", "8"])),
            role=draw(st.sampled_from(Role)),
            is_reply=draw(st.booleans()),
            days=draw(st.integers(0, 20)),
        )
        for number in numbers
    ]


@given(heaps(), st.randoms(use_true_random=False))
def test_the_order_of_mails_does_not_matter(mails: list[Mail], random: object) -> None:
    shuffled = list(mails)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert build_threads(shuffled) == build_threads(mails)


@given(heaps())
def test_every_mail_is_in_one_thread_and_threads_have_one_number(mails: list[Mail]) -> None:
    threads = build_threads(mails)
    assert threads.keys() == {one.id for one in mails}
    for thread in set(map(id, threads.values())):
        found: Thread = next(one for one in threads.values() if id(one) == thread)
        assert all(threads[one.id] is found for one in found.mails)
        assert {one.token for one in found.mails} <= {"", found.token}
        assert list(found.mails) == sorted(found.mails, key=lambda one: (one.received_at, one.id))


@given(heaps())
def test_a_long_chain_of_replies_is_one_thread(mails: list[Mail]) -> None:
    chain = [mail(100 + number, f"{99 + number}@x") for number in range(1, 50)]
    threads = build_threads([*chain, *(one for one in mails if not one.token)])
    assert len({threads[one.id].id for one in chain}) == 1
