"""A gateway at work, as the sending of messages sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hub.api.component import Clock
from hub.api.gateway import Gateway
from hub.api.records import Message
from hub.journey.reread import Reread

Row = Mapping[Any, Any]
"""A message joined with its closure; what is about to be sent has its survey beside it, as `asks`."""


class Compose(Protocol):
    """Makes what a customer reads."""

    def __call__(self, row: Row) -> Message: ...


@dataclass(frozen=True, slots=True)
class Post:
    """One gateway at work."""

    name: str
    gateway: Gateway[Any]
    repeatable: bool
    compose: Compose
    worker: Callable[[], str]
    """The name that this process claims rows under at the moment."""
    clock: Clock
    reread: Reread
