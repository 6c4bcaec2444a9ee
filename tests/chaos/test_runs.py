"""A short run of each scenario and of the soak; `make chaos` and `make soak` are the long ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chaos.monkey import Plan
from chaos.scenario import run
from chaos.soak import SLACK, growth, soak
from chaos.stage import Size

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # connections that were cut
]
PLAN = Plan(seconds=12, kills=4, restarts=0, jumps=2, silences=0, outages=1, outage_s=4, cuts=0)


def _accounted_for(account: dict[str, Any]) -> int:
    """How many customers were asked, may have been asked, or need not be; some about two closings."""
    return int(account["asked"] + len(account["unknown"]) + account["not_asked"]["open again"])


async def test_a_hub_on_sqlite_that_is_killed_again_and_again_keeps_its_promises(tmp_path: Path) -> None:
    size = Size(tickets=100, answers=80, share=0.02, cuts=0.002, reopened=0.2)
    verdict, account = await run("sqlite", size, PLAN, 1, tmp_path, 200)
    assert verdict.is_clean, account["concerned"]
    assert account["faults"]["kill -9"] == 4
    assert _accounted_for(account) >= 99
    assert account["answers"] >= 60
    assert len(account["faults"]["reopened"]) == 4


async def test_three_hubs_on_postgresql_take_over_from_each_other(tmp_path: Path) -> None:
    size = Size(tickets=100, answers=80, workers=3, share=0.02, cuts=0.002, silence_s=5, reopened=0.2)
    plan = Plan(seconds=12, kills=6, restarts=2, jumps=2, silences=0, outages=1, outage_s=4, cuts=3)
    verdict, account = await run("postgresql", size, plan, 1, tmp_path, 200)
    assert verdict.is_clean, account["concerned"]
    assert account["faults"]["kill -9"] == 6
    assert account["faults"]["database stopped, immediate"] == 1
    assert _accounted_for(account) >= 99
    assert account["conversations"]["answered_on"] >= 30


async def test_a_short_soak_is_measured_and_clean(tmp_path: Path) -> None:
    kept, account = await soak("sqlite", Size(tickets=200, answers=160), 12, 1, tmp_path)
    assert account["lost_answers"] == account["left_over"] == 0, account["concerned"]
    assert account["asked"] == 198
    assert account["curves"]["asked"][-1] >= 196
    assert all(value > 20 for value in account["curves"]["rss_mb"])
    assert kept is account["flat"]


USUAL = {"rss_mb": 80.0, "open_files": 30.0, "connections": 20.0, "threads": 4.0, "wal_mb": 4.0}


@pytest.mark.parametrize("name", SLACK)
def test_growth_is_found(name: str) -> None:
    more = USUAL | {name: 200.0}
    found = growth([USUAL] * 12 + [more] * 4, more)
    assert [each for each, one in found.items() if not one["flat"]] == [name]


def test_a_little_more_is_no_growth() -> None:
    more = USUAL | {"rss_mb": 82.5, "open_files": 33.0}
    assert all(one["flat"] for one in growth([USUAL] * 12 + [more] * 4, more).values())


def test_connections_of_callers_are_no_growth_once_they_have_gone() -> None:
    busy = USUAL | {"open_files": 200.0, "connections": 190.0}
    assert all(one["flat"] for one in growth([USUAL] * 12 + [busy] * 4, USUAL).values())
