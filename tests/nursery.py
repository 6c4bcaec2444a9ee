"""Hubs as processes that need not load Python's libraries again: each is forked from a process that has done so.

`python -m hub` spends half a second on that, and these tests start hundreds. From `main()` on everything is as always:
own process, environment, signals and files. The suites of the slower targets start hubs as everybody does.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_POLL_EVERY_S = 0.005
_LOADED = (
    "aiohttp",
    "alembic.command",
    "anyio._backends._asyncio",
    "hub.daemon.run",
    "hub.daemon.sync",
    "hub.log",
    "hub.web.app",
    "phonenumbers.data",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "uvicorn.lifespan.off",
    "uvicorn.protocols.http.httptools_impl",
    "uvloop",
)


class Nursery:
    """The process that the hubs are forked from."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._said = (folder / "stdout", folder / "stderr")

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, stdout: Path, stderr: Path
    ) -> ForkedProcess:
        """Run `hub ARGUMENTS` in a folder; what it says is added to the files."""
        files = {"stdout": str(stdout), "stderr": str(stderr)}
        request = {"arguments": arguments, "environment": dict(environment), "folder": str(folder), **files}
        return ForkedProcess(self, self.ask(request))

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `hub ARGUMENTS` to its end."""
        for file in self._said:
            file.write_text("")
        process = self.start(arguments, environment, folder, stdout=self._said[0], stderr=self._said[1])
        returncode = process.wait(timeout)
        return subprocess.CompletedProcess(arguments, returncode, *(file.read_text() for file in self._said))

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Give a request, get its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


class ForkedProcess:
    """What `subprocess.Popen` offers, for a child of the nursery."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """How it ended, if it did; below zero by which signal."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float = 30) -> int:
        """How it ended, when it has."""
        deadline = time.monotonic() + timeout
        while (ended := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("hub", timeout)
            time.sleep(_POLL_EVERY_S)
        return ended

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@contextmanager
def open_nursery() -> Iterator[Nursery]:
    """Start the process, and end it at the end."""
    command = [sys.executable, "-m", __name__]
    root = Path(__file__).resolve().parents[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process,
    ):
        yield Nursery(process, Path(folder))


def _serve() -> None:
    """Fork a hub for each request, and tell how each has ended."""
    _load()
    gc.freeze()  # what all share is not looked at, and so not copied, by each
    for line in sys.stdin:
        request = json.loads(line)
        if "ended" in request:
            pid, status = os.waitpid(request["ended"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        elif not (answer := os.fork()):
            _become_hub(request)
        print(json.dumps(answer), flush=True)


def _load() -> None:
    """What `hub run` and most commands load, as `hub run` does it."""
    from hub.cli.run import _load_without_colours
    from hub.store import core_only

    _load_without_colours()
    core_only.load()
    for name in _LOADED:
        importlib.import_module(name)


def _become_hub(request: Mapping[str, Any]) -> None:
    code: Any = 1
    try:
        _enter(request)
        from hub.cli import main

        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # noqa: BLE001 - nothing of this process may go on as the nursery
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))


def _enter(request: Mapping[str, Any]) -> None:
    """Take the place of a process that was started with these arguments."""
    appending = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, path, flags in (
        (0, os.devnull, os.O_RDONLY), (1, request["stdout"], appending), (2, request["stderr"], appending)
    ):  # fmt: skip
        file = os.open(path, flags, 0o644)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    sys.path[:0] = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.argv = ["hub", *request["arguments"]]


if __name__ == "__main__":
    _serve()
