"""Settings: the IMAP account, which both halves of the plugin use, and the e-mail desk as a source."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from email.utils import parseaddr
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from hub import Duration, ExistingFile, Milestone, PluginConfig, Secret


class Security(StrEnum):
    """How a connection is protected."""

    TLS = "tls"
    STARTTLS = "starttls"
    PLAIN = "plain"


def is_loopback(host: str) -> bool:
    """Tell whether `host` certainly names this machine, so that nothing can listen in between."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class ImapSettings(PluginConfig):
    """An IMAP account: where it is and how to log in."""

    host: str = Field(min_length=1)
    """Name of the IMAP server."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """Port; 993 with security "tls", otherwise 143, unless given."""
    security: Security = Security.TLS
    """"tls", "starttls", or "plain", which is accepted for a server on this machine only."""
    ca_file: ExistingFile | None = None
    """Certificates (PEM) of a private authority to trust instead of the system's."""
    username: str = Field(min_length=1)
    """Login name; with an OAuth token the address of the mailbox."""
    password: Secret | None = None
    """Password. Give this or `oauth_token`."""
    oauth_token: Secret | None = None
    """OAuth 2 access token, used with XOAUTH2 instead of a password."""
    timeout: Duration = Field(default=timedelta(seconds=60), gt=timedelta(0))
    """How long the server may take to connect, and for each answer."""

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.security is Security.PLAIN and not is_loopback(self.host):
            raise ValueError('security "plain" would send the password in clear text; use "tls" or "starttls"')
        return self

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.password is None) == (self.oauth_token is None):
            raise ValueError("give exactly one of 'password' and 'oauth_token'")
        return self

    @property
    def imap_port(self) -> int:
        """The port to connect to."""
        return self.port or (993 if self.security is Security.TLS else 143)


class EmailSourceConfig(ImapSettings):
    """A shared mailbox whose threads are the tickets."""

    inbox: str = Field(default="INBOX", min_length=1)
    """Folder that customers' mail arrives in."""
    closed_folder: str = "Closed"
    """A thread is closed when one of its mails is moved here; "" when the desk does not do that."""
    closed_keyword: str = Field(default="", pattern=r"^[!#$&'+,./0-9:;<=>?@A-Z^_`a-z|~-]*$")
    """A thread is closed when a mail in the inbox gets this IMAP keyword, such as "$Closed"; "" when not used."""
    sent_folder: str = "Sent"
    """Folder with copies of what the desk sends; "" when there is none. Without it agents and response times
    of most tickets stay unknown."""
    desk_addresses: tuple[str, ...] = ()
    """The desk's own addresses, and "@domain" for everybody of a domain. Nobody of them is a customer. The login name
    belongs to them when it is an address."""
    ticket_pattern: str = ""
    """Regular expression that finds the desk's ticket number in a subject, such as '\\[#(\\d+)\\]'. Not needed."""
    thread_window: Annotated[Duration, Field(ge=timedelta(days=1), le=timedelta(days=730))] = timedelta(days=90)
    """How far back mail is looked at. A ticket whose mails are all older is not noticed."""
    old_mail: Duration = Field(default=timedelta(days=7), ge=timedelta(0))
    """A thread whose newest mail came longer than this before the first pull is not surveyed when somebody closes it:
    archiving years of mail must not survey anybody."""
    milestones: tuple[Literal[Milestone.WAITING], ...] = ()
    """Which open tickets to look for besides closed ones: "waiting" for an answer for longer than `waiting_after`. A
    mailbox does not tell who works on a mail, so there are no hand-overs. A rule in hub.toml must ask about them."""
    waiting_after: Duration = Field(default=timedelta(days=2), ge=timedelta(hours=1), le=timedelta(days=365))
    """How long a customer's mail in the inbox is unanswered before its ticket counts as waiting."""
    results_folder: str = Field(default="Survey results", min_length=1)
    """Folder that results are written into; made when it is missing. Never the inbox."""
    results_from: str = Field(default="", pattern=r"^[^\r\n]*$")
    """Sender of the messages in it; "Hub <hub@DOMAIN OF THE DESK>" unless given."""
    result_keywords: bool = False
    """Also set a keyword such as $XM_SERVICE_4 on the thread's closed mails, where the server keeps keywords."""

    @field_validator("desk_addresses")
    @classmethod
    def _are_addresses(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"[^@\s]*@[^@\s]+", value) for value in values):
            raise ValueError('write addresses such as "desk@acme.example", or "@acme.example" for a whole domain')
        return values

    @field_validator("ticket_pattern")
    @classmethod
    def _is_pattern(cls, value: str) -> str:
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if not (self.closed_folder or self.closed_keyword):
            raise ValueError("give 'closed_folder' or 'closed_keyword'; otherwise no ticket is ever closed")
        if not self.desk_identities:
            raise ValueError("give 'desk_addresses': without them nobody can tell agents from customers")
        if self.milestones and not self.sent_folder:
            raise ValueError("'milestones' needs 'sent_folder': without it nobody can tell what was answered")
        self._require_different_folders()
        return self

    def _require_different_folders(self) -> None:
        if self.results_folder.upper() == self.inbox.upper():
            raise ValueError("'results_folder' must not be the inbox: each result would look like a new ticket")
        if self.closed_folder.upper() == self.inbox.upper():
            raise ValueError("'closed_folder' must not be the inbox: customers would be asked when they write in")
        if self.closed_folder and self.closed_folder in (self.sent_folder, self.results_folder):
            raise ValueError("'closed_folder' must be a folder of its own: what lies there counts as closed")

    @property
    def desk_identities(self) -> tuple[str, ...]:
        """All addresses and domains of the desk."""
        return (*self.desk_addresses, self.username) if "@" in self.username else self.desk_addresses

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """The addresses of the desk; who is elsewhere in a domain of it may be a customer of another desk."""
        own = (*self.desk_identities, parseaddr(self.results_from)[1])
        return tuple(address for address in own if address and not address.startswith("@"))

    @property
    def desk_address(self) -> str:
        """One address of the desk, for results to be addressed to."""
        whole = [address for address in self.desk_identities if not address.startswith("@")]
        return whole[0] if whole else f"desk{self.desk_identities[0]}"
