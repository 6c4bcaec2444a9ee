"""A source, a gateway and a sink with all sorts of settings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from hub import (
    Channel,
    Cursor,
    DeliveryStatus,
    Duration,
    Experience,
    Gateway,
    GatewayType,
    Message,
    Page,
    PluginConfig,
    Receipt,
    Secret,
    Sink,
    SinkType,
    Source,
    SourceType,
)
from hub.registry import Plugin, Registry, State


class Proxy(PluginConfig):
    """A proxy."""

    host: str
    """Its name."""
    password: Secret | None = None
    """Its password."""


class DeskConfig(PluginConfig):
    """A desk."""

    base_url: str
    """Where it is."""
    token: Secret
    """What opens it."""
    page_size: int = Field(default=50, ge=1, le=100)
    """Tickets a page."""
    proxy: Proxy | None = None
    """A proxy on the way."""
    headers: dict[str, Secret] = Field(default_factory=dict)
    """Further headers."""
    keys: tuple[Secret, ...] = ()
    """Keys."""
    echo: str | None = None
    """Repeated in the message, which a plugin should not do."""

    @field_validator("base_url")
    @classmethod
    def _plain(cls, value: str) -> str:
        if value == "crash":
            raise KeyError(value)
        return value

    @model_validator(mode="after")
    def _no_echo(self) -> Self:
        if self.echo:
            raise ValueError(f"the token {self.token.get_secret_value()} is not for this")
        return self


class Desk(Source[DeskConfig]):
    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        yield Page((), cursor or Cursor("0"))


class TextConfig(PluginConfig):
    """A text service."""

    password: Secret | None = None
    """What opens it."""
    mode: Literal["fast", "cheap"] = "cheap"
    """How to send."""
    timeout: Duration | None = None
    """How long to wait."""


class Text(Gateway[TextConfig]):
    async def send(self, message: Message) -> Receipt:
        return Receipt(key=message.key, status=DeliveryStatus.SENT)


class NoConfig(PluginConfig):
    """Nothing to set."""


class Heap(Sink[NoConfig]):
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        return [Receipt(key=item.id, status=DeliveryStatus.DELIVERED) for item in items]


REGISTRY = Registry(
    [
        Plugin("desk", State.LOADED, source=SourceType("A desk", DeskConfig, Desk)),
        Plugin("text", State.LOADED, gateway=GatewayType("Texts", TextConfig, Text, Channel.SMS)),
        Plugin("heap", State.LOADED, sink=SinkType("A heap", NoConfig, Heap)),
        Plugin("torn", State.BROKEN, reason="ImportError when 'hub_torn' was imported: no module\nnamed 'x'"),
    ]
)
