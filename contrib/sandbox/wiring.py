"""What the sandbox takes from hub.toml, so that addresses, ports and passwords are written down only once."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

FIRST_PORT = 8642
"""hub.toml uses this port for the hub's pages and the next ones for the simulated servers."""

PORTS = 6
"""How many ports that is."""

HOST = "127.0.0.1"


class NotTheDemo(Exception):
    """hub.toml does not describe the sandbox, so running it could reach real people."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account at one of the simulated servers, with the address that mail to it has."""

    address: str
    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Api:
    """A desk with an HTTP API, and where it tells the hub of changes."""

    url: str
    username: str
    password: str
    push_url: str
    push_secret: str

    @property
    def port(self) -> int:
        """The port that it must serve."""
        return _port(self.url)


@dataclass(frozen=True, slots=True)
class Wiring:
    """How hub.toml says the systems around the hub are reached."""

    pages: str
    web_port: int
    imap_port: int
    smtp_port: int
    phones_port: int
    desk: Account
    survey: Account
    submission: Account
    sms: Account
    inbound_sms_url: str
    """The `get-url` of the gateway, with its escapes."""
    closed_folder: str
    sent_folder: str
    results_folder: str
    jira: Api
    jira_projects: tuple[str, str]
    """Keys: of the service project, and of the ordinary one."""
    jira_property: str
    servicenow: Api

    def ports(self) -> Iterator[int]:
        """The ports that must be free."""
        mail = (self.imap_port, self.smtp_port)
        return iter((self.web_port, *mail, self.phones_port, self.jira.port, self.servicenow.port))


def move_ports(text: str, first: int) -> str:
    """The text of hub.toml with its ports replaced by `first` and those after it."""
    return re.sub(
        rf"\b{FIRST_PORT // 10}[{FIRST_PORT % 10}-{FIRST_PORT % 10 + PORTS - 1}]\b",
        lambda match: str(first + int(match[0]) - FIRST_PORT),
        text,
    )


def read_wiring(path: Path) -> Wiring:
    """Read hub.toml as the sandbox needs it.

    :raises NotTheDemo: a setting the sandbox needs is missing, or an address is not on this machine.
    """
    try:
        return _wiring(tomllib.loads(path.read_text(encoding="utf-8")), path.parent)
    except KeyError as missing:
        raise NotTheDemo(f"hub.toml has no setting {missing} where the sandbox looks for it") from None


def _wiring(config: Mapping[str, Any], folder: Path) -> Wiring:
    for name, host in _hosts(config):
        if host != HOST:
            raise NotTheDemo(f"{name} in hub.toml is {host!r}, not {HOST}")
    pages, sources, gateways = config["web"]["public_url"], config["sources"], config["gateways"]
    desk, jira, servicenow = sources["desk"], sources["jira"], sources["servicenow"]
    sms, mail = gateways["sms"], gateways["mail"]
    reply = mail["imap"]

    def secret(reference: Mapping[str, str]) -> str:
        return (folder / reference["file"]).read_text(encoding="utf-8").strip()

    def account(address: str, username: str, password: Mapping[str, str]) -> Account:
        return Account(address, username, secret(password))

    hook = f"{pages}/hooks/sms/{secret(sms['callback_secret'])}"
    return Wiring(
        pages=pages,
        web_port=_port(pages),
        imap_port=desk["port"],
        smtp_port=mail["smtp_port"],
        phones_port=_port(sms["url"]),
        desk=account(desk["desk_addresses"][0], desk["username"], desk["password"]),
        survey=account(mail["reply_address"], reply["username"], reply["password"]),
        submission=account(mail["reply_address"], mail["smtp_username"], mail["smtp_password"]),
        sms=account(sms["sender"], sms["username"], sms["password"]),
        inbound_sms_url=f"{hook}/mo?from=%p&to=%P&time=%T&id=%I&text=%a",
        closed_folder=desk["closed_folder"],
        sent_folder=desk["sent_folder"],
        results_folder=desk["results_folder"],
        jira=Api(
            url=jira["url"],
            username=jira["email"],
            password=secret(jira["api_token"]),
            push_url=f"{pages}/push/jira",
            push_secret=secret(jira["webhook_secret"]),
        ),
        jira_projects=(jira["projects"][0], jira["projects"][1]),
        jira_property=jira["property_key"],
        servicenow=Api(
            url=servicenow["url"],
            username=servicenow["username"],
            password=secret(servicenow["password"]),
            push_url=f"{pages}/push/servicenow",
            push_secret=secret(servicenow["push_secret"]),
        ),
    )


def _hosts(config: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    sources, gateways = config["sources"], config["gateways"]
    yield "web.public_url", urlsplit(config["web"]["public_url"]).hostname
    yield "sources.desk.host", sources["desk"]["host"]
    for name in ("jira", "servicenow"):
        yield f"sources.{name}.url", urlsplit(sources[name]["url"]).hostname
    yield "gateways.sms.url", urlsplit(gateways["sms"]["url"]).hostname
    yield "gateways.mail.smtp_host", gateways["mail"]["smtp_host"]
    yield "gateways.mail.imap.host", gateways["mail"]["imap"]["host"]


def _port(url: str) -> int:
    return urlsplit(url).port or 80
