"""OpenTelemetry traces: one for each closing of a ticket, through all stages and all workers.

Off unless the standard variables of OpenTelemetry name a receiver; then nothing is loaded. The trace of a closing is
known to every worker from the row's number and the store's salt, so that nothing has to be handed on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

if TYPE_CHECKING:
    from hub.spans import Spans

Attributes = Mapping[str, str]
"""Names of components, states and reasons; nothing that names a ticket or a person."""

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_spans: Spans | None = None


def wanted(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment asks for traces."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    return environment.get("OTEL_TRACES_EXPORTER") != "none" and any(environment.get(name) for name in _ENDPOINTS)


def bad_endpoint(environment: Mapping[str, str] = os.environ) -> str | None:
    """The variable that names the receiver, if it does not hold a URL."""
    name = next(name for name in _ENDPOINTS if environment.get(name))
    try:
        url = urlsplit(environment[name])
        is_good = url.scheme in ("http", "https") and url.hostname and url.port != 0
    except ValueError:
        is_good = False
    return None if is_good else name


def start(salt: bytes) -> None:
    """Begin to send traces, if the environment asks for them.

    :param salt: the store's own, the same for all its workers.
    """
    global _spans  # noqa: PLW0603 - one per process, as the variables that switch it on
    if not wanted():
        return
    if (name := bad_endpoint()) is not None:
        structlog.get_logger().warning("tracing.bad_endpoint", variable=name, hint="write http://HOST:4318 into it")
        return
    try:
        from hub.spans import Spans
    except ImportError:
        structlog.get_logger().warning("tracing.not_installed", hint="pip install 'itsm-hub[otel]'")
        return
    _spans = Spans(salt)


def stop() -> None:
    """Send what is left, for a few seconds at most, and end. Blocks."""
    global _spans
    spans, _spans = _spans, None
    if spans is not None:
        spans.close()


def is_on() -> bool:
    """Whether traces are being made."""
    return _spans is not None


def begun(closures: Iterable[tuple[int, datetime]], until: datetime) -> None:
    """These closings were seen: numbers of their rows, and when the tickets were closed."""
    if _spans is not None:
        for closure_id, closed_at in closures:
            _spans.root(closure_id, closed_at, until)


def stage(name: str, tickets: Iterable[tuple[int, Attributes]], since: datetime, until: datetime) -> None:
    """A stage has dealt with these closings, by the numbers of their rows. Several are linked to one another."""
    if _spans is not None:
        _spans.stage(name, list(tickets), since, until)
