"""The other side: a Jira Cloud site and a Kannel in one process, made to cost much less than whoever calls them.

A load generator, not a simulator: it believes every request. It counts requests by kind, and can answer surveys.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import quote

from bench import issues
from bench.wire import Answer, Caller, Done, Request, response

PAGE, IDS, LOOK, ISSUE, PROPERTY, SEND = "search", "search ids", "bulkfetch to write", "issue", "property", "sendsms"
WRITING = frozenset({LOOK, ISSUE, PROPERTY})
"""Kinds of requests that write answers back."""
PAGE_SIZE = 100
SECRET = "bench-callback-secret"
SENDER = "12345"
PROPERTY_KEY = "com.itsm-hub.experience"


@dataclass(frozen=True, slots=True)
class Load:
    """What the site plays until the next load."""

    tickets: int
    """How many issues there are, all closed at `closed_at`."""
    closed_at: float
    """Seconds since 1970."""
    listed: bool = True
    """Whether searches still find them; otherwise they were closed too long ago."""
    gateway_ms: float = 0
    """How long sendsms takes to answer."""
    desk_ms: float = 0
    answering: bool = False
    """Whether each customer answers the survey at once, by webhook."""
    hold: str = ""
    """The kind of request, or "writing", whose first ones are answered only after `release`."""
    recording: bool = False
    web_ports: tuple[int, ...] = ()
    """Where webhooks go, in turn."""


@dataclass(slots=True)
class Seen:
    """The requests of one kind."""

    count: int = 0
    first: float = 0.0
    """Seconds on the site's clock."""
    last: float = 0.0
    """When the last one was answered."""


@dataclass(slots=True)
class _State:
    """What has happened under one load."""

    released: bool
    began: float = 0.0
    seen: dict[str, Seen] = field(default_factory=dict)
    held: list[Callable[[], None]] = field(default_factory=list)
    recorded: list[Request] = field(default_factory=list)
    sent: Counter[int] = field(default_factory=Counter)
    properties: dict[int, bytes] = field(default_factory=dict)
    answers: Counter[int] = field(default_factory=Counter)
    """How many webhooks were answered with each status."""
    unknown: set[str] = field(default_factory=set)
    last: float = 0.0


class Site:
    """All state, and what every request is answered with."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.on_sent: Callable[[int, Request], None] = lambda _number, _request: None
        self.on_written: Callable[[int], None] = lambda _number: None
        self._callers: list[Caller] = []
        self._date = formatdate(usegmt=True)
        self._date_second = 0
        self.begin(Load(tickets=0, closed_at=0))

    def begin(self, load: Load) -> None:
        """Forget everything and play another load."""
        for caller in self._callers:
            caller.close()
        self.load = load
        self._state = _State(released=not load.hold, began=time.perf_counter())
        self._callers = [Caller("127.0.0.1", port, 32 // len(load.web_ports)) for port in load.web_ports]
        self._closed = [int(load.closed_at * 1000)] * load.tickets

    def close_issue(self) -> int:
        """Close another issue now; its number."""
        self._closed.append(int(time.time() * 1000))
        return len(self._closed) - 1

    def call(self, method: str, target: str, done: Done, body: bytes = b"", content_type: str = "text/plain") -> None:
        """Send the hub a request."""
        self._callers[0].send(method, target, done, body, content_type)

    def release(self) -> None:
        """Answer what was held back; time is counted from now."""
        self._state.released = True
        self._state.began = time.perf_counter()
        for send in self._state.held:
            send()
        self._state.held.clear()

    def answer_all(self) -> None:
        """Every customer answers, whether asked or not."""
        for number in range(self.load.tickets):
            self._customer_answers(number)

    def progress(self) -> dict[str, float]:
        """How far the load is: held requests, surveys sent, answers taken, answers written, seconds of silence."""
        state = self._state
        return {
            "held": len(state.held),
            "sent": len(state.sent),
            "answered": state.answers[200],
            "written": len(state.properties),
            "quiet_s": time.perf_counter() - state.last,
        }

    def figures(self) -> dict[str, object]:
        """What happened: by kind of request how many, and seconds from the release to the first and last one.

        `last_s` is the last event of all: an answer to a request, or a webhook that was taken.
        """
        state = self._state
        kinds = {
            kind: {"count": seen.count, "first_s": seen.first - state.began, "last_s": seen.last - state.began}
            for kind, seen in sorted(state.seen.items())
        }
        return {
            "kinds": kinds,
            "last_s": state.last - state.began,
            "duplicates": sum(count - 1 for count in state.sent.values()),
            "refused_answers": sum(count for status, count in state.answers.items() if status != 200),
            "unknown": sorted(state.unknown),
        }

    def recording(self) -> list[Request]:
        """The requests that were recorded, in the order they came."""
        return self._state.recorded

    def handle(self, request: Request, answer: Answer) -> None:
        """Answer a request after the time that it takes here."""
        kind, status, body = self._reply(request)
        state, load = self._state, self.load
        content_type = "text/html" if kind == SEND else "application/json;charset=UTF-8"
        data = response(status, body, content_type, date=self._now())
        began = time.perf_counter()
        seen = state.seen.setdefault(kind, Seen(first=began))
        seen.count += 1
        if load.recording:
            state.recorded.append(request)

        def send() -> None:
            state.last = seen.last = time.perf_counter()
            answer(data)

        delay_ms = load.gateway_ms if kind == SEND else load.desk_ms
        if not state.released and load.hold in (kind, "writing" if kind in WRITING else ""):
            state.held.append(send)
        elif delay_ms:
            self._loop.call_later(delay_ms / 1000, send)
        else:
            send()

    def _now(self) -> str:
        second = int(time.time())
        if second != self._date_second:
            self._date, self._date_second = formatdate(second, usegmt=True), second
        return self._date

    def _reply(self, request: Request) -> tuple[str, int, bytes]:
        """The kind of request, the status and the body of its answer."""
        path = request.target.partition("?")[0]
        if path == "/cgi-bin/sendsms":
            return self._sendsms(request)
        path = path.removeprefix("/rest/api/3/")
        if path.startswith("issue/1"):
            return self._issue(request, path)
        match path:
            case "search/jql":
                return self._search(request)
            case "issue/bulkfetch":
                return self._bulk(request)
            case "changelog/bulkfetch":
                return "changelogs", 200, self._histories(request.body)
            case "search/approximate-count":
                return "approximate-count", 200, b'{"count":%d}' % self._listed
        return self._small(path)

    def _sendsms(self, request: Request) -> tuple[str, int, bytes]:
        number = issues.number_behind(request.header(b"X-Kannel-To"))
        self._state.sent[number] += 1
        self.on_sent(number, request)
        if self.load.answering:
            self._loop.call_later(self.load.gateway_ms / 1000, self._customer_answers, number)
        return SEND, 202, b"0: Accepted for delivery"

    def _customer_answers(self, number: int) -> None:
        state = self._state

        def done(status: int, _: bytes) -> None:
            state.answers[status] += 1
            state.last = time.perf_counter()

        caller = self._callers[number % len(self._callers)]
        caller.send("GET", answer_target(number), done)

    def _search(self, request: Request) -> tuple[str, int, bytes]:
        asked = json.loads(request.body)
        kind = IDS if asked["fields"] == ["id"] else PAGE
        total = self._listed if "statusCategory = Done" in asked["jql"] else 0
        start, size = int(asked.get("nextPageToken", 0)), min(asked["maxResults"], PAGE_SIZE if kind == PAGE else 5000)
        numbers = range(start, min(start + size, total))
        token = str(start + size) if start + size < total else None
        return kind, 200, issues.page([self._shown(number, asked) for number in numbers], token)

    @property
    def _listed(self) -> int:
        return len(self._closed) if self.load.listed else 0

    def _histories(self, body: bytes) -> bytes:
        return issues.histories((number, self._closed[number]) for number in issues.ids_in(body))

    def _bulk(self, request: Request) -> tuple[str, int, bytes]:
        asked = json.loads(request.body)
        kind = LOOK if PROPERTY_KEY in asked.get("properties", ()) else "bulkfetch"
        numbers = [issues.number_of(each) for each in asked["issueIdsOrKeys"]]
        found = b",".join(self._shown(number, asked) for number in numbers)
        return kind, 200, b'{"expand":"","issues":[%s],"issueErrors":[]}' % found

    def _issue(self, request: Request, path: str) -> tuple[str, int, bytes]:
        identity, _, rest = path.removeprefix("issue/").partition("/")
        number = issues.number_of(identity)
        if rest.startswith("properties/"):
            known = number in self._state.properties
            self._state.properties[number] = request.body
            self.on_written(number)
            return PROPERTY, 200 if known else 201, b""
        return ISSUE, 200, self._shown(number, {"fields": ["project"], "properties": [PROPERTY_KEY]})

    def _shown(self, number: int, asked: dict[str, list[str]]) -> bytes:
        stamp = _stamp(self._closed[number])
        value = self._state.properties.get(number) if PROPERTY_KEY in asked.get("properties", ()) else None
        return issues.issue(number, asked["fields"], stamp, [(PROPERTY_KEY, value)])

    def _small(self, path: str) -> tuple[str, int, bytes]:
        match path:
            case "/rest/api/2/serverInfo":
                body: object = {"deploymentType": "Cloud", "serverTime": datetime.now(UTC).isoformat()}
            case "myself":
                body = {"accountId": "5b10a2844c20165700ffff", "timeZone": "Europe/Helsinki"}
            case "field":
                body = [{"id": issues.PHONE_FIELD, "schema": {"type": "string", "custom": "x:textfield"}}]
            case "status":
                states = ((issues.OPEN_ID, "new"), ("10001", "indeterminate"), (issues.DONE_ID, "done"))
                body = [issues.status(identity, key, key, 1) for identity, key in states]
            case "project/BENCH":
                body = {"id": "10000", "key": "BENCH", "projectTypeKey": "software"}
            case "/rest/servicedeskapi/info":
                return "small", 404, b'{"errorMessage":"Service Management is not installed"}'
            case _:
                self._state.unknown.add(path)
                return "unknown", 404, b'{"errorMessages":["no such function"]}'
        return "small", 200, json.dumps(body).encode()


def answer_target(number: int) -> str:
    """What Kannel calls with the answer of an issue's customer."""
    query = f"from={quote(issues.phone(number))}&to={SENDER}&time={int(time.time())}&id=mo{number}"
    return f"/hooks/sms/{SECRET}/mo?{query}&text=5+Fast+and+friendly,+thank+you"


@lru_cache(maxsize=1000)
def _stamp(millis: int) -> str:
    moment = datetime.fromtimestamp(millis / 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{millis % 1000:03}+0000"
