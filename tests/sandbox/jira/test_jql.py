"""JQL as the simulated sites read it."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox.jira import JiraSite
from sandbox.jira.clauses import Setting
from sandbox.jira.jql import parse
from sandbox.jira.wire import Problem

from tests.sandbox.jira.conftest import World

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BOUND = "statusCategory = Done AND statusCategoryChangedDate >= {} ORDER BY statusCategoryChangedDate ASC, key ASC"


def setting(zone: str = "UTC") -> Setting:
    site = JiraSite(clock=lambda: NOW)
    site.add_project("SUP")
    site.user_zone = zone
    return Setting(site, site.account, NOW)


def refusal(text: str) -> str:
    with pytest.raises(Problem) as caught:
        parse(text, setting())
    assert caught.value.status == 400
    return caught.value.messages[0]


@pytest.mark.parametrize(
    ("jql", "finds"),
    [
        ("project = SUP", True),
        ("project = 'Project SUP' AND status = Resolved", True),
        ("project in (DEV, SUP) AND statusCategory = 3", True),
        ("project not in (DEV)", True),
        ("project != SUP", False),
        ("statusCategory = Done AND NOT status = Closed", True),
        ("(status = Open OR status = Resolved) AND resolution IS NOT EMPTY", True),
        ("status = Open OR status = Closed AND project = SUP", False),
        ("resolution = Unresolved", False),
        ("assignee is empty", True),
        ("key = SUP-1", True),
        ("id in (10008)", True),
        ("issue = sup-1", True),
        ("labels = vip", False),
        ("summary ~ ticket", True),
        ("created <= now()", True),
        ("status CHANGED", True),
        ('status changed AFTER "-5m" BEFORE now()', False),
        ("assignee CHANGED AFTER -1w", False),
    ],
)
async def test_clauses_mean_what_they_say(cloud: World, jql: str, finds: bool) -> None:
    issue = cloud.closed()[0]
    jql = jql.replace("10008", issue.id)
    assert await cloud.keys(jql) == (["SUP-1"] if finds else [])


def test_the_three_safe_forms_of_a_time_agree() -> None:
    site = setting()
    issue = site.site.open_issue(site.site.projects["SUP"], "x", site.user)
    changed = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
    site.site.transition(issue, "Closed", by=site.user, at=changed)
    for minutes, found in ((61, True), (60, True), (59, False)):
        at = NOW - timedelta(minutes=minutes)
        for form in (
            f'"-{minutes}m"',
            str(round(at.timestamp() * 1000)),
            f'"{at:%Y/%m/%d %H:%M}"',
            f"'{at:%Y-%m-%d %H:%M}'",
        ):
            assert parse(BOUND.format(form), site).matches(issue) is found, form


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "Asia/Kathmandu"])
def test_literals_are_read_in_the_callers_zone(zone: str) -> None:
    place = setting(zone)
    issue = place.site.open_issue(place.site.projects["SUP"], "x", place.user, created=NOW)
    local = f"{NOW.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    later = f"{(NOW + timedelta(minutes=1)).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"
    assert parse(f'created >= "{local}"', place).matches(issue)
    assert not parse(f'created >= "{later}"', place).matches(issue)


@pytest.mark.parametrize(
    ("jql", "message"),
    [
        ('updated >= "2026-03-01 10:15:30"', "Date value '2026-03-01 10:15:30' is invalid"),
        ('updated >= "2026-13-01"', "is invalid"),
        ('updated >= "1772359800000"', "is invalid"),
        ('project = "SUP', "The quoted string 'SUP' has not been completed. (line 1, character 11)"),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("status = Nope", "The value 'Nope' does not exist"),
        ("key = SUP-99", "An issue with key 'SUP-99' does not exist for field 'key'."),
        ("colour = red", "Field 'colour' does not exist"),
        ("summary CHANGED", "History searches do not support the 'summary' field."),
        ("status CHANGED AFTER yesterday", "Date value 'yesterday' is invalid"),
        ("project = SUP SUP", "Expecting either 'OR' or 'AND' but got 'SUP'. (line 1, character 15)"),
        ('project "SUP"', "Expecting operator but got 'SUP'. (line 1, character 9)"),
        ("project =", "Expecting a value before the end of the query."),
        ("project in (SUP", "Expecting ')' before the end"),
        ("updated > endOfTime()", "Unable to find JQL function 'endoftime()'."),
        ("updated ~ 5", "The operator '~' is not supported by the 'updated' field."),
        ("project = SUP ORDER BY a", "Field 'a' does not exist"),
        ("project = SUP ORDER BY " + ", ".join(["key"] * 8), "The maximum number of fields to order by is 7."),
        ("project ! SUP", "The character '!' is a reserved JQL character. (line 1, character 9)"),
    ],
)
def test_what_is_wrong_is_a_400_with_words(jql: str, message: str) -> None:
    assert message in refusal(jql)


def test_bare_words_are_a_text_search_that_finds_nothing() -> None:
    site = setting()
    issue = site.site.open_issue(site.site.projects["SUP"], "VPN drops", site.user)
    assert not parse("this is not jql", site).matches(issue)
    assert parse("vpn", site).matches(issue)


def test_an_order_alone_is_unbounded() -> None:
    assert not parse("order by created", setting()).bounded
    assert not parse("", setting()).bounded
    assert parse("assignee is empty", setting()).bounded


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    with suppress(Problem):
        parse(text, setting())


@given(
    st.lists(st.sampled_from(["project", "=", "SUP", "AND", "OR", "NOT", "(", ")", "'x'", "in", ",", "ORDER", "BY"]))
)
def test_any_order_of_words_is_a_query_or_refused(words: list[str]) -> None:
    with suppress(Problem):
        parse(" ".join(words), setting())
