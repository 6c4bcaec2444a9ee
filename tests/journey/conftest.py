from __future__ import annotations

import pytest

from hub.store.engine import Store
from tests.journey.world import World


@pytest.fixture
async def world(store: Store) -> World:
    """The journey on an empty store, once on each database."""
    world = World(store)
    await world.register("test")
    return world
