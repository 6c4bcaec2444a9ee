"""A JSON Schema of hub.toml for editors, made from the plugins that are installed. `hub config check` is the judge."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from hub.config.asking import builtin
from hub.config.effective import written
from hub.config.models import KINDS, HubSettings, Kind, Offered, WebSettings, envelope_of
from hub.config.questions import Question, SurveyDefinition
from hub.config.survey import Exclusion, Place, Rule, SurveySettings
from hub.config.values import Section
from hub.registry import Plugin, Registry

_SECTIONS: dict[str, type[Section]] = {"hub": HubSettings, "web": WebSettings, "survey": SurveySettings}
_NAMED: dict[str, type[Section]] = {
    "questions": Question,
    "surveys": SurveyDefinition,
    "exclusions": Exclusion,
    "places": Place,
}
_OF_KIND = {
    "sources": "The systems whose closed tickets are surveyed, each under a name of its own.",
    "gateways": "The ways customers are reached, each under a name of its own.",
    "sinks": "Further places that hear of every experience, each under a name of its own.",
}


def schema(registry: Registry) -> dict[str, Any]:
    """The schema, JSON Schema draft 2020-12. Plugins that cannot be loaded are left out."""
    tables, definitions = dict[str, Any](), dict[str, Any]()
    for name, section in _SECTIONS.items():
        tables[name] = _object(section, definitions, prefix=name) | {"description": _summary(section)}
    for name, section in _NAMED.items():
        tables[name] = _named(name, section, definitions)
    definitions["rules"] = _object(Rule, definitions, prefix="rules")
    tables["rules"] = {"type": "array", "description": _summary(Rule), "items": {"$ref": "#/$defs/rules"}}
    for kind in KINDS:
        choices = list[dict[str, str]]()
        for plugin in registry.plugins.values():
            if offered := offer(plugin, kind):
                name = f"{kind}.{plugin.name}"
                definitions[name] = _component(kind, plugin.name, offered, definitions)
                choices.append({"$ref": f"#/$defs/{name}"})
        tables[kind] = {
            "type": "object",
            "description": _OF_KIND[kind],
            "additionalProperties": {"oneOf": choices} if choices else False,
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "hub.toml",
        "type": "object",
        "properties": tables,
        "required": ["web", "survey", "sources", "gateways"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def offer(plugin: Plugin, kind: Kind) -> Offered | None:
    """What a loaded plugin registered for this kind."""
    return {"sources": plugin.source, "gateways": plugin.gateway, "sinks": plugin.sink}[kind]


def _component(kind: Kind, plugin: str, offered: Offered, definitions: dict[str, Any]) -> dict[str, Any]:
    table = _object(envelope_of(kind), definitions, prefix=kind)
    own = _object(offered.config, definitions, prefix=f"{kind}.{plugin}")
    name = {"const": plugin, "description": table["properties"]["plugin"]["description"]}
    return {
        "type": "object",
        "description": offered.summary,
        "properties": {**own["properties"], **table["properties"], "plugin": name},
        "required": [*table["required"], *own.get("required", [])],
        "additionalProperties": False,
    }


def _named(kind: str, model: type[Section], definitions: dict[str, Any]) -> dict[str, Any]:
    """Tables under names of their own. Of a built-in one only what differs has to be written."""
    own = _object(model, definitions, prefix=kind)
    definitions[kind] = own
    definitions[f"{kind}.builtin"] = {key: value for key, value in own.items() if key != "required"}
    return {
        "type": "object",
        "description": _summary(model),
        "properties": {
            name: {"$ref": f"#/$defs/{kind}.builtin", "description": "Built in; what stands here changes it."}
            for name in builtin().get(kind, {})
        },
        "additionalProperties": {"$ref": f"#/$defs/{kind}"},
    }


def _object(model: type[BaseModel], definitions: dict[str, Any], *, prefix: str) -> dict[str, Any]:
    """The model's schema; what it refers to is put among the definitions of the whole."""
    made = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}", schema_generator=_Generator)
    definitions |= {f"{prefix}.{name}": _tidy(part) for name, part in made.pop("$defs", {}).items()}
    tidy: dict[str, Any] = _tidy(made)
    return tidy


class _Generator(GenerateJsonSchema):
    def encode_default(self, dft: Any) -> Any:
        return written(dft)


def _tidy(part: Any) -> Any:
    """Leave out pydantic's titles, and null, which TOML does not have."""
    if isinstance(part, list):
        return [_tidy(item) for item in part if item != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    tidy = {key: _tidy(value) for key, value in part.items() if not _is_noise(key, value)}
    choices = tidy.get("anyOf", ())
    if len(choices) == 1:
        del tidy["anyOf"]
        return choices[0] | tidy
    return tidy


def _is_noise(key: str, value: Any) -> bool:
    # Of a setting named "title" the value is a table.
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").split(":")[0] + "."
