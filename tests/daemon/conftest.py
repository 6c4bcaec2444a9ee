from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import RunningHub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[RunningHub]:
    """A hub on files, not started yet; killed at the end if a test left it running."""
    running = RunningHub(tmp_path)
    yield running
    running.kill()
