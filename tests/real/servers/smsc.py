"""A short message service centre and the phones behind it: an SMPP server that Kannel binds to.

What becomes of a message is decided by the last three digits of its number; see `OUTCOMES`.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import smpp34
import smsutil

T = TypeVar("T")
REFUSED = smpp34.ESME_RINVDSTADR
UCS2 = 8
HAS_HEADER = 0x40
IS_RECEIPT = 0x04


@dataclass(frozen=True)
class Outcome:
    """What the centre does with a message: refuse it, or take it and later send receipts."""

    refusal: int | None = None
    state: str | None = "DELIVRD"
    error: str = "000"
    receipts: int = 1


OUTCOMES = {
    "001": Outcome(refusal=REFUSED),
    "002": Outcome(state="UNDELIV", error="001"),
    "003": Outcome(state="EXPIRED"),
    "005": Outcome(state=None),  # taken, and never heard of again
    "007": Outcome(receipts=2),
    "009": Outcome(state="REJECTD", error="00d"),
}
"""By the last three digits of the number; all other messages are delivered."""


@dataclass(frozen=True)
class Part:
    """One short message as it came over the air interface."""

    sender: str
    recipient: str
    coding: int
    header: bytes
    body: bytes
    wants_receipt: bool

    @property
    def text(self) -> str:
        """The text of this part alone, as a phone shows it that does not join parts.

        :raises UnicodeDecodeError: half a character is in it.
        """
        return _decode(self.coding, self.body)


class Smsc:
    """The service centre. Runs in a thread of its own, so that tests may block or have their own event loop."""

    def __init__(self, port: int) -> None:
        self.parts: list[Part] = []
        """Every part taken so far, oldest first."""
        self._port = port
        self._sessions: dict[str, smpp34.Esme] = {}
        self._numbers = itertools.count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="smsc", daemon=True)

    def start(self) -> None:
        """Listen on the port."""
        self._thread.start()
        self._call(self._listen())

    def stop(self) -> None:
        """Drop all connections and stop listening."""
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    @property
    def bound(self) -> bool:
        """Whether an SMS gateway is connected."""
        return any(session.can_receive for session in list(self._sessions.values()))

    def sent(self) -> list[tuple[str, str]]:
        """Give (number, text) of each message that is complete at its phone, oldest first."""
        messages: list[tuple[str, str]] = []
        started: dict[tuple[str, bytes], dict[int, bytes]] = {}
        for part in list(self.parts):
            if not part.header:
                messages.append((part.recipient, part.text))
                continue
            reference, total, number = part.header[:-2], part.header[-2], part.header[-1]
            bodies = started.setdefault((part.recipient, reference), {})
            bodies[number] = part.body
            if len(bodies) == total:
                del started[part.recipient, reference]
                messages.append((part.recipient, _decode(part.coding, b"".join(bodies[n] for n in sorted(bodies)))))
        return messages

    def reply(self, sender: str, recipient: str, text: str) -> None:
        """Let a customer's phone send a text, in parts when it is long."""
        self._call(self._deliver(sender, recipient, text))

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=15)

    async def _listen(self) -> None:
        self._server = smpp34.Server("127.0.0.1", self._port, system_id="SMSC")
        await self._server.start()
        self._spawn(self._serve())

    async def _close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.stop()

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        while True:
            event = await self._server.next()
            if isinstance(event, smpp34.Esme):
                self._sessions[event.session_id] = event
            elif isinstance(event, smpp34.Unbound):
                self._sessions.pop(event.session_id, None)
            else:
                self._take(event)

    def _take(self, event: smpp34.SubmitSmEvent) -> None:
        part = _part(event)
        outcome = OUTCOMES.get(part.recipient[-3:], Outcome())
        if outcome.refusal is not None:
            event.reject(outcome.refusal)
            return
        identity = f"{next(self._numbers):08d}"
        self.parts.append(part)
        event.accept(message_id=identity)
        if part.wants_receipt and outcome.state is not None:
            self._spawn(self._report(part, identity, outcome))

    async def _report(self, part: Part, identity: str, outcome: Outcome) -> None:
        await asyncio.sleep(0.1)  # a receipt that overtakes the answer to its submission finds no message in Kannel
        when = datetime.now(UTC).strftime("%y%m%d%H%M")
        arrived = int(outcome.state == "DELIVRD")
        text = (
            f"id:{identity} sub:001 dlvrd:{arrived:03d} submit date:{when} done date:{when} "
            f"stat:{outcome.state} err:{outcome.error} text:"
        )
        session = await self._session()
        for _ in range(outcome.receipts):
            await session.deliver_sm(
                part.sender,
                text.encode("ascii"),
                source_addr=part.recipient.lstrip("+"),
                source_addr_ton=1,
                source_addr_npi=1,
                esm_class=IS_RECEIPT,
            )

    async def _deliver(self, sender: str, recipient: str, text: str) -> None:
        gsm = smsutil.is_valid_gsm(text)
        parts = [part.content.encode("gsm0338" if gsm else "utf-16-be") for part in smsutil.split(text).parts]
        session = await self._session()
        reference = next(self._numbers) % 256
        for number, body in enumerate(parts, start=1):
            header = bytes([5, 0, 3, reference, len(parts), number]) if len(parts) > 1 else b""
            await session.deliver_sm(
                recipient,
                header + body,
                source_addr=sender.lstrip("+"),
                source_addr_ton=1,
                source_addr_npi=1,
                dest_addr_ton=0,
                dest_addr_npi=0,
                esm_class=HAS_HEADER if header else 0,
                data_coding=0 if gsm else UCS2,
            )

    async def _session(self) -> smpp34.Esme:
        for _ in range(100):
            for session in self._sessions.values():
                if session.can_receive:
                    return session
            await asyncio.sleep(0.1)
        raise RuntimeError("no SMS gateway is connected to the service centre")


def _part(event: smpp34.SubmitSmEvent) -> Part:
    body = event.short_message
    header_length = body[0] + 1 if event.esm_class & HAS_HEADER else 0
    plus = "+" if event.dest_addr_ton == 1 else ""
    return Part(
        sender=event.source_addr,
        recipient=plus + event.destination_addr,
        coding=event.data_coding,
        header=body[:header_length],
        body=body[header_length:],
        wants_receipt=bool(event.registered_delivery & 3),
    )


def _decode(coding: int, body: bytes) -> str:
    if coding == UCS2:
        return body.decode("utf-16-be")
    return str(smsutil.decode(body, "gsm0338"))
