"""The hub as a child process, started, asked and stopped as an admin would."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

READY_SECONDS = 30.0
STOP_SECONDS = 15.0
_LOG_LINES = 15
_LOOKING = ("sources.desk", "sources.jira", "sources.servicenow", "gateways.mail")
"""The parts of hub.toml that fetch something."""


class HubFailed(Exception):
    """The hub did not start, or ended by itself. The message holds the last lines of its log."""


class HubProcess:
    """A running hub."""

    def __init__(self, process: Process, config: Path, log: Path) -> None:
        self._process = process
        self._config = config
        self._log = log

    async def wait_until_ready(self, pages: str) -> None:
        """Return when the hub serves its pages and has looked at all desks and mailboxes once.

        Only what is closed after its first look at a desk is news to it.

        :raises HubFailed: it ended, or did not get ready in time.
        """
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client, self._time_limit():
            while not await self._serves(client, pages):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
            while not await self._has_looked():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)

    async def _serves(self, client: httpx.AsyncClient, pages: str) -> bool:
        self.check_alive()
        try:
            return (await client.get(f"{pages}/readyz")).is_success
        except httpx.TransportError:
            return False

    async def _has_looked(self) -> bool:
        self.check_alive()
        components = (await self.status())["components"]
        return all(components.get(name, {}).get("last_ok_at") for name in _LOOKING)

    def check_alive(self) -> None:
        """Make sure that it still runs.

        :raises HubFailed: it does not.
        """
        if self._process.returncode is not None:
            raise HubFailed(f"the hub ended with status {self._process.returncode}:\n{self.last_words()}")

    async def status(self) -> dict[str, Any]:
        """What `hub status --json` says."""
        status: dict[str, Any] = json.loads(await self._ask("status"))
        return status

    async def why(self, ticket: str) -> list[dict[str, Any]]:
        """What `hub why --json` says of each closing of the ticket; nothing before the hub has seen one."""
        closures: list[dict[str, Any]] = json.loads(await self._ask("why", ticket))["closures"]
        return closures

    async def _ask(self, *question: str) -> bytes:
        asking = await asyncio.create_subprocess_exec(
            *_hub(*question, "--json", "--config", self._config), stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        said, complaint = await asking.communicate()
        if not said:
            raise HubFailed(f"`hub {question[0]}` ended with status {asking.returncode}:\n{complaint.decode()}")
        return said

    async def stop(self) -> None:
        """Let it finish what it is doing, or kill it when that takes too long."""
        if self._process.returncode is None:
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])

    @asynccontextmanager
    async def _time_limit(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(READY_SECONDS):
                yield
        except TimeoutError:
            raise HubFailed(f"the hub was not ready after {READY_SECONDS:.0f} s:\n{self.last_words()}") from None


@asynccontextmanager
async def run_hub(config: Path) -> AsyncIterator[HubProcess]:
    """Run the hub with this configuration for the length of the block. Its log is `hub.log` beside the file.

    It gets a session of its own, so that Ctrl-C reaches the sandbox only, which then stops things in order.
    """
    log = config.with_name("hub.log")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *_hub("run", "--config", config),
            cwd=config.parent,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    hub = HubProcess(process, config, log)
    try:
        yield hub
    finally:
        await hub.stop()


def _hub(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "hub", *map(str, arguments)]
