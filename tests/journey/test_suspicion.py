"""Machines and people in front of the answer page, as they were seen or as they may come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.journey.suspicion import Evidence, Patterns, Visit, suspicion

SENT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = 3600.0
OFFICE, PHONE = "198.51.100.7", "2001:db8:5::7"
SCANNER, ELSEWHERE = "203.0.113.9", "192.0.2.77"
KNOWN = Patterns(scanner_networks=(ip_network("203.0.113.0/24"), ip_network("2001:db8:bad::/48")))
VERDICTS = {"trap", "no_form", "all_ratings_visited", "too_fast", "just_delivered", "scanner_network"}


def at(seconds: float) -> datetime:
    """A time, in seconds after the message left."""
    return SENT + timedelta(seconds=seconds)


def visit(seconds: float, rating: int | None, network: str | None = None) -> Visit:
    return Visit(at(seconds), rating, network)


def sweep(start: float, apart: float, ratings: range = range(1, 6)) -> tuple[Visit, ...]:
    """Every rating of the mail, one after the other, from addresses that change."""
    return tuple(visit(start + apart * n, rating, f"192.0.2.{n}") for n, rating in enumerate(ratings))


def submitted(
    seconds: float,
    *visits: Visit,
    shown: float | None,
    hand: str | None = None,
    address: str | None = OFFICE,
    earlier: int = 0,
    trap: bool = False,
    offered: int = 5,
) -> Evidence:
    shown_at = None if shown is None else at(shown)
    return Evidence(at(seconds), shown_at, SENT, visits, hand, trap, address, earlier, offered)


MACHINES = {
    "safelinks_opens_all_and_posts_one": ("all_ratings_visited", submitted(3.0, *sweep(2, 0.2), shown=2.8)),
    "safelinks_posts_a_minute_after_its_row": (
        "all_ratings_visited",
        submitted(65.0, *sweep(2, 0.2), shown=2.2, address=ELSEWHERE),
    ),
    "safelinks_looks_again_in_a_browser": (
        "all_ratings_visited",
        submitted(27.0, *sweep(2, 0.2), visit(22, 3), visit(22.1, 3), shown=22.1),
    ),
    "safelinks_repeats_the_customers_answer": (
        "too_fast",
        submitted(HOUR + 36, visit(HOUR, 5), visit(HOUR + 35.6, 5), shown=HOUR + 35.6, address=ELSEWHERE, earlier=1),
    ),
    "safelinks_repeats_it_slowly_from_a_known_network": (
        "scanner_network",
        submitted(HOUR + 60, visit(HOUR, 5), visit(HOUR + 35, 5), shown=HOUR + 35, address=SCANNER, earlier=1),
    ),
    "barracuda_takes_its_time_between_links": (
        "all_ratings_visited",
        submitted(HOUR + 70, *sweep(HOUR, 15), shown=HOUR + 60),
    ),
    "mimecast_runs_scripts_and_touches_nothing": ("all_ratings_visited", submitted(20, *sweep(4, 3), shown=16)),
    "a_sandbox_that_moves_the_pointer": (
        "all_ratings_visited",
        submitted(9, *sweep(4, 0.1), shown=4.4, hand="pointer"),
    ),
    "all_eleven_ratings_within_a_second": (
        "all_ratings_visited",
        submitted(2, *sweep(1, 0.08, range(11)), shown=1.4, offered=11),
    ),
    "each_form_of_the_row_is_posted": (
        "all_ratings_visited",
        submitted(4, *sweep(2, 0.3), shown=2.3, earlier=3),
    ),
    "one_link_fetched_and_posted_at_once": ("too_fast", submitted(600.2, visit(600, 4), shown=600)),
    "one_link_opened_while_the_mail_is_delivered": ("just_delivered", submitted(6, visit(2, 1), shown=2)),
    "scanned_before_the_mail_server_has_answered": ("just_delivered", submitted(-1, visit(-4, 1), shown=-4)),
    "posts_without_having_seen_the_form": ("no_form", submitted(HOUR, visit(HOUR - 5, 2), shown=None)),
    "replays_a_submission_with_a_hand": ("no_form", submitted(HOUR, shown=None, hand="pointer")),
    "fills_every_field": ("trap", submitted(HOUR, visit(HOUR - 30, 2), shown=HOUR - 30, trap=True)),
    "fills_every_field_by_pointer": ("trap", submitted(HOUR, shown=HOUR - 30, trap=True, hand="pointer")),
    "comes_from_a_known_network": (
        "scanner_network",
        submitted(HOUR, visit(HOUR - 4, 3), shown=HOUR - 4, address=SCANNER),
    ),
    "comes_from_a_known_network_in_ipv6_notation": (
        "scanner_network",
        submitted(HOUR, visit(HOUR - 4, 3), shown=HOUR - 4, address=f"::ffff:{SCANNER}"),
    ),
    "comes_from_a_known_ipv6_network": (
        "scanner_network",
        submitted(HOUR, visit(HOUR - 4, 3), shown=HOUR - 4, address="2001:db8:bad::1"),
    ),
}

PEOPLE = {
    "taps_and_confirms_after_two_seconds_without_scripts": submitted(HOUR + 2, visit(HOUR, 5), shown=HOUR),
    "taps_and_confirms_as_fast_as_a_thumb_can": submitted(HOUR + 0.8, visit(HOUR, 5), shown=HOUR, hand="touch"),
    "thinks_for_an_hour": submitted(2 * HOUR, visit(HOUR, 2), shown=HOUR, hand="pointer"),
    "thinks_for_an_hour_without_scripts": submitted(2 * HOUR, visit(HOUR, 2), shown=HOUR),
    "answers_30_s_after_delivery": submitted(30, visit(26, 4), shown=26, hand="touch"),
    "answers_30_s_after_delivery_without_scripts_after_a_scan": submitted(
        30, *sweep(1, 0.5), visit(26, 4), shown=26, address=PHONE
    ),
    "answers_8_s_after_an_sms": submitted(8, visit(6, None), shown=6, hand="touch", address=PHONE, offered=0),
    "opens_three_ratings_in_turn": submitted(
        HOUR + 14, visit(HOUR, 3), visit(HOUR + 5, 4), visit(HOUR + 10, 5), shown=HOUR + 10
    ),
    "opens_every_rating_in_turn_by_hand": submitted(HOUR + 20, *sweep(HOUR, 4), shown=HOUR + 16, hand="touch"),
    "opens_every_rating_in_tabs": submitted(HOUR + 20, *sweep(HOUR, 0.8), shown=HOUR + 3.2, hand="pointer"),
    "opens_all_of_three_faces_by_hand": submitted(
        HOUR + 20, *sweep(HOUR, 5, range(1, 4)), shown=HOUR + 10, hand="key", offered=3
    ),
    "slips_between_yes_and_no": submitted(HOUR + 5, visit(HOUR, 0), visit(HOUR + 2, 1), shown=HOUR + 2, offered=2),
    "comes_hours_after_the_scanner": submitted(5 * HOUR + 3, *sweep(2, 0.2), visit(5 * HOUR, 5), shown=5 * HOUR),
    "shares_the_companys_proxy_with_the_scanner": submitted(
        603, *(replace(one, network=OFFICE) for one in sweep(2, 0.2)), visit(600, 5, OFFICE), shown=600
    ),
    "sits_in_the_scanners_network_and_uses_a_hand": submitted(
        HOUR, *sweep(2, 0.2), visit(HOUR - 4, 5, SCANNER), shown=HOUR - 4, hand="pointer", address=SCANNER
    ),
    "uses_a_screen_reader": submitted(HOUR + 55, visit(HOUR, 4), shown=HOUR),
    "uses_the_keyboard": submitted(HOUR + 3, visit(HOUR, 4), shown=HOUR, hand="key"),
    "double_clicks_the_link": submitted(HOUR + 3, visit(HOUR, 4), visit(HOUR + 0.2, 4), shown=HOUR + 0.2),
    "double_clicks_the_button": submitted(HOUR + 3.2, visit(HOUR, 4), shown=HOUR, earlier=1),
    "corrects_the_answer": submitted(
        HOUR + 40, visit(HOUR, 1), visit(HOUR + 30, 5), shown=HOUR + 30, earlier=1, hand="touch"
    ),
    "has_a_browser_that_prefetched_the_page": submitted(HOUR + 1, visit(HOUR - 9, 5), shown=HOUR - 9),
    "has_a_mail_program_that_previews_the_link": submitted(
        HOUR + 4, visit(120, 5, ELSEWHERE), visit(HOUR, 5), shown=HOUR
    ),
    "gets_there_by_the_link_without_a_rating": submitted(HOUR + 9, visit(HOUR, None), shown=HOUR),
    "comes_while_the_hubs_clock_is_set_back": submitted(HOUR, visit(HOUR + 100, 5), shown=HOUR + 100),
    "answers_before_the_hub_knows_that_the_message_left": submitted(-60, visit(-64, 4), shown=-64),
    "opens_four_ratings_and_the_page_without_one": submitted(
        HOUR + 30, *sweep(HOUR, 6, range(1, 5)), visit(HOUR + 24, None), shown=HOUR + 24
    ),
    "comes_through_a_socket": submitted(HOUR + 9, visit(HOUR, 4), shown=HOUR, address="unix:"),
    "uses_the_kiosk": replace(submitted(HOUR, shown=HOUR - 3), sent_at=None, address=None),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_is_recognised(name: str) -> None:
    verdict, evidence = MACHINES[name]
    assert suspicion(evidence, KNOWN) == verdict


@pytest.mark.parametrize("name", PEOPLE)
def test_a_person_is_not_suspected(name: str) -> None:
    assert suspicion(PEOPLE[name], KNOWN) is None


def test_without_networks_and_hand_a_slow_scanner_on_one_link_passes() -> None:
    """What cannot be told from a person is taken for one."""
    _, evidence = MACHINES["safelinks_repeats_it_slowly_from_a_known_network"]
    assert suspicion(evidence, Patterns()) is None


def test_a_visitor_without_scripts_who_opens_every_rating_is_held() -> None:
    """The price of recognising slow scanners; with scripts the hand is seen."""
    curious = PEOPLE["opens_all_of_three_faces_by_hand"]
    assert suspicion(replace(curious, hand=None), KNOWN) == "all_ratings_visited"


def test_times_can_be_set() -> None:
    evidence = PEOPLE["taps_and_confirms_after_two_seconds_without_scripts"]
    assert suspicion(evidence, Patterns(too_fast=timedelta(seconds=3))) == "too_fast"


seconds = st.floats(-100, 10_000, allow_nan=False)
visits = st.lists(st.builds(visit, seconds, st.none() | st.integers(0, 10)), max_size=12).map(tuple)
submissions = st.builds(
    Evidence,
    submitted_at=seconds.map(at),
    shown_at=st.none() | seconds.map(at),
    sent_at=st.none() | st.just(SENT),
    visits=visits,
    hand=st.sampled_from([None, "pointer", "key", "touch"]),
    trap_filled=st.booleans(),
    address=st.none() | st.text(max_size=12) | st.sampled_from([OFFICE, PHONE, SCANNER, "::ffff:203.0.113.9"]),
    earlier=st.integers(0, 3),
    offered=st.integers(0, 11),
)


@given(submissions)
def test_any_evidence_gives_a_known_word_or_none(evidence: Evidence) -> None:
    assert suspicion(evidence, KNOWN) in {None, *VERDICTS}


@given(submissions)
def test_a_hand_never_makes_an_answer_suspicious(evidence: Evidence) -> None:
    if suspicion(replace(evidence, hand=None), KNOWN) is None:
        assert suspicion(replace(evidence, hand="touch"), KNOWN) is None


@given(submissions, st.permutations(range(12)))
def test_the_order_in_which_visits_are_listed_does_not_matter(evidence: Evidence, order: list[int]) -> None:
    shuffled = tuple(evidence.visits[n] for n in order if n < len(evidence.visits))
    assert suspicion(replace(evidence, visits=shuffled), KNOWN) == suspicion(evidence, KNOWN)


@given(submissions, visits)
def test_a_scan_long_before_changes_nothing(evidence: Evidence, scan: tuple[Visit, ...]) -> None:
    earlier = tuple(replace(one, at=one.at - timedelta(days=1)) for one in scan)
    with_scan = replace(evidence, visits=(*evidence.visits, *earlier))
    assert suspicion(with_scan, KNOWN) == suspicion(evidence, KNOWN)
