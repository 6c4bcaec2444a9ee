"""The spans of `hub.tracing`, made with OpenTelemetry's SDK. Import it only where traces are wanted."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from threading import Thread

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from hub.tracing import Attributes

_LONGEST_CLOSE_S = 5.0
_NOWHERE = Context()
_LIBRARY_LOGS = (
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",  # each try
    "opentelemetry.sdk._shared_internal",  # each span that does not fit any more
)


class _Ids(IdGenerator):
    """Random ids, except for the one span that is being made with ids of its own."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()
        self.own: SpanContext | None = None

    def generate_trace_id(self) -> int:
        return self.own.trace_id if self.own else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        return self.own.span_id if self.own else self._random.generate_span_id()


class _Exporter(OTLPSpanExporter):
    """Says once that the receiver does not take spans, until it takes some again. The library would each time."""

    def __init__(self) -> None:
        super().__init__()
        self._is_silent = False
        self._is_away = False
        for name in _LIBRARY_LOGS:
            logging.getLogger(name).addFilter(self._may_be_said)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self._is_silent = True
        try:
            result = super().export(spans)
        except Exception:  # noqa: BLE001 - whatever it is, the next spans are tried again
            result = SpanExportResult.FAILURE
        is_away = result is not SpanExportResult.SUCCESS
        if is_away and not self._is_away:
            structlog.get_logger().warning("tracing.receiver_away", hint="its spans are dropped; tickets do not wait")
        self._is_away = self._is_silent = is_away
        return result

    def shutdown(self) -> None:
        super().shutdown()  # type: ignore[no-untyped-call]
        for name in _LIBRARY_LOGS:
            logging.getLogger(name).removeFilter(self._may_be_said)

    def _may_be_said(self, _record: logging.LogRecord) -> bool:
        return not self._is_silent


class Spans:
    """Makes spans and sends them to the receiver that the environment names."""

    def __init__(self, salt: bytes) -> None:
        self._salt = blake2b(salt, digest_size=32).digest()  # a key of any length, whatever the salt's is
        self._ids = _Ids()
        named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        self._provider = TracerProvider(
            resource=Resource.create({} if named else {SERVICE_NAME: "hub"}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Exporter()))
        self._tracer = self._provider.get_tracer("hub")

    def close(self) -> None:
        """Send what is left and end. A receiver that does not answer holds nobody up."""
        ending = Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LONGEST_CLOSE_S)

    def root(self, closure_id: int, since: datetime, until: datetime) -> None:
        """The span that all others of a closing lie under. Only the worker that stored the closing makes it."""
        self._ids.own = self._context(closure_id)
        try:
            span = self._tracer.start_span("ticket", _NOWHERE, start_time=_nanoseconds(since))
        finally:
            self._ids.own = None
        span.end(_nanoseconds(max(since, until)))

    def stage(self, name: str, tickets: Sequence[tuple[int, Attributes]], since: datetime, until: datetime) -> None:
        """One span for each closing. What was done at once is linked to a span for all of it, in a trace of its own."""
        start, end = _nanoseconds(since), _nanoseconds(max(since, until))
        links: list[Link] = []
        if len(tickets) > 1:
            together = self._tracer.start_span(
                f"{name} batch", _NOWHERE, attributes={"tickets": len(tickets)}, start_time=start
            )
            together.end(end)
            links.append(Link(together.get_span_context()))
        for closure_id, attributes in tickets:
            under = set_span_in_context(NonRecordingSpan(self._context(closure_id)), _NOWHERE)
            span = self._tracer.start_span(name, under, attributes=attributes, links=links, start_time=start)
            span.end(end)

    def _context(self, closure_id: int) -> SpanContext:
        """The root span of a closing, as every worker on the store derives it; sampled or not by its trace id."""
        digest = blake2b(str(closure_id).encode(), key=self._salt, digest_size=24, person=b"hub trace").digest()
        trace_id, span_id = int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:]) or 1
        decision = self._provider.sampler.should_sample(None, trace_id, "ticket").decision
        sampled = decision is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1_000
