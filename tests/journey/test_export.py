"""Experiences as other programs read them."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.journey.export import Exported, Wanted, questions_of, read
from hub.journey.export_files import CsvWriter, JsonLinesWriter, ParquetWriter, disarmed
from hub.journey.export_rows import as_row, columns
from tests.journey.test_experience import WIDE, page, record
from tests.journey.world import World

ALL = Wanted()
NAMES = columns(WIDE.questions)


async def _export(world: World, wanted: Wanted = ALL) -> list[Exported]:
    return [one async for _, some in read(world.store, wanted) for one in some]


async def test_the_last_revision_is_exported_with_its_latencies(world: World) -> None:
    await world.asked()
    world.pass_time(minutes=1)
    await world.reply("2")
    await world.finish()
    world.pass_time(minutes=1)
    await world.reply("jouduin odottamaan")
    await world.process()
    world.pass_time(seconds=30)
    await world.write_back()
    (one,) = await _export(world)
    assert (one.record.revision, one.record.comment) == (2, "jouduin odottamaan")
    assert one.latencies_s() == {
        "closed_to_asked_s": 0.0,
        "asked_to_delivered_s": None,
        "delivered_to_answered_s": None,
        "asked_to_answered_s": 120.0,
        "answered_to_written_back_s": 30.0,
    }
    everything = await _export(world, Wanted(all_revisions=True))
    assert [each.record.revision for each in everything] == [1, 2]


async def test_only_what_is_wanted_is_exported(world: World) -> None:
    await world.asked()
    await world.reply("2")
    await world.finish()
    now, hour = world.now, timedelta(hours=1)
    for wanted, number in {
        Wanted(): 1,
        Wanted(since=now): 1,
        Wanted(until=now): 0,
        Wanted(since=now + hour): 0,
        Wanted(source="desk", survey="closing", until=now + hour): 1,
        Wanted(source="other"): 0,
        Wanted(survey="progress"): 0,
    }.items():
        assert len(await _export(world, wanted)) == number


async def test_what_comes_during_an_export_does_not_tear_it(world: World) -> None:
    await world.asked()
    await world.reply("2")
    await world.finish()
    found = []
    async for _, some in read(world.store, Wanted()):
        found += [one.record.revision for one in some]
        await world.reply("3 sittenkin")
        await world.finish()
    assert found == [1]


async def test_the_questions_of_old_answers_have_columns(world: World) -> None:
    assert set(await questions_of(world.store, WIDE.questions)) == set(WIDE.questions)


def _one(**values: Any) -> Exported:
    return Exported(record(page(values), asked=WIDE), None)


def test_a_row_has_the_raw_value_its_scale_and_the_normalised_one() -> None:
    row = as_row(_one(pain=1, factors=["process_no"], lost_time=15, comment="=1+1"), NAMES)
    assert (row["q_pain"], row["q_pain_scale"], row["q_pain_normalised"]) == (1, "0 to 4, lower is better", 0.75)
    assert (row["q_factors"], row["process_said_no"], row["lost_minutes"]) == ("process_no", True, 15)
    assert (row["comment"], row["q_service"]) == ("=1+1", None)


def test_all_rows_have_the_same_columns() -> None:
    rows = [as_row(one, NAMES) for one in (_one(service=1), _one(three={"problem": "x"}), _one(channel="desk"))]
    assert [list(row) for row in rows] == [list(NAMES)] * 3


def _csv(*rows: dict[str, Any]) -> list[dict[str, str]]:
    file = io.BytesIO()
    writer = CsvWriter(file, list(rows[0]))
    writer.write(rows)
    writer.close()
    assert file.getvalue().startswith("\ufeff".encode())
    return list(csv.DictReader(io.StringIO(file.getvalue().decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "﹦1", "\u200b=1", "x;=1+1", "x\n=1"]
)
def test_formulas_in_customers_words_are_disarmed_in_csv(text: str) -> None:
    (row,) = _csv({"comment": text, "q": -1.0})
    assert row == {"comment": disarmed(text), "q": "-1.0"}
    for cell in row["comment"].replace("\n", ";").split(";"):
        assert not cell.strip(" \u200b").startswith(("=", "+", "-", "@", "＝", "﹦"))


@given(st.text())
def test_any_text_comes_out_of_csv_as_it_went_in_but_for_apostrophes(text: str) -> None:
    assert disarmed(text).replace("'", "") == text.replace("'", "")
    assert disarmed(disarmed(text)) == disarmed(text)


@pytest.mark.parametrize("text", ["Kiitos!", "it's fine - really", "5 + 5 = 10", "a@b.example", "ei; mutta"])
def test_ordinary_words_stay_as_they_are(text: str) -> None:
    assert disarmed(text) == text


def test_json_lines_hold_the_whole_record_untouched() -> None:
    file, one = io.BytesIO(), _one(service=2, comment="=1+1\nähky")
    JsonLinesWriter(file).write([one.as_json(), one.as_json()])
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert len(lines) == 2
    assert (lines[0]["comment"], lines[0]["scores"][0]["normalised"]) == ("=1+1\nähky", 0.25)
    assert lines[0].keys() >= {"written_back_at", "latencies", "items"}


def test_parquet_has_types_and_words_untouched() -> None:
    file = io.BytesIO()
    writer = ParquetWriter(file, NAMES)
    writer.write([as_row(_one(service=2, comment="=1+1"), NAMES)])
    writer.write([as_row(_one(solved=1), NAMES)])
    writer.close()
    table = pq.read_table(io.BytesIO(file.getvalue()))
    assert table.column("comment").to_pylist() == ["=1+1", None]
    assert table.column("q_service").to_pylist() == [2.0, None]
    assert str(table.schema.field("answered_at").type) == "timestamp[us, tz=UTC]"
