"""The schema describes what is accepted, in a form editors understand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.config.schema import schema
from hub.registry import FIRST_PARTY, Registry
from tests.config.plugins import REGISTRY

SCHEMA = schema(REGISTRY)


def parts(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        yield from parts(child)


def test_a_plugin_is_chosen_by_its_name() -> None:
    desk = SCHEMA["$defs"]["sources.desk"]
    assert desk["properties"]["plugin"]["const"] == "desk"
    assert desk["required"] == ["plugin", "base_url", "token"]
    assert SCHEMA["properties"]["sources"]["additionalProperties"] == {"oneOf": [{"$ref": "#/$defs/sources.desk"}]}
    assert SCHEMA["properties"]["gateways"]["additionalProperties"] == {"oneOf": [{"$ref": "#/$defs/gateways.text"}]}


def test_envelope_and_plugin_settings_stand_together() -> None:
    sms = SCHEMA["$defs"]["gateways.text"]["properties"]
    assert {"plugin", "enabled", "interval", "rate", "max_in_flight", "password", "mode", "timeout"} == set(sms)
    assert "max_in_flight" not in SCHEMA["$defs"]["sources.desk"]["properties"]


def test_every_table_refuses_unknown_settings_and_every_setting_is_described() -> None:
    tables = [part for part in parts(SCHEMA) if "properties" in part and isinstance(part["properties"], dict)]
    described = [table for table in tables if "env" not in table["properties"] and not _is_secret(table)]
    assert len(described) > 5
    for table in described:
        assert table["additionalProperties"] is False or table == SCHEMA["properties"].get(_named(table))
        assert [name for name, setting in table["properties"].items() if not setting.get("description")] == []


def _named(table: dict[str, Any]) -> str:
    """The kind of tables under names of their own that this is, if it is one."""
    return str(table["additionalProperties"].get("$ref", "")).removeprefix("#/$defs/")


def test_of_a_built_in_question_only_what_differs_has_to_be_written() -> None:
    questions = SCHEMA["properties"]["questions"]
    assert questions["additionalProperties"] == {"$ref": "#/$defs/questions"}
    assert SCHEMA["$defs"]["questions"]["required"] == ["kind", "text"]
    assert questions["properties"]["service"]["$ref"] == "#/$defs/questions.builtin"
    assert "required" not in SCHEMA["$defs"]["questions.builtin"]
    assert SCHEMA["properties"]["exclusions"]["properties"].keys() >= {"silence", "spam"}


def test_rules_are_a_list_of_tables() -> None:
    rules = SCHEMA["properties"]["rules"]
    assert (rules["type"], rules["items"]) == ("array", {"$ref": "#/$defs/rules"})
    assert SCHEMA["$defs"]["rules"]["required"] == ["name"]
    assert SCHEMA["$defs"]["rules"]["properties"]["milestone"]["default"] == ["closed"]


def _is_secret(table: dict[str, Any]) -> bool:
    return set(table["properties"]) <= {"env", "file", "keyring"}


def test_every_reference_leads_somewhere() -> None:
    references = {part["$ref"] for part in parts(SCHEMA) if isinstance(part.get("$ref"), str)}
    assert references
    assert {reference.removeprefix("#/$defs/") for reference in references} <= SCHEMA["$defs"].keys()


def test_defaults_are_written_as_in_the_file() -> None:
    survey = SCHEMA["properties"]["survey"]["properties"]
    assert survey["delay"]["default"] == "10m"
    assert survey["quiet_hours"]["default"] == "20:00-08:00"
    assert SCHEMA["properties"]["hub"]["properties"]["store"]["default"] == "sqlite:///hub.db"
    assert "default" not in SCHEMA["properties"]["hub"]["properties"]["contacts"]


def test_there_is_no_null_in_it_because_toml_has_none() -> None:
    assert [part for part in parts(SCHEMA) if part.get("type") == "null" or part.get("default", 0) is None] == []


def test_without_plugins_of_a_kind_no_table_fits() -> None:
    assert schema(Registry([]))["properties"]["sinks"]["additionalProperties"] is False


def test_the_schema_in_the_repository_is_that_of_the_plugins_in_the_repository() -> None:
    """Rewrite it with: hub config schema > hub.schema.json"""
    kept = json.loads((Path(__file__).parents[2] / "hub.schema.json").read_text("utf-8"))
    assert kept == schema(Registry.load(FIRST_PARTY))
