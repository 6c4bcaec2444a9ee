"""Two workers, one after the other, and a receiver: each ticket is one trace, and gives nobody away."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.metrics.slow.receiver import Received, receiver
from tests.metrics.slow.worker import TICKETS

ROOT = Path(__file__).resolve().parents[3]
ASKED = {"ticket", "intake", "decide", "reread", "send"}
ANSWERED = ASKED | {"answer", "experience", "write_back"}


def run_workers(store: Path, url: str, **environment: str) -> None:
    for part in ("ask", "answer"):
        subprocess.run(
            [sys.executable, "-m", "tests.metrics.slow.worker", f"sqlite:///{store}", part],
            env={**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url, **environment},
            cwd=ROOT,
            check=True,
            timeout=50,
        )


@pytest.fixture(scope="module")
def received(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Received]:
    with receiver() as received:
        run_workers(tmp_path_factory.mktemp("hub") / "hub.db", received.url)
        yield received


def by_trace(received: Received) -> dict[bytes, list[Any]]:
    traces = defaultdict(list)
    for span in received.spans():
        traces[span.trace_id].append(span)
    return traces


def of_tickets(received: Received) -> list[list[Any]]:
    return [spans for spans in by_trace(received).values() if not spans[0].name.endswith(" batch")]


def test_each_ticket_is_one_trace_through_both_workers(received: Received) -> None:
    names = sorted(sorted(span.name for span in spans) for spans in of_tickets(received))
    assert names == sorted([sorted(ANSWERED), *[sorted(ASKED)] * (TICKETS - 1)])


def test_all_spans_lie_under_the_root(received: Received) -> None:
    for spans in of_tickets(received):
        (root,) = (span for span in spans if span.name == "ticket")
        assert not root.parent_span_id
        assert {span.parent_span_id for span in spans if span is not root} == {root.span_id}


def test_no_span_ends_before_it_begins(received: Received) -> None:
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in received.spans())


def test_what_was_done_at_once_is_linked(received: Received) -> None:
    batches = {span.span_id: span.name for span in received.spans() if span.name.endswith(" batch")}
    decided = [span for span in received.spans() if span.name == "decide"]
    assert len(decided) == TICKETS
    assert [batches[link.span_id] for span in decided for link in span.links] == ["decide batch"] * TICKETS


def test_spans_hold_components_states_and_reasons_only(received: Received) -> None:
    found = defaultdict(set)
    for span in received.spans():
        for attribute in span.attributes:
            found[attribute.key].add(attribute.value.string_value)
    assert set(found) == {"component", "state", "reason", "outcome", "channel", "tickets"}
    assert found["component"] == {"sources.desk", "gateways.sms"}
    assert found["reason"] == {"", "smtp"}
    everything = b"".join(received.bodies)
    for private in (b"35840", b"Printer", b"Kiitos", b"T-1", b"id-1"):
        assert private not in everything


def test_another_store_gives_other_traces(received: Received, tmp_path: Path) -> None:
    with receiver() as other:
        run_workers(tmp_path / "hub.db", other.url)
        assert not set(by_trace(other)) & set(by_trace(received))


def test_all_workers_leave_out_the_same_tickets(tmp_path: Path) -> None:
    with receiver() as sampled:
        # three tickets, and a ratio at which each of these traces is whole or absent
        run_workers(
            tmp_path / "hub.db",
            sampled.url,
            OTEL_TRACES_SAMPLER="parentbased_traceidratio",
            OTEL_TRACES_SAMPLER_ARG="0.5",
        )
        with sqlite3.connect(tmp_path / "hub.db") as store:
            assert store.execute("SELECT count(*) FROM closures").fetchone() == (TICKETS,)
        for spans in of_tickets(sampled):
            assert {span.name for span in spans} in (ASKED, ANSWERED)


def test_a_receiver_that_is_away_holds_nobody_up(tmp_path: Path) -> None:
    run_workers(tmp_path / "hub.db", "http://127.0.0.1:1")
    with sqlite3.connect(tmp_path / "hub.db") as store:
        assert store.execute("SELECT count(*) FROM write_backs WHERE state = 'done'").fetchone() == (1,)
