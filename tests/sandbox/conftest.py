"""Makes the sandbox importable; it is no part of the distribution."""

from __future__ import annotations

import socket
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "contrib"))


PORTS = 6


def _first_free_ports(start: int) -> int:
    for first in range(start, start + 400, PORTS):
        with ExitStack() as stack:
            try:
                for port in range(first, first + PORTS):
                    stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise RuntimeError(f"no {PORTS} free ports in a row")


@pytest.fixture
def first_port(worker_id: str) -> int:
    """The first of six neighbouring ports that nobody uses. Parallel test processes look in different places."""
    return _first_free_ports(21000 + 400 * int(worker_id.removeprefix("gw").replace("master", "0")))


@pytest.fixture
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each login to the mail server takes a third of a second."""
    from pysasl.hashing import BuiltinHash

    monkeypatch.setitem(BuiltinHash.__init__.__kwdefaults__, "rounds", 1)


@pytest.fixture
def root() -> Path:
    """The checkout."""
    return ROOT
