"""A desk and phones that are files: what survives a killed daemon can be read afterwards."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

from hub import (
    Capability,
    Channel,
    CheckResult,
    Context,
    Cursor,
    DeliveryStatus,
    Experience,
    Fetched,
    Gateway,
    GatewayType,
    Hint,
    Inbound,
    Message,
    Page,
    PluginConfig,
    Receipt,
    Reply,
    Sink,
    SinkType,
    Source,
    SourceType,
    Ticket,
    Unavailable,
    Webhook,
    WebhookRefused,
    hookimpl,
)

HUB_API = (1, 1)


class FilesConfig(PluginConfig):
    """A folder."""

    folder: Path
    """Where the files are."""
    broken: bool = False
    """Cannot even be set up."""
    slow_s: float = 0
    """How long sending takes."""
    answer: str = ""
    """What every customer answers to every message, `{text}` standing for what it says; empty for nothing."""


def append(path: Path, record: dict[str, Any]) -> None:
    """Add a line that is on disk when this returns."""
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> list[dict[str, Any]]:
    """All lines so far."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _news(path: Path, cursor: Cursor | None) -> Iterator[tuple[dict[str, Any], Cursor]]:
    start = int(cursor or 0)
    for number, line in enumerate(read(path)[start:], start + 1):
        yield line, Cursor(str(number))


class FileDesk(Source[FilesConfig]):
    def __init__(self, config: FilesConfig, context: Context) -> None:
        super().__init__(config, context)
        if config.broken:
            raise KeyError("+358401234567")

    async def pull(self, cursor: Cursor | None) -> AsyncIterator[Page]:
        if (self.config.folder / "down").exists():
            raise Unavailable("the desk is down")
        if (self.config.folder / "bug").exists():
            raise KeyError("+358401234567")
        if (self.config.folder / "quiet").exists():
            yield Page((), cursor or Cursor("0"))
            return
        for line, after in _news(self.config.folder / "tickets.jsonl", cursor):
            yield Page((self._ticket(line),), after)

    def _ticket(self, line: dict[str, Any]) -> Ticket:
        return Ticket.model_validate(line | {"closed_at": self.context.clock.now()})

    async def receive(self, request: Webhook) -> Hint:
        if request.path != "secret":
            raise WebhookRefused("wrong secret")
        told = json.loads(request.body)
        return Hint(tuple(told["ids"]), told.get("delivery"))

    async def fetch(self, ticket_ids: Sequence[str]) -> Fetched:
        if (self.config.folder / "unreadable").exists():
            raise Unavailable("the desk is down")
        there = {line["id"]: line for line in read(self.config.folder / "tickets.jsonl")}
        opened = {
            line["id"] for name in ("opened", "handed_over") for line in read(self.config.folder / f"{name}.jsonl")
        }
        return Fetched(
            tickets=tuple(self._ticket(there[id_]) for id_ in ticket_ids if id_ in there and id_ not in opened),
            open=tuple(id_ for id_ in ticket_ids if id_ in opened),
            gone=tuple(id_ for id_ in ticket_ids if id_ not in there.keys() | opened),
        )

    async def census(self, since: object) -> AsyncIterator[Sequence[str]]:
        yield [line["id"] for line in read(self.config.folder / "tickets.jsonl")]

    async def milestones(self, since: object) -> AsyncIterator[Sequence[Ticket]]:
        yield [self._ticket(line) for line in read(self.config.folder / "handed_over.jsonl")]

    async def rewind(self, since: object) -> Cursor:
        return Cursor("0")

    async def check(self) -> Sequence[CheckResult]:
        return [CheckResult("the folder exists", ok=self.config.folder.is_dir(), detail="make it")]

    async def write_back(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        path = self.config.folder / "written.jsonl"
        there = {(line["id"], line["revision"]) for line in read(path)}
        for item in items:
            if (item.id, item.revision) not in there:
                append(path, item.model_dump(mode="json"))
        return [Receipt(key=item.id, status=DeliveryStatus.DELIVERED, reason="file") for item in items]


class FilePhones(Gateway[FilesConfig]):
    async def close(self) -> None:
        await asyncio.sleep(0.3)  # as a farewell to a server takes

    async def send(self, message: Message) -> Receipt:
        await asyncio.sleep(self.config.slow_s)
        append(self.config.folder / "sent.jsonl", {"key": message.key, "to": message.recipient, "text": message.text})
        return Receipt(key=message.key, status=DeliveryStatus.SENT)

    async def collect(self, cursor: Cursor | None) -> AsyncIterator[Inbound]:
        if not self.config.answer:
            return
        for line, after in _news(self.config.folder / "sent.jsonl", cursor):
            reply = Reply(
                provider_id=f"reply-{line['key']}",
                channel=Channel.SMS,
                sender=line["to"],
                text=self.config.answer.format(**line),
                received_at=self.context.clock.now(),
            )
            yield Inbound(replies=(reply, reply), cursor=after)


class FileSink(Sink[FilesConfig]):
    async def publish(self, items: Sequence[Experience]) -> Sequence[Receipt]:
        for item in items:
            append(self.config.folder / "events.jsonl", item.model_dump(mode="json"))
        return [Receipt(key=item.id, status=DeliveryStatus.DELIVERED) for item in items]


@hookimpl
def hub_register_source() -> SourceType[FilesConfig]:
    able = frozenset(set(Capability) - {Capability.WAIT, Capability.COLLECT, Capability.REPEATABLE})
    return SourceType("Files as a desk", FilesConfig, FileDesk, able)


@hookimpl
def hub_register_gateway() -> GatewayType[FilesConfig]:
    return GatewayType("Files as phones", FilesConfig, FilePhones, Channel.SMS, frozenset({Capability.COLLECT}))


@hookimpl
def hub_register_sink() -> SinkType[FilesConfig]:
    return SinkType("Files as a sink", FilesConfig, FileSink)
