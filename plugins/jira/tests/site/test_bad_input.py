"""Answers that are wrong in every way Jira, a proxy or a broken line can make them.

What is asked each time: one of the hub's own errors with a message that helps, the cursor where it was, nothing private
in what is told, and once the fault is over, everything there exactly once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sandbox.jira import Answer, Cut, Silence
from sandbox.jira.faults import Without, deep, html, huge

from hub import AuthFailed, RateLimited, RemoteError, Unavailable, Unexpected

SEARCH = r"/search(/jql)?$"
WORDS = "Maija Meikäläinen maija@customer.example +358 40 1234567"
PRIVATE = ("Maija", "Meikäläinen", "maija@customer.example", "1234567")
JSON = {"content-type": "application/json;charset=UTF-8"}


def errors(*messages: str, **fields: str) -> dict[str, Any]:
    return {"errorMessages": list(messages), "errors": fields}


REMOVED = errors(
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline "
    "is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
BODIES: dict[str, tuple[Answer, type[RemoteError], str]] = {
    "400 bad JQL": (
        Answer(400, errors(f"Error in the JQL Query: Expecting operator but got '{WORDS}'. (line 1, character 9)")),
        Unexpected, "Error in the JQL Query: Expecting operator but got",
    ),
    "400 unknown project": (
        Answer(400, errors("The value 'DEV' does not exist for the field 'project'.")), Unexpected, "'DEV'",
    ),
    "400 field error": (Answer(400, errors(customfield_10050=WORDS)), Unexpected, "customfield_10050"),
    "400 both members": (Answer(400, errors(f"'{WORDS}'", customfield_10050=WORDS)), Unexpected, "customfield_10050"),
    "400 message": (Answer(400, {"message": f"'{WORDS}'"}), Unexpected, "400"),
    "400 errorMessage": (Answer(400, {"errorMessage": f"'{WORDS}'"}), Unexpected, "400"),
    "400 HTML": (html(400, WORDS), Unexpected, "400"),
    "401 empty": (Answer(401), AuthFailed, "check account and token"),
    "401 HTML": (
        html(401, "Unauthorized (401)", {"X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}), AuthFailed, "token",
    ),
    "401 denied": (html(401, "x", {"X-Seraph-LoginReason": "AUTHENTICATION_DENIED"}), AuthFailed, "CAPTCHA"),
    "403 JSON": (Answer(403, errors("You do not have permission ...")), AuthFailed, "the account may not do this"),
    "403 empty": (Answer(403), AuthFailed, "the account may not do this"),
    "403 CAPTCHA": (
        html(403, "Forbidden", {"X-Authentication-Denied-Reason": "CAPTCHA_CHALLENGE; login-url=https://x"}),
        AuthFailed, "sign in once with a browser",
    ),
    "404 JSON": (Answer(404, errors("Issue does not exist or you do not have permission.")), Unexpected, "404"),
    "404 HTML": (html(404, "Site temporarily unavailable"), Unexpected, "check the url"),
    "409": (Answer(409, errors("Conflict")), Unexpected, "409"),
    "410 removed": (Answer(410, REMOVED), Unexpected, "repeating does not help"),
    "412": (Answer(412, {"errorMessage": "experimental", "i18nErrorMessage": {}}), Unexpected, "412"),
    "413": (Answer(413, errors("too many")), Unexpected, "413"),
    "418": (Answer(418, b""), RemoteError, "418"),
    "429": (Answer(429, errors("rate-limited"), {"Retry-After": "1800"}), RateLimited, "too many requests"),
    "500": (Answer(500, errors("Internal server error")), Unavailable, "500"),
    "503 with Retry-After": (html(503, "Maintenance", {"Retry-After": "900"}), Unavailable, "503"),
    "302": (Answer(302, b"", {"Location": "https://login.example/?u=maija@customer.example"}), Unexpected, "redirect"),
    "200 HTML": (html(200, f"Log in {WORDS}"), Unexpected, "a page instead of JSON"),
    "200 hibernating": (html(200, "Your site is waking up"), Unexpected, "a page instead of JSON"),
    "200 text": (Answer(200, b"OK", {"content-type": "text/plain"}), Unexpected, "a page instead of JSON"),
    "200 empty": (Answer(200, b"", JSON), Unexpected, "cut off or damaged"),
    "200 not UTF-8": (Answer(200, b'{"issues":["\xff\xfe"]}', JSON), Unexpected, "cut off or damaged"),
    "200 deep": (deep(), Unexpected, ""),
    "200 list": (Answer(200, [], JSON), Unexpected, "not a list of issues"),
    "200 null": (Answer(200, None, JSON), Unexpected, ""),
    "200 number": (Answer(200, 7, JSON), Unexpected, ""),
    "200 no issues": (Answer(200, {"isLast": True}, JSON), Unexpected, "not a list of issues"),
    "204": (Answer(204), Unexpected, ""),
    "10 MB": (huge(10), Unexpected, ""),
    "20 MB": (huge(20), Unexpected, "too large"),
    "cut JSON": (Cut(keep=60), Unexpected, "cut off or damaged"),  # type: ignore[dict-item]
    "closed connection": (Cut(keep=20, connection=True), Unavailable, ""),  # type: ignore[dict-item]
    "silence": (Silence(), Unavailable, "no answer in time"),  # type: ignore[dict-item]
}  # fmt: skip

AT_START = (
    "400 bad JQL", "401 empty", "403 CAPTCHA", "404 HTML", "410 removed", "429", "503 with Retry-After", "302",
    "200 HTML", "200 deep", "200 list", "200 null", "204", "cut JSON", "silence",
)  # fmt: skip


async def failing_pull(source: Any, cursor: Any) -> tuple[RemoteError | None, list[Any]]:
    """What a pull raises, and the pages before that."""
    pages: list[Any] = []
    try:
        async for page in source.pull(cursor):
            pages.append(page)  # noqa: PERF401 - those before an error count too
    except RemoteError as error:
        return error, pages
    return None, pages


def ids(pages: list[Any]) -> list[str]:
    return [ticket.id for page in pages for ticket in page.tickets]


@pytest.mark.parametrize("name", BODIES)
async def test_a_search_that_fails_moves_no_cursor(
    world: Any, start: Any, walk: Any, settled: timedelta, redacted: Any, name: str
) -> None:
    """Checklist 13 and 15. On the second page, when one has been stored already."""
    answer, kind, words = BODIES[name]
    source = world.source(page_size=2)
    cursor = await start(source)
    closed = []
    for _ in range(5):
        world.clock.advance(timedelta(seconds=40))
        closed.append(world.closed(summary=WORDS).id)
    world.clock.advance(settled)
    found: list[str] = []
    if name == "10 MB" and world.site.kind == "cloud":  # a huge answer is read, when it is one: an empty last page
        answer = Answer(200, b'{"issues":7,"padding":"' + b"x" * 10 * 1024 * 1024 + b'"}')
    world.site.faults.on("*", SEARCH, answer, times=0, after=1)
    error, pages = await failing_pull(source, cursor)
    assert isinstance(error, kind), error
    assert words in str(error)
    assert {page.cursor for page in pages} <= {cursor}
    redacted(world, error, also=PRIVATE)
    found += ids(pages)
    world.site.faults.clear()
    world.clock.advance(timedelta(hours=1))
    found += ids(await walk(source, pages[-1].cursor if pages else cursor))
    assert set(found) == set(closed)


async def test_an_api_that_was_removed_is_asked_once(world: Any, start: Any) -> None:
    """Checklist 13."""
    source = world.source()
    cursor = await start(source)
    world.site.faults.on("*", SEARCH, Answer(410, REMOVED), times=0)
    before = len(world.site.requests)
    error, _ = await failing_pull(source, cursor)
    assert isinstance(error, Unexpected)
    assert sum(each.status == 410 for each in world.site.requests[before:]) == 1


@pytest.mark.parametrize("path", ["/serverInfo", "/myself", "/field", "/servicedeskapi/info"])
@pytest.mark.parametrize("name", AT_START)
async def test_a_start_that_fails_gives_no_cursor(world: Any, redacted: Any, path: str, name: str) -> None:
    answer, _, _ = BODIES[name]
    world.site.faults.on("*", path, answer, times=0)
    error, pages = await failing_pull(world.source(), None)
    if error is None:
        assert [page.tickets for page in pages] == [()]  # it did not need that answer, or could do without
    else:
        assert pages == []
        assert str(error)
        redacted(world, error, also=PRIVATE)


AT_FIRST = ("/(myself|serverInfo|status)$", "/field$")
"""What a source asks once and keeps."""
DECORATION = frozenset({
    "self", "_links", "web", "agent", "jiraRest", "avatarUrls", "iconUrl", "colorName", "friendly", "jira", "iso8601",
    "_expands", "expand", "description", "buildDate", "buildNumber", "scmInfo", "serverTitle", "locale", "searchable",
    "navigable", "orderable", "clauseNames", "goalDuration", "remainingTime", "breachTime", "breached",
})  # fmt: skip
"""Members that the connector does not look at, left out to save time."""


def places(value: Any) -> Iterator[str]:
    """The names of all members of a JSON value."""
    if isinstance(value, dict):
        yield from value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from places(inner)


def sample(world: Any, path: str) -> list[str]:
    """The names of all members of the answers that a pull of one ticket has from a path."""
    found = [each.answer for each in world.site.requests if re.search(path, each.path) and each.status == 200]
    return sorted({name for answer in found if answer for name in places(json.loads(answer))} - DECORATION)


@pytest.mark.parametrize("path", [SEARCH, "/bulkfetch$", "/request/", *AT_FIRST])
async def test_members_that_are_missing_or_of_another_type_break_nothing(
    world: Any, start: Any, redacted: Any, settled: timedelta, path: str
) -> None:
    """Each member of each answer in turn: a pull finds the ticket or fails with an error of the hub's; nothing else."""
    source = world.source()
    cursor = await start(source)
    issue = world.closed(world.desk, WORDS)
    world.site.transition(issue, "In Progress", by=world.site.agent)
    world.site.transition(issue, "Closed", by=world.site.agent)
    world.clock.advance(settled)
    error, pages = await failing_pull(source, cursor)
    assert error is None
    names = sample(world, path)
    assert names or (path == "/bulkfetch$" and world.site.kind == "dc")
    for name in names:
        changes = [Without(drop=(name,))]
        changes += [Without(replace={name: value}) for value in (None, 7, "x", [], {"id": [7]})]
        for change in changes:
            world.site.faults.on("*", path, change, times=0)
            fresh = world.source()
            error, pages = await failing_pull(fresh, cursor)
            world.site.faults.clear()
            where = f"{name}: {change}"
            if error is None:
                lost = not ids(pages) and pages[-1].cursor != cursor and not pages[-1].warning
                assert not (lost and _hides_nothing(path, name)), where
            else:
                assert {page.cursor for page in pages} <= {cursor}, where
                redacted(world, error, also=PRIVATE)


def _hides_nothing(path: str, name: str) -> bool:
    """Whether an answer that is changed there can still be told from a good one about a ticket to be left out."""
    another_category, long_ago = {"key"}, {"created", "statuscategorychangedate"}
    return path != SEARCH or name not in {"issues"} | another_category | long_ago


async def test_members_of_write_back_answers_that_are_missing_break_nothing(world: Any, redacted: Any) -> None:
    """Whatever an answer looks like, the ticket has one comment in the end, and the hub's errors tell nothing."""
    await world.write(world.experience(world.closed(world.desk)), world.experience(world.closed()))
    for path in (r"/issue/\d+$", "/comment$"):
        names = sample(world, path) or _written(world)
        assert names
        for name in names:
            for value in (None, 7):
                issue = world.closed(world.desk)
                item = world.experience(issue, comment=WORDS)
                world.site.faults.on("*", path, Without(replace={name: value}), times=0)
                try:
                    told: list[Any] = await world.write(item)
                except RemoteError as error:
                    told = [error]
                world.site.faults.clear()
                redacted(world, *told, also=PRIVATE)
                assert not any(comment.public for comment in issue.comments)
                before = len(issue.comments)
                [receipt] = await world.write(item)
                if before or "no comment" not in (receipt.reason or ""):
                    assert len(issue.comments) == 1, f"{path} {name}: {value}"


def _written(world: Any) -> list[str]:
    answers = [each.answer for each in world.site.requests if each.method == "POST" and each.status == 201]
    return sorted({name for answer in answers for name in json.loads(answer)})


@pytest.mark.parametrize("hours", [-1, 1, 24])
async def test_a_clock_that_is_wrong_by_an_hour_loses_nothing(
    world: Any, start: Any, walk: Any, settled: timedelta, hours: int
) -> None:
    """The hub's clock; the site's own is what counts."""
    world.site.clock = lambda: world.clock.now() + timedelta(hours=hours)
    earlier = world.closed().id
    world.clock.advance(timedelta(hours=3))
    source = world.source(page_size=2)
    cursor = await start(source)
    found: list[str] = []
    closed: list[str] = []
    for _ in range(4):
        world.clock.advance(settled)
        closed += [world.closed().id for _ in range(3)]
        pages = await walk(source, cursor)
        found += [ticket.id for page in pages for ticket in page.tickets]
        cursor = pages[-1].cursor
    world.clock.advance(settled)
    found += ids(await walk(source, cursor))
    assert set(found) == set(closed)
    assert earlier not in found


@pytest.mark.parametrize("zone", ["Mars/Olympus_Mons", "", None, 7, "America/Los_Angeles", "Asia/Tokyo", "../../etc"])
async def test_the_zone_of_the_account_does_not_matter(
    world: Any, start: Any, walk: Any, settled: timedelta, zone: Any
) -> None:
    """No query holds a date in words, so that even a zone that nobody knows shifts nothing."""
    world.site.faults.on("GET", "/myself$", Without(replace={"timeZone": zone}), times=0)
    source = world.source()
    cursor = await start(source)
    closed = world.closed().id
    world.clock.advance(settled)
    assert ids(await walk(source, cursor)) == [closed]


async def test_dates_in_answers_that_nobody_can_read_do_not_move_the_clock(
    world: Any, start: Any, walk: Any, settled: timedelta
) -> None:
    source = world.source()
    cursor = await start(source)
    closed = world.closed().id
    world.clock.advance(settled)
    found: list[str] = []
    for date in ("yesterday", "", "Mon, 99 Foo 2026 09:00:00 GMT", "1772442000"):
        inner = world.site.clock
        world.site.faults.on("GET", "/myself$", Answer(200, {"accountId": "x", "name": "x"}, {"Date": date}))
        found += ids(await walk(world.source(), cursor))
        assert world.site.clock is inner
        world.site.faults.clear()
    assert set(found) == {closed}
