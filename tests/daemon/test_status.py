"""`hub status`: the counts, what it calls to attention, and how it looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from hub.cli import app
from hub.cli.attention import Concern, Facts, concerns
from hub.cli.status_text import Paper, lines
from hub.journey.overview import Doubt, Pause, Queue
from hub.store.components import ComponentState
from hub.store.workers import Worker
from tests.daemon.counted import LONG_AGO, NOTHING, NOW, ago
from tests.daemon.running import RunningHub, wait_until

ROLES = ("pull", "journey", "deliver", "write", "web")


def worker(name: str = "one:1:a", *, seen: datetime = NOW, roles: Sequence[str] = ROLES) -> Worker:
    return Worker(name, 7, ago(hours=1), seen, "1.0", tuple(roles), {"sending": 3, "memory_mb": 80.4})


def well(*ids: str) -> dict[str, ComponentState]:
    return {id_: ComponentState(id_, last_ok_at=NOW) for id_ in ids}


def failing(id_: str, error: str = "cannot log in", *, since: datetime = LONG_AGO, **more: Any) -> ComponentState:
    return ComponentState(id_, error=error, failures=4, failing_since=since, retry_at=ago(minutes=-1), **more)


def facts(*states: ComponentState, workers: Sequence[Worker] = (worker(),), **counts: Any) -> Facts:
    """A hub with a desk and a gateway that is well but for what is given."""
    known = well("sources.desk", "gateways.sms:send", "hub") | {state.id: state for state in states}
    enabled = {"sources.desk": timedelta(minutes=1), "gateways.sms": timedelta(minutes=1)}
    return Facts(enabled, NOW, dataclasses.replace(NOTHING, **counts), known, workers)


def only(judged: Facts) -> Concern:
    (found,) = concerns(judged)
    return found


def test_a_hub_that_works_concerns_nobody() -> None:
    waiting = Queue(5, 0, ago(hours=-2))
    assert concerns(facts(surveys={"sms": waiting}, results={"sources.desk": waiting})) == []


def test_a_component_that_fails_is_told_once_with_all_it_cannot_do_and_what_waits() -> None:
    told = only(
        facts(
            failing("sources.desk"),
            failing("sources.desk:write", since=ago(minutes=2)),
            results={"sources.desk": Queue(3, 3, LONG_AGO)},
        )
    )
    assert (told.kind, told.about, told.since, told.count) == ("failing", "sources.desk", LONG_AGO, 4)
    assert told.what == "cannot fetch and write results: cannot log in; waiting: 3 results"
    assert "hub check" in told.do
    assert told.needs_you


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("AuthFailed", "check the credentials and rights in [sources.desk], then prove them with: hub check"),
        ("Unavailable", "see whether the other side is up and reachable: hub check"),
        ("store", "do what it says; the hub then goes on by itself"),
        ("fault", "report it with the lines of the log that say component.failing"),
        ("Unexpected", "see what it needs: hub check"),
    ],
)
def test_the_kind_of_the_error_says_what_to_do(kind: str, advice: str) -> None:
    assert only(facts(failing("sources.desk", error_kind=kind))).do == advice


def test_what_usually_passes_needs_somebody_after_ten_minutes_only() -> None:
    def needed(kind: str, minutes: float) -> bool:
        return only(facts(failing("sources.desk", error_kind=kind, since=ago(minutes=minutes)))).needs_you

    assert [needed("Unavailable", 9), needed("Unavailable", 11), needed("AuthFailed", 0)] == [False, True, True]


def test_a_failure_that_nothing_has_put_to_the_test_since_needs_nobody() -> None:
    over = failing("gateways.sms:send", since=ago(hours=3))
    over = dataclasses.replace(over, retry_at=ago(hours=2))
    told = only(facts(over))
    assert (told.kind, told.needs_you, told.until) == ("failing", False, None)
    assert only(facts(over, surveys={"sms": Queue(1, 0, ago(minutes=-1))})).needs_you


def test_two_errors_of_one_component_are_two_concerns() -> None:
    judged = facts(failing("sources.desk"), failing("sources.desk:write", "HTTP 500"))
    assert [concern.what for concern in concerns(judged)] == [
        "cannot write results: HTTP 500",
        "cannot fetch: cannot log in",
    ]


def test_without_a_worker_the_first_step_is_to_start_one() -> None:
    dead = worker(seen=ago(minutes=5))
    told = only(facts(workers=[dead], surveys={"sms": Queue(1200, 7, LONG_AGO)}, undecided=Queue(2, 2, LONG_AGO)))
    assert (told.kind, told.since, told.do) == ("no_worker", ago(minutes=5), "start one: hub run")
    assert told.what == "no worker runs; waiting: 2 closures to decide on and 1,200 surveys"
    assert only(facts(workers=[])).what == "no worker runs"


def test_a_hub_that_runs_and_gives_no_sign_of_life_is_not_to_be_started_again() -> None:
    judged = dataclasses.replace(facts(workers=[worker(seen=ago(minutes=5))]), running="4711")
    told = only(judged)
    assert (told.kind, told.since) == ("no_worker", ago(minutes=5))
    assert told.what == "the hub with process number 4711 runs and gives no sign of life"
    assert told.do == "see its log; most often the store cannot be written"
    assert concerns(dataclasses.replace(facts(), running="4711")) == [], "this one does"


def test_surveys_that_could_not_be_written_need_somebody() -> None:
    asked = {"sms": {"failed": 3, "delivered": 1}, "mail": {"failed": 1, "delivered": 2, "unknown": 9}}
    told = only(dataclasses.replace(facts(asked=asked), uncomposed={"sms": 3}))
    assert (told.kind, told.about, told.count, told.needs_you) == ("cannot_compose", "gateways.sms", 3, True)
    assert told.what == "3 messages could not be written, so nobody got them"
    assert "survey.cannot_compose" in told.do


def test_a_gateway_whose_surveys_mostly_fail_is_told() -> None:
    told = only(facts(asked={"sms": {"failed": 1200, "sent": 400, "delivered": 799}, "mail": {"failed": 1, "sent": 1}}))
    assert (told.kind, told.about, told.count, told.needs_you) == ("failed_surveys", "gateways.sms", 1200, False)
    assert told.what == "1,200 of 2,399 messages failed"


def test_a_part_of_the_work_that_no_worker_has_is_named() -> None:
    silent = worker("two:2:b", seen=ago(minutes=5))
    told = concerns(facts(workers=[worker(roles=ROLES[1:]), silent]))
    assert [(one.kind, one.about, one.needs_you) for one in told] == [
        ("no_role", "hub", True),
        ("silent_worker", "two:2:b", False),
    ]
    assert told[0].do == "start one: hub run --roles pull"


def test_what_never_ran_is_told_once_a_worker_had_the_time() -> None:
    known = well("sources.desk", "hub")
    judged = dataclasses.replace(facts(), components=known)
    assert only(judged).about == "gateways.sms"
    fresh = dataclasses.replace(worker(), started_at=ago(seconds=20))
    assert concerns(dataclasses.replace(judged, workers=[fresh])) == []


def test_a_source_that_nobody_reads_is_told_unless_it_is_read_rarely() -> None:
    stale = ComponentState("sources.desk", last_ok_at=ago(minutes=30))
    assert (only(facts(stale)).kind, only(facts(stale)).since) == ("stalled", ago(minutes=30))
    assert concerns(dataclasses.replace(facts(stale), enabled={"sources.desk": timedelta(minutes=10)})) == []
    assert concerns(facts(stale, workers=[dataclasses.replace(worker(), started_at=ago(minutes=5))])) == []


def test_surveys_that_are_overdue_without_a_failure_are_told_with_their_gateway() -> None:
    told = only(facts(surveys={"sms": Queue(20, 12, ago(minutes=9))}))
    assert (told.kind, told.about, told.count, told.since) == ("overdue", "gateways.sms", 12, ago(minutes=9))
    assert "[gateways.sms]" in told.do
    assert "enabled = true in [gateways.old]" in only(facts(surveys={"old": Queue(20, 12, LONG_AGO)})).do


def test_what_a_failure_explains_is_not_told_again() -> None:
    late = {"sms": Queue(20, 12, LONG_AGO)}
    for state in (failing("gateways.sms:send"), failing("sources.desk:reread")):
        assert only(facts(state, surveys=late)).kind == "failing"


@pytest.mark.parametrize(
    ("counts", "kind", "about", "needs_you"),
    [
        ({"doubts": (Doubt("sms", "worker_died", 1, LONG_AGO),)}, "unknown", "gateways.sms", True),
        ({"follow_ups": {"sms": {"unknown": 2, "sent": 5}}}, "unknown_follow_ups", "gateways.sms", False),
        ({"undecided": Queue(9, 9, LONG_AGO)}, "overdue", "hub", True),
        ({"unread": Queue(9, 1, LONG_AGO)}, "overdue", "hub", True),
        ({"results": {"sources.desk": Queue(9, 1, LONG_AGO)}}, "overdue", "sources.desk", True),
        ({"received": {"sms": {"unmatched": 2, "used": 5}}}, "unmatched", "gateways.sms", False),
        ({"written": {"sources.desk": {"failed": 2, "done": 5}}}, "failed_results", "sources.desk", False),
        ({"paused": (Pause("acme.example", None, ago(minutes=-3)),)}, "paused", "acme.example", False),
    ],
)
def test_each_kind_says_what_it_is_about_and_whether_it_needs_somebody(
    counts: dict[str, Any], kind: str, about: str, *, needs_you: bool
) -> None:
    told = only(facts(**counts))
    assert (told.kind, told.about, told.needs_you) == (kind, about, needs_you)


@pytest.mark.parametrize(
    ("count", "what", "do"),
    [
        (1, "1 answer belongs to no survey", "read it, it may be a call for help: hub answers list --unmatched"),
        (2, "2 answers belong to no survey", "read them, they may be calls for help: hub answers list --unmatched"),
    ],
)
def test_one_answer_and_several_are_told_apart(count: int, what: str, do: str) -> None:
    told = only(facts(received={"sms": {"unmatched": count}}))
    assert (told.what, told.do) == (what, do)


def test_a_warning_is_told_for_a_day() -> None:
    warned = ComponentState("sources.desk", last_ok_at=NOW, warning="7 rows are hidden", warned_at=ago(hours=23))
    assert only(facts(warned)).what == "7 rows are hidden"
    assert concerns(facts(dataclasses.replace(warned, warned_at=ago(hours=25)))) == []


def _text(judged: Facts, columns: int | None = None, *, is_coloured: bool = False) -> list[str]:
    paper = Paper(ZoneInfo("Europe/Helsinki"), NOW, columns, is_coloured)
    return list(lines(judged, concerns(judged), paper))


def test_the_text_begins_with_the_verdict_and_goes_on_with_what_to_do() -> None:
    told = _text(facts(failing("sources.desk"), received={"sms": {"unmatched": 2}}, closed={"desk": 1234}))
    assert told[:6] == [
        "1 thing needs you (1 note)",
        "",
        "sources.desk: cannot fetch: cannot log in",
        "    since 2025-04-27 15:00:00, 4 times, next try 15:01:00",
        "    do: see what it needs: hub check",
        "",
    ]
    assert "sources.desk  FAILING; 1,234 closed" in told
    assert "    up since 14:00:00; version 1.0; pull, journey, deliver, write, web; 3 sending, 80 MB" in told
    assert _text(facts())[0] == "all well"


@pytest.mark.parametrize("columns", [40, 57, 100])
def test_the_text_fits_the_terminal(columns: int) -> None:
    judged = facts(
        failing("sources.desk", "the desk is " + "very " * 30 + "down"),
        asked={"sms": {"delivered": 123456, "sent": 7, "failed": 12, "unknown": 1}},
        skipped={"asked_recently": 9999, "excluded:own": 12, "no_contact": 400},
    )
    assert all(len(line) <= columns for line in _text(judged, columns))
    assert any(len(line) > columns for line in _text(judged))


def test_colours_are_only_where_they_are_wanted() -> None:
    judged = facts(failing("sources.desk"))
    assert not any("\x1b" in line for line in _text(judged))
    coloured = _text(judged, is_coloured=True)
    assert coloured[0].startswith("\x1b[31m")
    plain = [line.replace("\x1b[0m", "") for line in coloured]
    for code in ("\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[1m"):
        plain = [line.replace(code, "") for line in plain]
    assert plain == _text(judged)


@pytest.mark.parametrize(
    ("terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False), (False, "", False)]
)
def test_a_terminal_has_colours_unless_it_is_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, *, terminal: bool, no_color: str, coloured: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    paper = Paper.of_terminal("Europe/Helsinki", NOW)
    assert (paper.is_coloured, paper.columns is not None) == (coloured, terminal)


def test_check_ends_with_1_as_long_as_something_needs_the_operator(hub: RunningHub) -> None:
    shown = hub.command("status", "--check")
    assert (shown.returncode, shown.stdout.splitlines()[0]) == (1, "1 thing needs you")
    assert "do: start one: hub run" in shown.stdout
    hub.start()
    wait_until(lambda: hub.command("status", "--check").returncode == 0, "nothing needs anybody")


def test_watching_is_for_people() -> None:
    assert CliRunner().invoke(app, ["status", "--watch", "--json"]).exit_code == 2
