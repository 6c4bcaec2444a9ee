"""Sends messages through the plugin and brings in what comes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, cast

import pytest

from hub import Capability, Channel, Cursor, DeliveryStatus, Gateway, Inbound, Message, Receipt, Webhook
from hub.testing._bench import Bench
from hub.testing.rigs import GatewayRig, Sent

TEXT = "Hei! Miten palvelu onnistui? Vastaa 1–5 (5 = loistavasti). Älä epäröi – Åsa"
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_TYPOGRAPHY = str.maketrans("–—’‘“”", "--''\"\"")


class GatewayBench(Bench[Gateway[Any], GatewayRig]):
    """The bench of a gateway."""

    _count = 0

    def message(self, text: str = TEXT, *, recipient: str | None = None) -> Message:
        """A survey as the hub makes it, with a key of its own."""
        recipient = recipient or self.rig.recipient
        self.made_up |= {text, recipient}
        key = self._key()
        email = self.type.channel is Channel.EMAIL
        return Message(
            key=key,
            recipient=recipient,
            text=text,
            language="fi",
            subject="Miten meni – käyttäjätuki" if email else "",
            html=f"<p>{text}</p>" if email else None,
            unsubscribe_url=f"https://survey.example/u/{key}" if email else None,
        )

    async def sent(self, gateway: Gateway[Any], message: Message) -> Receipt:
        """Send on a healthy rig and check the receipt."""
        receipt = await gateway.send(message)
        assert receipt.key == message.key, f"the receipt's key is {receipt.key!r}, expected Message.key"
        good = {DeliveryStatus.SENT, DeliveryStatus.QUEUED, DeliveryStatus.DELIVERED}
        assert receipt.status in good, f"send() returned a receipt {receipt.status}; raise Rejected for a refusal"
        return receipt

    async def accepted(self, text: str) -> list[Sent]:
        """What the service accepted with this text."""
        return [one for one in await self.rig.sent() if words(one.text) == words(text)]

    def needs_inbound(self) -> None:
        """Skip when the gateway hears nothing."""
        if not self.type.capabilities & {Capability.COLLECT, Capability.RECEIVE}:
            pytest.skip("the plugin declares neither Capability.COLLECT nor Capability.RECEIVE")

    async def brought_in(self, gateway: Gateway[Any], hooks: Sequence[Webhook], cursor: Cursor | None) -> list[Inbound]:
        """What the gateway makes of these requests, or else what it collects."""
        if hooks:
            self.needs(Capability.RECEIVE)
            return [await gateway.receive(hook) for hook in hooks]
        return await collect(gateway, cursor)

    async def listening(self, gateway: Gateway[Any]) -> Cursor | None:
        """Skip when the gateway hears nothing; begin to collect when it collects."""
        self.needs_inbound()
        if Capability.COLLECT not in self.type.capabilities:
            return None
        pages = await collect(gateway, None)
        assert pages, "collect(None) yielded nothing; yield one empty Inbound with the cursor to start from"
        assert not [reply for page in pages for reply in page.replies], "collect(None) yielded old replies"
        return pages[-1].cursor

    def _key(self) -> str:
        type(self)._count += 1  # noqa: SLF001 - keys differ between tests too: a real server may keep old mail
        number, letters = self._count, ""
        for _ in range(20):
            number, digit = divmod(number, len(_LETTERS))
            letters += _LETTERS[digit]
        return letters[::-1]


async def collect(gateway: Gateway[Any], cursor: Cursor | None) -> list[Inbound]:
    """All pages of a collection."""
    async with aclosing(cast("AsyncGenerator[Inbound, None]", gateway.collect(cursor))) as walk:
        pages = [page async for page in walk]
    for page in pages:
        assert isinstance(page.cursor, str), f"a collected Inbound has the cursor {page.cursor!r}; expected text"
    return pages


def plain(text: str) -> str:
    """A text without regard to how it was wrapped."""
    return " ".join(text.split())


def words(text: str) -> str:
    """A text without regard to the typographic signs that an SMS gateway may write in plainer letters."""
    return plain(text).translate(_TYPOGRAPHY)
