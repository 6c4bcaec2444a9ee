"""A source, a gateway and a sink as they are generated, with their demo servers, around a real hub."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.cli.plugins_new import Kind, table
from tests.authors.projects import enlist, make
from tests.daemon.running import HubProcess, free_port, wait_until

NAMES = {Kind.SOURCE: "desk-of-acme", Kind.GATEWAY: "phones", Kind.SINK: "board"}
TOKEN = "demo-token-that-everybody-knows"
SECRETS = {"DESK_OF_ACME_TOKEN": TOKEN, "PHONES_TOKEN": TOKEN, "BOARD_TOKEN": TOKEN}
SECRETS["PHONES_SIGNING_SECRET"] = "demo-secret-that-everybody-knows"
USUAL_PORTS = {Kind.SOURCE: "8710", Kind.GATEWAY: "8720", Kind.SINK: "8730"}


class Town(HubProcess):
    """The three projects, their demo servers, and a hub that knows them."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.projects = {kind: make(name, kind, folder) for kind, name in NAMES.items()}
        self.path = os.pathsep.join(str(enlist(project)) for project in self.projects.values())
        self.ports = {kind: str(free_port()) for kind in Kind}
        tables = "\n".join(self._table(kind) for kind in Kind)
        self.config.write_text(
            f'[web]\nlisten = "127.0.0.1:{self.port}"\npublic_url = "http://127.0.0.1:{self.port}"\n'
            f'[survey]\nsender_name = "Acme"\ndelay = "0s"\nquiet_hours = ""\nreaction_wait = "0s"\n'
            f"[surveys.closing]\nmessages = 1\n{tables}"
        )

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | SECRETS | {"PYTHONPATH": self.path}

    def demo(self, kind: Kind) -> subprocess.Popen[str]:
        """Start the demo server of a project; its output is in the file that `told` reads."""
        hook = [f"http://127.0.0.1:{self.port}/hooks/{NAMES[kind]}"] if kind is Kind.GATEWAY else []
        with (self.folder / kind).open("w") as output:
            return subprocess.Popen(
                [sys.executable, str(self.projects[kind] / "demo_server.py"), *hook, self.ports[kind]],
                stdin=subprocess.PIPE,
                stdout=output,
                text=True,
            )

    def told(self, kind: Kind) -> str:
        return (self.folder / kind).read_text()

    def _table(self, kind: Kind) -> str:
        text = table(NAMES[kind], kind).replace(USUAL_PORTS[kind], self.ports[kind])
        return text.replace("\nurl", '\ninterval = "1s"\nurl')


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    town = Town(tmp_path)
    yield town
    town.kill()


def test_an_answer_by_phone_comes_onto_the_ticket_and_to_the_sink(town: Town) -> None:
    with ExitStack() as stack:
        demos = {kind: stack.enter_context(town.demo(kind)) for kind in Kind}
        for demo in demos.values():
            stack.callback(demo.terminate)
        wait_until(lambda: all(town.told(kind) for kind in Kind), "the demo servers run")
        checked = town.json("check")
        assert checked["ok"], checked
        town.start()
        wait_until(lambda: town.json("state", "show")["cursors"], "the first pull noted where it stands")
        desk = demos[Kind.SOURCE]
        assert desk.stdin is not None
        desk.stdin.write("\n")
        desk.stdin.flush()
        wait_until(lambda: "The hub writes" in town.told(Kind.SOURCE), "the answer is on the ticket")
        wait_until(lambda: "The hub publishes" in town.told(Kind.SINK), "the sink has it too")
        assert town.stop() == 0
    assert "service: 5 of 1 to 5\\nPraise (suggested): Thank you!" in town.told(Kind.SOURCE)
    assert town.told(Kind.SOURCE).count("The hub writes") == 1
    assert town.told(Kind.GATEWAY).count("The hub sends") == 1, "the ticket from before the first pull is left alone"
    assert '"comment": "Thank you!"' in town.told(Kind.SINK)
