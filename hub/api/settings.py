"""Field types for settings in hub.toml."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import durationpy
from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo, WithJsonSchema


def _duration(value: Any) -> Any:
    if not isinstance(value, str):
        if isinstance(value, timedelta):
            return value
        raise ValueError('write a duration such as "30s", "15m", "12h" or "30d"')
    try:
        return durationpy.from_str(value)
    except durationpy.DurationError:
        raise ValueError('not a duration; write for example "30s", "15m", "12h" or "30d"') from None


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d|w))+$"}),
]
"""A length of time, written "30s", "15m", "1h30m" or "30d"."""


def _beside_the_file(value: Path, info: ValidationInfo) -> Path:
    path = Path((info.context or {}).get("folder", "")) / value
    if not path.is_file():
        raise ValueError("there is no such file")
    return path


ExistingFile = Annotated[Path, AfterValidator(_beside_the_file)]
"""A file that must exist. A relative path is relative to hub.toml, not to where the hub was started."""

_SECRET_SCHEMA = {
    "oneOf": [
        {"type": "object", "properties": {kind: {"type": "string"}}, "required": [kind], "additionalProperties": False}
        for kind in ("env", "file", "keyring")
    ]
    + [{"type": "string"}],
}

Secret = Annotated[SecretStr, WithJsonSchema(_SECRET_SCHEMA)]
"""A secret, written `{ env = "NAME" }`, `{ file = "/path" }` or `{ keyring = "service/user" }`.

The hub resolves it before the plugin's model sees it; read it with `.get_secret_value()` at the moment of use.
"""
