"""The unit that contrib/systemd offers."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
from bench.hub_process import AS_A_SERVICE

from tests.docs.pages import ROOT

UNIT = ROOT / "contrib/systemd/hub.service"
COMMAND = "/opt/hub/bin/hub run"


def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names keep their case
    parser.read_string(UNIT.read_text(encoding="utf-8"))
    assert parser.sections() == ["Unit", "Service", "Install"]
    return parser["Service"]


def test_the_unit_does_what_the_hub_offers() -> None:
    section = service()
    told = {name: section[name] for name in ("Type", "ExecStart", "ExecReload", "Restart", "User", "StateDirectory")}
    assert told == {
        "Type": "notify",
        "ExecStart": COMMAND,
        "ExecReload": "/bin/kill -HUP $MAINPID",
        "Restart": "on-failure",
        "User": "hub",
        "StateDirectory": "hub",
    }
    assert int(section["WatchdogSec"]) >= 30
    assert section["EnvironmentFile"].startswith("-/etc/hub/")


def test_the_benchmark_runs_the_hub_in_the_environment_of_the_service() -> None:
    told = dict(each.split("=", 1) for each in service()["Environment"].split())
    assert told == {"HUB_CONFIG": "/etc/hub/hub.toml"} | AS_A_SERVICE


def test_stopping_may_take_longer_than_sending_one_message() -> None:
    from hub.journey.deliver import SEND_LIMIT

    assert int(service()["TimeoutStopSec"]) > SEND_LIMIT.total_seconds()


def test_the_service_writes_only_where_its_state_is() -> None:
    section = service()
    assert (section["ProtectSystem"], section["ProtectHome"], section["NoNewPrivileges"]) == ("strict", "yes", "yes")
    assert "ReadWritePaths" not in section


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text(encoding="utf-8").replace(COMMAND, "/bin/true"), encoding="utf-8")
    result = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False, timeout=30
    )
    assert (result.returncode, result.stderr.strip()) == (0, "")
