"""From an issue, as Jira shows it, to a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub import Customer, Ticket, Unexpected
from hub_jira.closures import Closing, moment
from hub_jira.config import JiraConfig
from hub_jira.customers import is_agent
from hub_jira.reached import Reached
from hub_jira.search import CHANNEL, Issue
from hub_jira.servicedesk import Request
from hub_jira.site import Site

REQUEST_TYPE, ORGANISATIONS = ":vp-origin", ":sd-customer-organizations"
"""What the custom fields in which Service Management keeps these are made by."""
FIELDS = (
    "summary", "status", "resolution", "resolutiondate", "statuscategorychangedate", "created", "project", "issuetype",
    "priority", "reporter", "assignee", "labels", "components",
)  # fmt: skip
SERVICE_DESK = "service_desk"
_SHOWN = ("displayName", "value", "name")
"""Where people, choices and other things have the text that is shown of them."""


def wanted_fields(config: JiraConfig, site: Site) -> tuple[str, ...]:
    """The ids of all fields that are read of an issue."""
    named = (config.team_field, config.service_field, config.organisation_field)
    custom = [*config.contact_email_fields, *config.contact_phone_fields, *filter(None, named)]
    if site.service_management:
        custom += [*site.made_by(REQUEST_TYPE), *site.made_by(ORGANISATIONS)]
    return tuple(dict.fromkeys((*FIELDS, *custom)))


def fields_of(issue: Issue) -> Mapping[str, Any]:
    """The fields of an issue.

    :raises Unexpected: it has none.
    """
    fields = issue.get("fields")
    if not isinstance(fields, dict):
        raise Unexpected("Jira showed a ticket without its fields")
    return fields


def is_request(fields: Mapping[str, Any]) -> bool:
    """Whether an issue lies in a service desk."""
    project = fields.get("project")
    return isinstance(project, dict) and project.get("projectTypeKey") == SERVICE_DESK


def project_of(fields: Mapping[str, Any]) -> str:
    """The id of the project that an issue lies in.

    :raises Unexpected: it does not say.
    """
    project = fields.get("project")
    identity = project.get("id") if isinstance(project, dict) else None
    if not isinstance(identity, str):
        raise Unexpected("Jira showed a ticket without its project")
    return identity


class Mapper:
    """Makes tickets of the issues of a site."""

    def __init__(self, config: JiraConfig, site: Site) -> None:
        self._link = f"{config.root}/browse/"
        self._team = _named(config.team_field)
        self._service = _named(config.service_field)
        self._type = site.made_by(REQUEST_TYPE)
        self._organisation = _named(config.organisation_field) or site.made_by(ORGANISATIONS)

    def ticket(self, issue: Issue, reached: Closing | Reached, customer: Customer, request: Request) -> Ticket:
        """The ticket that an issue is.

        :raises Unexpected: it has no key, or a time that cannot be read.
        """
        fields, key = fields_of(issue), issue.get("key")
        if not isinstance(key, str) or not key:
            raise Unexpected("Jira showed a ticket without its key")
        return Ticket(
            id=issue["id"],
            key=key,
            closure_key=reached.key,
            closed_at=reached.at,
            milestone=reached.milestone,
            subject=text_of(fields.get("summary")) or "",
            url=f"{self._link}{key}",
            customer=customer,
            reporter_is_agent=is_agent(fields),
            agent=text_of(fields.get("assignee")),
            team=_first(fields, self._team),
            service=_first(fields, self._service),
            type=request.type or _first(fields, self._type) or text_of(fields.get("issuetype")),
            channel=_channel(issue),
            organisation=_first(fields, self._organisation),
            opened_at=moment(fields.get("created")),
            first_response_at=request.first_response_at,
            time_to_resolve=request.time_to_resolve,
            reopen_count=reached.reopen_count,
            fields=_further(fields),
        )


def _named(field: str | None) -> tuple[str, ...]:
    return (field,) if field else ()


def _first(fields: Mapping[str, Any], names: Sequence[str]) -> str | None:
    for name in names:
        if text := text_of(fields.get(name)):
            return text
    return None


def text_of(value: Any) -> str | None:
    """What people see in a field: of a text, a number, a choice, a person, a request type, or the first of several."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, list):
        return text_of(value[0]) if value else None
    if isinstance(value, dict):
        return text_of(value["requestType"] if "requestType" in value else _shown(value))
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _shown(value: Mapping[str, Any]) -> str | None:
    for name in _SHOWN:
        text = value.get(name)
        if isinstance(text, str):
            return text
    return None


def _channel(issue: Issue) -> str | None:
    properties = issue.get("properties")
    return text_of(properties.get(CHANNEL)) if isinstance(properties, dict) else None


def _further(fields: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    """What exclusions in hub.toml can name."""
    project = fields.get("project")
    found: dict[str, str | tuple[str, ...]] = {}
    for name, value in (
        ("project", project.get("key") if isinstance(project, dict) else None),
        ("issue_type", fields.get("issuetype")),
        ("status", fields.get("status")),
        ("resolution", fields.get("resolution")),
        ("priority", fields.get("priority")),
    ):
        if (text := text_of(value)) is not None:
            found[name] = text
    for name in ("labels", "components"):
        values = fields.get(name)
        if isinstance(values, list) and (texts := tuple(filter(None, map(text_of, values)))):
            found[name] = texts
    return found
