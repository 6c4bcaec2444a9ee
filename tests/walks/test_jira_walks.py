"""Walks through simulated Jira sites with ten thousand tickets and more: nothing there may be missed.

Each test prints one line of JSON: how many closings were there to be found, how many were found, in how many requests.
"""

from __future__ import annotations

import json

import pytest
from sandbox.jira_walks import SCENARIOS, play

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_walk_finds_what_is_there(scenario: str) -> None:
    """Each closing once, none that never was, and each reopening."""
    result = await play(scenario, 10_000)
    print(json.dumps(result.as_dict()))
    assert result.found == result.there
    assert result.wrong == 0
    assert result.reopened_found == result.reopened_there
