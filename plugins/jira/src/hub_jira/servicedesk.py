"""What only Jira Service Management knows of a ticket: the customer's address, the kind of request, its targets."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub import Rejected, Unavailable, Unexpected
from hub_jira import answers
from hub_jira.client import JiraClient
from hub_jira.closures import moment
from hub_jira.site import Site

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

ROOT = "rest/servicedeskapi"
NOT_SHOWN = (400, 401, 403, 404, 412)
"""Not a request, no agent licence, or a scope that the token lacks: the ticket is used as the platform shows it."""
REFUSED = (401, 403)
FAILURES = (Rejected, Unavailable, Unexpected)
"""What may concern one ticket only, unlike refused credentials and limits."""
REMEMBERED = 5000
FIRST_RESPONSE, RESOLUTION = "first response", "resolution"
"""What Jira calls its targets unless the desk has renamed them: "Time to first response", "Time to resolution"."""


@dataclass(frozen=True, slots=True)
class Request:
    """A ticket as Service Management shows it."""

    reporter: Mapping[str, Any] = field(default_factory=dict, repr=False)
    desk_id: str = ""
    type: str | None = None
    first_response_at: datetime | None = None
    time_to_resolve: timedelta | None = None


class Desk:
    """Asks Service Management, and remembers what it said: tickets are read again before their surveys leave."""

    def __init__(self, client: JiraClient) -> None:
        self._client = client
        self._site: Site | None = None
        self._requests: dict[tuple[str, str], Request] = {}
        self._addresses: dict[tuple[str, str], str | None] = {}
        self._may_list = True

    def work_on(self, site: Site) -> None:
        """Forget what was not shown when the site has been looked at anew: the account may see more now."""
        if site is self._site:
            return
        self._site, self._may_list = site, True
        self._requests = {key: known for key, known in self._requests.items() if known.desk_id}
        self._addresses = {key: known for key, known in self._addresses.items() if known}

    async def request(self, issue_id: str, closure_key: str) -> Request:
        """The request behind a closed issue; an empty one when Service Management does not show it."""
        known = self._requests.get((issue_id, closure_key))
        if known is None:
            known = await self._read(f"{ROOT}/request/{issue_id}")
            _remember(self._requests, (issue_id, closure_key), known)
        return known

    def do_without(self, issue_id: str, closure_key: str) -> None:
        """Take the request behind a closed issue for one that is not shown."""
        _remember(self._requests, (issue_id, closure_key), Request())

    async def shows_others(self, failing: Collection[str]) -> bool:
        """Whether requests can be read at this moment, but for some: one that was shown before is asked for again."""
        shown = reversed(self._requests.items())
        issue_id = next((each for (each, _), known in shown if known.desk_id and each not in failing), None)
        if issue_id is None:
            return False
        try:
            await self._optional(f"{ROOT}/request/{issue_id}")
        except FAILURES:
            return False
        return True

    async def address(self, desk_id: str, account: str, name: str) -> str | None:
        """The address that a desk's list of customers has for an account.

        Jira calls this experimental, and allows five calls a second.
        """
        if (desk_id, account) not in self._addresses:
            people = await self._customers(desk_id, name) if self._may_list else ()
            found = (person["emailAddress"] for person in people if _is_with_address(person, account))
            _remember(self._addresses, (desk_id, account), next(found, None))
        return self._addresses[desk_id, account]

    async def _customers(self, desk_id: str, name: str) -> list[Any]:
        response = await self._client.request(
            "GET",
            f"{ROOT}/servicedesk/{desk_id}/customer",
            params={"query": name, "limit": "50"},
            headers={"X-ExperimentalApi": "opt-in"},
            accept=NOT_SHOWN,
        )
        if not response.is_success:
            self._may_list = self._may_list and response.status_code not in REFUSED
            return []
        answer = answers.value(response)
        people = answer.get("values") if isinstance(answer, dict) else None
        return people if isinstance(people, list) else []

    async def _read(self, path: str) -> Request:
        answer = await self._optional(path, params={"expand": "requestType,sla"})
        if not isinstance(answer, dict):
            return Request()
        targets = answer.get("sla")
        if not isinstance(targets, dict):
            targets = await self._targets(path)
        kind, reporter = answer.get("requestType"), answer.get("reporter")
        name = kind.get("name") if isinstance(kind, dict) else None
        first, resolution = _cycles(targets, FIRST_RESPONSE), _cycles(targets, RESOLUTION)
        return Request(
            reporter=reporter if isinstance(reporter, dict) else {},
            desk_id=str(answer.get("serviceDeskId") or ""),
            type=name if isinstance(name, str) and name else None,
            first_response_at=_stopped(first[0]) if first else None,
            time_to_resolve=_elapsed(resolution[-1]) if resolution else None,
        )

    async def _targets(self, path: str) -> Any:
        try:
            return await self._optional(f"{path}/sla")
        except FAILURES:  # times are worth having, but no ticket waits for them
            return None

    async def _optional(self, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        response = await self._client.request("GET", path, params=params, accept=NOT_SHOWN)
        return answers.value(response) if response.is_success else None


def _is_with_address(person: Any, account: str) -> bool:
    match person:
        case {"accountId": str(found), "emailAddress": str()}:
            return found == account
    return False


def _remember(memory: dict[KeyT, ValueT], key: KeyT, value: ValueT) -> None:
    while len(memory) >= REMEMBERED:
        del memory[next(iter(memory))]
    memory[key] = value


def _cycles(targets: Any, name: str) -> list[Any]:
    """The completed rounds of the target with this name; a ticket that was opened again has several."""
    values = targets.get("values") if isinstance(targets, dict) else None
    for target in values if isinstance(values, list) else ():
        match target:
            case {"name": str(title), "completedCycles": list(cycles)} if name in title.lower():
                return cycles
    return []


def _stopped(cycle: Any) -> datetime | None:
    match cycle:
        case {"stopTime": {"epochMillis": int(number)}}:
            with contextlib.suppress(Unexpected):
                return moment(number)
    return None


def _elapsed(cycle: Any) -> timedelta | None:
    match cycle:
        case {"elapsedTime": {"millis": int(number)}} if 0 <= number < 10**13:
            return timedelta(milliseconds=number)
    return None
