"""DKIM signatures (RFC 6376, RFC 8463) for survey mail, and whether the key in DNS is the one that signs.

dkimpy signs; `cryptography` reads the key, so that any usual form of it will do.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hub import CheckResult

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from hub_email.gateway_config import DkimSettings

SIGNED = (
    "From", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Auto-Submitted",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "List-Unsubscribe", "List-Unsubscribe-Post",
)  # fmt: skip
"""The headers that a signature covers. RFC 8058 wants the last two among them; dkimpy by itself leaves out the last."""

SHORTEST_RSA_BITS = 1024
"""Receivers ignore shorter keys (RFC 8301, 3.2)."""
ADVISED_RSA_BITS = 2048
_LOOK_UP_SECONDS = 5
_RELAXED = (b"relaxed", b"relaxed")  # servers on the way may fold headers anew and strip spaces at line ends

LookUp = Callable[[str], Sequence[str]]
"""Gives the TXT records of a name, none when there are none. Raises OSError when nobody can tell."""


def load_key(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    """Read a private key in PEM.

    :raises ValueError: it is none, or none that can sign mail; says what to do, and nothing of the key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("the private key has a passphrase; give it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("not a private key in PEM; make one with: openssl genrsa -out dkim.pem 2048") from None
    if isinstance(key, RSAPrivateKey) and key.key_size < SHORTEST_RSA_BITS:
        raise ValueError(f"an RSA key of {key.key_size} bits is ignored by receivers; use {ADVISED_RSA_BITS} bits")
    if isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        return key
    raise ValueError("DKIM knows RSA and Ed25519 keys only; this key is of another kind")


class Signer:
    """Signs mail with one key."""

    def __init__(self, settings: DkimSettings) -> None:
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        key = load_key(settings.private_key.get_secret_value())
        self._domain = settings.domain
        self._selector = settings.selector
        if isinstance(key, RSAPrivateKey):
            self._kind, self._bits = "rsa", key.key_size
            self._key = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
            published = key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
        else:
            self._kind, self._bits = "ed25519", 256
            self._key = b64encode(key.private_bytes_raw())
            published = key.public_key().public_bytes_raw()
        self._public = b64encode(published).decode()

    @property
    def record_name(self) -> str:
        """Where receivers look for the public key."""
        return f"{self._selector}._domainkey.{self._domain}"

    @property
    def record(self) -> str:
        """The TXT record that belongs there (RFC 6376, 3.6.1)."""
        return f"v=DKIM1; k={self._kind}; p={self._public}"

    def sign(self, mail: bytes) -> bytes:
        """The mail with its signature in front. Takes milliseconds of a processor for RSA."""
        import dkim

        # Each header is named once more than it occurs: then nobody can add a second one (RFC 6376, 8.15).
        covered = [name.encode() for name in SIGNED] * 2
        signature: bytes = dkim.sign(
            mail,
            self._selector.encode(),
            self._domain.encode(),
            self._key,
            canonicalize=_RELAXED,
            signature_algorithm=f"{self._kind}-sha256".encode(),
            include_headers=covered,
        )
        return signature + mail

    async def check(self, look_up: LookUp | None = None) -> CheckResult:
        """Compare the record in DNS with the key."""
        what = f"DKIM record {self.record_name}"
        publish = f"publish the TXT record: {self.record}"
        try:
            records = await asyncio.to_thread(look_up or txt_records, self.record_name)
        except OSError as error:
            detail = f"{self._about_the_key()}; not looked up: {error}. If it is not there yet, {publish}"
            return CheckResult(what, ok=True, detail=detail)
        if not records:
            return CheckResult(what, ok=False, detail=f"this machine's DNS knows none; {publish}")
        if not any(self._public == _published(record) for record in records):
            return CheckResult(what, ok=False, detail=f"it holds another key, so every signature fails; {publish}")
        return CheckResult(what, ok=True, detail=f"it holds the key that signs; {self._about_the_key()}")

    def _about_the_key(self) -> str:
        if self._kind == "ed25519":
            return "Ed25519, which many receivers cannot verify yet: an RSA key serves all"
        advised = "" if self._bits >= ADVISED_RSA_BITS else f", {ADVISED_RSA_BITS} are advised"
        return f"RSA, {self._bits} bits{advised}"


def txt_records(name: str) -> list[str]:
    """Ask DNS for the TXT records of a name.

    :raises OSError: no answer could be had, which says nothing about the name.
    """
    from dns import exception, resolver

    try:
        found = resolver.resolve(f"{name}.", "TXT", lifetime=_LOOK_UP_SECONDS)
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return []
    except exception.DNSException as error:
        raise OSError(f"DNS gave no answer ({type(error).__name__})") from None
    return [b"".join(record.strings).decode("utf-8", "replace") for record in found]


def _published(record: str) -> str:
    """The public key in a record; base64 may be folded."""
    tags = dict(part.partition("=")[::2] for part in re.sub(r"\s+", "", record).split(";"))
    return tags.get("p", "")
