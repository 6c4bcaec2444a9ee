"""The settings of a Jira source."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, field_validator, model_validator

from hub import Duration, ExistingFile, Milestone, PluginConfig, Secret

FieldId = Annotated[str, Field(pattern=r"^customfield_[0-9]{1,10}$")]
"""The id of a custom field, such as "customfield_10050"; names are not unique."""
ProjectKey = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,49}$")]

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_ORDER_BY = re.compile(r"\border\s+by\b", re.IGNORECASE)


class Target(StrEnum):
    """What an experience can be written into."""

    PROPERTY = "property"  # an entity property of the issue: for programs
    COMMENT = "comment"  # a comment that customers do not see: for agents
    FIELDS = "fields"  # custom fields: for reports


class SignIn(StrEnum):
    """The ways to sign in."""

    API_TOKEN = "email and api_token"  # noqa: S105 - names of settings
    ACCESS_TOKEN = "token"  # noqa: S105
    PASSWORD = "username and password"  # noqa: S105
    OAUTH = "oauth"


class OAuthSettings(PluginConfig):
    """An OAuth 2.0 (3LO) app that a user of the site has authorised."""

    client_id: str = Field(min_length=1)
    """Client ID of the app, from the developer console."""
    client_secret: Secret
    """Its secret."""
    refresh_token: Secret
    """The refresh token that the authorisation gave. Each use replaces it; the hub keeps the new ones itself."""


def _secret_in_url(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,100}", secret.get_secret_value()):
        raise ValueError("use 16 to 100 characters of A-Z, a-z, 0-9, _ and -; it may become part of a URL")
    return secret


def _base(url: HttpUrl) -> HttpUrl:
    if url.query or url.fragment or url.username or url.password:
        raise ValueError("write the address only, such as https://acme.atlassian.net")
    if url.scheme == "http" and not _is_loopback(url.host or ""):
        raise ValueError("http:// would send the credentials in clear text; use https://")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


BaseUrl = Annotated[HttpUrl, AfterValidator(_base)]


class JiraConfig(PluginConfig):
    """A table `[sources.NAME]` with `plugin = "jira"`."""

    url: BaseUrl
    """Address of the site, as people open it: "https://acme.atlassian.net" or "https://host.example/jira"."""
    email: str | None = None
    """Jira Cloud: e-mail address of the account that `api_token` belongs to."""
    api_token: Secret | None = None
    """Jira Cloud: an API token of that account."""
    cloud_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]{8,64}$")
    """Jira Cloud: the site's cloud id. Needed for API tokens with scopes and for service accounts, which work through
    `api_url` only."""
    token: Secret | None = None
    """Data Center: a personal access token."""
    username: str | None = None
    """Data Center: login name, when there is no personal access token."""
    password: Secret | None = None
    """Data Center: its password."""
    oauth: OAuthSettings | None = None
    """Jira Cloud: an OAuth 2.0 (3LO) app, instead of an API token."""
    api_url: BaseUrl = HttpUrl("https://api.atlassian.com")
    """Where Atlassian takes requests with OAuth and scoped tokens."""
    auth_url: BaseUrl = HttpUrl("https://auth.atlassian.com")
    """Where Atlassian gives out OAuth tokens."""
    projects: tuple[ProjectKey, ...] = ()
    """Keys of the projects whose tickets are surveyed. None means all that the account sees; `jql` must then say
    which."""
    jql: str = Field(default="", max_length=4000)
    """A further filter in JQL, such as 'issuetype in (Incident, "Service Request")'."""
    page_size: int = Field(default=100, ge=1, le=1000)
    """How many tickets to ask for at once. Jira may give fewer."""
    overlap: Duration = Field(default=timedelta(minutes=10), ge=timedelta(minutes=1), le=timedelta(days=1))
    """How far each pull looks back behind the last one, for what Jira's search index showed late."""
    settle: Duration = Field(default=timedelta(minutes=2), ge=timedelta(0), le=timedelta(hours=1))
    """How long Jira's search index is given to show tickets in order."""
    contact_email_fields: tuple[FieldId, ...] = ()
    """Custom fields that hold the customer's e-mail address, when the reporter's is hidden."""
    contact_phone_fields: tuple[FieldId, ...] = ()
    """Custom fields that hold the customer's phone number."""
    contacts_file: ExistingFile | None = None
    """A CSV file with the columns account,email,phone,language for customers whose address Jira does not show. The
    account is the accountId on Cloud and the login name on Data Center."""
    team_field: FieldId | None = None
    """Custom field that names the team."""
    service_field: FieldId | None = None
    """Custom field that names the service."""
    organisation_field: FieldId | None = None
    """Custom field that names the customer's company or department; in Jira Service Management its own is used."""
    milestones: tuple[Literal[Milestone.HANDED_OVER, Milestone.WAITING], ...] = ()
    """Which open tickets to look for besides closed ones: "handed_over" to another assignee or, with `team_field`,
    another team; "waiting" for longer than `waiting_after`. A rule in hub.toml must ask about them."""
    waiting_after: Duration = Field(default=timedelta(days=2), ge=timedelta(hours=1), le=timedelta(days=365))
    """How long a ticket is open before it counts as waiting."""
    write_back: tuple[Target, ...] = Field(default=(Target.PROPERTY, Target.COMMENT), min_length=1)
    """Where experiences are written: "property" (for programs), "comment" (internal, for agents), "fields" (those of
    `result_fields`)."""
    writes_at_once: int = Field(default=8, ge=1, le=100)
    """How many tickets are written to at the same time."""
    property_key: str = Field(default="com.itsm-hub.experience", pattern=r"^[A-Za-z0-9._-]{1,255}$")
    """Key of the issue property."""
    result_fields: dict[str, FieldId] = Field(default_factory=dict)
    """Custom fields for results: `rating`, `comment`, `lost_minutes`, or the name of a survey question, each with a
    field id."""
    webhook_secret: Annotated[Secret, AfterValidator(_secret_in_url)] | None = None
    """Secret of the webhook: Jira signs with it, or it ends the address where Jira cannot sign."""

    @field_validator("jql")
    @classmethod
    def _is_a_filter(cls, jql: str) -> str:
        bare = _QUOTED.sub("", jql)
        if '"' in bare or "'" in bare:
            raise ValueError("a quotation mark is not closed")
        if _ORDER_BY.search(bare):
            raise ValueError("leave out ORDER BY: the hub sorts by itself")
        depth = 0
        for bracket in re.findall(r"[()]", bare):
            depth += 1 if bracket == "(" else -1
            if depth < 0:
                break
        if depth:
            raise ValueError("the parentheses do not match")
        return jql.strip()

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        for one, other in (("email", "api_token"), ("username", "password")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"'{one}' and '{other}' belong together: give both or none")
        return self

    @model_validator(mode="after")
    def _one_way_to_sign_in(self) -> Self:
        if len(self._ways) != 1:
            found = "none is there" if not self._ways else f"there are {len(self._ways)}: {', '.join(self._ways)}"
            raise ValueError(f"give exactly one way to sign in, of {', '.join(SignIn)}; {found}")
        if self.cloud_id and self.sign_in not in {SignIn.API_TOKEN, SignIn.OAUTH}:
            raise ValueError("'cloud_id' is for Jira Cloud: sign in with 'email' and 'api_token', or with 'oauth'")
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not self.projects and not self.jql:
            raise ValueError("give 'projects' or 'jql': a search of everything would survey everybody")
        if Target.FIELDS in self.write_back and not self.result_fields:
            raise ValueError("'write_back' names \"fields\", but 'result_fields' has none")
        return self

    @property
    def _ways(self) -> list[SignIn]:
        given = {
            SignIn.API_TOKEN: self.api_token,
            SignIn.ACCESS_TOKEN: self.token,
            SignIn.PASSWORD: self.password,
            SignIn.OAUTH: self.oauth,
        }
        return [way for way, value in given.items() if value is not None]

    @property
    def sign_in(self) -> SignIn:
        """The one way to sign in that is configured."""
        return self._ways[0]

    @property
    def root(self) -> str:
        """The site's address without a slash at the end."""
        return str(self.url).rstrip("/")
