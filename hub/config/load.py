"""Reads hub.toml. The hub reads what is its own; each plugin's model reads the rest of the tables that name it."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from hub.api.errors import PluginError
from hub.config.asking import Asking
from hub.config.locate import KeyPath, Lines, dotted
from hub.config.messages import NEXT_STEP, ConfigProblems, Problem
from hub.config.models import (
    KINDS,
    ComponentConfig,
    Envelope,
    HubConfig,
    HubSettings,
    Kind,
    Offered,
    WebSettings,
    envelope_of,
)
from hub.config.secrets import FORMS, Secrets
from hub.config.survey import SurveySettings
from hub.config.syntax import parse, read_text
from hub.config.validate import validate
from hub.registry import Registry, did_you_mean

ModelT = TypeVar("ModelT", bound=BaseModel)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_TABLES = ("hub", "web", "survey", "questions", "surveys", "rules", "exclusions", "places", *KINDS)
_EXAMPLES = {
    "sources": 'no source is configured. Add a table such as [sources.desk] with plugin = "email".',
    "gateways": 'no gateway is configured. Add a table such as [gateways.mail] with plugin = "email".',
}


def find(option: Path | None = None) -> Path:
    """The configuration file to use: the option of the command line, else `HUB_CONFIG`, else `./hub.toml`."""
    return option or Path(os.environ.get("HUB_CONFIG") or "hub.toml")


def load(path: Path, *, registry: Registry | None = None) -> HubConfig:
    """Read and validate a configuration, secrets included.

    :param registry: where plugins are looked up; by default those are loaded that the file names.
    :raises ConfigProblems: everything that is wrong with it, at once.
    """
    text = read_text(path)
    document = parse(path, text)
    if registry is None:
        registry = Registry.load(_named_plugins(document))
    return _Reader(path, text, document, registry).read()


def _named_plugins(document: Mapping[str, Any]) -> set[str]:
    kinds = (document.get(kind) for kind in KINDS)
    tables = [table for kind in kinds if isinstance(kind, dict) for table in kind.values()]
    named = (table.get("plugin") for table in tables if isinstance(table, dict))
    return {name for name in named if isinstance(name, str)}


class _Reader:
    """One reading of one file. It goes on after each problem and raises all of them at the end."""

    def __init__(self, path: Path, text: str, document: dict[str, Any], registry: Registry) -> None:
        self._path = path
        self._document = document
        self._registry = registry
        self._lines = Lines(text)
        self._folder = path.absolute().parent
        self._problems: dict[KeyPath, Problem] = {}
        self._plugins_to_look_up = dict[str, None]()
        self._secrets = Secrets(self._folder, allow_plain=self._allows_plain_secrets(), report=self._report)

    def read(self) -> HubConfig:
        for name in self._document.keys() - set(_TABLES):
            self._report((name,), f"unknown table.{did_you_mean(name, _TABLES)}")
        hub = self._hub()
        web = self._validate(WebSettings, self._table("web"), ("web",))
        components = {kind: self._components(kind) for kind in KINDS}
        survey = self._survey()
        asked = Asking(
            self._document,
            self._table("gateways"),
            self._table("sources"),
            self._validate,
            self._report,
            survey=survey,
        ).read()
        if hub and web and hub.metrics_listen == web.listen:
            self._report(("hub", "metrics_listen"), "must be another port than web.listen, which is public.")
        if self._problems or hub is None or web is None or survey is None:
            raise ConfigProblems(self._path, self._problems.values(), next_step=self._next_step())
        secrets = tuple(self._secrets.found)
        return HubConfig(self._path.absolute(), hub, web, survey, **asked, **components, secrets=secrets)

    def _report(self, path: KeyPath, text: str) -> None:
        self._problems.setdefault(path, Problem(self._lines.of(path), dotted(path), text))

    def _next_step(self) -> str:
        commands = ", ".join(f"hub plugins show {name}" for name in self._plugins_to_look_up)
        return f"{NEXT_STEP}. A plugin's settings: {commands}" if commands else NEXT_STEP

    def _table(self, name: str) -> dict[str, Any]:
        table = self._document.get(name, {})
        if isinstance(table, dict):
            return table
        self._report((name,), f"must be a table: [{name}.NAME]." if name in KINDS else f"must be a table: [{name}].")
        return {}

    def _validate(
        self,
        model: type[ModelT],
        table: Mapping[str, Any],
        path: KeyPath,
        *,
        known: Collection[str] = (),
        scrub: Callable[[str], str] | None = None,
    ) -> ModelT | None:
        scrub = scrub or self._secrets.scrub
        outcome = validate(model, table, folder=self._folder, known=known, scrub=scrub)
        if isinstance(outcome, model):
            return outcome
        for place, text in outcome:
            self._report((*path, *place), text)
        return None

    def _allows_plain_secrets(self) -> bool:
        hub = self._document.get("hub")
        return isinstance(hub, dict) and hub.get("allow_plain_secrets") is True

    def _hub(self) -> HubSettings | None:
        table, path = dict(self._table("hub")), ("hub", "store")
        if isinstance(table.get("store"), dict):
            url = self._secrets.resolve(table.pop("store"), path).get_secret_value()
            if path not in self._problems:
                table["store"] = url
            # what is said of a store repeats nothing of it; "sqlite://" would be masked in what to write instead
            return self._validate(HubSettings, table, ("hub",), scrub=str)
        hub = self._validate(HubSettings, table, ("hub",))
        if hub and hub.store_password and not hub.allow_plain_secrets:
            self._report(path, f"a password must not stand in the file. Write the whole URL as {FORMS}.")
        return hub

    def _survey(self) -> SurveySettings | None:
        table, configured = self._table("survey"), list(self._table("gateways"))
        chosen = table.get("gateways")
        for index, name in enumerate(chosen if isinstance(chosen, list) else ()):
            if isinstance(name, str) and name not in configured:
                near, known = did_you_mean(name, configured), ", ".join(configured) or "none"
                text = f"no gateway {name!r} is configured.{near} Configured: {known}."
                self._report(("survey", "gateways", index), text)
        return self._validate(SurveySettings, {"gateways": configured, **table}, ("survey",))

    def _components(self, kind: Kind) -> dict[str, ComponentConfig]:
        tables = self._table(kind)
        if not tables and kind in _EXAMPLES:
            self._report((kind,), _EXAMPLES[kind])
        found = [self._component(kind, name, table) for name, table in tables.items()]
        return {component.name: component for component in found if component}

    def _component(self, kind: Kind, name: str, table: Any) -> ComponentConfig | None:
        path = (kind, name)
        if not isinstance(table, dict):
            self._report(path, f"must be a table: [{kind}.NAME].")
            return None
        if not _NAME.fullmatch(name):
            self._report(
                path, "a name is at most 63 letters a-z, digits, '-' and '_', and begins with a letter or digit."
            )
        shared = envelope_of(kind).model_fields
        own = {key: value for key, value in table.items() if key in shared}
        rest = {key: value for key, value in table.items() if key not in shared}
        envelope = self._envelope(kind, own, rest, path)
        offered = self._offered(kind, own.get("plugin"), path)
        if offered is None:
            return None
        rest = self._secrets.fill(offered.config, rest, path)
        settings = self._validate(offered.config, rest, path, known=shared)
        if settings is None:
            self._plugins_to_look_up[own["plugin"]] = None
        if settings is None or envelope is None:
            return None
        return ComponentConfig(
            kind=kind,
            name=name,
            plugin=envelope.plugin,
            type=offered,
            settings=settings,
            enabled=envelope.enabled,
            interval=envelope.interval,
            max_in_flight=getattr(envelope, "max_in_flight", 1),
            rate=envelope.rate or getattr(offered, "rate", None),
            fingerprint=_fingerprint({**own, **rest}),
            secrets=self._secrets.below(path),
        )

    def _envelope(self, kind: Kind, own: dict[str, Any], rest: dict[str, Any], path: KeyPath) -> Envelope | None:
        if "plugin" not in own:
            for slip in difflib.get_close_matches("plugin", rest, n=1):
                self._report((*path, slip), "unknown setting. Did you mean 'plugin'?")
                return None
        return self._validate(envelope_of(kind), own, path)

    def _offered(self, kind: Kind, plugin: Any, path: KeyPath) -> Offered | None:
        if not isinstance(plugin, str) or not plugin:
            return None  # reported with the envelope
        look_up: dict[Kind, Callable[[str], Offered]] = {
            "sources": self._registry.source_type,
            "gateways": self._registry.gateway_type,
            "sinks": self._registry.sink_type,
        }
        try:
            return look_up[kind](plugin)
        except PluginError as error:
            self._report((*path, "plugin"), " ".join(str(error).split()))
            return None


def _fingerprint(table: dict[str, Any]) -> str:
    def plain(value: object) -> str:
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    return hashlib.sha256(json.dumps(table, sort_keys=True, default=plain).encode()).hexdigest()
