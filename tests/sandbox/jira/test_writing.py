"""Properties, comments and edits on the platform API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sandbox.jira.documents import as_document, as_text, is_document

from tests.sandbox.jira.conftest import V3, World

PROPERTY = f"{V3}/issue/SUP-1/properties/com.example.xm"


async def test_a_property_is_created_replaced_read_listed_and_deleted(cloud: World) -> None:
    issue = cloud.closed()[0]
    put = [await cloud.client.put(PROPERTY, json={"nps": nps}) for nps in (9, 8)]
    assert [(answer.status_code, answer.content) for answer in put] == [(201, b""), (200, b"")]
    assert (await cloud.client.get(PROPERTY)).json() == {"key": "com.example.xm", "value": {"nps": 8}}
    keys = (await cloud.client.get(f"{V3}/issue/SUP-1/properties")).json()["keys"]
    assert keys == [
        {"self": f"{cloud.site.url}{V3}/issue/{issue.id}/properties/com.example.xm", "key": "com.example.xm"}
    ]
    gone = [(await cloud.client.delete(PROPERTY)).status_code, (await cloud.client.get(PROPERTY)).status_code]
    assert gone == [204, 404]


@pytest.mark.parametrize(("length", "status"), [(32_768, 201), (32_769, 400)])
async def test_the_longest_value_of_a_property(cloud: World, length: int, status: int) -> None:
    cloud.closed()
    value = '"' + "ä" * (length - 2) + '"'
    assert (await cloud.client.put(PROPERTY, content=value.encode())).status_code == status


async def test_a_property_refuses_a_long_key_and_no_json(cloud: World) -> None:
    cloud.closed()
    base = f"{V3}/issue/SUP-1/properties/"
    answers = [await cloud.client.put(base + "k" * length, content=b"1") for length in (255, 256)]
    answers.append(await cloud.client.put(base + "k", content=b"{"))
    assert [answer.status_code for answer in answers] == [201, 400, 400]


async def test_a_property_is_no_update_unless_the_site_says_so(cloud: World) -> None:
    issue = cloud.closed(apart=60)[0]
    before = issue.updated
    await cloud.client.put(PROPERTY, json=1)
    assert issue.updated == before
    cloud.site.property_bumps_updated = True
    await cloud.client.put(PROPERTY, json=1)
    assert issue.updated == cloud.clock.now()


async def test_writing_needs_the_permission_and_an_editable_status(cloud: World) -> None:
    cloud.site.add_status("Archived", "done", editable=False)
    field = cloud.site.add_field("Rating", "number")
    cloud.closed(status="Archived")
    edit = {"fields": {field.id: 4}}
    locked = [await cloud.client.put(PROPERTY, json=1), await cloud.client.put(f"{V3}/issue/SUP-1", json=edit)]
    assert [answer.status_code for answer in locked] == [403, 400]
    cloud.closed()
    cloud.site.account.can_edit_issues = False
    denied = [
        await cloud.client.put(f"{V3}/issue/SUP-2/properties/x", json=1),
        await cloud.client.put(f"{V3}/issue/SUP-2", json=edit),
    ]
    assert [answer.status_code for answer in denied] == [403, 403]
    assert (await cloud.client.post(f"{V3}/issue/SUP-2/comment", json={"body": as_document("x")})).status_code == 201


async def test_version_three_wants_a_document_and_version_two_text(cloud: World) -> None:
    cloud.closed()
    wanted = {"3": as_document("Solved\nfast"), "2": "Solved\nfast"}
    for version, right in wanted.items():
        url = f"/rest/api/{version}/issue/SUP-1/comment"
        other = wanted["2" if version == "3" else "3"]
        wrong = await cloud.client.post(url, json={"body": other})
        assert (wrong.status_code, wrong.json()["errors"]) == (400, {"comment": "Comment body is not valid!"})
        made = await cloud.client.post(url, json={"body": right})
        assert (made.status_code, made.json()["body"]) == (201, right)
    both = (await cloud.client.get("/rest/api/2/issue/SUP-1/comment")).json()["comments"]
    assert [comment["body"] for comment in both] == ["Solved\nfast", "Solved\nfast"]


async def test_on_a_service_desk_a_comment_is_public_and_mailed_unless_marked_internal(cloud: World) -> None:
    cloud.closed()
    url = f"{V3}/issue/SUP-1/comment"
    public = await cloud.client.post(url, json={"body": as_document("hello")})
    mark = [{"key": "sd.public.comment", "value": {"internal": True}}]
    internal = await cloud.client.post(url, json={"body": as_document("note"), "properties": mark})
    assert [public.json()["jsdPublic"], internal.json()["jsdPublic"]] == [True, False]
    assert cloud.site.mails == [("SUP-1", "public comment")]


async def test_comments_newest_first_with_their_properties(cloud: World) -> None:
    cloud.closed()
    url = f"{V3}/issue/SUP-1/comment"
    for number in range(3):
        mark = [{"key": "com.example.xm.key", "value": {"response": number}}]
        await cloud.client.post(url, json={"body": as_document("x"), "properties": mark})
    order = {"orderBy": "-created", "expand": "properties", "maxResults": 2}
    page = (await cloud.client.get(url, params=order)).json()
    assert [comment["properties"][0]["value"]["response"] for comment in page["comments"]] == [2, 1]
    assert (page["total"], page["maxResults"], page["startAt"]) == (3, 2, 0)
    assert "properties" not in (await cloud.client.get(url)).json()["comments"][0]


async def test_a_comment_can_be_deleted_by_its_author(cloud: World) -> None:
    issue = cloud.closed()[0]
    theirs = cloud.site.comment(issue, cloud.site.agent, "x")
    own = (await cloud.client.post(f"{V3}/issue/SUP-1/comment", json={"body": as_document("x")})).json()["id"]
    statuses = [
        (await cloud.client.delete(f"{V3}/issue/SUP-1/comment/{number}")).status_code
        for number in (own, own, theirs.id)
    ]
    assert statuses == [204, 404, 400]


async def test_a_full_issue_takes_no_more_comments(cloud: World) -> None:
    cloud.closed()
    cloud.site.comment_limit = 0
    assert (await cloud.client.post(f"{V3}/issue/SUP-1/comment", json={"body": as_document("x")})).status_code == 413


async def test_search_embeds_twenty_comments(cloud: World) -> None:
    issue = cloud.closed()[0]
    for _ in range(25):
        cloud.site.comment(issue, cloud.site.agent, "x")
    found = (await cloud.search("project = SUP", fields=["comment"])).json()["issues"][0]["fields"]["comment"]
    assert (len(found["comments"]), found["total"]) == (20, 25)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("number", 4, "4"),
        ("textfield", "4", 4),
        ("textfield", "x" * 255, "x" * 256),
        ("textarea", as_document("Solved fast"), "Solved fast"),
        ("select", {"value": "4"}, {"value": "9"}),
        ("select", {"value": "4"}, "4"),
        ("labels", ["vip"], ["v i p"]),
    ],
)
async def test_fields_take_their_own_kind_of_value(cloud: World, kind: str, good: Any, bad: Any) -> None:
    field = cloud.site.add_field("Rating", kind, options=["3", "4"])
    cloud.closed()
    refused = await cloud.client.put(f"{V3}/issue/SUP-1", json={"fields": {field.id: bad}})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, [field.id])
    taken = await cloud.client.put(f"{V3}/issue/SUP-1", json={"fields": {field.id: good}, "update": {}})
    assert (taken.status_code, taken.content) == (204, b"")
    shown = (await cloud.client.get(f"{V3}/issue/SUP-1", params={"fields": field.id})).json()["fields"][field.id]
    assert shown == good if not isinstance(good, dict) or "type" in good else shown["value"] == good["value"]


async def test_a_field_off_the_edit_screen_or_unknown_cannot_be_set(cloud: World) -> None:
    field = cloud.site.add_field("Rating", "number", on_edit_screen=False)
    cloud.closed()
    answer = await cloud.client.put(f"{V3}/issue/SUP-1", json={"fields": {field.id: 4, "customfield_1": 1}})
    message = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
    assert answer.json() == {
        "errorMessages": [],
        "errors": {name: message.format(name) for name in (field.id, "customfield_1")},
    }


async def test_silent_edits_need_an_administrator(cloud: World) -> None:
    field = cloud.site.add_field("Rating", "number")
    cloud.closed()
    for is_admin in (False, True):
        cloud.site.account.is_admin = is_admin
        await cloud.client.put(f"{V3}/issue/SUP-1?notifyUsers=false", json={"fields": {field.id: 4}})
    assert cloud.site.mails == [("SUP-1", "issue updated")]


async def test_operations_add_and_remove_labels_and_add_a_comment_and_properties(cloud: World) -> None:
    issue = cloud.closed()[0]
    issue.labels = ["old"]
    update = {"labels": [{"add": "vip"}, {"remove": "old"}], "comment": [{"add": {"body": as_document("hello")}}]}
    body = {"update": update, "properties": [{"key": "x", "value": 1}]}
    assert (await cloud.client.put(f"{V3}/issue/SUP-1", json=body)).status_code == 204
    assert (issue.labels, issue.comments[0].text, issue.properties) == (["vip"], "hello", {"x": 1})


async def test_an_edit_is_an_update_with_a_history(cloud: World) -> None:
    field = cloud.site.add_field("Rating", "number")
    issue = cloud.closed()[0]
    cloud.clock.advance(timedelta(minutes=1))
    await cloud.client.put(f"{V3}/issue/SUP-1", json={"fields": {field.id: 4}})
    assert (issue.updated, issue.history[-1].items[0].field) == (cloud.clock.now(), field.id)


async def test_field_list_allows_equal_names(cloud: World) -> None:
    added = {cloud.site.add_field("Rating", "number").id for _ in range(2)}
    listed = (await cloud.client.get(f"{V3}/field")).json()
    assert {field["id"] for field in listed if field["name"] == "Rating"} == added


async def test_a_project_is_found_by_key_or_id(cloud: World) -> None:
    shown = [await cloud.client.get(f"{V3}/project/{name}") for name in ("SUP", cloud.desk.id, "NOPE")]
    assert [answer.status_code for answer in shown] == [200, 200, 404]
    assert (shown[1].json()["key"], shown[1].json()["projectTypeKey"]) == ("SUP", "service_desk")


async def test_permissions_are_told_for_the_names_asked(cloud: World) -> None:
    cloud.site.account.can_edit_issues = False
    asked = {"permissions": "BROWSE_PROJECTS,EDIT_ISSUES"}
    told = (await cloud.client.get(f"{V3}/mypermissions", params=asked)).json()["permissions"]
    assert {name: each["havePermission"] for name, each in told.items()} == {
        "BROWSE_PROJECTS": True,
        "EDIT_ISSUES": False,
    }
    assert (await cloud.client.get(f"{V3}/mypermissions")).status_code == 400


def test_documents_and_text() -> None:
    document = as_document("one\ntwo\n\nthree")
    assert is_document(document)
    assert as_text(document) == "one\ntwo\n\nthree"
    assert not is_document({"type": "doc", "version": 1, "content": [{"type": "text", "text": ""}]})
    assert not is_document({"type": "doc", "version": 1})
