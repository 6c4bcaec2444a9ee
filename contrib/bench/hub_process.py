"""`hub run` as a process of its own, with a configuration for the load, and what it costs."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from hub_jira.cursor import Position

from bench.cost import Cost, cost_of
from bench.issues import PHONE_FIELD
from bench.pace import PUSH_SECRET
from bench.site import SECRET, SENDER

PATIENCE_S = 600.0

RATE = "100000 per second"
AS_A_SERVICE = {"MALLOC_ARENA_MAX": "1"}
"""What contrib/systemd/hub.service sets for the process itself."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between the hubs that are measured."""

    site: str
    """The address of the other side."""
    store: str = "sqlite:///hub.db"
    in_flight: int = 32
    interval: str = "1h"
    sources: int = 1
    """How many; the first is called "jira", all ask the same site."""
    pulls: bool = True
    """Whether the source is switched on."""


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def wait_until(condition: Callable[[], Any], what: str, every_s: float = 0.05) -> None:
    """Look often until something is true.

    :raises TimeoutError: it took too long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"in {PATIENCE_S:.0f} s it did not come to this: {what}")
        time.sleep(every_s)


class HubProcess:
    """One worker."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.port = free_port()
        self.config = folder / f"hub-{self.port}.toml"
        self.config.write_text(_toml(settings, self.port))
        self._log = folder / f"hub-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        """Start it and wait until it is ready."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(_hub("run"), env=self._environment(), stderr=log, stdout=log)
        if wait:
            wait_until(self._is_ready, "the hub is ready")

    @property
    def pid(self) -> int:
        """Its id, while it runs."""
        assert self._process is not None
        return self._process.pid

    def cost(self) -> Cost:
        """What it has used."""
        return cost_of(self.pid)

    def stop(self) -> None:
        """Let it finish what it has begun."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(PATIENCE_S)

    def command(self, *arguments: str) -> str:
        """Run a command of the hub; what it wrote to stdout."""
        done = subprocess.run(_hub(*arguments), env=self._environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"hub {arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
        return done.stdout

    def begin_before_all(self) -> None:
        """Make the store, and let the first pull find what was closed in the last day."""
        since = datetime.now(UTC) - timedelta(days=1)
        self.command("state", "set", "sources.jira", Position.starting(since, since).write(), "--yes")

    def status(self) -> dict[str, Any]:
        """What `hub status --json` says."""
        return dict(json.loads(self.command("status", "--json")))

    def _is_ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            words = self._log.read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the hub ended with {self._process.returncode}: {words}")
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _environment(self) -> Mapping[str, str]:
        direct = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return direct | AS_A_SERVICE | {"HUB_CONFIG": str(self.config)}


@contextlib.contextmanager
def running(hubs: Sequence[HubProcess], *, wait: bool = True) -> Iterator[None]:
    """Run workers for the length of the block, which begins when they are ready if it is to wait for that."""
    try:
        for hub in hubs:
            hub.start(wait=wait)
        yield
    finally:
        for hub in hubs:
            hub.stop()


def _hub(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "hub", *arguments]


def _toml(settings: Settings, port: int) -> str:
    names = ["jira", *(f"jira{number}" for number in range(1, settings.sources))]
    return f"""
[hub]
store = "{settings.store}"
log_level = "warning"
allow_plain_secrets = true
[web]
listen = "127.0.0.1:{port}"
public_url = "http://127.0.0.1:{port}"
[survey]
sender_name = "Acme"
delay = "0s"
contact_interval = "0s"
quiet_hours = ""
[surveys.closing]
questions = ["service"]
messages = 1
{"".join(_source(settings, name) for name in names)}
[gateways.sms]
plugin = "kannel"
rate = "{RATE}"
max_in_flight = {settings.in_flight}
url = "{settings.site}/cgi-bin/sendsms"
username = "bench"
password = "bench-password"
sender = "{SENDER}"
callback_secret = "{SECRET}"
"""


def _source(settings: Settings, name: str) -> str:
    return f"""
[sources.{name}]
plugin = "jira"
enabled = {str(settings.pulls).lower()}
interval = "{settings.interval}"
url = "{settings.site}"
email = "hub@acme.example"
api_token = "bench-token"
projects = ["BENCH"]
contact_phone_fields = ["{PHONE_FIELD}"]
write_back = ["property"]
webhook_secret = "{PUSH_SECRET}"
writes_at_once = {min(100, settings.in_flight)}
"""
