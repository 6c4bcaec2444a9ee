"""The real servers. Each starts when the first test asks for it, and ends with the run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.real.servers.apt import why_not
from tests.real.servers.kannel import Kannel
from tests.real.servers.mail import MailServer


@pytest.fixture(scope="session")
def kannel() -> Iterator[Kannel]:
    """A running Kannel with phones. A test that stops it starts it again."""
    with _folder() as folder:
        server = Kannel(folder)
        try:
            server.start()
            yield server
        finally:
            server.close()


@pytest.fixture(scope="session")
def mail() -> Iterator[MailServer]:
    """A running Postfix and Dovecot with the mailboxes of a desk and its customers."""
    with _folder() as folder:
        server = MailServer(folder)
        try:
            server.start()
            yield server
        finally:
            server.stop()


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder with a short path, for sockets, that the servers' own users may enter."""
    if reason := why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="hub-real-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
