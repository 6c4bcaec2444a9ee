"""Settings of the e-mail gateway: the submission server, the addresses, and the mailbox that answers come to."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from hub import Duration, ExistingFile, PluginConfig, Secret
from hub_email.addressing import KEY_LENGTH, Addressing, parse_mailbox
from hub_email.config import ImapSettings, Security, is_loopback
from hub_email.signing import load_key

MAX_LOCAL_PART = 64  # RFC 5321, 4.5.3.1.1


class ReplyMailbox(ImapSettings):
    """The mailbox behind `reply_address`."""

    folder: str = "INBOX"
    """Folder that replies and delivery reports arrive in."""


class DkimSettings(PluginConfig):
    """The key that mail is signed with, for submission servers that do not sign themselves."""

    domain: str = Field(pattern=r"^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$", max_length=253)
    """Domain that signs: that of `from_address`, or one above or below it, as DMARC wants."""
    selector: str = Field(pattern=r"^[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$", max_length=63)
    """Name of the key: its public half is the TXT record SELECTOR._domainkey.DOMAIN."""
    private_key: Secret
    """Private key in PEM, RSA with 2048 bits or Ed25519, without a passphrase; most often a file."""

    @field_validator("private_key")
    @classmethod
    def _can_sign(cls, value: Secret) -> Secret:
        load_key(value.get_secret_value())
        return value


class EmailGatewaySettings(PluginConfig):
    """How survey mail leaves, and how answers and delivery reports come back."""

    smtp_host: str = Field(min_length=1)
    """Name of the submission server."""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    """Port of the submission server; usually 587 with "starttls" and 465 with "tls"."""
    smtp_security: Security = Security.STARTTLS
    """"starttls", "tls", or "plain", which is accepted for a server on this machine only."""
    smtp_username: str | None = None
    """Login name. Leave it out for a server that takes mail without a login."""
    smtp_password: Secret | None = None
    """Password that belongs to `smtp_username`."""
    ca_file: ExistingFile | None = None
    """Certificates (PEM) of a private authority to trust instead of the system's, for the submission server."""
    timeout: Annotated[Duration, Field(gt=timedelta(0))] = timedelta(seconds=60)
    """How long to wait for each answer of the submission server."""
    from_address: str
    """Who the customer sees as the sender: "Acme Service Desk <survey@acme.example>"."""
    reply_address: str
    """Address that answers and bounces go to. The key of each survey is added to it: survey+KEY@acme.example."""
    reply_delimiter: str = Field(default="+", pattern=r"^[-+._=]$")
    """What the mail server takes as the separator before the key, one of + - . _ ="""
    max_connections: int = Field(default=2, ge=1, le=20)
    """How many connections to the submission server are open at most."""
    messages_per_connection: int = Field(default=100, ge=1)
    """A connection is replaced after this many mails."""
    imap: ReplyMailbox | None = None
    """The mailbox behind `reply_address`. Without it answers and bounces that come by mail are not read."""
    dkim: DkimSettings | None = None
    """Sign mail with DKIM. Leave it out when the submission server signs."""

    @field_validator("from_address", "reply_address")
    @classmethod
    def _is_mailbox(cls, value: str) -> str:
        parse_mailbox(value)
        return value

    @model_validator(mode="after")
    def _room_for_the_key(self) -> Self:
        local = parse_mailbox(self.reply_address).username
        if len(local) + len(self.reply_delimiter) + KEY_LENGTH > MAX_LOCAL_PART:
            raise ValueError("the part of 'reply_address' before the @ is too long to add a key; use a shorter one")
        return self

    @model_validator(mode="after")
    def _protected(self) -> Self:
        if self.smtp_security is Security.PLAIN and not is_loopback(self.smtp_host):
            raise ValueError('smtp_security "plain" would send surveys in clear text; use "starttls" or "tls"')
        return self

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if (self.smtp_username is None) != (self.smtp_password is None):
            raise ValueError("give both 'smtp_username' and 'smtp_password', or neither")
        return self

    @model_validator(mode="after")
    def _signed_for_the_sender(self) -> Self:
        if self.dkim is not None:
            sender, signer = (f".{one.lower()}" for one in (parse_mailbox(self.from_address).domain, self.dkim.domain))
            if not (sender.endswith(signer) or signer.endswith(sender)):
                raise ValueError("DMARC wants 'dkim.domain' to be the domain of 'from_address', or one above or below")
        return self

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """What customers see and answer to."""
        return tuple(parse_mailbox(address).addr_spec for address in (self.from_address, self.reply_address))

    def addressing(self) -> Addressing:
        """Builds and recognises the addresses that carry a key."""
        return Addressing(
            sender=parse_mailbox(self.from_address),
            reply=parse_mailbox(self.reply_address),
            delimiter=self.reply_delimiter,
        )
