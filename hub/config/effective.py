"""The settings in force, defaults included, as an admin may see them: secrets by their origin only."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

from pydantic import BaseModel, SecretStr

from hub.api.component import RateLimit
from hub.config.locate import KeyPath
from hub.config.messages import duration_text
from hub.config.models import KINDS, ComponentConfig, HubConfig, HubSettings
from hub.config.rates import rate_text

Origins = Mapping[KeyPath, str]
ASKED = ("questions", "surveys", "rules", "exclusions", "places")
"""Tables that say what is asked and whom; the built-in ones are among them."""


def effective(config: HubConfig) -> dict[str, Any]:
    """All tables of the configuration as plain values, ready for JSON or TOML. What has no value is left out."""
    origins = {secret.path: secret.origin for secret in config.secrets}
    tables: dict[str, Any] = {"hub": _hub(config.hub, origins)}
    tables |= {name: written(getattr(config, name), origins) for name in ("web", "survey", *ASKED)}
    tables["survey"].setdefault("quiet_hours", "")
    for kind in KINDS:
        components: Mapping[str, ComponentConfig] = getattr(config, kind)
        tables[kind] = {name: _component(component) for name, component in components.items()}
    return tables


def written(value: Any, origins: Origins | None = None, path: KeyPath = ()) -> Any:
    """A setting's value as it would be written in hub.toml; a secret as `(secret, from …)`."""
    if isinstance(value, SecretStr):
        origin = (origins or {}).get(path)
        return f"(secret, from {origin})" if origin else "(secret)"
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        value = {field.alias or name: getattr(value, name) for name, field in fields.items()}
    if isinstance(value, Mapping):
        parts = {str(key): written(part, origins, (*path, key)) for key, part in value.items()}
        return {key: part for key, part in parts.items() if part is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [written(part, origins, (*path, index)) for index, part in enumerate(value)]
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, RateLimit):
        return rate_text(value)
    if isinstance(value, Enum):
        return _plain(value.value)
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)


def _hub(hub: HubSettings, origins: Origins) -> dict[str, Any]:
    table: dict[str, Any] = written(hub)
    if origin := origins.get(("hub", "store")):
        table["store"] = f"(secret, from {origin})"
    elif hub.store_password:
        table["store"] = hub.store.replace(hub.store_password, "***")
    return table


def _component(component: ComponentConfig) -> dict[str, Any]:
    table: dict[str, Any] = {
        "plugin": component.plugin,
        "enabled": component.enabled,
        "interval": duration_text(component.interval),
    }
    if component.kind == "gateways":
        table["max_in_flight"] = component.max_in_flight
    if component.rate is not None:
        table["rate"] = rate_text(component.rate)
    table |= written(component.settings, {secret.path[2:]: secret.origin for secret in component.secrets})
    return table
