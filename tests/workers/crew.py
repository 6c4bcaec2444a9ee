"""Several hubs as processes on one PostgreSQL; desk and phones are files that all of them use."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.daemon.running import HubProcess, RunningHub, free_port, wait_until

SILENCE_S = 5


class WorkerProcess(HubProcess):
    """One worker of a crew."""

    def __init__(self, folder: Path, number: int, roles: str) -> None:
        super().__init__(folder)
        self.log = folder / f"log{number}.jsonl"
        self.arguments = ["--listen", f"127.0.0.1:{self.port}", *(["--roles", roles] if roles else [])]
        self.extra_environment = {"HUB_SILENCE_S": str(SILENCE_S)}
        self.serves = not roles or "web" in roles

    def is_ready(self) -> bool:
        """Without the role `web` there is no port to ask; then it is ready when it says that it lives."""
        if self.serves:
            return super().is_ready()
        assert self.process is not None
        assert self.process.poll() is None, self.log_text()
        return self.said("hub.started") > 0

    def said(self, event: str) -> int:
        """How often it logged an event."""
        return sum(entry["event"] == event for entry in self.events())

    def freeze(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)


class Crew(RunningHub):
    """The configuration, the files, and the workers that were started; the hub of its own is for commands only."""

    def __init__(self, folder: Path, store: str, **options: Any) -> None:
        super().__init__(folder, store=store, **options)
        self.workers: list[WorkerProcess] = []

    def begin(self, roles: str = "", fault: str = "", *, silence_s: float = SILENCE_S) -> WorkerProcess:
        """Start one more worker."""
        worker = WorkerProcess(self.folder, len(self.workers), roles)
        worker.extra_environment["HUB_SILENCE_S"] = str(silence_s)
        self.workers.append(worker)
        worker.start(fault)
        return worker

    def wait_for_written(self, count: int) -> None:
        wait_until(lambda: len(self.lines("written")) >= count, f"{count} results are written")

    def wait_for_source(self, worker: WorkerProcess) -> None:
        """Wait until this worker, the only one until then, has pulled."""
        wait_until(lambda: self.json("status")["components"].get("sources.desk", {}).get("last_ok_at"), "a pull")
        assert worker.is_ready()

    def assert_each_once(self, count: int) -> None:
        assert sorted(line["to"] for line in self.lines("sent")) == [f"+35840123{n:04}" for n in range(count)]
        assert sorted(line["ticket"]["key"] for line in self.lines("written")) == sorted(f"T-{n}" for n in range(count))

    def stop_all(self) -> None:
        for worker in self.workers:
            if worker.process is not None and worker.process.poll() is None:
                worker.thaw()
                assert worker.stop() == 0, worker.log_text()[-2000:]


@contextmanager
def crew(folder: Path, store: str, **options: Any) -> Iterator[Crew]:
    """A crew; whoever still runs at the end is killed."""
    made = Crew(folder, store, **options)
    try:
        yield made
    finally:
        for worker in made.workers:
            worker.kill()


__all__ = ["SILENCE_S", "Crew", "WorkerProcess", "crew", "free_port", "wait_until"]
