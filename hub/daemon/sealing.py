"""How values of the vault are encrypted. Imported when there is one: the library takes 6 MB."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def seal(value: str, key: str, component: str) -> str:
    """Encrypt a value of a component; the key may be any text that is hard to guess."""
    return _fernet(key, component).encrypt(value.encode()).decode()


def unseal(sealed: str, key: str, component: str) -> str | None:
    """What was sealed; None when it was sealed with another key."""
    try:
        return _fernet(key, component).decrypt(sealed.encode()).decode()
    except InvalidToken:
        return None


def _fernet(key: str, component: str) -> Fernet:
    """A key of the right form (HKDF, RFC 5869)."""
    derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"hub vault {component}".encode())
    return Fernet(base64.urlsafe_b64encode(derive.derive(key.encode())))
