"""The settings of a ServiceNow source."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from hub import Duration, Grant, Milestone, PluginConfig, Secret
from hub_servicenow.query import parse_filter

TableName = Literal["incident", "sc_req_item", "sn_customerservice_case"]
Target = Literal["fields", "note", "table", "import"]
Column = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}$")]
"""The name of a column."""
FieldPath = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,79}(\.[a-z][a-z0-9_]{0,79}){0,3}$")]
"""A column, or one reached through references, such as "caller_id.email"."""
State = Annotated[str, Field(pattern=r"^-?[0-9]{1,6}$", coerce_numbers_to_str=True)]

_NOT_FOR_ANSWERS = frozenset(
    {
        *("comments", "work_notes", "comments_and_work_notes", "approval_history", "watch_list", "work_notes_list"),
        *("number", "state", "incident_state", "active", "stage", "approval", "reopen_count", "parent", "u_task"),
        *("assigned_to", "assignment_group", "additional_assignee_list", "group_list", "caller_id", "contact"),
        *("consumer", "account", "company", "request", "requested_for", "opened_by", "resolved_by", "closed_by"),
        *("opened_at", "resolved_at", "closed_at", "close_code", "close_notes", "resolution_code", "contact_type"),
        *("short_description", "description", "category", "priority", "impact", "urgency", "business_service"),
    }
)
"""Columns that people read, get by mail or work by. So are those that begin with sys_."""
RESULT_FIELDS = {"rating": "u_csat", "comment": "u_xm_comment", "response": "u_xm_response_id"}


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _instance(value: str) -> str:
    """The address without what may follow the host."""
    parts = urlsplit(value)
    if not parts.hostname or parts.username is not None or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError('write the address of the instance alone, such as "https://acme.service-now.com"')
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("use https://; anything else would send the credentials in clear text")
    return f"{parts.scheme}://{parts.netloc}"


def _push_secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{16,200}", secret.get_secret_value()):
        raise ValueError("use at least 16 printable ASCII characters without spaces; it travels in a header")
    return secret


class OAuthSettings(PluginConfig):
    """How the hub gets access tokens from the instance."""

    grant: Literal["client_credentials", "password", "refresh_token"]
    """"client_credentials" (needs the property glide.oauth.inbound.client.credential.grant_type.enabled), "password" or
    "refresh_token"."""
    client_id: str = Field(min_length=1)
    """Client id of the OAuth application in the instance's Application Registry."""
    client_secret: Secret
    """Client secret of that application."""
    username: str = ""
    """With grant "password": the user's name."""
    password: Secret | None = None
    """With grant "password": the user's password."""
    refresh_token: Secret | None = None
    """With grant "refresh_token": the first refresh token."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        given = {
            "username": bool(self.username),
            "password": bool(self.password),
            "refresh_token": bool(self.refresh_token),
        }
        needed = {"password": {"username", "password"}, "refresh_token": {"refresh_token"}}.get(self.grant, set())
        if needed != {name for name, there in given.items() if there}:
            what = " and ".join(f"'{name}'" for name in sorted(needed, reverse=True)) or "neither user nor token"
            raise ValueError(f'grant "{self.grant}" takes {what}')
        return self

    def to_grant(self) -> Grant:
        """The same for `hub.AccessTokens`."""
        return Grant(
            kind=self.grant,
            client_id=self.client_id,
            client_secret=self.client_secret,
            username=self.username,
            password=self.password or SecretStr(""),
            refresh_token=self.refresh_token or SecretStr(""),
        )


class ServiceNowConfig(PluginConfig):
    """A table `[sources.NAME]` with `plugin = "servicenow"`: one task table of one instance."""

    url: Annotated[str, AfterValidator(_instance)]
    """Address of the instance, such as "https://acme.service-now.com"."""
    username: str = ""
    """User name for HTTP Basic. Give this with `password`, or `api_key`, or `oauth`."""
    password: Secret | None = None
    """Password of that user."""
    api_key: Secret | None = None
    """API key, sent as x-sn-apikey."""
    oauth: OAuthSettings | None = None
    """OAuth application to get access tokens with."""
    table: TableName = "incident"
    """"incident", "sc_req_item" or "sn_customerservice_case". One source reads one table."""
    filter: Annotated[str, Field(max_length=500)] = ""
    """Encoded query that tickets must satisfy as well, such as "assignment_group.name=Service Desk". Values are
    literal; ^ and ^OR are understood, ^NQ is not: it would lead past the state."""
    closed_states: tuple[State, ...] = ()
    """Values of `state` that mean "done" for a customer. Unless given: 6 and 7 on an incident, 3 and 4 on a requested
    item, 6 and 3 on a case. `hub check` shows them with their labels."""
    page_size: int = Field(default=200, ge=1, le=1000)
    """How many rows are asked for at once. Halved by itself, down to 25, when the instance cannot answer in time."""
    overlap: Duration = Field(default=timedelta(minutes=5), ge=timedelta(0), le=timedelta(days=1))
    """How far each pull looks back before the last one: rows may become visible later than their time says."""
    settle: Duration = Field(default=timedelta(minutes=1), ge=timedelta(0), le=timedelta(hours=1))
    """Rows younger than this are looked at again by the next pull."""
    customer_email_field: FieldPath | None = None
    """Field with the customer's e-mail address. Unless given "caller_id.email", "request.requested_for.email" or
    "contact.email", by table."""
    customer_phone_field: FieldPath | None = None
    """Field with the customer's mobile number. Unless given the same person's "mobile_phone"."""
    language_field: FieldPath | None = None
    """Field with the customer's language. Unless given the same person's "preferred_language"."""
    service_field: FieldPath | None = None
    """Field with the service's name. Unless given "business_service.name"."""
    organisation_field: FieldPath | None = None
    """Field with the customer's company. Unless given "company.name", on a case "account.name"."""
    milestones: tuple[Literal[Milestone.HANDED_OVER, Milestone.WAITING], ...] = ()
    """Which open tickets to look for besides closed ones: "handed_over" as `reassignment_count` tells, "waiting" for
    longer than `waiting_after`. A rule in hub.toml must ask about them."""
    waiting_after: Duration = Field(default=timedelta(days=2), ge=timedelta(hours=1), le=timedelta(days=365))
    """How long a ticket is open before it counts as waiting."""
    further_fields: tuple[FieldPath, ...] = ()
    """Fields that rules and exclusions in hub.toml name besides those that are read anyway, such as ["u_no_survey"]."""
    write_back: tuple[Target, ...] = Field(default=("note",), min_length=1)
    """Where answers go, best first: "fields" (columns of the ticket), "note" (a work note), "table" (a table of its
    own), "import" (an import set)."""
    result_fields: dict[str, Column] = RESULT_FIELDS
    """Columns for "fields", "table" and "import": of the questions by their names, and of `comment`, `lost_minutes`
    and `response`, which holds the id of the answer and makes writing repeatable."""
    result_table: Column = "u_experience"
    """Table for "table", with a reference to the task in `u_task`."""
    import_table: Column = "u_imp_experience"
    """Staging table for "import"."""
    push_secret: Annotated[Secret, AfterValidator(_push_secret)] | None = None
    """What a business rule sends as X-Hub-Secret, so that closings are noticed at once. Not needed."""

    @field_validator("filter")
    @classmethod
    def _is_understood(cls, value: str) -> str:
        parse_filter(value)
        return value

    @field_validator("write_back", "closed_states", "milestones")
    @classmethod
    def _once_each(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) != len(values):
            raise ValueError("name each only once")
        return values

    @field_validator("result_fields")
    @classmethod
    def _only_for_answers(cls, fields: dict[str, str]) -> dict[str, str]:
        used = list(fields.values())
        if refused := [name for name in used if name in _NOT_FOR_ANSWERS or name.startswith("sys_")]:
            raise ValueError(
                f"no answer may be written into {', '.join(refused)}: the desk works by these, and some are mailed; "
                "make columns for answers, such as u_csat"
            )
        if len(set(used)) != len(used):
            raise ValueError("name each column only once")
        return fields

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if bool(self.username) != (self.password is not None):
            raise ValueError("'username' and 'password' belong together")
        if sum((bool(self.username), self.api_key is not None, self.oauth is not None)) != 1:
            raise ValueError("give exactly one way to sign in: 'username' and 'password', 'api_key', or 'oauth'")
        return self

    @model_validator(mode="after")
    def _repeatable(self) -> Self:
        if "response" not in self.result_fields and set(self.write_back) & {"fields", "table", "import"}:
            raise ValueError("'result_fields' needs 'response': without it an answer might be written twice")
        return self
