"""The contacts file: what the company itself knows of its customers, to complete what a ticket does not say."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import phonenumbers

from hub.api.records import Channel, Customer
from hub.config.messages import ConfigProblems, Problem
from hub.config.models import HubConfig
from hub.config.syntax import read_text

COLUMNS = ("email", "phone", "language", "name", "consent", "vip")
_CONSENTS = {Channel.SMS.value: Channel.SMS, Channel.EMAIL.value: Channel.EMAIL}
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")
NEXT_STEP = "Correct the contacts file, then run: hub config check"
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_LANGUAGE = re.compile(r"[a-z]{2}")


class Directory:
    """Contacts, found by e-mail address or phone number."""

    def __init__(self, region: str, contacts: Iterable[Customer] = ()) -> None:
        """:param region: country, as two letters, of phone numbers that are written without a country code."""
        self._region = region
        self._contacts = tuple(contacts)
        self._by_email = {contact.email.casefold(): contact for contact in self._contacts if contact.email}
        owners = Counter(contact.phone for contact in self._contacts)
        # A number that several contacts share tells nothing of its owner.
        self._by_phone = {c.phone: c for c in self._contacts if c.phone and owners[c.phone] == 1}

    def __len__(self) -> int:
        return len(self._contacts)

    def complete(self, customer: Customer) -> Customer:
        """The customer with what the ticket leaves out. What the ticket states stays as it is."""
        contact = self._find(customer)
        if contact is None:
            return customer
        known = contact.model_dump(exclude_none=True)
        missing = {name: value for name, value in known.items() if getattr(customer, name) in (None, "")}
        return customer.model_copy(update=missing)

    def _find(self, customer: Customer) -> Customer | None:
        if customer.email and (found := self._by_email.get(customer.email.strip().casefold())):
            return found
        if not customer.phone or not self._by_phone:
            return None
        number = _e164(customer.phone, self._region)
        return self._by_phone.get(number) if number else None


def load_contacts(config: HubConfig) -> Directory:
    """The contacts of `hub.contacts`; none when it is not set.

    :raises ConfigProblems: everything that is wrong with the file, without what stands in it.
    """
    file, region = config.hub.contacts, config.hub.region
    return read_contacts(file, region) if file else Directory(region)


def read_contacts(file: Path, region: str) -> Directory:
    """Read a CSV file with some of the columns in `COLUMNS`, parted by commas or semicolons.

    :raises ConfigProblems: everything that is wrong with it, without what stands in it.
    """
    reading = _Reading(region)
    contacts = list(reading.contacts(read_text(file, next_step=NEXT_STEP)))
    if reading.problems:
        raise ConfigProblems(file, reading.problems, next_step=NEXT_STEP)
    return Directory(region, contacts)


class _Reading:
    def __init__(self, region: str) -> None:
        self.problems: list[Problem] = []
        self._region = region
        self._line_of_email: dict[str, int] = {}

    def contacts(self, text: str) -> Iterator[Customer]:
        first_line, *_ = text.splitlines() or [""]
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in first_line else ",", strict=True)
        try:
            header = [name.strip().lower() for name in next(rows, [])]
            if not self._usable(header):
                return
            for row in rows:
                if any(cell.strip() for cell in row):
                    yield from self._contact(header, row, rows.line_num)
        except csv.Error as error:
            self._report(rows.line_num, "", f"this is not CSV: {error}.")

    def _report(self, line: int, column: str, text: str) -> None:
        self.problems.append(Problem(line, column, text))

    def _usable(self, header: list[str]) -> bool:
        usable = len(set(header)) == len(header) and set(header) <= set(COLUMNS) and {"email", "phone"} & set(header)
        if not usable:  # a name that is not known may be a customer's address, so it is not printed
            self._report(1, "", f"the first line must name the columns, each once: {', '.join(COLUMNS)}.")
        return bool(usable)

    def _contact(self, header: list[str], row: list[str], line: int) -> Iterable[Customer]:
        if len(row) > len(header):
            self._report(line, "", f"has {len(row)} fields, but the first line names {len(header)} columns.")
            return []
        values = {name: cell.strip() or None for name, cell in zip(header, row, strict=False)}
        before = len(self.problems)
        contact = Customer(
            email=self._email(values.get("email"), line),
            phone=self._phone(values.get("phone"), line),
            language=self._language(values.get("language"), line),
            name=values.get("name"),
            consent=self._consent(values.get("consent"), line),
            vip=self._vip(values.get("vip"), line),
        )
        if len(self.problems) > before:
            return []
        if not contact.email and not contact.phone:
            self._report(line, "", "has neither an e-mail address nor a phone number.")
        return [contact]

    def _email(self, value: str | None, line: int) -> str | None:
        if value is None:
            return None
        if not _EMAIL.fullmatch(value):
            self._report(line, "email", "is not an e-mail address.")
        elif (first := self._line_of_email.setdefault(value.casefold(), line)) != line:
            self._report(line, "email", f"stands in line {first} already. Keep one of them.")
        return value

    def _phone(self, value: str | None, line: int) -> str | None:
        number = _e164(value, self._region) if value else None
        if value and number is None:
            self._report(line, "phone", f"is not a phone number in {self._region}. Write it as +358401234567.")
        return number

    def _language(self, value: str | None, line: int) -> str | None:
        language = value.lower() if value else None
        if language and not _LANGUAGE.fullmatch(language):
            self._report(line, "language", 'is not a language code. Write two letters, such as "fi".')
        return language

    def _consent(self, value: str | None, line: int) -> tuple[Channel, ...] | None:
        words = [word for word in re.split(r"[\s;,]+", value.lower()) if word] if value else []
        if not set(words) <= _CONSENTS.keys():
            self._report(line, "consent", 'names an unknown channel. Write "sms", "email" or "sms email".')
            return None
        return tuple(_CONSENTS[word] for word in dict.fromkeys(words)) or None

    def _vip(self, value: str | None, line: int) -> bool | None:
        if value and value.lower() not in (*_YES, *_NO):
            self._report(line, "vip", "must be yes or no.")
        return value.lower() in _YES if value else None


def _e164(number: str, region: str) -> str | None:
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
