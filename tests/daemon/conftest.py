from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.daemon.running import ForkedHub, NewHub, RunningHub
from tests.nursery import Nursery


@pytest.fixture
def new_hub(nursery: Nursery, sqlite_store: Path, tmp_path: Path) -> Iterator[NewHub]:
    """Makes hubs on files, with options of `RunningHub`; what a test left running is killed at the end."""
    shutil.copy(sqlite_store, tmp_path / "hub.db")
    made: list[RunningHub] = []

    def make(**options: Any) -> RunningHub:
        made.append(ForkedHub(nursery, tmp_path, **options))
        return made[-1]

    yield make
    for hub in made:
        hub.kill()


@pytest.fixture
def hub(new_hub: NewHub) -> RunningHub:
    """A hub on files, not started yet."""
    return new_hub()
