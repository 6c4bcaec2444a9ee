"""Addresses and Message-IDs that carry the key of a message, and how the key is found again in what comes back."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.headerregistry import Address
from email.utils import getaddresses

from hub import Rejected

KEY_LENGTH = 20
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_ADDRESS = re.compile(rf"{_ATOM}(\.{_ATOM})*@{_ATOM}(\.{_ATOM})*")
_KEY = f"[a-z2-7]{{{KEY_LENGTH}}}"


def parse_mailbox(text: str) -> Address:
    """Read "Name <user@domain>" or "user@domain".

    :raises ValueError: not one address, or one that plain SMTP cannot carry.
    """
    found = getaddresses([text]) if text.isprintable() else []
    if len(found) != 1 or not _PLAIN_ADDRESS.fullmatch(found[0][1]):
        raise ValueError('write one address such as "survey@acme.example" or "Acme <survey@acme.example>", in ASCII')
    name, address = found[0]
    return Address(name, addr_spec=address)


def wire_address(address: str) -> str:
    """The address with its domain in ASCII, as SMTP wants it.

    :raises Rejected: not an address, or one that needs SMTPUTF8.
    """
    local, _, domain = address.strip().rpartition("@")
    try:
        wire = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        wire = ""
    if not _PLAIN_ADDRESS.fullmatch(wire):
        raise Rejected("the recipient is not an address that SMTP can carry", reason="bad_address")
    return wire


class Addressing:
    """Makes the addresses of one survey mail from its key, and recognises them."""

    def __init__(self, sender: Address, reply: Address, delimiter: str) -> None:
        self._sender = sender
        self._reply = reply
        self._delimiter = delimiter
        local = re.escape(reply.username + delimiter)
        # Any domain will do: some servers rewrite it to another of their own, and the key cannot be guessed.
        self._in_address = re.compile(rf"(?<![\w.+-]){local}({_KEY})@", re.IGNORECASE)
        domain = re.escape(sender.domain)
        self._in_message_id = re.compile(rf"(?<![\w.+-])({_KEY})@{domain}(?![\w.-])", re.IGNORECASE)

    @property
    def mailbox(self) -> str:
        """The reply address without a key."""
        return self._reply.addr_spec

    def reply_address(self, key: str) -> str:
        """The address that answers and bounces to the message `key` come to."""
        return f"{self._reply.username}{self._delimiter}{key}@{self._reply.domain}"

    def message_id(self, key: str) -> str:
        """The Message-ID of the message `key`: always the same, so that a repeated mail is recognised as one."""
        return f"<{key}@{self._sender.domain}>"

    def key_in_addresses(self, headers: Iterable[str]) -> str | None:
        """The key in the first of our reply addresses that occurs in `headers`."""
        return _first(self._in_address, headers)

    def key_in_message_ids(self, headers: Iterable[str]) -> str | None:
        """The key in the first of our Message-IDs that occurs in `headers`."""
        return _first(self._in_message_id, headers)


def _first(pattern: re.Pattern[str], headers: Iterable[str]) -> str | None:
    found = (pattern.search(header) for header in headers)
    return next((match[1].lower() for match in found if match), None)
