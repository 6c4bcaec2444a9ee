"""What an instance does wrong, planned for requests to come.

    instance.faults.plan(HIBERNATING, path="/table/incident", times=3)

A fault is called in place of the answer, with a function that carries the request out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

from hub import Clock
from sandbox.servicenow import exchange
from sandbox.servicenow.exchange import Call, Reply, failure, page

Proceed = Callable[[], Reply]
Fault = Callable[[Proceed], Reply]

CANCELLED_WORDS = "Transaction cancelled: maximum execution time exceeded"
HUGE_BYTES = 10_000_000
DEPTH = 100_000


class NoAnswer(Exception):
    """The client waits for an answer that does not come."""


class ConnectionCut(Exception):
    """The connection ends before the answer does."""


@dataclass(slots=True)
class _Planned:
    fault: Fault
    method: str
    path: str
    times: int
    after: int

    def fits(self, call: Call) -> bool:
        return self.times > 0 and self.method in ("", call.method) and self.path in call.path


class Faults:
    """The faults to come. The first one planned that fits a request is met."""

    def __init__(self) -> None:
        self._planned: list[_Planned] = []

    def plan(self, fault: Fault, *, method: str = "", path: str = "", times: int = 1, after: int = 0) -> None:
        """Meet requests with a fault.

        :param method: only this one; empty for any.
        :param path: a part of the path; empty for any.
        :param times: how many requests meet it.
        :param after: how many such requests pass before.
        """
        self._planned.append(_Planned(fault, method, path, times, after))

    def clear(self) -> None:
        """Forget what is planned."""
        self._planned.clear()

    def meet(self, call: Call, proceed: Proceed) -> Reply:
        """Answer a request, with a fault or without.

        :raises NoAnswer: the fault is that no answer comes.
        :raises ConnectionCut: the fault is that the connection breaks.
        """
        for planned in self._planned:
            if planned.fits(call):
                if planned.after:
                    planned.after -= 1
                    continue
                planned.times -= 1
                return planned.fault(proceed)
        return proceed()


def answer(reply: Reply) -> Fault:
    """Answer this, and carry nothing out."""
    return lambda proceed: reply


def body(text: str, status: int = 200) -> Fault:
    """Answer with this text, called JSON, and carry nothing out."""
    return answer(Reply(status, text.encode(), {"Content-Type": "application/json;charset=UTF-8"}))


def rate_limited(clock: Clock, retry_after_seconds: int = 30, limit: int = 10) -> Fault:
    """A rate limit rule: 429 that says when to come again, once in seconds and once in Unix time."""

    def fault(proceed: Proceed) -> Reply:
        reset = int(clock.now().timestamp()) + retry_after_seconds
        detail = f"Rate limit of {limit} requests per hour for Table API exceeded"
        times = {"Retry-After": str(retry_after_seconds), "X-RateLimit-Reset": str(reset)}
        rule = {"X-RateLimit-Limit": str(limit), "X-RateLimit-Rule": f"{7:032x}"}
        return failure(429, "Rate limit exceeded", detail, times | rule)

    return fault


def cancelled(proceed: Proceed) -> Reply:
    """The transaction quota ends the answer in the middle: 200, and a reason after half the JSON."""
    whole = proceed()
    return replace(whole, status=200, body=whole.body[: len(whole.body) // 2] + CANCELLED_WORDS.encode())


def time_out(proceed: Proceed) -> Reply:
    """Carry the request out, and never answer."""
    proceed()
    raise NoAnswer


def cut(proceed: Proceed) -> Reply:
    """Carry the request out, and break the connection inside the answer."""
    proceed()
    raise ConnectionCut


def cut_before(proceed: Proceed) -> Reply:
    """Break the connection and carry nothing out."""
    raise ConnectionCut


def empty_created(proceed: Proceed) -> Reply:
    """Carry the request out, and answer 201 with nothing in it: access rules hide the result."""
    proceed()
    return Reply(201, b"", {"Content-Type": "application/json;charset=UTF-8"})


def wrong_types(proceed: Proceed) -> Reply:
    """Answer with the right keys and values of every wrong type."""
    shape: list[object] = [17, None, ["7"], {"value": {"value": 3}}, True, 1.5e300]
    try:
        rows = json.loads(proceed().body)["result"]
    except (ValueError, KeyError, TypeError):
        rows = [{}]
    rows = rows if isinstance(rows, list) else [rows]
    wrong = [{key: shape[place % len(shape)] for place, key in enumerate(row)} for row in rows]
    return exchange.result(wrong)


UNAUTHENTICATED = answer(exchange.NOT_AUTHENTICATED)
ACL_REFUSES = answer(exchange.ACL_REFUSED_UPDATE)
RULE_ABORTS = answer(
    failure(403, "Operation Failed", "Operation against file 'incident' was aborted by Business Rule 'Guard^0a1b2c'")
)
NO_RIGHTS = answer(exchange.INSUFFICIENT_RIGHTS)
NOT_FOUND = answer(exchange.NO_RECORD)
INVALID_TABLE = answer(failure(400, "Invalid table incident"))
SERVER_ERROR = answer(failure(500, "Unexpected error", None))
SEMAPHORES_TAKEN = answer(failure(429, "Too many requests", None))
"""429 without any header: every semaphore is taken and the queue is full."""
HIBERNATING = answer(page(200, "<html><head><title>Instance Hibernating</title></head><body>"
                               "<h1>Your instance is hibernating</h1></body></html>"))  # fmt: skip
LOGIN = answer(page(302, "", {"Location": "/login_redirect.do"}))
MAINTENANCE = answer(page(503, "<html><body><h1>Service Unavailable</h1><p>Upgrade in progress</p></body></html>"))
BAD_GATEWAY = answer(page(502, "<html><body><h1>Bad Gateway</h1></body></html>"))


def huge(proceed: Proceed) -> Reply:
    """Answer with 10 MB of one value."""
    return exchange.result([{"sys_id": "a" * HUGE_BYTES}])


def deep(proceed: Proceed) -> Reply:
    """Answer with lists in lists in lists."""
    return body('{"result":' + "[" * DEPTH + "]" * DEPTH + "}")(proceed)


NO_RESULT = (
    body("{}"),
    body("[]"),
    body("null"),
    body("17"),
    body(""),
    body('{"result":null}'),
    body('{"result":"none"}'),
    body('{"result":[null,17]}'),
    body('{"result":{"result":[]}}'),
    body('{"error":{"message":"Something","detail":null},"status":"failure"}'),
)
"""200 and JSON, but no records where they belong."""
