"""Who the customer of a ticket is, and how to reach them. Never guessed: an address that nobody states is not there."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub import ConfigError, Customer
from hub_jira.config import JiraConfig
from hub_jira.servicedesk import Desk, Request

COLUMNS = ("account", "email", "phone", "language")
UNKNOWN = "unknown"
"""The accountId of people whose record is damaged."""
_PEOPLE = ("reporter", "assignee")

# Data Center may write "mia at example dot com" instead: not an address, and not to be made one
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+\.[^@\s<>,;\".]+")
_LANGUAGE = re.compile(r"[a-z]{2}")


@dataclass(frozen=True, slots=True)
class Contact:
    """A line of the contacts file."""

    email: str | None
    phone: str | None
    language: str | None


_NOBODY = Contact(None, None, None)


class Customers:
    """Finds customers' addresses, in the order in which they are most likely to be right."""

    def __init__(self, config: JiraConfig, desk: Desk) -> None:
        self._config = config
        self._desk = desk
        self._contacts: Mapping[str, Contact] = {}
        self._contacts_from: tuple[int, int] | None = None

    def read_contacts(self) -> int:
        """Read the contacts file if there is one and it has changed; how many contacts there are.

        :raises ConfigError: it cannot be read.
        """
        path = self._config.contacts_file
        if path is not None and (version := _version(path)) != self._contacts_from:
            self._contacts, self._contacts_from = read_contacts(path), version
        return len(self._contacts)

    async def of(self, fields: Mapping[str, Any], request: Request) -> Customer:
        """The reporter of a ticket: who a ticket is opened for, also when an agent did it."""
        reporter = fields.get("reporter")
        reporter = reporter if isinstance(reporter, dict) else {}
        account = _account(reporter)
        name = _text(reporter.get("displayName"))
        contact = self._contacts.get(account or UNKNOWN, _NOBODY)
        is_person = reporter.get("accountType") != "app"
        email = _stated_address(reporter, request.reporter) if is_person else None
        email = email or contact.email or self._first(fields, self._config.contact_email_fields, address)
        if email is None and is_person and request.desk_id and account and name and account != UNKNOWN:
            email = address(await self._desk.address(request.desk_id, account, name))
        phone = contact.phone or self._first(fields, self._config.contact_phone_fields, _text)
        return Customer(name=name, email=email, phone=phone, language=contact.language, timezone=_zone(reporter))

    @staticmethod
    def _first(fields: Mapping[str, Any], names: tuple[str, ...], read: Any) -> str | None:
        for name in names:
            value = fields.get(name)
            if isinstance(value, dict):  # a field that names a person
                value = value.get("emailAddress")
            if found := read(value):
                return str(found)
        return None


def _zone(reporter: Mapping[str, Any]) -> str | None:
    """The time zone in a profile. Nobody lives in UTC: that is what a profile has in which nobody chose one."""
    zone = _text(reporter.get("timeZone"))
    return zone if zone and "/" in zone and not zone.startswith("Etc/") else None


def is_agent(fields: Mapping[str, Any]) -> bool | None:
    """Whether the reporter of a ticket works at the desk: they handled it themselves. Customers of a portal do not.

    :returns: None for everybody else. Whether they are agents of some project, no ticket says.
    """
    reporter, assignee = (person if isinstance(person := fields.get(name), dict) else {} for name in _PEOPLE)
    if reporter.get("accountType") == "customer":
        return False
    account = _account(reporter)
    return True if account and account == _account(assignee) and account != UNKNOWN else None


def _account(person: Mapping[str, Any]) -> str | None:
    return _text(person.get("accountId")) or _text(person.get("name"))


def _stated_address(reporter: Mapping[str, Any], requester: Mapping[str, Any]) -> str | None:
    stated = address(reporter.get("emailAddress"))
    # when the accounts differ, the reporter has been replaced
    if stated is None and requester and _account(requester) == _account(reporter):
        stated = address(requester.get("emailAddress"))
    return stated


def address(value: Any) -> str | None:
    """An e-mail address, or None when this is none."""
    text = _text(value)
    return text if text and len(text) <= 254 and _ADDRESS.fullmatch(text) else None


def read_contacts(path: Path) -> Mapping[str, Contact]:
    """The contacts file by account.

    :raises ConfigError: it lacks a column, or is not CSV in UTF-8. The message names no person.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if missing := [column for column in COLUMNS if column not in (rows.fieldnames or ())]:
                raise ConfigError(f"{path}: the first line lacks the column {', '.join(missing)}")
            return {row["account"].strip(): _contact(row, path, rows.line_num) for row in rows if row["account"]}
    except (OSError, UnicodeDecodeError, csv.Error):
        raise ConfigError(f"{path}: cannot be read as CSV in UTF-8") from None


def _version(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        raise ConfigError(f"{path}: cannot be read") from None
    return stat.st_mtime_ns, stat.st_size


def _contact(row: Mapping[str, str | None], path: Path, line: int) -> Contact:
    email, language = _text(row["email"]), _text(row["language"])
    if email and not address(email):
        raise ConfigError(f"{path}, line {line}: the e-mail address is not one")
    if language and not _LANGUAGE.fullmatch(language):
        raise ConfigError(f'{path}, line {line}: write the language in two letters, such as "fi"')
    return Contact(email, _text(row["phone"]), language)


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None
