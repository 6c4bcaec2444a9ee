"""Everything the connector asks for, against Atlassian's own OpenAPI documents. Skipped where these are absent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub import AuthFailed
from tests.clients.openapi import Contract


async def test_every_request_is_one_that_the_official_documents_know(world: Any, start: Any, walk: Any) -> None:
    contract = Contract.cloud() if world.site.kind == "cloud" else Contract.data_center()
    rating, comment = world.site.add_field("Rating", "number"), world.site.add_field("Comment", "textarea")
    settings = {
        "write_back": ["property", "comment", "fields"], "result_fields": {"rating": rating.id, "comment": comment.id},
        "jql": "labels is EMPTY", "page_size": 2, "milestones": ["handed_over", "waiting"],
    }  # fmt: skip
    source = world.source(**settings)
    began = world.clock.now()
    cursor = await start(source)
    issues = [world.closed(project) for project in (world.desk, world.plain) for _ in range(3)]
    world.site.reopen(issues[-1])
    issues[0].history.clear()
    world.clock.advance(timedelta(minutes=20))
    assert await walk(source, cursor)
    assert await source.rewind(began)
    assert [ids async for ids in source.census(began)]
    world.site.assign(issues[-1], world.site.agent)
    world.site.assign(issues[-1], world.site.account)
    world.clock.advance(timedelta(days=2))
    assert len([ticket async for page in source.milestones(began) for ticket in page]) == 2
    assert (await source.fetch([issue.id for issue in issues])).tickets
    items = [world.experience(issue) for issue in issues]
    for _ in range(2):
        receipts = await source.write_back(items)
        assert {(receipt.status.value, receipt.reason) for receipt in receipts} == {
            ("delivered", "property, comment, fields")
        }
    assert all(result.ok for result in await source.check())
    world.site.account.can_edit_issues = world.site.account.can_comment = False
    with pytest.raises(AuthFailed):
        await source.write_back([world.experience(issues[-1], 2)])
    assert contract.problems([_with_one_version(world, each) for each in world.site.requests], answers=False) == []


def _with_one_version(world: Any, recorded: Any) -> Any:
    """What is asked before the kind of site is known goes to version 2; its document for Cloud is another one."""
    if world.site.kind == "cloud" and recorded.path.endswith(("/serverInfo", "/myself")):
        return replace(recorded, path=recorded.path.replace("/rest/api/2/", "/rest/api/3/"))
    return recorded
