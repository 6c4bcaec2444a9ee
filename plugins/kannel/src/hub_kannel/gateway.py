"""The gateway that the hub runs."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from hub import (
    CheckResult,
    Context,
    Gateway,
    Inbound,
    Message,
    Receipt,
    Rejected,
    RemoteError,
    Webhook,
    WebhookRefused,
)
from hub_kannel import mapping
from hub_kannel.client import Sendsms
from hub_kannel.config import KannelConfig
from hub_kannel.text import prepare

_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")


class KannelGateway(Gateway[KannelConfig]):
    """Sends SMS through Kannel; replies and delivery reports come by webhook."""

    def __init__(self, config: KannelConfig, context: Context) -> None:
        super().__init__(config, context)
        self._sendsms = Sendsms(config, context)

    async def send(self, message: Message) -> Receipt:
        """Give the message to Kannel, which answers without an id: reports carry `Message.key` in their address."""
        if not _NUMBER.fullmatch(message.recipient):
            # Kannel would take it: two numbers with a space between them, or one that no operator knows
            raise Rejected("the recipient is not a phone number", reason="invalid_number", address_unusable=True)
        text = prepare(message.text, self.config.max_parts)
        url = mapping.report_url(self.context.hook_url, self._callback_secret, message.key)
        answer = await self._sendsms.send(message.recipient, text, url)
        return Receipt(key=message.key, status=mapping.accepted(answer))

    async def receive(self, request: Webhook) -> Inbound:
        """Read `SECRET/dlr` (a delivery report) or `SECRET/mo` (a customer's message)."""
        secret, _, kind = request.path.partition("/")
        if not secrets.compare_digest(secret.encode("utf-8", "replace"), self._callback_secret.encode()):
            raise WebhookRefused("the path does not begin with the callback secret")
        if request.method not in {"GET", "POST"}:
            raise WebhookRefused("Kannel calls with GET or POST", status=405)
        now = self.context.clock.now()
        if kind == "dlr":
            return Inbound(reports=(mapping.report(dict(request.query), now),))
        if kind == "mo":
            return Inbound(replies=(mapping.reply(request, now),))
        raise WebhookRefused("the path ends in neither dlr nor mo", status=404)

    async def check(self) -> Sequence[CheckResult]:
        """Prove that sendsms answers and knows the user, without sending anything."""
        try:
            return mapping.judge(await self._sendsms.probe())
        except RemoteError as error:
            return (CheckResult("Kannel's sendsms answers", ok=False, detail=str(error)),)

    @property
    def _callback_secret(self) -> str:
        return self.config.callback_secret.get_secret_value()
