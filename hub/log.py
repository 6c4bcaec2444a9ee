"""Where events go: to stderr, as JSON lines for machines or in colour for people, masked either way."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable

import structlog
from structlog.typing import Processor

from hub.redact import Redactor

_redactor = Redactor()


def configure_logging(json: bool | None = None, level: str = "info", secrets: Iterable[str] = ()) -> None:
    """Set up structlog and the standard library's logging. May be called again, as after a reload.

    Libraries that use the standard library are heard from warnings on.

    :param json: one JSON object a line; by default when stderr is not a terminal.
    :param level: "debug", "info", "warning" or "error".
    :param secrets: values to mask wherever they appear. Those of earlier calls stay masked, also in loggers that
        components already hold.
    """
    _redactor.add(secrets)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    terminal = sys.stderr.isatty()
    renderer = _renderer(json=not terminal if json is None else json, colors=terminal)
    structlog.configure(
        processors=[*_processors(), renderer],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    _route_standard_library(renderer, level=max(threshold, logging.WARNING))


def _processors() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        _redactor,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _renderer(*, json: bool, colors: bool) -> Processor:
    if json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(
        colors=colors and "NO_COLOR" not in os.environ,
        exception_formatter=structlog.dev.plain_traceback,  # it was made text, and masked, before
    )


def _route_standard_library(renderer: Processor, *, level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), structlog.stdlib.add_logger_name, *_processors()],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    handler.name = "hub"
    root = logging.getLogger()
    for former in [each for each in root.handlers if each.name == handler.name]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
