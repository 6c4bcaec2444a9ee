"""The JSON Schema of the experience record, made from the model."""

from __future__ import annotations

from typing import Any

from hub.api.records import Experience

_RULE = (
    "What one customer said of one closure of a ticket. Readers must ignore fields that they do not know: later "
    "versions of the hub add some, and new values of `kind`, under the same format. A field is never removed, never "
    "means something else and never changes its type under the same `format`."
)


def record_schema() -> dict[str, Any]:
    """The schema of a record as it is written, JSON Schema 2020-12. It allows fields that it does not know."""
    schema = Experience.model_json_schema(mode="serialization")
    for definition in (schema, *schema["$defs"].values()):
        definition.pop("additionalProperties", None)
    schema["title"], schema["description"] = "Experience record, version 1", _RULE
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
