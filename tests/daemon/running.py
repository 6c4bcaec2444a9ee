"""A hub as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx

from tests.nursery import ForkedProcess, Nursery

PLUGIN = Path(__file__).parent / "files_plugin"
PATIENCE_S = 30.0


def free_port() -> int:
    """A port that nobody listens on now."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on now."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(listening.getsockname()[1]) for listening in opened]


def wait_until(condition: Callable[[], Any], what: str) -> Any:
    """Look often until something is true, less often where a look takes long; fail when it takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while (begun := time.monotonic()) < deadline:
        if result := condition():
            return result
        time.sleep(max(0.03, 2 * (time.monotonic() - begun)))
    raise AssertionError(f"in {PATIENCE_S:.0f} s it did not come to this: {what}")


class HubProcess:
    """A hub.toml in a folder, and the hub that runs it."""

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.process: subprocess.Popen[str] | ForkedProcess | None = None
        self.extra_environment: dict[str, str] = {}
        self.arguments: list[str] = []
        self.log = folder / "log.jsonl"

    @property
    def config(self) -> Path:
        return self.folder / "hub.toml"

    @property
    def environment(self) -> dict[str, str]:
        own = {"PYTHONPATH": str(PLUGIN), "HUB_CONFIG": str(self.config)}
        return os.environ | own | self.extra_environment

    def start(self, fault: str = "", *, ready: bool = True) -> None:
        self.process = self._run(self.environment | {"HUB_FAULT_POINT": fault})
        if ready:
            wait_until(self.is_ready, "the hub is ready")

    def _run(self, environment: dict[str, str]) -> subprocess.Popen[str] | ForkedProcess:
        command = [sys.executable, "-m", "hub", "run", *self.arguments]
        with self.log.open("a") as log:
            return subprocess.Popen(command, env=environment, stderr=log, text=True)

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"the hub ended with {self.process.returncode}: {self.log_text()[-2000:]}"
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", verify=False).status_code == 200
        except httpx.TransportError:
            return False

    def wait_for_death(self) -> int:
        assert self.process is not None
        return self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """Ask it to stop, as systemd would."""
        if self.process is None or self.process.poll() is not None:
            return 0
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """End it as `kill -9` does, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hub", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    def json(self, *arguments: str) -> dict[str, Any]:
        result = self.command(*arguments, "--json")
        assert result.stdout, result.stderr
        return dict(json.loads(result.stdout))

    def log_text(self) -> str:
        return self.log.read_text()

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_text().splitlines() if line.startswith("{")]


class RunningHub(HubProcess):
    """A hub whose desk and phones are files."""

    def __init__(
        self,
        folder: Path,
        *,
        answer: str = "5 kiitos",
        extra: str = "",
        store: str = "",
        slow_s: float = 0,
        messages: int = 1,
    ) -> None:
        super().__init__(folder)
        self._answer = answer
        self._extra = extra
        self._store = store or "sqlite:///hub.db"
        self._slow_s = slow_s
        self._messages = messages
        self.write_config()

    def write_config(self, *, delay: str = "0s", answer: str | None = None) -> None:
        self.config.write_text(
            f"""
[hub]
store = "{self._store}"
[web]
listen = "127.0.0.1:{self.port}"
public_url = "http://127.0.0.1:{self.port}"
[surveys.closing]
messages = {self._messages}
[survey]
sender_name = "Acme"
reaction_wait = "0s"
delay = "{delay}"
contact_interval = "0s"
quiet_hours = ""
[sources.desk]
plugin = "files"
interval = "1s"
folder = "{self.folder}"
[gateways.sms]
plugin = "files"
interval = "1s"
folder = "{self.folder}"
slow_s = {self._slow_s}
answer = "{self._answer if answer is None else answer}"
{self._extra}
"""
        )

    def close_tickets(self, count: int) -> None:
        with (self.folder / "tickets.jsonl").open("a") as file:
            for number in range(count):
                ticket = {"id": f"id{number}", "key": f"T-{number}", "closure_key": "c", "subject": "Printer"}
                file.write(json.dumps(ticket | {"customer": {"phone": f"+35840123{number:04}"}}) + "\n")

    def push(self, *ids: str, delivery: str | None = None) -> int:
        """Tell the hub of tickets as the desk would; gives the status."""
        told = {"ids": ids, "delivery": delivery}
        try:
            url = f"http://127.0.0.1:{self.port}/push/desk/secret"
            return httpx.post(url, json=told, verify=False).status_code
        except httpx.TransportError:
            return 0

    def lines(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / f"{name}.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class ForkedHub(RunningHub):
    """The same, quickly started."""

    def __init__(self, nursery: Nursery, folder: Path, **options: Any) -> None:
        self._nursery = nursery
        super().__init__(folder, **options)

    def _run(self, environment: dict[str, str]) -> ForkedProcess:
        arguments, nowhere = ["run", *self.arguments], Path(os.devnull)
        return self._nursery.start(arguments, environment, Path.cwd(), stdout=nowhere, stderr=self.log)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._nursery.run(arguments, self.environment, Path.cwd(), PATIENCE_S)


NewHub = Callable[..., RunningHub]
