"""Prometheus and its promtool, from the Debian package."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.real.servers.apt import library_path, unpack
from tests.real.servers.process import Program, free_port, wait_until


class Prometheus:
    """A Prometheus that reads one target every second and judges the given rules."""

    def __init__(self, folder: Path, rules: Path) -> None:
        self._folder = folder
        self._rules = rules
        self._root = unpack(["prometheus"], folder)
        self._env = {"LD_LIBRARY_PATH": library_path(self._root)}
        self._program: Program | None = None
        self.port = free_port()

    def start(self, target_port: int) -> None:
        """Start it, and wait until it answers."""
        config = self._folder / "prometheus.yml"
        scrape = {"job_name": "hub", "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}]}
        settings = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        # JSON is YAML too
        config.write_text(
            json.dumps({"global": settings, "scrape_configs": [scrape], "rule_files": [str(self._rules)]})
        )
        command = [
            self._root / "usr/bin/prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            f"--web.console.templates={self._folder}",
            f"--web.console.libraries={self._folder}",
        ]
        self._program = Program("prometheus", command, env=self._env, log=self._folder / "prometheus.log")
        self._program.start(self.port)
        wait_until(self._is_ready, "Prometheus is ready to be asked", seconds=60)

    def _is_ready(self) -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=10) as answer:
                return bool(answer.status == 200)
        except HTTPError:
            return False

    def stop(self) -> None:
        """End it."""
        if self._program:
            self._program.stop()

    def ask(self, path: str, **parameters: str) -> Any:
        """What its API says."""
        with urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}?{urlencode(parameters)}", timeout=10) as answer:
            found = json.load(answer)
        assert found["status"] == "success"
        return found["data"]

    def query(self, expression: str) -> dict[str, float]:
        """The values of an expression at this moment, by the component of each."""
        found = self.ask("query", query=expression)["result"]
        return {each["metric"].get("component", ""): float(each["value"][1]) for each in found}

    def promtool(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the tool that checks rules and expositions."""
        return subprocess.run(
            [self._root / "usr/bin/promtool", *map(str, arguments)],
            env=self._env,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=50,
        )
