"""The customers of the simulated desk."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import phonenumbers


@dataclass(frozen=True, slots=True)
class Person:
    """A customer. `phone` is E.164, and None for somebody who is reached by mail only."""

    name: str
    email: str
    language: str = "fi"
    phone: str | None = None


def read_people(contacts: Path) -> list[Person]:
    """The people of the contacts file, which the hub reads too."""
    with contacts.open(encoding="utf-8", newline="") as file:
        return [Person(row["name"], row["email"], row["language"], _e164(row["phone"])) for row in csv.DictReader(file)]


def strangers() -> Iterator[Person]:
    """Endless customers that the contacts file does not know."""
    number = 0
    while True:
        number += 1
        yield Person(f"Uusi Asiakas {number}", f"uusi.asiakas{number}@asiakas.example")


def _e164(number: str) -> str | None:
    if not number:
        return None
    return phonenumbers.format_number(phonenumbers.parse(number, "FI"), phonenumbers.PhoneNumberFormat.E164)
