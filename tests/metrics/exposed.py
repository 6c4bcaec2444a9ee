"""What `/metrics` shows, read as Prometheus reads it."""

from __future__ import annotations

from collections.abc import Iterable

import httpx
from prometheus_client.parser import text_string_to_metric_families

from hub import metrics
from hub.store.engine import Store
from hub.testing.fakes import FakeClock
from hub.web.metrics import create_metrics_app

COMPONENTS = ("sources.desk", "gateways.sms", "gateways.mail", "sinks.lake")
Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def forget_everything() -> None:
    """As after a start of the process."""
    for counter in metrics.COUNTERS:
        counter.values.clear()
    for histogram in metrics.HISTOGRAMS:
        histogram.counts.clear()
        histogram.sums.clear()


class Operator:
    """Somebody who reads the operators' listener of a hub."""

    def __init__(self, store: Store, clock: FakeClock, components: Iterable[str] = COMPONENTS) -> None:
        self.seconds = 0.0
        self.reasons: dict[str, str] = {}
        app = create_metrics_app(
            store,
            clock,
            components=lambda: list(components),
            ready=lambda: self.reasons,
            monotonic=lambda: self.seconds,
        )
        self._transport = httpx.ASGITransport(app)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=self._transport, base_url="http://127.0.0.1:9464") as client:
            return await client.get(path, headers=headers)

    async def series(self) -> Series:
        """Every sample, by its name and labels."""
        return parsed((await self.get("/metrics")).text)

    async def value(self, name: str, **labels: str) -> float | None:
        """One sample; None when there is none."""
        return (await self.series()).get((name, tuple(sorted(labels.items()))))


def parsed(text: str) -> Series:
    """Every sample of an exposition, by its name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
