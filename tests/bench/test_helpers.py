"""What the benchmark counts and prints."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa
from bench.cache import read_ns
from bench.comparison import HUB, Figures, best, cpu_ratios, ratios
from bench.loops import calls
from bench.main_line import Round
from bench.old_rows import ROWS_PER_TICKET, Past, add
from bench.pace import percentile
from bench.parts import summary
from bench.profile import own_time
from bench.table import table
from bench.wire import Connection, Request
from hypothesis import given
from hypothesis import strategies as st

from hub.api.records import Experience, Ticket
from hub.store.tables import metadata

BODIES = st.lists(st.binary(max_size=40), min_size=1, max_size=5)


@given(BODIES, st.lists(st.integers(0, 400), max_size=10))
def test_requests_are_whole_however_the_bytes_arrive(bodies: list[bytes], cuts: list[int]) -> None:
    data = b"".join(b"POST /x HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body) for body in bodies)
    seen: list[bytes] = []
    connection = Connection(lambda request, _answer: seen.append(request.body))
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(edges):
        connection.data_received(data[start:end])
    assert seen == bodies


def test_a_header_is_found_in_any_case_and_not_inside_another() -> None:
    request = Request("POST", "/", b"POST / HTTP/1.1\r\nx-kannel-to: +1\r\nNot-X-Kannel-From: 2", b"")
    assert request.header(b"X-Kannel-To") == "+1"
    assert request.header(b"X-Kannel-From") == ""


def test_a_loop_repeats_what_was_recorded_at_another_address() -> None:
    recorded = Request("PUT", "/a?b=c", b"PUT /a?b=c HTTP/1.1\r\nHost: old\r\ncontent-length: 2\r\nX-Y: z", b"{}")
    [call] = calls([recorded], "http://new")
    assert (call.method, call.url, call.headers, call.body) == ("PUT", "http://new/a?b=c", {"X-Y": "z"}, b"{}")


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile(list(range(1, 101)), 99) == 99
    assert percentile([5.0], 99) == 5.0
    assert percentile([], 50) == 0.0


def test_own_time_counts_all_lines_of_a_function_together() -> None:
    stacks = "run (/x/a.py:1);read (/x/lib/python3.11/json/decoder.py:3) 3\nrun (/x/a.py:2) 1\n"
    stacks += "read (/x/lib/python3.11/json/decoder.py:9) 4"
    assert own_time(stacks) == [("read (json/decoder.py)", 7 / 8), ("run (/x/a.py)", 1 / 8)]


def test_the_best_round_counts_and_the_most_memory() -> None:
    rounds = [
        Round(100, wall_s=2.0, cpu_s=0.1, site_cpu_s=0.01, peak_mb=50, cache_ns=30),
        Round(100, wall_s=1.0, cpu_s=0.2, site_cpu_s=0.02, peak_mb=60, cache_ns=40),
    ]
    assert best(rounds) == Figures(100.0, cpu_ms_per_ticket=1.0, site_cpu_ms_per_ticket=0.1, peak_mb=60, cache_ns=40)


def test_ratios_say_how_much_better_the_hub_is() -> None:
    figures = {HUB: Figures(600, 1.0, 0.1, 80), "plain_httpx": Figures(100, 5.0, 0.1, 60)}
    assert ratios(figures) == {"plain_httpx": 6.0}
    assert cpu_ratios(figures) == {"plain_httpx": 5.0}


def test_the_summary_names_what_was_not_measured() -> None:
    found = summary({"start": {"ready_s": 1.0, "ready_cpu_s": 0.8, "help_s": 0.2, "at_rest_mb": 70.0}})
    assert set(found["ratios"]) == {
        "plain_httpx", "same_transport", "plain_httpx_with_answers", "latency", "workers_4",
    }  # fmt: skip
    assert {found["tickets_per_s"], found["cpu_ms_per_ticket"], found["peak_mb"], *found["ratios"].values()} == {None}
    assert "hub run to ready" in table(json.loads(json.dumps(found)))


def test_the_table_says_how_crowded_the_cache_was() -> None:
    figures = {HUB: asdict(Figures(600, 1.0, 0.1, 80, cache_ns=read_ns()))}
    head, row = table({"main": {"without_answers": {"figures": figures}}}).splitlines()[-2:]
    assert "cache ns" in head
    assert float(row.split()[-1]) > 0


def test_old_rows_fit_the_hubs_tables(tmp_path: Path) -> None:
    database = tmp_path / "hub.db"
    engine = sa.create_engine(f"sqlite:///{database}")
    metadata.create_all(engine)
    assert add(database, Past(100)) == 100 * ROWS_PER_TICKET
    engine.dispose()
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        [ticket], [record] = (
            connection.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()
            for column, table in (("ticket", "closures"), ("record", "experiences"))
        )
    assert Ticket.model_validate_json(ticket).key == "OLD-1000001"
    assert Experience.model_validate_json(record).scores[0].value == 5
