"""What a refusal pauses: one lane when the service names it, otherwise all that the credential does."""

from __future__ import annotations

import httpx
import pytest

from hub import RateLimited
from hub.testing.clock import FakeClock
from tests.http.conftest import LentFactory

URL = "https://desk.example.test/rest/x"
LANES = {"burst": "GET search", "per-issue": "issue 1"}


class Limited(httpx.AsyncBaseTransport):
    """Refuses the first request with the given headers, and takes all others."""

    def __init__(self, clock: FakeClock, **headers: str) -> None:
        self.taken: list[tuple[str, float]] = []
        self._clock = clock
        self._began = clock.now()
        self._headers = headers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        headers, self._headers = self._headers, {}
        if headers:
            return httpx.Response(429, headers=headers, text="<html>slow down</html>", request=request)
        self.taken.append((request.url.path, (self._clock.now() - self._began).total_seconds()))
        return httpx.Response(200, request=request)


def _limited(clock: FakeClock, reason: str) -> Limited:
    return Limited(clock, **{"Retry-After": "60", "RateLimit-Reason": reason})


@pytest.mark.parametrize(
    ("reason", "other_lane_waits", "same_lane_waits"),
    [("burst", False, True), ("per-issue", False, True), ("quota", True, True), ("", True, True)],
)
async def test_only_what_shares_the_limited_lane_waits(
    lent: LentFactory, clock: FakeClock, reason: str, other_lane_waits: bool, same_lane_waits: bool
) -> None:
    service = _limited(clock, reason)
    client = lent(service)
    with pytest.raises(RateLimited):
        await client.request("POST", URL, once=True, lanes=LANES)
    await client.request("GET", URL + "/other", lanes={"burst": "GET issue", "per-issue": "issue 2"})
    assert (service.taken[0][1] >= 60) is other_lane_waits
    await client.request("GET", URL + "/same", lanes=LANES)
    assert (service.taken[1][1] >= 60) is same_lane_waits


async def test_a_request_without_lanes_does_not_wait_for_one(lent: LentFactory, clock: FakeClock) -> None:
    service = _limited(clock, "burst")
    client = lent(service)
    with pytest.raises(RateLimited):
        await client.request("POST", URL, once=True, lanes=LANES)
    await client.request("GET", URL)
    assert service.taken[0][1] == 0


async def test_requests_with_different_api_keys_do_not_share_a_pause(lent: LentFactory, clock: FakeClock) -> None:
    service = _limited(clock, "")
    client = lent(service)
    with pytest.raises(RateLimited):
        await client.request("POST", URL, once=True, headers={"x-sn-apikey": "one"})
    await client.request("GET", URL, headers={"x-sn-apikey": "two"})
    assert service.taken[0][1] == 0
    await client.request("GET", URL, headers={"x-sn-apikey": "one"})
    assert service.taken[1][1] >= 60
