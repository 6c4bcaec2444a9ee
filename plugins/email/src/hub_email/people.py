"""Who is named in headers such as `From` and `To`. Never raises.

`email.utils.getaddresses` takes the name in `pekka@firma.fi <other@x.fi>` for an address when it is not quoted, as many
programs leave it; here the address is what stands in angle brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hub_email.headers import Fields, clean, decode

_NO_REPLY = re.compile(r"(no|do[-_.]?not|dont)[-_.]?reply\b", re.IGNORECASE)
_PIECE = re.compile(r'"(?:[^"\\]|\\.)*+"?|<[^<>]*+>|[^"<,;()]++|.', re.DOTALL)
_END = ""
_QUOTING = re.compile(r"[\"\\]")


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an address as they stood in a header. Only the domain is in lower case."""

    name: str
    address: str

    @property
    def identity(self) -> str:
        """What tells one person from another: the address in lower case without its +tag."""
        local, _, domain = self.address.lower().rpartition("@")
        return f"{local.partition('+')[0]}@{domain}"

    @property
    def no_reply(self) -> bool:
        """Whether the address says that nobody reads it."""
        return _NO_REPLY.match(self.address) is not None


def people(values: Iterable[str]) -> tuple[Person, ...]:
    """The addresses in header values such as those of `From` and `To`."""
    return tuple(
        Person(decode(_QUOTING.sub("", name)), address)
        for value in values
        for name, addresses in _mailboxes(value)
        for address in addresses
    )


def author(fields: Fields) -> Person | None:
    """Who wrote a mail: the one address in `From`; of several the one that `Sender` names too, otherwise nobody.

    `Reply-To` and names say nothing of that.
    """
    named = people(fields.get("from", ()))
    if len({person.identity for person in named}) == 1:
        return named[0]
    senders = {person.identity for person in people(fields.get("sender", ()))}
    return next((person for person in named if person.identity in senders), None)


def _mailboxes(value: str) -> Iterator[tuple[str, list[str]]]:
    """The parts of an address list (RFC 5322, 3.4): each with its name and its address, or what stands for them."""
    if value.count("(") != value.count(")"):
        value = value.replace("(", " ").replace(")", " ")  # no comment, but a face in somebody's name
    if value.count('"') % 2:
        value = value.replace('"', " ")
    words, comment, depth = "", "", 0
    bracketed: list[str] = []
    for piece in (*_PIECE.findall(value), _END):
        if piece == _END or (piece in ",;" and not depth):
            bare = [] if bracketed else [word for word in words.rpartition(":")[2].split() if "@" in word]
            yield ("" if bare else words) or comment, [found for one in bracketed or bare if (found := _address(one))]
            words, comment, bracketed = "", "", []
        elif piece in "()":
            depth = max(depth + (1 if piece == "(" else -1), 0)
        elif depth:
            comment += piece
        elif piece.startswith("<") and piece.endswith(">"):
            bracketed.append(piece[1:-1])
        else:
            words += piece


def _address(text: str) -> str:
    """The address without a route in front of it; nothing when it is none."""
    local, _, domain = clean(text.rpartition(":")[2]).rpartition("@")
    return f"{local}@{domain.lower()}" if local and domain and "@" not in local else ""
