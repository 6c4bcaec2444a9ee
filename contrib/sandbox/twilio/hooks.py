"""The requests that Twilio makes, and their signature."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from urllib.parse import parse_qs, urlencode

import httpx

RETRIES = 1
"""How often a call is repeated that could not be made, unless the address says otherwise."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One call on its way to an address as it was configured, with or without a fragment."""

    address: str
    form: Sequence[tuple[str, str]]
    token: str = field(repr=False)
    shared_key: tuple[str, str] | None = field(default=None, repr=False)
    """Id and secret of a key that signs with SHA-256 in place of the auth token."""
    is_message: bool = False
    """A customer's message: the answer is read as TwiML."""

    @property
    def url(self) -> str:
        """What is called and signed."""
        return self.address.partition("#")[0]

    @property
    def body(self) -> bytes:
        """The form."""
        return urlencode(self.form).encode()

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        headers = {
            "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
            "user-agent": "TwilioProxy/1.1",
            "i-twilio-idempotency-token": dict(self.form)["MessageSid"],
        }
        if self.shared_key is None:
            return {**headers, "x-twilio-signature": sign(self.url, self.form, self.token)}
        key_id, secret = self.shared_key
        return {
            **headers,
            "x-twilio-signature": sign(self.url, self.form, secret, "HMAC_SHA256"),
            "x-twilio-webhooks-signature-settings": f"key={key_id},algorithm=HMAC_SHA256",
        }

    async def send(self, client: httpx.AsyncClient) -> httpx.Response | None:
        """Call, and again as the fragment says (`rc` times; `rp=all` also after an answer of failure).

        :returns: the last answer; None when there was none.
        """
        overrides = parse_qs(self.address.partition("#")[2])
        retries = int(overrides.get("rc", [str(RETRIES)])[0])
        answer = None
        for _ in range(retries + 1):
            try:
                answer = await client.post(self.url, content=self.body, headers=dict(self.headers))
            except httpx.TransportError:
                answer = None
                continue
            if answer.is_success or "all" not in overrides.get("rp", []):
                break
        return answer


def sign(url: str, form: Sequence[tuple[str, str]], key: str, algorithm: str = "HMAC_SHA1") -> str:
    """X-Twilio-Signature: the URL, then each name and value in order of the names."""
    values: dict[str, set[str]] = {}
    for name, value in form:
        values.setdefault(name, set()).add(value)
    text = url + "".join(name + value for name in sorted(values) for value in sorted(values[name]))
    hashing = {"HMAC_SHA1": sha1, "HMAC_SHA256": sha256}[algorithm]
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashing).digest()).decode()
