"""`/metrics`, in Prometheus' text format or as OpenMetrics. For operators: it has a listener of its own."""

from __future__ import annotations

import asyncio
import importlib.metadata
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub import metrics
from hub.api.component import Clock
from hub.journey import gauges
from hub.journey.gauges import CAP, Gauges
from hub.store.engine import Store
from hub.web.app import health_routes

KEPT = timedelta(seconds=15)
"""So often the store is asked at most, however many ask for `/metrics`."""
STORE_LIMIT = timedelta(seconds=5)
"""A store that needs longer counts as out of order; what this process has counted is shown anyway."""


def create_metrics_app(
    store: Store,
    clock: Clock,
    *,
    components: Callable[[], Collection[str]],
    ready: Callable[[], Mapping[str, str]],
    monotonic: Callable[[], float] = time.monotonic,
) -> Starlette:
    """The application for the listener of operators: `/metrics`, `/healthz` and `/readyz`.

    :param components: ids of the components of hub.toml at this moment.
    :param ready: see `hub.web.ports.WebPorts.ready`.
    """
    reading = _Reading(store, clock, components, monotonic)
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    registry.register(_Collector(reading))

    async def show(request: Request) -> Response:
        await reading.refresh()
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"content-type": content_type, "cache-control": "no-store"})

    return Starlette(routes=[Route("/metrics", show), *health_routes(ready)])


class _Reading:
    """What the store said last, asked again when that is too old."""

    def __init__(
        self, store: Store, clock: Clock, components: Callable[[], Collection[str]], monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._clock = clock
        self._components = components
        self._monotonic = monotonic
        self._again_at = float("-inf")
        self._turn = asyncio.Lock()
        self.gauges: Gauges | None = None
        """None while the store cannot be read."""
        self.read_at = clock.now()

    async def refresh(self) -> None:
        """Ask the store, unless it was asked just now."""
        async with self._turn:
            if self._monotonic() < self._again_at:
                return
            ids, self.read_at = self._components(), self._clock.now()
            _expect(ids)
            try:
                async with asyncio.timeout(STORE_LIMIT.total_seconds()):
                    self.gauges = await gauges.read(self._store, ids, self.read_at)
            except (SQLAlchemyError, OSError):
                self.gauges = None
            self._again_at = self._monotonic() + KEPT.total_seconds()


def _expect(ids: Collection[str]) -> None:
    sources, gateways, sinks = ([id_ for id_ in ids if id_.startswith(kind)] for kind in ("so", "ga", "si"))
    metrics.expect(sources, gateways, sinks)


class _Collector(Collector):
    """Gives what was counted, and what the store said, to Prometheus' client library."""

    def __init__(self, reading: _Reading) -> None:
        self._reading = reading

    def collect(self) -> Iterator[Metric]:
        version = importlib.metadata.version("itsm-hub")
        yield _gauge("hub_info", "The running version, as a label; always 1.", ["version"], [((version,), 1)])
        yield from map(_counter, metrics.COUNTERS)
        yield from map(_histogram, metrics.HISTOGRAMS)
        found = self._reading.gauges
        yield _gauge("hub_store_up", "Whether the store can be read: 1 or 0.", [], [((), found is not None)])
        if found is not None:
            yield from _of_store(found, self._reading.read_at)


def _counter(counter: metrics.Counter) -> Metric:
    family = CounterMetricFamily(counter.name, counter.help, labels=counter.labels)
    for labels, value in counter.values.items():
        family.add_metric(labels, value)
    return family


def _histogram(histogram: metrics.Histogram) -> Metric:
    family = HistogramMetricFamily(histogram.name, histogram.help, labels=histogram.labels)
    bounds = [*map(str, map(float, histogram.bounds)), "+Inf"]
    for labels, counts in histogram.counts.items():
        buckets = list(zip(bounds, accumulate(counts), strict=True))
        family.add_metric(labels, buckets, histogram.sums[labels])
    return family


Values = Iterable[tuple[Sequence[str], float]]


def _gauge(name: str, words: str, labels: Sequence[str], values: Values) -> Metric:
    family = GaugeMetricFamily(name, words, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def _of_store(found: Gauges, now: datetime) -> Iterator[Metric]:
    queue = ["queue", "component"]
    lengths: Values = [(labels, each.length) for labels, each in found.queues.items()]
    ages: Values = [(labels, _passed(each.since, now)) for labels, each in found.queues.items()]
    yield _gauge("hub_queue_length", f"How much waits, counted up to {CAP}.", queue, lengths)
    yield _gauge("hub_queue_oldest_seconds", "How long the oldest has waited; 0 when nothing waits.", queue, ages)
    words = "Workers on the store that are not known to be dead."
    yield _gauge("hub_workers", words, ["role"], [((role,), n) for role, n in found.workers.items()])
    yield from _of_components(found, now)


def _of_components(found: Gauges, now: datetime) -> Iterator[Metric]:
    loop = ["component", "loop"]
    states = [(metrics.component_and_loop(id_), state) for id_, state in found.components.items()]
    failing: Values = [(labels, _passed(state.failing_since, now)) for labels, state in states]
    pauses: Values = [(labels, _passed(now, state.retry_at) if state.failing_since else 0) for labels, state in states]
    yield _gauge("hub_component_failing_seconds", "How long it has been out of order; 0 when it works.", loop, failing)
    yield _gauge("hub_component_pause_seconds", "How long it is left alone from now on.", loop, pauses)


def _passed(since: datetime | None, until: datetime | None) -> float:
    """Seconds between two moments: none when there is only one, and never less than none."""
    return max((until - since).total_seconds(), 0.0) if since and until else 0.0
