"""What hub.toml can say, and what the hub gets from it."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import (
    Field,
    TypeAdapter,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from hub.api.component import PluginConfig, RateLimit
from hub.api.gateway import GatewayType
from hub.api.settings import Secret
from hub.api.sink import SinkType
from hub.api.source import SourceType
from hub.config.questions import Question, SurveyDefinition
from hub.config.rates import Rate
from hub.config.secrets import ResolvedSecret
from hub.config.survey import Exclusion, Place, Rule, SurveySettings
from hub.config.values import Interval, Name, Network, Section
from hub.registry import did_you_mean

Kind = Literal["sources", "gateways", "sinks"]
KINDS: tuple[Kind, ...] = ("sources", "gateways", "sinks")

Offered = SourceType[Any] | GatewayType[Any] | SinkType[Any]
"""What a plugin registered for one kind."""


class HubSettings(Section):
    """The hub itself: `[hub]`."""

    store: Annotated[str, WithJsonSchema(TypeAdapter(Secret).json_schema())] = Field(
        default="sqlite:///hub.db", repr=False, validate_default=True
    )
    """Where the hub keeps its data: `sqlite:///FILE`, relative to hub.toml, or `postgresql://USER@HOST/DATABASE`.
    A URL with a password is a secret and is written as one."""
    timezone: str = "Europe/Helsinki"
    """IANA time zone for quiet hours and for times that people read."""
    language: Literal["fi", "sv", "en"] = "fi"
    """Language of a survey when the customer's is not known."""
    region: str = "FI"
    """Country, as two letters, of phone numbers that are written without a country code."""
    contacts: Path | None = None
    """CSV file with the columns email, phone, language, name, consent and vip, relative to hub.toml. It completes what
    a ticket does not say of its customer."""
    allow_plain_secrets: bool = False
    """Accept secrets that stand in hub.toml itself. For trials only."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important events that are logged."""
    metrics_listen: str | None = None
    """Address and port where Prometheus reads `/metrics`, such as "127.0.0.1:9464"; there are `/healthz` and `/readyz`
    too. Without it there is none: what it shows is for operators, so it is never on the public port."""

    @property
    def store_password(self) -> str | None:
        """The password in the store's URL, as it is written there."""
        url = urlsplit(self.store)
        in_query = (part.partition("=") for part in url.query.split("&"))
        return url.password or next((value for name, _, value in in_query if name == "password"), None)

    @field_validator("store")
    @classmethod
    def _known_store(cls, value: str, info: ValidationInfo) -> str:
        scheme, _, rest = value.partition(":///" if value.startswith("sqlite") else "://")
        if scheme == "postgresql" and rest and _is_url(value):
            return value
        if scheme != "sqlite" or rest in ("", ":memory:"):
            raise ValueError('must be "sqlite:///hub.db" or "postgresql://user@host/database"')
        return f"sqlite:///{_folder(info) / rest}"

    @field_validator("metrics_listen")
    @classmethod
    def _host_and_port_or_none(cls, value: str | None) -> str | None:
        return _listening(value) if value else None

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            zoneinfo.ZoneInfo(value)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            near = did_you_mean(value, zoneinfo.available_timezones())
            raise ValueError(
                f'is not a time zone this machine knows. Write for example "Europe/Helsinki".{near}'
            ) from None
        return value

    @field_validator("region")
    @classmethod
    def _known_region(cls, value: str) -> str:
        from phonenumbers import SUPPORTED_REGIONS

        if value.upper() not in SUPPORTED_REGIONS:
            raise ValueError('must be the two letters of a country, such as "FI"')
        return value.upper()

    @field_validator("contacts")
    @classmethod
    def _beside_the_file(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        return value and _folder(info) / value


def host_and_port(listen: str) -> tuple[str, int]:
    """The parts of an address to listen on, an IPv6 one without brackets."""
    host, _, port = listen.rpartition(":")
    return host.strip("[]"), int(port)


def _listening(value: str) -> str:
    match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):([0-9]{1,5})", value)
    if match is None or not 1 <= int(match[2]) <= 65535:
        raise ValueError('must be an address and a port from 1 to 65535, such as "127.0.0.1:8080"')
    return value


def _is_url(value: str) -> bool:
    try:
        urlsplit(value)
    except ValueError:
        return False
    return True


def _folder(info: ValidationInfo) -> Path:
    return Path((info.context or {}).get("folder", ""))


class WebSettings(Section):
    """Answer pages and webhooks: `[web]`."""

    listen: str = "127.0.0.1:8080"
    """Address and port the hub listens on, behind the reverse proxy that terminates TLS."""
    public_url: str
    """The address under which customers and gateways reach the hub: `https://survey.example.org`."""
    trusted_proxies: tuple[Network, ...] = ()
    """Addresses or networks of reverse proxies whose `X-Forwarded-For` is believed, such as ["127.0.0.1"]."""
    scanner_networks: tuple[Network, ...] = ()
    """Networks that mail filters open links from: answers from there are held until a person confirms them."""

    @property
    def host(self) -> str:
        """The address part of `listen`, an IPv6 one without brackets."""
        return host_and_port(self.listen)[0]

    @property
    def port(self) -> int:
        """The port part of `listen`."""
        return host_and_port(self.listen)[1]

    @field_validator("listen")
    @classmethod
    def _host_and_port(cls, value: str) -> str:
        return _listening(value)

    @field_validator("public_url")
    @classmethod
    def _absolute_url(cls, value: str) -> str:
        try:
            url = urlsplit(value)
            usable = url.scheme in ("http", "https") and url.hostname and url.port != 0 and url.username is None
        except ValueError:
            usable = False
        if not usable or not re.fullmatch(r"[^\s?#\\]+", value):
            raise ValueError('must be a URL without query, such as "https://survey.example.org"')
        return value.rstrip("/")


class Envelope(Section):
    """What every table of a component can say, whatever its plugin is."""

    plugin: Name
    """The plugin that serves it. `hub plugins list` shows which are installed."""
    enabled: bool = True
    """Set to false to switch it off and keep its settings."""
    interval: Interval = timedelta(minutes=1)
    """How often the hub looks for news."""
    rate: Rate | None = None
    """The most that its service takes, such as "200 per second" or "5000 per hour": messages of a gateway, HTTP
    requests of a source or sink. Without it what the plugin states."""


class GatewayEnvelope(Envelope):
    """What every table of a gateway can say besides."""

    max_in_flight: Annotated[int, Field(ge=1, le=1000)] = 16
    """How many messages are sent at the same time at most."""


def envelope_of(kind: Kind) -> type[Envelope]:
    """The settings that the hub itself reads from a table of this kind."""
    return GatewayEnvelope if kind == "gateways" else Envelope


@dataclass(frozen=True, slots=True)
class ComponentConfig:
    """One `[sources.NAME]`, `[gateways.NAME]` or `[sinks.NAME]`, validated, with its secrets resolved."""

    kind: Kind
    name: str
    plugin: str
    type: Offered
    settings: PluginConfig
    enabled: bool
    interval: timedelta
    max_in_flight: int
    rate: RateLimit | None = None
    """What is kept to: the setting, or else what the plugin states."""
    fingerprint: str = field(repr=False, default="")
    """Changes when a setting or the value of a secret does. Not for showing."""
    secrets: tuple[ResolvedSecret, ...] = field(repr=False, default=())

    @property
    def id(self) -> str:
        """`sources.NAME`, unique within the configuration."""
        return f"{self.kind}.{self.name}"


@dataclass(frozen=True, slots=True)
class HubConfig:
    """A valid configuration."""

    path: Path
    hub: HubSettings
    web: WebSettings
    survey: SurveySettings
    questions: Mapping[str, Question]
    """Built-in ones included, and so below."""
    surveys: Mapping[str, SurveyDefinition]
    rules: tuple[Rule, ...]
    """The last one, "default", matches every closed ticket."""
    exclusions: Mapping[str, Exclusion]
    places: Mapping[str, Place]
    sources: Mapping[str, ComponentConfig]
    gateways: Mapping[str, ComponentConfig]
    sinks: Mapping[str, ComponentConfig]
    secrets: tuple[ResolvedSecret, ...] = field(repr=False, default=())

    def components(self) -> dict[str, ComponentConfig]:
        """All sources, gateways and sinks by id."""
        tables = (self.sources, self.gateways, self.sinks)
        return {component.id: component for table in tables for component in table.values()}

    def secret_values(self) -> frozenset[str]:
        """The values no log may hold: every secret, and the password in the store's URL."""
        values = {secret.value.get_secret_value() for secret in self.secrets}
        password = self.hub.store_password
        return frozenset(values | ({password, unquote(password)} if password else set()))
