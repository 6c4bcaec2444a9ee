"""What the hub must know of a Jira site before it can work with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from hub import AuthFailed, Unexpected

DONE = "done"
"""Key of the status category that closed tickets are in. Its name may be translated, its key never is."""
SERVICE_DESK_API = "servicedeskapi"


class Kind(StrEnum):
    """The two products with different APIs."""

    CLOUD = "cloud"
    DATA_CENTER = "data_center"


class Ask(Protocol):
    """Asks the site one question: a method and a path below its root, answered with a JSON value."""

    async def __call__(self, method: str, path: str, *, params: Mapping[str, str] | None = None) -> Any:
        """The answer.

        :raises RemoteError: there is none.
        """
        ...


class Probe(Protocol):
    """Asks whether a path may be read; a refusal is no error."""

    async def __call__(self, path: str, *, params: Mapping[str, str] | None = None) -> bool:
        """Whether the answer was 200."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    """A site as the hub's account sees it."""

    kind: Kind
    api: str
    """Path of the platform API: "rest/api/3" or "rest/api/2"."""
    account: str
    """The hub's own account: the accountId on Cloud, the login name on Data Center."""
    zone: str
    """Time zone in the account's profile, in which Jira reads dates in JQL."""
    service_management: bool
    """Whether Jira Service Management is there."""
    agent_licence: bool
    """Whether the account is an agent of it."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The type of each field by its id: "string", "number", "option", "array"…"""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """What made each custom field, by its id, such as "com.atlassian.jira.plugin.system.customfieldtypes:textarea"."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What people call each field, by its id. Data Center's histories name fields so."""

    @property
    def cloud(self) -> bool:
        """Whether this is Jira Cloud."""
        return self.kind is Kind.CLOUD

    def made_by(self, kind: str) -> tuple[str, ...]:
        """Ids of the custom fields whose kind ends so, such as ":sd-customer-organizations"."""
        return tuple(name for name, made_by in self.kinds.items() if made_by.endswith(kind))


@dataclass(frozen=True, slots=True)
class Project:
    """A project that the hub's account sees."""

    id: str
    """Stays when the key changes."""
    type: str
    """Such as "software" or "service_desk"."""


async def detect(ask: Ask, may_read: Probe) -> Site:
    """Find out what the site is and who the hub is on it.

    :raises AuthFailed: it does not know the hub's account.
    :raises RemoteError: it cannot be asked.
    """
    kind = _kind(await ask("GET", "rest/api/2/serverInfo"))
    api = "rest/api/3" if kind is Kind.CLOUD else "rest/api/2"
    me = await ask("GET", f"{api}/myself")
    fields = await ask("GET", f"{api}/field")
    has_desks = await may_read(f"rest/{SERVICE_DESK_API}/info")
    return Site(
        kind=kind,
        api=api,
        account=_account(me, kind),
        zone=str(me.get("timeZone") or "UTC"),
        service_management=has_desks,
        agent_licence=has_desks and await may_read(f"rest/{SERVICE_DESK_API}/servicedesk", params={"limit": "1"}),
        fields=_schemas(fields, "type"),
        kinds=_schemas(fields, "custom"),
        names=_names(fields),
    )


def project(shown: Any) -> Project:
    """A project as Jira shows it.

    :raises Unexpected: it has no id.
    """
    match shown:
        case {"id": str(identity)}:
            return Project(identity, str(shown.get("projectTypeKey")))
    raise Unexpected("Jira's answer is not a project")


def no_project(keys: Sequence[str]) -> str:
    """What to tell of keys that no project has."""
    return f"{', '.join(keys)}: no such project, or the account may not see it; write keys in 'projects', not names"


async def status_categories(ask: Ask, api: str) -> Mapping[str, str]:
    """The category key ("new", "indeterminate", "done") of each status by its id."""
    answer = await ask("GET", f"{api}/status")
    found = {}
    for status in answer if isinstance(answer, list) else ():
        match status:
            case {"id": str(identity), "statusCategory": {"key": str(category)}}:
                found[identity] = category
    if not found:
        raise Unexpected("Jira's list of statuses cannot be read")
    return found


def _kind(info: Any) -> Kind:
    match info:
        case {"deploymentType": "Cloud"}:
            return Kind.CLOUD
        case {"deploymentType": str()} | {"versionNumbers": list()}:
            return Kind.DATA_CENTER
    raise Unexpected("this does not answer as Jira does: check the url and its path")


def _account(me: Any, kind: Kind) -> str:
    name = me.get("accountId" if kind is Kind.CLOUD else "name") if isinstance(me, dict) else None
    if not isinstance(name, str) or not name:
        raise AuthFailed("Jira does not say who the account is: the credentials are not those of a user of this site")
    return name


def _schemas(fields: Any, part: str) -> Mapping[str, str]:
    found = {}
    for each in fields if isinstance(fields, list) else ():
        match each:
            case {"id": str(identity), "schema": {**schema}}:
                found[identity] = str(schema.get(part, ""))
    return found


def _names(fields: Any) -> Mapping[str, str]:
    found = {}
    for each in fields if isinstance(fields, list) else ():
        match each:
            case {"id": str(identity), "name": str(name)}:
                found[identity] = name
    return found
