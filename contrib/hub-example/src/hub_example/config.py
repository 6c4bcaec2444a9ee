"""The settings of a source in hub.toml."""

from __future__ import annotations

from typing import Annotated

from hub import PluginConfig, Secret
from pydantic import Field, HttpUrl


class ExampleConfig(PluginConfig):
    """A table `[sources.NAME]` with `plugin = "example"`."""

    url: HttpUrl
    """Where the desk is, such as "https://desk.acme.example"."""
    token: Secret
    """Access token of an account that may read tickets and add notes."""
    page_size: Annotated[int, Field(ge=1, le=500)] = 100
    """How many tickets are asked for at once."""
