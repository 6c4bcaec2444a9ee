"""When traces are made; what they hold is shown by tests/metrics/slow."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from hub import tracing

NOW = datetime(2026, 3, 2, tzinfo=UTC)
RECEIVER = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        (RECEIVER, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        (RECEIVER | {"OTEL_SDK_DISABLED": "TRUE"}, False),
        (RECEIVER | {"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
    ],
)
def test_the_environment_decides(environment: dict[str, str], wanted: bool) -> None:
    assert tracing.wanted(environment) is wanted


def test_without_a_receiver_nothing_is_made_and_nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RECEIVER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "hub.spans", None)  # importing it would fail
    tracing.start(b"salt")
    assert not tracing.is_on()
    tracing.stage("decide", [(1, {})], NOW, NOW)
    tracing.stop()


@pytest.mark.parametrize("url", ["nonsense", "127.0.0.1:4318", "ftp://traces.example", "http://[bad", "http://x:y"])
def test_what_is_no_url_gives_one_clear_line(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    with capture_logs() as logs:
        tracing.start(b"salt")
    assert not tracing.is_on()
    assert [(each["event"], each["variable"]) for each in logs] == [
        ("tracing.bad_endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT")
    ]


def test_without_the_extra_the_hub_runs_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setitem(sys.modules, "hub.spans", None)
    tracing.start(b"salt")
    assert not tracing.is_on()
    assert "itsm-hub[otel]" in capsys.readouterr().out
