"""Failures and headers of the simulated sites that only a real connection shows."""

from __future__ import annotations

import pytest
import requests
from sandbox.jira import EMAIL, TOKEN, Cut, JiraSite, Silence

from hub.testing.clock import FakeClock
from tests.clients.conftest import Serve
from tests.clients.jira_site import populated


@pytest.fixture
def site(fake_clock: FakeClock, serve: Serve) -> JiraSite:
    made = populated("cloud", fake_clock)
    made.base_url = serve(made.app)
    return made


def myself(site: JiraSite, timeout_seconds: float = 5) -> requests.Response:
    return requests.get(f"{site.url}/rest/api/3/myself", auth=(EMAIL, TOKEN), timeout=timeout_seconds)


def test_the_date_is_the_sites_own_and_the_only_one(site: JiraSite) -> None:
    assert myself(site).headers["Date"] == "Mon, 02 Mar 2026 09:00:00 GMT"


def test_the_connection_is_lost_inside_the_answer(site: JiraSite) -> None:
    site.faults.on("GET", "/myself", Cut(keep=10, connection=True))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="10 bytes read"):
        myself(site)
    assert myself(site).status_code == 200


def test_no_answer_comes(site: JiraSite) -> None:
    site.faults.on("GET", "/myself", Silence(seconds=0.5))
    with pytest.raises(requests.exceptions.ReadTimeout):
        myself(site, timeout_seconds=0.1)
    assert myself(site).status_code == 200
