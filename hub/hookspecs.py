"""The hooks a plugin may implement. All are plain functions that register something and do no I/O.

Each is called once, when the plugin is loaded, and only if hub.toml names the plugin or an operator lists plugins.
A plugin module also states the API it was written for: `HUB_API = (1, 0)`.
"""

from __future__ import annotations

from typing import Any

import pluggy

from hub.api.gateway import GatewayType
from hub.api.sink import SinkType
from hub.api.source import SourceType

PROJECT = "hub"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def hub_register_source() -> SourceType[Any] | None:
    """Offer a ticket source under this plugin's name.

    Called once, when the plugin is loaded. Must be a plain function, not async, and must not do I/O.

    :returns: the source's type, or None when there is none to offer.
    """


@hookspec
def hub_register_gateway() -> GatewayType[Any] | None:
    """Offer a survey channel under this plugin's name.

    Called once, when the plugin is loaded. Must be a plain function, not async, and must not do I/O.

    :returns: the gateway's type, or None when there is none to offer.
    """


@hookspec
def hub_register_sink() -> SinkType[Any] | None:
    """Offer a further destination for experiences under this plugin's name.

    Called once, when the plugin is loaded. Must be a plain function, not async, and must not do I/O.

    :returns: the sink's type, or None when there is none to offer.
    """
