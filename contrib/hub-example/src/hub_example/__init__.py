"""Tickets of the Example desk."""

from __future__ import annotations

from datetime import timedelta

from hub import Capability, RateLimit, SourceType, hookimpl

from hub_example.config import ExampleConfig
from hub_example.source import ExampleSource

HUB_API = (1, 1)


@hookimpl
def hub_register_source() -> SourceType[ExampleConfig]:
    """Offer the desk's tickets."""
    return SourceType(
        summary="Tickets of the Example desk",
        config=ExampleConfig,
        create=ExampleSource,
        capabilities=frozenset({Capability.REWIND, Capability.WRITE_BACK}),
        # What the desk allows. The hub waits; the plugin need not.
        rate=RateLimit(calls=10, per=timedelta(seconds=1)),
    )
