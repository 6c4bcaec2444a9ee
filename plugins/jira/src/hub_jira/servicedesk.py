"""What only Jira Service Management knows of a ticket: the customer's address, the kind of request, its targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub_jira import answers
from hub_jira.client import JiraClient
from hub_jira.closures import moment

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")

ROOT = "rest/servicedeskapi"
NOT_SHOWN = (400, 401, 403, 404, 412)
"""Not a request, no agent licence, or a scope that the token lacks: the ticket is used as the platform shows it."""
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
        self._requests: dict[tuple[str, str], Request] = {}
        self._addresses: dict[str, str] = {}

    async def request(self, issue_id: str, closure_key: str) -> Request:
        """The request behind a closed issue; an empty one when Service Management does not show it."""
        known = self._requests.get((issue_id, closure_key))
        if known is None:
            known = await self._read(f"{ROOT}/request/{issue_id}")
            if known.desk_id:
                _remember(self._requests, (issue_id, closure_key), known)
        return known

    async def address(self, desk_id: str, account: str, name: str) -> str | None:
        """The address that a desk's list of customers has for an account.

        Jira calls this experimental, and allows five calls a second.
        """
        if account in self._addresses:
            return self._addresses[account]
        answer = await self._optional(
            f"{ROOT}/servicedesk/{desk_id}/customer",
            params={"query": name, "limit": "50"},
            headers={"X-ExperimentalApi": "opt-in"},
        )
        people = answer.get("values") if isinstance(answer, dict) else None
        for person in people if isinstance(people, list) else ():
            match person:
                case {"accountId": str(found), "emailAddress": str(address)} if found == account:
                    _remember(self._addresses, account, address)
                    return address
        return None

    async def _read(self, path: str) -> Request:
        answer = await self._optional(path, params={"expand": "requestType,sla"})
        if not isinstance(answer, dict):
            return Request()
        targets = answer.get("sla")
        if not isinstance(targets, dict):
            targets = await self._optional(f"{path}/sla")
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

    async def _optional(
        self, path: str, *, params: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        response = await self._client.request("GET", path, params=params, headers=headers, accept=NOT_SHOWN)
        return answers.value(response) if response.is_success else None


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
            return moment(number)
    return None


def _elapsed(cycle: Any) -> timedelta | None:
    match cycle:
        case {"elapsedTime": {"millis": int(number)}} if 0 <= number < 10**13:
            return timedelta(milliseconds=number)
    return None
