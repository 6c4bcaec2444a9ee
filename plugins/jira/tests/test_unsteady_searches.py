"""Clocks that are set and an index that is behind its own rows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hub_jira.cursor import Position
from sandbox.jira import Answer

from hub.testing.clock import FakeClock

JSON = {"content-type": "application/json"}


class Shifted:
    """The clock of a hub that is wrong by some time."""

    def __init__(self, clock: FakeClock, ahead: timedelta) -> None:
        self.clock, self.ahead = clock, ahead

    def now(self) -> datetime:
        return self.clock.now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        await self.clock.sleep(seconds)


@pytest.mark.parametrize("hours", [-3, 3])
async def test_clock_that_is_set_between_two_pulls_hides_no_closing(any_rig: Any, new_hub: Any, hours: int) -> None:
    """Each pull asks Jira for the time before it counts back from it."""
    clock = any_rig.context.clock = Shifted(any_rig.clock, timedelta(hours=hours))
    hub = new_hub(any_rig.source())
    await hub.pull()
    issues = []
    for _ in range(16):
        any_rig.advance(minutes=15)
        issues.append(any_rig.close())
    clock.ahead = timedelta()
    any_rig.advance(minutes=1)
    await hub.pull()
    assert hub.ids == {issue.id for issue in issues}
    assert Position.read(hub.cursor).since_time <= any_rig.clock.now()


async def test_row_that_shows_a_newer_time_than_its_place_hides_none_behind_it(
    data_center: Any, new_hub: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Data Center sorts by its index and shows what the database has."""
    hub = new_hub(data_center.source(page_size=10))
    await hub.pull()
    issues = []
    for _ in range(60):
        issues.append(data_center.close())
        data_center.advance(seconds=20)
    data_center.advance(minutes=30)
    data_center.site.search_lag = timedelta(seconds=60)
    data_center.site.comment(issues[9], data_center.site.agent, "It happened again")
    index = data_center.site.issues
    window = type(index).window

    def from_database(self: Any, *args: Any) -> Any:
        rows, total = window(self, *args)
        return [self.live[row.id] for row in rows], total

    monkeypatch.setattr(type(index), "window", from_database)
    await hub.pull()
    assert hub.ids == {issue.id for issue in issues}


async def test_rows_that_are_counted_and_not_shown_hold_the_cursor_for_a_day(data_center: Any, new_hub: Any) -> None:
    """Not for ever: one damaged row would have the hub read everything again and again."""
    hub = new_hub(data_center.source(page_size=100))
    await hub.pull()
    data_center.advance(minutes=5)
    data_center.close()
    hidden = data_center.close()
    data_center.advance(minutes=30)
    before = Position.read(hub.cursor).since
    data_center.site.vanish(hidden, pages=100)
    await hub.pull()
    assert hidden.id not in hub.ids
    assert Position.read(hub.cursor).since == before
    data_center.site.vanish(hidden, pages=0)
    await hub.pull()
    assert hidden.id in hub.ids
    assert Position.read(hub.cursor).since > before
    data_center.advance(days=2)
    data_center.close()
    data_center.advance(minutes=30)
    before = Position.read(hub.cursor).since
    data_center.site.vanish(hidden, pages=100)
    await hub.pull()
    assert Position.read(hub.cursor).since > before


async def test_the_time_is_asked_once_with_each_pull(cloud: Any, new_hub: Any) -> None:
    """The first pull has it from the answers that tell what the site is."""
    hub = new_hub(cloud.source())
    for asked in (1, 2, 3):
        await hub.pull()
        assert cloud.asked("/serverInfo") == asked


async def test_time_of_a_site_behind_a_proxy_comes_anew_with_each_pull(cloud: Any, new_hub: Any) -> None:
    """From the body, where the Date of the answers is taken away."""
    hub = new_hub(cloud.source())
    await hub.pull()
    asked = cloud.asked("/serverInfo")
    for _ in range(2):
        cloud.advance(minutes=5)
        told = {"deploymentType": "Cloud", "serverTime": cloud.clock.now().isoformat()}
        cloud.site.faults.on("GET", "/serverInfo", Answer(200, told, {**JSON, "Date": "none"}))
        await hub.pull()
    assert cloud.asked("/serverInfo") == asked + 2
