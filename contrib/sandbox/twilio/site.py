"""The account: who may sign in, who may send, and every message in both directions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from typing import Any

import smsutil  # type: ignore[import-untyped]
from starlette.applications import Starlette

from sandbox.twilio.hooks import Delivery

ACCOUNT, TOKEN = "AC" + "a1" * 16, "auth-token-of-the-account"
API_KEY, API_SECRET = "SK" + "b2" * 16, "secret-of-the-api-key"
SERVICE = "MG" + "c3" * 16
NUMBER = "+358457000000"
STOP_WORDS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
START_WORDS = {"START", "YES", "UNSTOP"}
FAILED = {"failed", "undelivered", "canceled"}


@dataclass(slots=True)
class Text:
    """One message, in the words of the API."""

    sid: str
    direction: str
    sender: str
    recipient: str
    body: str
    status: str
    created: datetime
    sent: datetime | None = None
    error_code: int | None = None
    service: str | None = None
    callback: str = ""

    def document(self, account: str) -> dict[str, Any]:
        """The resource as JSON shows it."""
        uri = f"/2010-04-01/Accounts/{account}/Messages/{self.sid}.json"
        waits_for_sender = bool(self.service) and self.status == "accepted"
        return {
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": _rfc2822(self.created),
            "date_sent": _rfc2822(self.sent),
            "date_updated": _rfc2822(self.sent or self.created),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": None,
            "from": None if waits_for_sender else self.sender,
            "messaging_service_sid": self.service,
            "num_media": "0",
            "num_segments": "0" if waits_for_sender else str(parts(self.body)),
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": uri.replace(".json", "/Media.json")},
            "to": self.recipient,
            "uri": uri,
        }


class Refused(Exception):
    """A request that Twilio refuses with a code of its own."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class TwilioSite:
    """One account.

    :param clock: its time.
    :param inbound_url: where customers' messages go: "A message comes in" of the number and of the service.
    """

    clock: Callable[[], datetime] = _now
    inbound_url: str = ""
    senders: set[str] = field(default_factory=lambda: {NUMBER})
    countries: tuple[str, ...] = ("+358", "+46")
    """Calling codes that the account may send to."""
    landlines: set[str] = field(default_factory=set)
    verified: set[str] | None = None
    """On a trial account, the only numbers it sends to."""
    opted_out: set[tuple[str, str]] = field(default_factory=set)
    """Who has sent STOP, and to which sender."""
    advanced_opt_out: bool = False
    """Whether webhooks say what a message was taken for."""
    stop_words: set[str] = field(default_factory=lambda: set(STOP_WORDS))
    """With Advanced Opt-Out, words of one's own can be added."""
    shared_key: tuple[str, str] | None = None
    """Id and secret of the key that webhooks are signed with, when not with the auth token."""
    requests_at_once: int | None = None
    """From how many requests at the same moment on it answers 429."""
    texts: list[Text] = field(default_factory=list)
    _sids: count[int] = field(default_factory=lambda: count(1))

    @property
    def app(self) -> Starlette:
        """The API's server."""
        from sandbox.twilio.api import make_app

        return make_app(self)

    @property
    def logins(self) -> set[tuple[str, str]]:
        """Users and passwords of HTTP Basic."""
        return {(ACCOUNT, TOKEN), (API_KEY, API_SECRET)}

    def create(self, fields: dict[str, str]) -> Text:
        """Take a message to be sent.

        :raises Refused: with the code that the real one gives.
        """
        self._judge(fields)
        service = fields.get("MessagingServiceSid")
        text = Text(
            sid=f"SM{next(self._sids):032x}",
            direction="outbound-api",
            sender=fields.get("From") or min(self.senders),
            recipient=fields["To"],
            body=fields["Body"],
            status="accepted" if service else "queued",
            created=self.clock(),
            service=service,
            callback=fields.get("StatusCallback", ""),
        )
        self.texts.append(text)
        return text

    def move(self, sid: str, status: str, error_code: int | None = None) -> Delivery | None:
        """Let a message come so far.

        :returns: the status callback, when the message asked for them.
        """
        text = self.find(sid)
        text.status, text.error_code = status, error_code
        text.sent = text.sent or self.clock()
        if not text.callback:
            return None
        form = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "From": text.sender, "MessageSid": sid}
        form |= {"MessageStatus": status, "SmsSid": sid, "SmsStatus": status, "To": text.recipient}
        if text.service:
            form["MessagingServiceSid"] = text.service
        if error_code is not None:
            form["ErrorCode"] = str(error_code)
        return self._delivery(text.callback, form)

    def write(self, number: str, body: str, to: str = NUMBER, service: str | None = None) -> Delivery:
        """Let a customer write.

        :returns: the call to `inbound_url`.
        """
        now = self.clock()
        sid = f"SM{next(self._sids):032x}"
        self.texts.append(Text(sid, "inbound", number, to, body, "received", now, now, service=service))
        form = {"AccountSid": ACCOUNT, "ApiVersion": "2010-04-01", "Body": body, "From": number, "FromCity": ""}
        form |= {"FromCountry": "FI", "FromState": "", "FromZip": "", "MessageSid": sid, "NumMedia": "0"}
        form |= {"NumSegments": str(parts(body)), "SmsMessageSid": sid, "SmsSid": sid, "SmsStatus": "received"}
        form |= {"To": to, "ToCity": "", "ToCountry": "FI", "ToState": "", "ToZip": ""}
        if service:
            form["MessagingServiceSid"] = service
        if (kind := self._opt_out(number, body, to)) and self.advanced_opt_out:
            form["OptOutType"] = kind
        return self._delivery(self.inbound_url, form, is_message=True)

    def find(self, sid: str) -> Text:
        """:raises Refused: there is no such message."""
        for text in self.texts:
            if text.sid == sid:
                return text
        raise Refused(404, 20404, f"The requested resource /Messages/{sid}.json was not found")

    def _delivery(self, address: str, form: dict[str, str], *, is_message: bool = False) -> Delivery:
        return Delivery(address, tuple(form.items()), TOKEN, self.shared_key, is_message)

    def _opt_out(self, number: str, body: str, to: str) -> str | None:
        word = body.strip().upper()
        if word in self.stop_words:
            self.opted_out.add((number, to))
            return "STOP"
        if word in START_WORDS:
            self.opted_out.discard((number, to))
            return "START"
        return "HELP" if word == "HELP" else None

    def _judge(self, fields: dict[str, str]) -> None:
        to, sender, service = fields.get("To", ""), fields.get("From"), fields.get("MessagingServiceSid")
        problems: tuple[tuple[bool, int, str], ...] = (
            (not to, 21604, "A 'To' phone number is required."),
            (not sender and not service, 21603, "A 'From' phone number is required."),
            (not fields.get("Body"), 21602, "Message body is required."),
            (len(fields.get("Body", "")) > 1600, 21617, "The concatenated message body exceeds 1600 characters."),
            (service not in {None, SERVICE}, 21701, "The Messaging Service does not exist."),
            (not _is_host(fields.get("StatusCallback")), 21609, "The 'StatusCallback' URL is not a valid URL."),
            (not re.fullmatch(r"\+[1-9]\d{7,14}", to), 21211, f"Invalid 'To' Phone Number: {to[:7]}XXXX"),
            (bool(sender) and sender not in self.senders, 21606, f"The 'From' phone number {sender} is not valid."),
            (not to.startswith(self.countries), 21408, "Permission to send an SMS is not enabled for the region."),
            (to in self.landlines, 21614, f"'To' number is not a valid mobile number: {to}"),
            (self.verified is not None and to not in self.verified, 21608, f"The number {to} is unverified."),
            ((to, sender or min(self.senders)) in self.opted_out, 21610, "Attempt to send to unsubscribed recipient"),
        )  # fmt: skip
        for is_so, code, message in problems:
            if is_so:
                raise Refused(400, code, message)


def parts(body: str) -> int:
    """How many parts Twilio makes of a text."""
    return len(smsutil.split(body).parts) or 1


def _is_host(url: str | None) -> bool:
    if url is None:
        return True
    found = re.match(r"https?://([^/?#:]+)", url)
    return found is not None and "_" not in found[1]


def _rfc2822(moment: datetime | None) -> str | None:
    return moment and format_datetime(moment.astimezone(UTC).replace(microsecond=0))
