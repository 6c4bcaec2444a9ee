"""The published JSON Schema of the record is that of the model, and real records keep to it."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

from hub.api.records import QuestionKind
from hub.journey.export import Exported
from hub.journey.record_schema import record_schema
from tests.journey.test_experience import answer, page, record
from tests.survey.asked import question, survey

PUBLISHED = Path(__file__).parents[2] / "docs/reference/experience.schema.json"


def test_the_published_schema_is_that_of_the_model() -> None:
    assert json.loads(PUBLISHED.read_text("utf-8")) == record_schema(), (
        "write it anew: hub export --schema > docs/reference/experience.schema.json"
    )


def test_real_records_keep_to_the_schema() -> None:
    Draft202012Validator.check_schema(record_schema())
    validator = Draft202012Validator(record_schema())
    kinds = ("service", "solved", "recommend", "effort", "channel", "factors", "lost_time", "comment", "three")
    wide = survey(*kinds, tired=question("rating", minimum=0, maximum=4, better="lower"))
    assert {one.kind for one in wide.questions.values()} == set(QuestionKind)
    everything = page({
        "service": 2, "tired": 4, "recommend": 9, "effort": 6, "solved": 0, "channel": "phone", "factors": ["slow"],
        "lost_time": 5, "comment": "=1+1", "three": {"service": "x", "problem": "y", "feedback": "z"},
    })  # fmt: skip
    made = [
        record(answer("5 kiitos"), asked=wide),
        record(everything, asked=wide),
        record(everything, asked=wide, source="places.lobby", milestone="waiting", sent_at=None),
        record(answer("5"), page({}, withdraws=True)),
    ]
    assert {item.question for item in made[1].items} == {"three", "comment"}
    assert len(made[1].scores) == 5
    for one in made:
        validator.validate(json.loads(one.model_dump_json()))
        validator.validate(Exported(one, one.answered_at).as_json())


def test_a_reader_of_today_takes_a_record_with_fields_of_tomorrow() -> None:
    tomorrow = Exported(record(answer("5")), None).as_json() | {"mood": "sunny"}
    tomorrow["scores"][0]["weight"] = 2
    Draft202012Validator(record_schema()).validate(tomorrow)
