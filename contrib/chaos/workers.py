"""Hubs as processes: started, killed, and started again as systemd does."""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Mapping
from pathlib import Path

import httpx

from chaos import desks, people, phones

_READY_S = 60.0
LATER_HOURS = 3
"""How long some surveys are postponed: no jump of a clock by an hour, ahead or back, makes one due."""


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nobody listens on now."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [int(one.getsockname()[1]) for one in taken]
    finally:
        for one in taken:
            one.close()


class Worker:
    """One `hub run`, which is started again whenever it has ended.

    :param settings: the text of hub.toml without `[web]`.
    :param silence_s: after how long without a sign of life the others take it for dead.
    """

    def __init__(self, folder: Path, port: int, settings: str, chance: random.Random, silence_s: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.folder = folder
        self.ready_at: float | None = None
        """When it last became ready, on the monotonic clock; None while it is not."""
        self.exits: list[int] = []
        """Statuses of ends that nobody asked for."""
        self._chance = chance
        self._killed = 0
        self._started_at = 0.0
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._offset = folder / "clock-offset"
        self._environment = {"HUB_CLOCK_OFFSET_FILE": str(self._offset), "HUB_SILENCE_S": str(silence_s)}
        web = f'[web]\nlisten = "127.0.0.1:{port}"\npublic_url = "http://hub.example:80"\n'
        (folder / "hub.toml").write_text(web + settings)

    @property
    def pid(self) -> int:
        """The process that runs now."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Run it, and go on doing so until `stop`."""
        self._keeper = asyncio.create_task(self._keep_running())

    async def wait_until_ready(self) -> None:
        """Return when it serves its pages."""
        deadline = time.monotonic() + _READY_S
        while self.ready_at is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"a hub was not ready in time:\n{self.last_words()}")
            await asyncio.sleep(0.05)

    def has_worked(self, seconds: float) -> bool:
        """Whether it has been ready for so long, and for as long as its start took: also a slow machine gets on."""
        if self.ready_at is None:
            return False
        return time.monotonic() - self.ready_at >= seconds + self.ready_at - self._started_at

    def kill(self) -> int:
        """End it as `kill -9` does; the process id it had."""
        pid = self.pid
        self.ready_at = None
        self._killed = pid
        assert self._process is not None
        self._process.kill()
        return pid

    def set_clock(self, offset_s: float) -> None:
        """Make its clock jump to so many seconds ahead of the real time."""
        self._offset.write_text(str(offset_s))

    async def stop(self) -> None:
        """End it for good, as systemd does: ask, then kill."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join((self.folder / "log.jsonl").read_text(errors="replace").splitlines()[-15:])

    async def _keep_running(self) -> None:
        while True:
            with (self.folder / "log.jsonl").open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-m", "hub", "run", "--config", str(self.folder / "hub.toml")),
                    env=os.environ | self._environment,
                    stdin=DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=self.folder,
                    start_new_session=True,
                )
            self._started_at = time.monotonic()
            looking = asyncio.create_task(self._note_ready())
            try:
                status = await self._process.wait()
            finally:
                looking.cancel()
            self.ready_at = None
            if self._process.pid != self._killed:
                self.exits.append(status)
            await asyncio.sleep(self._chance.uniform(0.2, 2.0))

    async def _note_ready(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            while True:
                try:
                    if (await client.get(f"http://127.0.0.1:{self.port}/readyz")).is_success:
                        self.ready_at = time.monotonic()
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)


def settings(store: str, desk: Mapping[str, object], gateway_port: int, messages_per_s: int) -> str:
    """The text of hub.toml without `[web]`; secrets are simulated ones, so they may stand in it."""
    return f"""
[hub]
store = "{store}"
allow_plain_secrets = true
[survey]
sender_name = "Acme"
delay = "0s"
contact_interval = "0s"
quiet_hours = ""
[[rules]]
name = "later"
type = ["{desks.LATER_TYPE}"]
delay = "{LATER_HOURS}h"
[surveys.closing]
questions = {json.dumps(people.QUESTIONS)}
messages = {people.MESSAGES}
{"".join(_asks(question) for question in people.QUESTIONS)}
[sources.jira]
plugin = "jira"
interval = "1s"
url = "http://127.0.0.1:{desk["jira"]}"
email = "{desk["email"]}"
api_token = "{desk["token"]}"
projects = ["{desks.PROJECT}"]
contact_phone_fields = ["{desk["phone_field"]}"]
property_key = "{desks.PROPERTY}"
write_back = ["property", "comment"]
webhook_secret = "{desks.PUSH_SECRET}"
[sources.servicenow]
plugin = "servicenow"
interval = "1s"
url = "http://127.0.0.1:{desk["servicenow"]}"
username = "{desk["username"]}"
password = "{desk["password"]}"
table = "incident"
write_back = ["note"]
push_secret = "{desks.PUSH_SECRET}"
[gateways.sms]
plugin = "kannel"
max_in_flight = 16
rate = "{messages_per_s} per second"
url = "http://127.0.0.1:{gateway_port}/cgi-bin/sendsms"
username = "{phones.USERNAME}"
password = "{phones.PASSWORD}"
sender = "{phones.SENDER}"
callback_secret = "{phones.CALLBACK_SECRET}"
"""


def _asks(question: str) -> str:
    """A table that lets the messages ask by the question's name, so that phones know it in any language."""
    texts = ", ".join(f'{language} = "{question}?"' for language in ("fi", "sv", "en"))
    return f"[questions.{question}]\nsms = {{ {texts} }}\n"
