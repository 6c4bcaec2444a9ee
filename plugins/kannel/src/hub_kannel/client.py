"""Kannel's sendsms interface over HTTP.

Everything travels by POST, with the text as the body and the rest in `X-Kannel-*` headers: a GET would leave passwords,
phone numbers and texts in the access log of every proxy on the way.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub import Context
from hub_kannel.config import KannelConfig
from hub_kannel.text import Coding, Text

ALL_REPORTS = "31"
"""Delivered, failed, buffered, taken and refused by the operator."""
KANNEL_ANSWERS = (400, 403, 404, 503)
"""Statuses that Kannel gives a meaning of its own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What sendsms answered."""

    status: int
    text: str


class Sendsms:
    """Calls sendsms with the gateway's settings."""

    def __init__(self, config: KannelConfig, context: Context) -> None:
        self._config = config
        self._context = context

    async def send(self, recipient: str, text: Text, report_url: str) -> Answer:
        """Hand over one message.

        :raises RemoteError: what the lent client raises for a request that must not be carried out twice.
        """
        headers = {"To": recipient, "Coding": str(int(text.coding)), "DLR-Mask": ALL_REPORTS, "DLR-Url": report_url}
        return await self._post(headers, text.content, once=True)

    async def probe(self) -> Answer:
        """Ask for something impossible, a message to nobody: Kannel checks the credentials before it refuses.

        :raises RemoteError: Kannel cannot be reached.
        """
        return await self._post({"Coding": str(int(Coding.GSM))}, "check", once=False)

    async def _post(self, headers: dict[str, str], body: str, *, once: bool) -> Answer:
        config = self._config
        common = {"Username": config.username, "Password": config.password.get_secret_value(), "From": config.sender}
        if config.smsc is not None:
            common["SMSC"] = config.smsc
        response = await self._context.http.request(
            "POST",
            str(config.url),
            headers={
                "Content-Type": "text/plain; charset=UTF-8",
                **{f"X-Kannel-{name}": value for name, value in {**common, **headers}.items()},
            },
            content=body.encode(),
            once=once,
            accept=KANNEL_ANSWERS,
        )
        return Answer(response.status_code, response.content[:200].decode("utf-8", "replace").strip())
