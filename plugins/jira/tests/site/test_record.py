"""The record in the issue property: whole, or shortened to what Jira holds."""

from __future__ import annotations

import json
from typing import Any

from hub_jira.record import LONGEST_PROPERTY, as_json
from hypothesis import example, given
from hypothesis import strategies as st

from hub import DeliveryStatus, Item, ItemKind, Remark

PROPERTY = "com.itsm-hub.experience"


@given(st.text(st.characters(codec="utf-8"), min_size=0, max_size=200), st.integers(0, 40_000))
@example("\x1f", 36_864)
def test_a_property_never_exceeds_what_jira_holds(cloud_factory: Any, seed: str, length: int) -> None:
    world = cloud_factory()
    words = (seed or "x") * (length // len(seed or "x") + 1)
    item = world.experience(world.closed(), comment=words)
    text = as_json(item).decode()
    record, length = json.loads(text), len(text)
    assert length <= LONGEST_PROPERTY
    if record["comment"] != item.comment:
        assert item.comment.startswith(record["comment"].removesuffix("…"))
        assert length > LONGEST_PROPERTY / 4


async def test_a_very_long_answer_is_written_all_the_same(world: Any) -> None:
    issue = world.closed()
    item = world.experience(issue, comment='"Äh" 🙂\n' * 20_000)
    [receipt] = await world.write(item)
    assert (receipt.status, receipt.reason) == (DeliveryStatus.DELIVERED, "property, comment")
    assert issue.properties[PROPERTY]["comment"].endswith("…")


def test_words_that_stand_twice_give_way_before_any_is_lost(cloud_factory: Any) -> None:
    world = cloud_factory()
    words = "x" * 12_000
    item = world.experience(world.closed(), comment=words)
    said = {"remarks": (Remark(question="three", text=words),),
            "items": (Item(kind=ItemKind.IDEA, text=words, question="three"),)}  # fmt: skip
    record = json.loads(as_json(item.model_copy(update=said)))
    assert (record["comment"], record["items"]) == (words, [])
