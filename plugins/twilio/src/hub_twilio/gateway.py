"""The gateway that the hub runs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from hub import CheckResult, Context, Cursor, Gateway, Inbound, Message, Receipt, Rejected, Webhook, WebhookRefused
from hub_twilio import mapping
from hub_twilio.check import check
from hub_twilio.client import Api
from hub_twilio.config import TwilioConfig
from hub_twilio.reconcile import Reconciler
from hub_twilio.signature import signed_form
from hub_twilio.text import prepare

TRY_AGAIN = "#rc=5&rp=all"
"""Asks Twilio to repeat a status callback that failed, in any way, up to five times within its fifteen seconds.

https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides; it is neither sent nor signed."""
NO_CONTENT = 204
"""Anything else but TwiML would be an error to Twilio, and a text would be sent to the customer."""
_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")


class TwilioGateway(Gateway[TwilioConfig]):
    """Sends SMS through Twilio; replies and status callbacks come by webhook, and what these miss is listed."""

    def __init__(self, config: TwilioConfig, context: Context) -> None:
        super().__init__(config, context)
        self._api = Api(config, context)
        self._reconciler = Reconciler(config, self._api)

    async def send(self, message: Message) -> Receipt:
        """Give the message to Twilio; its status callbacks carry `Message.key` in their address."""
        if not _NUMBER.fullmatch(message.recipient):
            raise Rejected("the recipient is not a phone number", reason="invalid_number", address_unusable=True)
        fields = {
            "To": message.recipient,
            "Body": prepare(message.text, self.config.max_parts),
            "StatusCallback": f"{self.context.hook_url}/status/{message.key}{TRY_AGAIN}",
        }
        if self.config.sender is not None:
            fields["From"] = self.config.sender
        if self.config.messaging_service_sid is not None:
            fields["MessagingServiceSid"] = self.config.messaging_service_sid
        return mapping.receipt(message.key, await self._api.create(fields))

    async def receive(self, request: Webhook) -> Inbound:
        """Read `inbound` (a customer's message) or `status/KEY` (a status callback)."""
        if request.method != "POST":
            raise WebhookRefused("Twilio must call with POST: a GET puts customers' words into logs", status=405)
        key = self.config.webhook_key
        token = self.config.auth_token.get_secret_value()
        form = signed_form(request, token, key.get_secret_value() if key else None)
        now = self.context.clock.now()
        kind, _, rest = request.path.partition("/")
        if kind == "status":
            report = mapping.report(form, rest, now)
            return Inbound(reports=(report,) if report else (), http_status=NO_CONTENT)
        if request.path == "inbound":
            return Inbound(replies=(mapping.reply(form, now),), http_status=NO_CONTENT)
        raise WebhookRefused("the address ends neither in inbound nor in status", status=404)

    def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        """Replies and ends of messages that no webhook brought."""
        return self._reconciler.collect(cursor)

    async def look_up(self, message: Message, since: datetime) -> Receipt | None:
        """Whether a message left: there is one with its text, or none at all to this customer."""
        return await self._reconciler.look_up(message, prepare(message.text, self.config.max_parts), since)

    async def check(self) -> Sequence[CheckResult]:
        """Prove that Twilio takes the credentials and knows the sender, without sending anything."""
        return await check(self.config, self._api, self.context.hook_url)
