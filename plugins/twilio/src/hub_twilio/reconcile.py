"""Finds at Twilio what its webhooks did not bring: replies soon, and how messages ended after half a day.

A webhook that fails is tried again for seconds only and is then gone (https://www.twilio.com/docs/usage/webhooks).
Everything here is dated by Twilio's clock, which need not be the hub's.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

from hub import Cursor, DeliveryReport, Inbound, Message, OutcomeUnknown, Receipt, Unexpected
from hub_twilio import mapping
from hub_twilio.client import INBOUND, Api, Listed
from hub_twilio.config import TwilioConfig

SETTLED = timedelta(minutes=5)
"""By then the webhook has come, and the list shows the message."""
ENDED = timedelta(hours=12)
"""By then every message has ended: Twilio keeps one in its queue for ten hours at most."""
REPORTS_EVERY = timedelta(hours=6)
IDLE_FOR = timedelta(hours=1)
"""How long nothing may come in before the position is stored all the same."""
CLOCKS_DIFFER = timedelta(hours=1)
"""How far the hub's clock may be ahead of Twilio's before a message that left is taken for unsent."""


@dataclass(frozen=True, slots=True)
class Position:
    """Up to when replies and ended messages have been brought in."""

    replies: datetime
    reports: datetime

    @classmethod
    def read(cls, cursor: Cursor) -> Self:
        """:raises Unexpected: the cursor is not one of this plugin's."""
        try:
            stored = json.loads(cursor)
            found = cls(datetime.fromisoformat(stored["replies"]), datetime.fromisoformat(stored["reports"]))
        except (ValueError, TypeError, KeyError):
            raise Unexpected("the stored position at Twilio cannot be read; reset it to start from now") from None
        if found.replies.tzinfo is None or found.reports.tzinfo is None:
            raise Unexpected("the stored position at Twilio has no time zone; reset it to start from now")
        return found

    @property
    def cursor(self) -> Cursor:
        """As the hub keeps it."""
        return Cursor(json.dumps({"replies": self.replies.isoformat(), "reports": self.reports.isoformat()}))


@dataclass(slots=True)
class _Window:
    """From where the last look ended until some time ago."""

    start: datetime
    age: timedelta
    end: datetime = field(init=False)
    is_open: bool = True

    def __post_init__(self) -> None:
        self.end = self.start

    def close(self, now: datetime) -> None:
        """Say what time it is at Twilio; the first word counts, since messages come in while pages are read."""
        if self.is_open:
            self.end, self.is_open = max(self.start, now - self.age), False


class Reconciler:
    """Reads Twilio's list of messages for one gateway."""

    def __init__(self, config: TwilioConfig, api: Api) -> None:
        self._config = config
        self._api = api

    async def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        """See `hub.Gateway.collect`. Twilio lists the newest first, so that only the last page moves the cursor."""
        if cursor is None:
            now = (await self._api.first_messages({"PageSize": "1"})).now
            yield Inbound(cursor=Position(now, now).cursor)
            return
        before, found_any = Position.read(cursor), False
        replies, reports = _Window(before.replies, SETTLED), _Window(before.reports, ENDED)
        async for messages in self._listed(self._answered(), replies):
            if found := tuple(mapping.listed_reply(one) for one in messages if self._is_reply(one)):
                found_any = True
                yield Inbound(replies=found, cursor=cursor)
        if replies.end + SETTLED - ENDED - before.reports >= REPORTS_EVERY:
            async for messages in self._listed(self._sent(), reports):
                if ended := _reports(one for one in messages if self._is_ours(one)):
                    yield Inbound(reports=ended, cursor=cursor)
        after = Position(replies.end, reports.end)
        if found_any or after.reports > before.reports or after.replies - before.replies >= IDLE_FOR:
            yield Inbound(cursor=after.cursor)

    async def look_up(self, message: Message, text: str, since: datetime) -> Receipt | None:
        """See `hub.Gateway.look_up`.

        The list does not show what a message was sent with besides its text, and equal texts may go to one person
        twice. So only a single one with this text is taken for it, and only a person whom the account has sent nothing
        at all is known to have got nothing.
        """
        page = await self._api.first_messages({"To": message.recipient})
        earliest = since - CLOCKS_DIFFER
        sent = [one for one in page.messages if one.direction != INBOUND and one.created_at >= earliest]
        same = [one for one in sent if one.body == text]
        if len(same) == 1:
            return mapping.listed_receipt(message.key, same[0])
        if sent or page.next_uri is not None:
            raise OutcomeUnknown("Twilio has other messages to this customer, and cannot tell whether this is one")
        return None

    async def _listed(self, query: Mapping[str, str], window: _Window) -> AsyncIterator[Sequence[Listed]]:
        """The messages in a window, page by page, once it is known where it ends."""
        # in days, as Twilio documents it
        async for page in self._api.messages({**query, "DateSent>": window.start.date().isoformat()}):
            window.close(page.now)
            yield [one for one in page.messages if window.start <= one.dated_at < window.end]
            if page.messages and all(one.dated_at < window.start for one in page.messages):
                return

    def _answered(self) -> Mapping[str, str]:
        """The list that replies are in; a Messaging Service may have any number of senders."""
        if self._config.messaging_service_sid is not None:
            return {"PageSize": "100"}
        if self._config.number is not None:
            return {"PageSize": "100", "To": self._config.number}
        return self._sent()  # nobody can answer a name; the answer still tells the time

    def _sent(self) -> Mapping[str, str]:
        return {} if self._config.sender is None else {"From": self._config.sender}

    def _is_reply(self, message: Listed) -> bool:
        if self._config.messaging_service_sid is not None:
            to_us = message.service_sid == self._config.messaging_service_sid
        else:
            to_us = message.recipient == self._config.number
        return message.direction == INBOUND and to_us

    def _is_ours(self, message: Listed) -> bool:
        if self._config.messaging_service_sid is not None:
            return message.direction != INBOUND and message.service_sid == self._config.messaging_service_sid
        return message.direction != INBOUND and message.sender == self._config.sender


def _reports(messages: Iterable[Listed]) -> tuple[DeliveryReport, ...]:
    return tuple(report for one in messages if (report := mapping.listed_report(one)))
