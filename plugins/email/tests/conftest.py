"""A real IMAP server in a process of its own: pymap, with one account and, like Exchange, without user keywords."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

PROGRAM = """
import uuid
from proxyprotocol.reader import ProxyProtocolReader
from proxyprotocol.result import ProxyResultUnknown
from proxyprotocol.sock import SocketInfo
from pymap.main import main
from pysasl.hashing import BuiltinHash

async def call(self, callback, timeout, reader, writer):  # as it is, but in no task that Python 3.13 may collect
    await callback(reader, writer, SocketInfo.get(writer, ProxyResultUnknown(), unique_id=uuid.uuid4().bytes))

ProxyProtocolReader._read_then_call = call
BuiltinHash.__init__.__kwdefaults__["rounds"] = 1  # otherwise each login costs a third of a second
main()
"""
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def imap_port() -> Iterator[int]:
    """Port of the server on 127.0.0.1, without TLS; user "demouser", password "demopass"."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", PROGRAM, "--host", "127.0.0.1", "--port", str(port), "--no-tls", "dict"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _wait_for(port, server)
            yield port
        finally:
            server.kill()


@pytest.fixture
def prefix() -> str:
    """Begins the names of a test's own folders: all tests share one account."""
    return f"t{next(_numbers)}-"


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("pymap does not start")
