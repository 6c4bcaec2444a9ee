from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.metrics import reference
from tests.metrics.exposed import forget_everything


@pytest.fixture(autouse=True)
def nothing_counted() -> Iterator[None]:
    """Counters belong to the process: each test begins with none."""
    forget_everything()
    yield
    forget_everything()


@pytest.fixture(scope="session")
def exposition(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `/metrics` shows of a hub to which a bit of everything has happened."""
    forget_everything()
    return asyncio.run(reference.exposition(tmp_path_factory.mktemp("hub")))
