"""Generated plugins at work in the demo, beside the hub's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.cli.plugins_new import Kind, table
from tests.authors.projects import enlist, make
from tests.authors.slow.test_together import NAMES, SECRETS, USUAL_PORTS
from tests.daemon.running import free_port, wait_until


@pytest.fixture
def port_base() -> int:
    """The first of six neighbouring ports."""
    return free_port() // 10 * 10 - 20


def test_generated_plugins_run_in_the_demo_and_the_sink_hears_of_every_answer(tmp_path: Path, port_base: int) -> None:
    projects = {kind: make(name, kind, tmp_path) for kind, name in NAMES.items()}
    ports = {kind: str(free_port()) for kind in Kind}
    tables = tmp_path / "tables.toml"
    texts = [table(NAMES[kind], kind).replace(USUAL_PORTS[kind], ports[kind]) for kind in Kind]
    tables.write_text("\n".join(texts))
    heard = tmp_path / "heard"
    servers = []
    for kind in Kind:
        hook = ["http://127.0.0.1:9/hooks/none"] if kind is Kind.GATEWAY else []
        with (heard if kind is Kind.SINK else tmp_path / kind).open("w") as output:
            command = [sys.executable, str(projects[kind] / "demo_server.py"), *hook, ports[kind]]
            servers.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, text=True))
    try:
        wait_until(heard.read_text, "the demo server of the sink runs")
        path = os.pathsep.join(str(enlist(project)) for project in projects.values())
        command = [sys.executable, "-m", "hub", "demo", "--once", "--json", "--tickets", "8", "--with", str(tables)]
        run = subprocess.run(
            [*command, "--port-base", str(port_base)],
            env=os.environ | SECRETS | {"PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=55,
            check=False,
        )
    finally:
        for server in servers:
            server.terminate()
            server.communicate()
    assert (run.returncode, run.stderr) == (0, "")
    outcome = json.loads(run.stdout)
    assert outcome["answered"] == outcome["written_back"] > 0
    assert heard.read_text().count("The hub publishes") >= outcome["answered"]
