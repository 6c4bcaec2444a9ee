"""The settings of a Kannel gateway."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, SecretStr

from hub import PluginConfig, Secret

HeaderText = Annotated[str, Field(pattern=r"^[!-~]([ -~]*[!-~])?$", max_length=100)]
"""What Kannel takes as the value of a header: printable ASCII without spaces at the ends."""


def _password(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]([ -~]{0,98}[!-~])?", secret.get_secret_value()):
        raise ValueError("use 1 to 100 printable ASCII characters, without a space at either end")
    return secret


def _callback_secret(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,100}", secret.get_secret_value()):
        raise ValueError("use at least 16 characters of A-Z, a-z, 0-9, _ and -; it becomes part of a URL")
    return secret


class KannelConfig(PluginConfig):
    """A table `[gateways.NAME]` with `plugin = "kannel"`."""

    url: HttpUrl
    """Kannel's sendsms address, such as "http://127.0.0.1:13013/cgi-bin/sendsms"."""
    username: HeaderText
    """User of a `sendsms-user` group in kannel.conf."""
    password: Annotated[Secret, AfterValidator(_password)]
    """Password of that user."""
    sender: Annotated[str, Field(pattern=r"^(\+?[0-9]{3,15}|[A-Za-z0-9]([A-Za-z0-9 ._&-]{0,9}[A-Za-z0-9.])?)$")]
    """What phones show as the sender: a number, or a name of up to 11 characters, which customers cannot answer."""
    callback_secret: Annotated[Secret, AfterValidator(_callback_secret)]
    """Part of the addresses that Kannel calls with replies and delivery reports; whoever knows it can write both."""
    smsc: HeaderText | None = None
    """The `smsc-id` of the operator link to use; without it Kannel chooses."""
    max_parts: int = Field(default=3, ge=1, le=10)
    """How many parts a long text may have; operators bill each. A longer text is refused, not cut."""

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """What customers answer to."""
        return (self.sender,)
