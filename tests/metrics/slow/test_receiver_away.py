"""A receiver of traces that does not take them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from hub.spans import Spans
from tests.metrics.slow.receiver import receiver

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_a_receiver_that_is_away_is_said_once_until_it_takes_spans_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with receiver() as received, capture_logs() as logs:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        spans = Spans(b"salt")

        def send(status: int, times: int) -> list[str]:
            logs.clear()
            received.status = status
            for number in range(times):
                spans.root(number + 1, NOW, NOW)
                spans._provider.force_flush()
            return [each["event"] for each in logs]

        assert send(400, 3) == ["tracing.receiver_away"]
        assert send(200, 1) == []
        assert send(400, 2) == ["tracing.receiver_away"]
        spans.close()
    assert caplog.records == [], "the library says no more"
