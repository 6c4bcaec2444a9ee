"""The settings of a Twilio gateway."""

from __future__ import annotations

import re
from typing import Annotated, Self

from pydantic import AfterValidator, Field, HttpUrl, SecretStr, model_validator

from hub import PluginConfig, Secret

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{3,8}")
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9 +_&-]{0,9}[A-Za-z0-9])?")


def _token(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]{16,200}", secret.get_secret_value()):
        raise ValueError("use what Twilio's console shows: 16 or more printable ASCII characters without spaces")
    return secret


def _sender(sender: str) -> str:
    if not (_NUMBER.fullmatch(sender) or _NAME.fullmatch(sender)):
        raise ValueError("give a number with + and country code, a short code, or a name of up to 11 characters")
    return sender


def _protected(url: HttpUrl) -> HttpUrl:
    if url.scheme != "https" and url.host not in LOOPBACK:
        raise ValueError("use https: the credentials and the texts travel in each request")
    return url


Token = Annotated[Secret, AfterValidator(_token)]


class TwilioConfig(PluginConfig):
    """A table `[gateways.NAME]` with `plugin = "twilio"`."""

    account_sid: str = Field(pattern=r"^AC[0-9a-f]{32}$")
    """The account's SID, AC and 32 hexadecimal digits."""
    auth_token: Token
    """The account's primary auth token. Twilio signs its webhooks with it, so it is needed beside an API key too."""
    api_key_sid: str | None = Field(default=None, pattern=r"^SK[0-9a-f]{32}$")
    """SID of an API key that signs in instead of the auth token; a standard one is enough."""
    api_key_secret: Token | None = None
    """Secret of that key."""
    sender: Annotated[str, AfterValidator(_sender)] | None = None
    """What phones show as the sender: a number of the account (+358…), a short code, or a registered name, which
    customers cannot answer. Give this or `messaging_service_sid`."""
    messaging_service_sid: str | None = Field(default=None, pattern=r"^MG[0-9a-f]{32}$")
    """A Messaging Service that chooses the sender."""
    webhook_key: Token | None = None
    """Secret of a shared key, when webhooks are signed with one (HMAC-SHA256) instead of the auth token."""
    max_parts: int = Field(default=3, ge=1, le=10)
    """How many parts a long text may have; Twilio bills each. A longer text is refused, not cut."""
    url: Annotated[HttpUrl, AfterValidator(_protected)] = HttpUrl("https://api.twilio.com")
    """Twilio's API. For an account in Ireland "https://api.dublin.ie1.twilio.com"."""

    @model_validator(mode="after")
    def _one_sender(self) -> Self:
        if (self.sender is None) == (self.messaging_service_sid is None):
            raise ValueError("give either 'sender' or 'messaging_service_sid'")
        return self

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("give both 'api_key_sid' and 'api_key_secret', or neither")
        return self

    @property
    def login(self) -> tuple[str, str]:
        """User and password of HTTP Basic."""
        if self.api_key_sid is not None and self.api_key_secret is not None:
            return self.api_key_sid, self.api_key_secret.get_secret_value()
        return self.account_sid, self.auth_token.get_secret_value()

    @property
    def number(self) -> str | None:
        """The sender, when it is a number or short code that customers can answer."""
        return self.sender if self.sender and _NUMBER.fullmatch(self.sender) else None

    @property
    def own_addresses(self) -> tuple[str, ...]:
        """What customers answer to; what a Messaging Service chooses is not known."""
        return (self.number,) if self.number else ()
