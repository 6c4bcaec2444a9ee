"""Resolves secrets. A plugin's model sees the value only; where it came from is kept for `hub config show`."""

from __future__ import annotations

import importlib
import os
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from hub.config.locate import KeyPath
from hub.redact import SHORTEST_SECRET

Report = Callable[[KeyPath, str], None]
"""Takes the place of a problem and its text."""

FORMS = '{ env = "NAME" } or { file = "/path" } or { keyring = "service/user" }'
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_UNRESOLVED = SecretStr("unresolved")
"""Stands in for a secret that could not be had, so that the other settings are still judged."""


@dataclass(frozen=True, slots=True)
class ResolvedSecret:
    """A secret that hub.toml names, where it was taken from, and its value."""

    path: KeyPath
    origin: str
    """Such as `env JIRA_TOKEN`; `hub.toml` for a plain one."""
    value: SecretStr


class _Unusable(Exception):
    """A secret cannot be had; the message says why and what to do."""


class Secrets:
    """Resolves the secrets of one hub.toml, reports what is wrong with them and remembers what it found."""

    def __init__(self, folder: Path, *, allow_plain: bool, report: Report) -> None:
        self._folder = folder
        self._allow_plain = allow_plain
        self._report = report
        self.found: list[ResolvedSecret] = []

    def below(self, path: KeyPath) -> tuple[ResolvedSecret, ...]:
        """The secrets found within one table."""
        return tuple(secret for secret in self.found if secret.path[: len(path)] == path)

    def scrub(self, text: str) -> str:
        """The text without any secret that was found so far."""
        for secret in self.found:
            value = secret.value.get_secret_value()
            if len(value) >= SHORTEST_SECRET:  # masking a single letter would leave no message
                text = text.replace(value, "***")
        return text

    def fill(self, annotation: Any, value: Any, path: KeyPath) -> Any:
        """The value with every secret in it resolved, as the field type says which values are secrets."""
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self.fill(arguments[0], value, path)
        if origin in (Union, types.UnionType):
            for arm in arguments:
                value = self.fill(arm, value, path)
            return value
        if isinstance(annotation, type) and issubclass(annotation, SecretStr):
            return self.resolve(value, path)
        return self._fill_parts(annotation, value, path)

    def _fill_parts(self, annotation: Any, value: Any, path: KeyPath) -> Any:
        origin, arguments = get_origin(annotation), get_args(annotation)
        if isinstance(value, dict) and isinstance(annotation, type) and issubclass(annotation, BaseModel):
            return self._fill_model(annotation, value, path)
        if isinstance(value, dict) and isinstance(origin, type) and issubclass(origin, Mapping):
            return {key: self.fill(arguments[1], item, (*path, key)) for key, item in value.items()}
        if isinstance(value, list) and arguments:
            return [self.fill(arguments[0], item, (*path, index)) for index, item in enumerate(value)]
        return value

    def _fill_model(self, model: type[BaseModel], table: Mapping[str, Any], path: KeyPath) -> dict[str, Any]:
        types_by_key = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        return {key: self.fill(types_by_key.get(key), item, (*path, key)) for key, item in table.items()}

    def resolve(self, value: Any, path: KeyPath) -> SecretStr:
        """The secret that `value` stands for. What cannot be resolved is reported and replaced by a stand-in."""
        if isinstance(value, SecretStr):
            return value
        try:
            origin, text = self._read(value)
        except _Unusable as unusable:
            self._report(path, str(unusable))
            return _UNRESOLVED
        secret = ResolvedSecret(path, origin, SecretStr(text))
        self.found.append(secret)
        return secret.value

    def _read(self, value: Any) -> tuple[str, str]:
        if isinstance(value, str):
            return "hub.toml", self._plain(value)
        match value:
            case {"env": str(name), **rest} if not rest:
                return f"env {name}", _from_environment(name)
            case {"file": str(name), **rest} if not rest:
                return f"file {name}", _from_file(self._folder / name, name)
            case {"keyring": str(name), **rest} if not rest:
                return f"keyring {name}", _from_keyring(name)
        raise _Unusable(f"write a secret as {FORMS}.")

    def _plain(self, value: str) -> str:
        if not self._allow_plain:
            raise _Unusable(
                f"a secret must not stand in the file. Write {FORMS}, or set hub.allow_plain_secrets = true."
            )
        if not value:
            raise _Unusable("the secret is empty.")
        return value


def _from_environment(name: str) -> str:
    if not _ENV_NAME.fullmatch(name):  # most likely the secret itself, so it must not be printed
        raise _Unusable('this is not a name of an environment variable. Write for example { env = "DESK_TOKEN" }.')
    value = os.environ.get(name)
    if not value:
        raise _Unusable(f"the environment variable {name} is {'not set' if value is None else 'empty'}. Set it.")
    return value


def _from_file(file: Path, name: str) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise _Unusable(f"the secret file {name!r} does not exist. Create it, or correct the path.") from None
    except OSError as error:
        raise _Unusable(f"the secret file {name!r} cannot be read: {error.strerror}.") from None
    except ValueError:  # not UTF-8, or a path that no file can have
        raise _Unusable(f"the secret file {name!r} is not UTF-8 text.") from None
    text = text.removesuffix("\n")
    if not text:
        raise _Unusable(f"the secret file {name!r} is empty.")
    return text


def _from_keyring(name: str) -> str:
    service, _, user = name.rpartition("/")
    if not service or not user:
        raise _Unusable('write a keyring entry as { keyring = "service/user" }.')
    try:
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise _Unusable("the keyring support is not installed. Run: pip install 'itsm-hub[keyring]'") from None
    try:
        value = keyring.get_password(service, user)
    except keyring.errors.KeyringError as error:
        raise _Unusable(f"the keyring cannot be read ({type(error).__name__}). Is it unlocked?") from None
    if not value:
        raise _Unusable(f"the keyring has no entry {name!r}. Add it with: keyring set {service} {user}")
    return str(value)
