"""`hub check`: what is proven, in which order, and what to do about what is not."""

from __future__ import annotations

from typing import Any

import pytest
from sandbox.jira import Answer, EmailShown

ORDER = [
    "Jira answers", "account", "projects", "closed tickets", "custom fields", "Jira Service Management",
    "write back: property", "write back: comment", "write back: fields", "webhook",
]  # fmt: skip


async def test_all_is_well(world: Any) -> None:
    rating, phone = world.site.add_field("Rating", "number"), world.site.add_field("Phone")
    world.closed()
    results = await world.check(
        write_back=["property", "comment", "fields"], result_fields={"rating": rating.id},
        contact_phone_fields=[phone.id], webhook_secret="s3cr3t-of_16-letters",
    )  # fmt: skip
    assert list(results) == ORDER
    assert [what for what, result in results.items() if not result.ok] == []
    assert results["projects"].detail == "SUP, DEV"
    assert results["custom fields"].detail == f"{phone.id}, {rating.id} can be used"
    assert results["write back: fields"].detail == f"rating in {rating.id}"
    assert "s3cr3t" not in str(results)


async def test_it_names_the_product_and_the_account(cloud: Any, dc: Any) -> None:
    cloud.site.user_zone = "Europe/Helsinki"
    results = await cloud.check()
    assert results["Jira answers"].detail == "Jira Cloud"
    assert results["account"].detail == "signed in as Survey Hub, time zone Europe/Helsinki"
    assert (await dc.check())["Jira answers"].detail == "Jira Data Center 10.3.24"


async def test_nothing_is_changed(world: Any) -> None:
    issue = world.closed(world.desk)
    await world.check(write_back=["property", "comment"])
    changing = [each for each in world.site.requests if each.method != "GET"]
    assert all(each.path.endswith("/approximate-count") for each in changing)
    assert (issue.properties, issue.comments) == ({}, [])


async def test_a_wrong_address_ends_the_check(dc: Any) -> None:
    results = await dc.check(url=dc.site.base_url)
    assert list(results) == ["Jira answers"]
    assert results["Jira answers"].detail.endswith("there is no Jira API at this address; check the url and its path")


async def test_something_that_is_not_jira_ends_the_check(world: Any) -> None:
    for body in (b"{}", b"[]", b"7", b"null"):
        world.site.faults.on("GET", "/serverInfo", Answer(200, body))
        results = await world.check()
        assert [result.ok for result in results.values()] == [False]
        assert "check 'url'" in results["Jira answers"].detail


async def test_refused_credentials_end_the_check(world: Any) -> None:
    world.sign_in = {"token": "x"} if world.site.kind == "dc" else {"email": "hub@acme.example", "api_token": "x"}
    results = await world.check()
    assert list(results) == ["account"]
    assert not results["account"].ok
    assert "check account and token" in results["account"].detail


async def test_a_captcha_is_explained(dc: Any) -> None:
    dc.sign_in = {"username": "hub", "password": "wrong"}
    for _ in range(4):
        results = await dc.check()
    assert "CAPTCHA" in results["account"].detail
    assert "browser" in results["account"].detail


async def test_a_project_that_cannot_be_seen_is_named(world: Any) -> None:
    results = await world.check(projects=["SUP", "NOPE"])
    assert not results["projects"].ok
    assert results["projects"].detail.startswith("NOPE: no such project")
    assert results["write back: property"].ok  # in the project that can


async def test_projects_may_be_written_in_small_letters(world: Any) -> None:
    assert (await world.check(projects=["sup"]))["projects"].ok


async def test_without_projects_the_filter_chooses(world: Any) -> None:
    world.closed()
    results = await world.check(projects=[], jql="project = DEV")
    assert [what for what, result in results.items() if not result.ok] == []


@pytest.mark.parametrize("jql", ["project =", "nosuchfield = 1 AND"])
async def test_a_query_that_jira_refuses_is_reported(world: Any, jql: str) -> None:
    """Checklist 8. In Jira a misspelt filter is refused, or finds nothing."""
    result = (await world.check(jql=jql))["closed tickets"]
    assert not result.ok
    assert result.detail.endswith("correct 'projects' or 'jql'")


async def test_a_filter_that_finds_nothing_is_mentioned(world: Any) -> None:
    world.closed()
    result = (await world.check(jql="status = Open"))["closed tickets"]
    assert result.ok
    assert result.detail.startswith("none matches")


async def test_closed_tickets_are_counted(world: Any) -> None:
    for _ in range(3):
        world.closed()
    world.site.open_issue(world.plain, "still open", world.customer)
    assert "3 match" in (await world.check())["closed tickets"].detail


async def test_a_field_that_does_not_exist_or_fit_is_named(world: Any) -> None:
    labels = world.site.add_field("Marks", "labels")
    results = await world.check(
        team_field="customfield_99998", write_back=["fields"], result_fields={"rating": labels.id}
    )
    assert not results["custom fields"].ok
    assert "customfield_99998: there is no such field" in results["custom fields"].detail
    assert f"{labels.id}: results need a field for a number" in results["custom fields"].detail


async def test_a_missing_licence_is_noticed_where_it_matters(world: Any) -> None:
    world.site.account.is_agent = False
    results = await world.check()
    assert not results["Jira Service Management"].ok
    assert not results["write back: comment"].ok
    assert results["write back: property"].ok
    assert (await world.check(write_back=["property"]))["Jira Service Management"].ok
    without_desk = await world.check(projects=["DEV"])
    assert "Jira Service Management" not in without_desk
    assert without_desk["write back: comment"].ok


async def test_a_missing_permission_is_named(world: Any) -> None:
    world.site.account.can_edit_issues = world.site.account.can_comment = False
    results = await world.check()
    assert "EDIT_ISSUES in SUP" in results["write back: property"].detail
    assert "ADD_COMMENTS in DEV" in results["write back: comment"].detail
    assert not results["write back: property"].ok
    assert not results["write back: comment"].ok


async def test_a_webhook_without_secret_is_no_fault(world: Any) -> None:
    result = (await world.check())["webhook"]
    assert result.ok
    assert "webhook_secret" in result.detail


@pytest.mark.parametrize("path", ["/myself", "/field", "/project", "/mypermissions", "/(approximate-count|search)$"])
@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>", {"content-type": "text/html"}), Answer(200, b"[7]"), Answer(200, b'{"half":'),
        Answer(200, b"[" * 100_000), Answer(403, b""), Answer(503, b""), Answer(410, {"errorMessages": ["Gone."]}),
    ],
)  # fmt: skip
async def test_each_failing_step_is_a_result_and_no_exception(
    world: Any, redacted: Any, path: str, answer: Answer
) -> None:
    world.customer.email_shown = EmailShown.NOWHERE
    world.site.faults.on("*", path, answer, times=0)
    results = await world.check()
    failed = [result for result in results.values() if not result.ok]
    assert failed or (path == "/field" and answer.body == b"[7]")
    assert all(result.detail for result in failed)
    redacted(world, *results.values())
