"""A sink: a further place that hears of every experience."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

from hub.api.component import Component, ConfigT
from hub.api.records import Experience, Receipt


class Sink(Component[ConfigT]):
    """Takes experiences as events, at least once each, in the order of their revisions per experience."""

    @abstractmethod
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        """Deliver experiences; one receipt per item, in order. `(id, revision)` identifies an event.

        :raises RemoteError: no item was delivered; the hub tries again later.
        """


@dataclass(frozen=True, slots=True)
class SinkType(Generic[ConfigT]):
    """What a plugin registers to offer a sink."""

    summary: str
    config: type[ConfigT]
    create: type[Sink[ConfigT]]
