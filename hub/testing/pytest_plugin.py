"""Fixtures for plugin authors, available wherever the hub is installed next to pytest.

Everything is imported when it is used: this module is loaded in every test run of every project on the machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from hub.testing.fakes import FakeClock, FakeContext

pytest.register_assert_rewrite(
    "hub.testing._bench",
    "hub.testing._component_contract",
    "hub.testing._gateway_bench",
    "hub.testing._gateway_contract",
    "hub.testing._inbound_contract",
    "hub.testing._sink_contract",
    "hub.testing._source_bench",
    "hub.testing._source_contract",
    "hub.testing._write_back_contract",
)


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock that moves only when somebody sleeps or the test moves it."""
    from hub.testing.fakes import FakeClock

    return FakeClock()


@pytest.fixture
def fake_context(fake_clock: FakeClock) -> FakeContext:
    """What the hub lends to a component, on `fake_clock`. For one that speaks HTTP make `FakeContext(transport=…)`."""
    from hub.testing.fakes import FakeContext

    return FakeContext(clock=fake_clock)
