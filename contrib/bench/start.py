"""How long the hub takes to start, how long a command takes, and what a hub that has nothing to do needs."""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.hub_process import HubProcess, Settings, running
from bench.site import Load
from bench.site_process import SiteProcess

AT_REST_S = 3.0
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """Medians of several starts."""

    ready_s: float
    """From the start of `hub run` on a store that is there to its first answer that it is ready."""
    ready_cpu_s: float
    help_s: float
    """`hub --help`."""
    at_rest_mb: float
    """Resident memory a few seconds after the start."""


def measure(site: SiteProcess, times: int) -> Start:
    """Start the hub so many times."""
    site.begin(Load(0, closed_at=0))
    found = []
    with tempfile.TemporaryDirectory(prefix="bench") as folder:
        hub = HubProcess(Path(folder), Settings(site.url))
        hub.begin_before_all()
        for _ in range(times):
            began = time.perf_counter()
            with running([hub], wait=False):
                _until_ready(hub.port)
                ready_s, ready_cpu_s = time.perf_counter() - began, hub.cost().cpu_s
                time.sleep(AT_REST_S)
                found.append((ready_s, ready_cpu_s, _help_s(), hub.cost().now_mb))
    return Start(*(statistics.median(values) for values in zip(*found, strict=True)))


def _help_s() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hub", "--help"], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _until_ready(port: int) -> None:
    """Ask again and again with the least possible work of our own."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S) as connection:
                connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                if connection.recv(100).startswith(b"HTTP/1.1 200"):
                    return
        except ConnectionError:
            pass
        time.sleep(0.005)
    raise TimeoutError("the hub did not get ready")
