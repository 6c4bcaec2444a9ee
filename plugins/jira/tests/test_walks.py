"""Small walks through busy sites; tests/walks has the same with ten thousand tickets each. Checklist 1, 2, 4 and 26."""

from __future__ import annotations

import pytest
from sandbox.jira_walks import SCENARIOS, play


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_walk_finds_what_is_there(scenario: str) -> None:
    """Each closing once, none that never was, and each reopening."""
    result = await play(scenario, 300)
    assert result.there > 50
    assert result.found == result.there
    assert result.wrong == 0
    assert result.reopened_found == result.reopened_there
