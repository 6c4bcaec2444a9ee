"""Jira's rate limits: quota, burst and writes per issue on Cloud, a token bucket on Data Center.

Only the limit on writes per issue, and the one on listing customers, hold from the start. The rest is set by tests.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from starlette.responses import Response

from sandbox.jira.faults import rate_limited
from sandbox.jira.wire import Call

if TYPE_CHECKING:
    from sandbox.jira.state import JiraSite


@dataclass(slots=True)
class Burst:
    """At most `per_second` requests of a method to paths that match. Without `retry_after`, the 429 names no time."""

    method: str
    path: re.Pattern[str]
    per_second: int
    retry_after: int | None = 1
    _seen: deque[datetime] = field(default_factory=deque)

    def admits(self, call: Call, now: datetime) -> bool:
        """Count a request in, unless it is one too many."""
        if call.method != self.method or not self.path.search(call.path):
            return True
        return _admit(self._seen, now, [(self.per_second, timedelta(seconds=1))])


@dataclass(slots=True)
class Bucket:
    """Data Center's token bucket of one user: `fill` tokens each `interval_seconds`, at most `capacity`."""

    capacity: int
    fill: int = 1
    interval_seconds: int = 1
    _tokens: dict[str, tuple[float, datetime]] = field(default_factory=dict)

    def take(self, user: str, now: datetime) -> tuple[bool, Mapping[str, str]]:
        """Take a token.

        :returns: whether there was one, and the headers that tell.
        """
        tokens, since = self._tokens.get(user, (float(self.capacity), now))
        tokens = min(self.capacity, tokens + (now - since).total_seconds() * self.fill / self.interval_seconds)
        admitted = tokens >= 1
        tokens -= admitted
        self._tokens[user] = tokens, now
        headers = {
            "X-RateLimit-Limit": str(self.capacity),
            "X-RateLimit-Remaining": str(int(tokens)),
            "X-RateLimit-FillRate": str(self.fill),
            "X-RateLimit-Interval-Seconds": str(self.interval_seconds),
            "Retry-After": "0" if tokens >= 1 or admitted else str(self.interval_seconds),
        }
        return admitted, headers


@dataclass(slots=True)
class Limits:
    """The limits of a site; `refused` counts the 429 answers they gave."""

    site: JiraSite
    quota_until: datetime | None = None
    """The app's points are used up until then: everything is refused, with the reason of a quota."""
    writes_per_issue: list[tuple[int, timedelta]] = field(
        default_factory=lambda: [(20, timedelta(seconds=2)), (100, timedelta(seconds=30))]
    )
    bucket: Bucket | None = None
    page_cap: int | None = None
    """Search pages never hold more than this. Without it, it depends on how many fields are asked for."""
    server_page_cap: int = 1000
    """Data Center's largest page."""
    refused: int = 0
    _bursts: list[Burst] = field(default_factory=list)
    _writes: dict[str, deque[datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.burst("GET", r"/servicedesk/[^/]+/customer$", 5)

    def burst(self, method: str, path: str, per_second: int, *, retry_after: int | None = 1) -> None:
        """Set a burst limit. `path` is a regular expression; the latest limit is looked at first."""
        self._bursts.insert(0, Burst(method, re.compile(path), per_second, retry_after))

    def publish(self) -> None:
        """Set the burst limits that Atlassian publishes."""
        for method, per_second in (("GET", 100), ("POST", 100), ("PUT", 50), ("DELETE", 50)):
            self.burst(method, "", per_second)

    def use_up_quota(self, seconds: int = 1800) -> None:
        """Refuse everything for a while, as when the tenant's points of the hour are gone."""
        self.quota_until = self.site.now + timedelta(seconds=seconds)

    def check(self, call: Call) -> tuple[Response | None, Mapping[str, str]]:
        """Count a request.

        :returns: the refusal, if it is one too many, and headers for the answer.
        """
        refusal, headers = self._cloud(call) if self.site.kind == "cloud" else self._server(call)
        self.refused += refusal is not None
        return refusal, headers

    def _cloud(self, call: Call) -> tuple[Response | None, Mapping[str, str]]:
        now = self.site.now
        if self.quota_until and now < self.quota_until:
            seconds = round((self.quota_until - now).total_seconds())
            return self._refusal(seconds, "jira-quota-tenant-based"), {}
        for burst in self._bursts:
            if not burst.admits(call, now):
                return self._refusal(burst.retry_after, "jira-burst-based"), {}
        issue = re.search(r"/(?:issue|request)/([^/]+)", call.path)
        if issue and call.method not in {"GET", "HEAD"} and not call.path.endswith("/bulkfetch"):
            found = self.site.issues.find(issue[1])
            writes = self._writes.setdefault(found.id if found else issue[1], deque())
            if not _admit(writes, now, self.writes_per_issue):
                return self._refusal(2, "jira-per-issue-on-write"), {}
        return None, {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "99"}

    def _refusal(self, retry_after: int | None, reason: str) -> Response:
        fault = rate_limited(retry_after, reason=reason)
        reset = self.site.now + timedelta(seconds=retry_after or 1)
        headers = {"content-type": "application/json", "X-RateLimit-Reset": f"{reset:%Y-%m-%dT%H:%M:%SZ}"}
        return Response(fault.content(), 429, fault.headers | headers)

    def _server(self, call: Call) -> tuple[Response | None, Mapping[str, str]]:
        like_a_browser = "cookie" in call.headers
        if self.bucket is None or call.user is None or like_a_browser or call.path.endswith("/serverInfo"):
            return None, {}
        admitted, headers = self.bucket.take(call.user.account_id, self.site.now)
        if admitted:
            return None, headers
        page = (
            b"<!doctype html><html><head><title>HTTP Status 429 - Too Many Requests</title></head><body></body></html>"
        )
        return Response(page, 429, {"content-type": "text/html;charset=utf-8", **headers}), {}


def _admit(seen: deque[datetime], now: datetime, rules: list[tuple[int, timedelta]]) -> bool:
    """Count a moment in, unless more than so many would lie within some span."""
    longest = max((span for _, span in rules), default=timedelta())
    while seen and now - seen[0] >= longest:
        seen.popleft()
    if any(sum(now - at < span for at in seen) >= most for most, span in rules):
        return False
    seen.append(now)
    return True
