"""From an issue, as Jira shows it, to a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hub import Customer, Ticket, Unexpected
from hub_jira.closures import Closing, moment
from hub_jira.config import JiraConfig
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


def ticket(
    issue: Issue, closing: Closing, customer: Customer, request: Request, *, config: JiraConfig, site: Site
) -> Ticket:
    """The ticket that an issue is.

    :raises Unexpected: it has no key, or a time that cannot be read.
    """
    fields, key = fields_of(issue), issue.get("key")
    if not isinstance(key, str) or not key:
        raise Unexpected("Jira showed a ticket without its key")

    def custom(configured: str | None, made_by: str) -> str | None:
        names = [configured] if configured else site.made_by(made_by) if made_by else ()
        return next(filter(None, (text_of(fields.get(name)) for name in names)), None)

    return Ticket(
        id=issue["id"],
        key=key,
        closure_key=closing.key,
        closed_at=closing.at,
        subject=text_of(fields.get("summary")) or "",
        url=f"{config.root}/browse/{key}",
        customer=customer,
        agent=text_of(fields.get("assignee")),
        team=custom(config.team_field, ""),
        service=custom(config.service_field, ""),
        type=request.type or custom(None, REQUEST_TYPE) or text_of(fields.get("issuetype")),
        channel=_channel(issue),
        organisation=custom(config.organisation_field, ORGANISATIONS),
        opened_at=moment(fields.get("created")),
        first_response_at=request.first_response_at,
        time_to_resolve=request.time_to_resolve,
        reopen_count=closing.reopen_count,
        fields=_further(fields),
    )


def text_of(value: Any) -> str | None:
    """What people see in a field: of a text, a number, a choice, a person, a request type, or the first of several."""
    for _ in range(3):
        if isinstance(value, list) and value:
            value = value[0]
        elif isinstance(value, dict) and "requestType" in value:
            value = value["requestType"]
        else:
            break
    if isinstance(value, dict):
        value = next((text for name in _SHOWN if isinstance(text := value.get(name), str)), None)
    if isinstance(value, str):
        return value.strip() or None
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _channel(issue: Issue) -> str | None:
    match issue.get("properties"):
        case {**properties}:
            return text_of(properties.get(CHANNEL))
    return None


def _further(fields: Mapping[str, Any]) -> dict[str, str | tuple[str, ...]]:
    """What exclusions in hub.toml can name."""
    project = fields.get("project")
    single = {
        "project": project.get("key") if isinstance(project, dict) else None,
        "issue_type": fields.get("issuetype"),
        "status": fields.get("status"),
        "resolution": fields.get("resolution"),
        "priority": fields.get("priority"),
    }
    several = {name: _texts(fields.get(name)) for name in ("labels", "components")}
    found: dict[str, str | tuple[str, ...]] = {
        name: text for name, value in single.items() if (text := text_of(value)) is not None
    }
    return found | {name: texts for name, texts in several.items() if texts}


def _texts(values: Any) -> tuple[str, ...]:
    texts: Sequence[str | None] = [text_of(value) for value in values] if isinstance(values, list) else []
    return tuple(text for text in texts if text)
