"""One daemon on one SQLite file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hub import ConfigError
from hub.store.daemon_lock import only_daemon, running_daemon

HOLD = """
import sys, time
from hub.store.daemon_lock import only_daemon

with only_daemon(sys.argv[1]):
    print(flush=True)
    time.sleep(60)
"""


def _require_taken(url: str, pid: int) -> None:
    with pytest.raises(ConfigError, match=rf"process number {pid} .*[Ss]top it first"), only_daemon(url):
        raise AssertionError("two daemons run on one file")


def test_a_second_daemon_is_told_who_holds_the_file_and_what_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hub.db"
    with only_daemon(url):
        _require_taken(url, os.getpid())
    with only_daemon(url):
        pass


def test_links_and_relative_paths_lead_to_the_same_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "hub.db").touch()
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "link.db").symlink_to("real/hub.db")
    monkeypatch.chdir(tmp_path)
    with only_daemon(f"sqlite:///{tmp_path}/real/hub.db"):
        for other in ("real/hub.db", "real/../real/hub.db", "folder/hub.db", "link.db", f"{tmp_path}/link.db"):
            _require_taken(f"sqlite:///{other}", os.getpid())
    with only_daemon("sqlite:///link.db"):
        _require_taken("sqlite:///real/hub.db", os.getpid())


def test_two_stores_in_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    with only_daemon(f"sqlite:///{tmp_path}/a.db"), only_daemon(f"sqlite:///{tmp_path}/b.db"):
        pass


def test_a_killed_daemon_leaves_no_lock(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hub.db"
    with subprocess.Popen([sys.executable, "-c", HOLD, url], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        _require_taken(url, holder.pid)
        holder.send_signal(signal.SIGKILL)
    with only_daemon(url):
        pass


def test_whether_a_daemon_runs_can_be_seen_without_disturbing_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/hub.db"
    assert running_daemon(url) is None
    assert list(tmp_path.iterdir()) == [], "a look leaves nothing"
    with only_daemon(url):
        assert running_daemon(url) == str(os.getpid())
        assert running_daemon(url) == str(os.getpid())
    assert running_daemon(url) is None
    assert running_daemon("postgresql://hub@db.acme.example/hub") is None


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="See that the folder exists"), only_daemon(f"sqlite:///{tmp_path}/no/hub.db"):
        raise AssertionError("a lock in a folder that is not there")


def test_any_number_of_daemons_run_on_postgresql() -> None:
    with only_daemon("postgresql://hub@db.acme.example/hub"), only_daemon("postgresql://hub@db.acme.example/hub"):
        pass
