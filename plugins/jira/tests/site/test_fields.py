"""Results in custom fields: the value each kind takes, and what happens when a field does not take it."""

from __future__ import annotations

from typing import Any

import pytest
from hub_jira import fields
from sandbox.jira import Answer

from hub import DeliveryStatus, Score

ONLY_FIELDS = {"write_back": ["fields"]}


async def test_each_kind_of_field_gets_its_kind_of_value(world: Any) -> None:
    number = world.site.add_field("Rating", "number")
    choice = world.site.add_field("Rating chosen", "select", options=("1", "2", "3", "4", "5"))
    line = world.site.add_field("Rating", "textfield")
    area = world.site.add_field("Comment", "textarea")
    short = world.site.add_field("Comment in short")
    issue = world.closed()
    for name, field in (("rating", number), ("rating", choice), ("csat", line), ("comment", area), ("comment", short)):
        [receipt] = await world.write(
            world.experience(issue, comment="Fast,\nand friendly " + "x" * 300), result_fields={name: field.id},
            **ONLY_FIELDS,
        )  # fmt: skip
        assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "fields")
    assert issue.custom[number.id] == 4
    assert issue.custom[choice.id]["value"] == "4"
    assert issue.custom[line.id] == "4"
    assert issue.custom[area.id] == "Fast,\nand friendly " + "x" * 300
    assert issue.custom[short.id] == ("Fast, and friendly " + "x" * 300)[:255]


async def test_a_later_revision_overwrites_the_fields_and_clears_what_is_taken_back(world: Any) -> None:
    number, text = world.site.add_field("Rating", "number"), world.site.add_field("Comment")
    wanted = {"rating": number.id, "comment": text.id}
    issue = world.closed()
    await world.write(world.experience(issue), result_fields=wanted, **ONLY_FIELDS)
    better = (Score(question="csat", value=5, minimum=1, maximum=5),)
    second = world.experience(issue, 2, None, scores=better)
    await world.write(second, result_fields=wanted, **ONLY_FIELDS)
    assert (issue.custom[number.id], issue.custom[text.id]) == (5, None)


async def test_a_comment_without_a_rating_leaves_the_rating_empty(world: Any) -> None:
    fields_of = {kind: world.site.add_field(kind, kind, options=("0",)) for kind in ("number", "textfield", "select")}
    for name in ("rating", "csat"):
        issue = world.closed()
        for field in fields_of.values():
            item = world.experience(issue, scores=())
            [receipt] = await world.write(item, result_fields={name: field.id}, **ONLY_FIELDS)
            assert receipt.status is DeliveryStatus.DELIVERED
        assert set(issue.custom.values()) == {None}


async def test_fields_are_set_without_telling_the_watchers(world: Any) -> None:
    number = world.site.add_field("Rating", "number")
    await world.write(world.experience(world.closed()), result_fields={"rating": number.id}, **ONLY_FIELDS)
    [put] = [each for each in world.site.requests if each.method == "PUT"]
    assert put.query == (("notifyUsers", "false"),)


async def test_data_center_may_insist_on_telling_them(dc: Any) -> None:
    number = dc.site.add_field("Rating", "number")
    refusal = {"errorMessages": ["To discard the user notification admin permissions are required."], "errors": {}}
    dc.site.faults.on("PUT", "/issue/", Answer(403, refusal))
    issue = dc.closed()
    [receipt] = await dc.write(dc.experience(issue), result_fields={"rating": number.id}, **ONLY_FIELDS)
    assert receipt.status is DeliveryStatus.DELIVERED
    assert issue.custom[number.id] == 4


async def test_a_field_that_is_on_no_screen_is_named_and_the_rest_is_written(world: Any) -> None:
    hidden = world.site.add_field("Rating", "number", on_edit_screen=False)
    issue = world.closed()
    [receipt] = await world.write(
        world.experience(issue), write_back=["fields", "comment"], result_fields={"rating": hidden.id}
    )
    assert receipt.status is DeliveryStatus.DELIVERED
    assert receipt.reason == f"comment; no fields: Jira answered 400 to PUT (fields {hidden.id})"


async def test_an_option_that_is_not_offered_is_left_out(world: Any) -> None:
    choice = world.site.add_field("Rating", "select", options=("good", "bad"))
    [receipt] = await world.write(
        world.experience(world.closed()), write_back=["property", "fields"], result_fields={"rating": choice.id}
    )
    assert receipt.reason == f"property; no fields: Jira answered 400 to PUT (fields {choice.id})"


async def test_a_field_that_no_result_fits_into_is_left_out_alone(world: Any) -> None:
    number, labels = world.site.add_field("Rating", "number"), world.site.add_field("Marks", "labels")
    issue = world.closed()
    [receipt] = await world.write(
        world.experience(issue), result_fields={"rating": number.id, "csat": labels.id}, **ONLY_FIELDS
    )
    assert issue.custom == {number.id: 4}
    assert receipt.reason.startswith(f"fields; no {labels.id}: results need a field for a number")


async def test_without_a_usable_field_nothing_is_set(world: Any) -> None:
    [receipt] = await world.write(
        world.experience(world.closed()), result_fields={"rating": "customfield_99999"}, **ONLY_FIELDS
    )
    assert receipt.status is DeliveryStatus.FAILED
    assert "customfield_99999: there is no such field" in receipt.reason
    assert not any(each.method == "PUT" for each in world.site.requests)


async def test_a_field_that_does_not_keep_its_value_is_not_delivered(world: Any) -> None:
    number = world.site.add_field("Rating", "number")
    issue = world.closed()
    world.site.faults.on("PUT", "/issue/", Answer(204))
    [receipt] = await world.write(world.experience(issue), result_fields={"rating": number.id}, **ONLY_FIELDS)
    assert receipt.status is DeliveryStatus.UNKNOWN
    assert receipt.reason == f"fields written, then: {number.id} does not read back as it was written"


@pytest.mark.parametrize(
    ("shown", "written", "held"),
    [
        (None, None, True), ("x", None, False), (4.0, 4, True), (5, 4, False), (None, 4, False),
        ({"id": "1", "value": "4"}, {"value": "4"}, True), ({"value": "5"}, {"value": "4"}, False),
        (None, {"value": "4"}, False), ("Fast\r\n", "Fast", True), (None, "Fast", False),
        ({"type": "doc"}, {"type": "doc", "version": 1, "content": []}, True),
    ],
)  # fmt: skip
def test_what_reads_back(shown: Any, written: Any, held: bool) -> None:
    assert fields.holds(shown, written) is held
