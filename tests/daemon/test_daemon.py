"""The daemon as its operator sees it: signals, reload, failing parts, pages and sinks."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.browsing import answer
from tests.daemon.running import NewHub, RunningHub, wait_until


def _count(hub: RunningHub, event: str) -> int:
    return sum(entry["event"] == event for entry in hub.events())


def test_a_ticket_goes_all_the_way_and_logs_hold_nothing_personal(tmp_path: Path) -> None:
    hub = RunningHub(tmp_path)  # started as everybody does
    hub.close_tickets(2)
    hub.start()
    try:
        wait_until(lambda: len(hub.lines("written")) == 2, "results are written")
    finally:
        assert hub.stop() == 0
    log = hub.log_text()
    assert "+35840123" not in log
    assert "kiitos" not in log
    assert all(line.startswith("{") for line in log.splitlines())


def test_a_failing_source_is_logged_once_and_once_when_it_is_back_and_others_go_on(hub: RunningHub) -> None:
    down = hub.folder / "down"
    down.touch()
    hub.start()
    wait_until(
        lambda: hub.json("status")["components"].get("sources.desk", {}).get("failures", 0) >= 2, "it failed twice"
    )
    assert "the desk is down" in hub.command("status").stdout
    assert httpx.get(f"http://127.0.0.1:{hub.port}/readyz").status_code == 200
    assert _count(hub, "component.failing") == 1
    down.unlink()
    hub.close_tickets(1)
    wait_until(lambda: hub.lines("written"), "it works again")
    assert _count(hub, "component.recovered") == 1
    assert hub.json("status")["components"]["sources.desk"]["ok"]


def test_a_bug_in_a_plugin_stops_that_component_only_and_is_told_without_its_values(hub: RunningHub) -> None:
    (hub.folder / "bug").touch()
    hub.start()
    wait_until(lambda: "sources.desk" in hub.json("status")["components"], "it was tried")
    state = hub.json("status")["components"]["sources.desk"]
    assert "a fault in the plugin or the hub: KeyError at hub_files.py:" in state["error"]
    (hub.folder / "bug").unlink()
    hub.close_tickets(1)
    wait_until(lambda: hub.lines("written"), "it works again")
    assert "+358401234567" not in hub.log_text()


def test_reload_takes_a_good_configuration_and_keeps_the_old_one_when_it_is_bad(hub: RunningHub) -> None:
    hub.start()
    assert hub.process is not None
    hub.config.write_text(hub.config.read_text().replace("sender_name", "sender_nam"))
    hub.process.send_signal(signal.SIGHUP)
    wait_until(lambda: _count(hub, "config.refused") == 1, "the bad configuration is refused")
    (refused,) = (entry for entry in hub.events() if entry["event"] == "config.refused")
    assert "Did you mean 'sender_name'?" in " ".join(refused["problems"])
    hub.write_config(answer="2 hidasta")
    hub.process.send_signal(signal.SIGHUP)
    wait_until(lambda: _count(hub, "config.reloaded") == 1, "the good configuration is taken")
    (reloaded,) = (entry for entry in hub.events() if entry["event"] == "config.reloaded")
    assert (reloaded["changed"], reloaded["added"], reloaded["removed"]) == (["gateways.sms"], [], [])
    hub.close_tickets(1)
    wait_until(lambda: hub.lines("written"), "the changed component works")
    assert hub.lines("written")[0]["scores"][0]["value"] == 2


def test_a_mistake_in_the_contacts_file_refuses_a_reload_and_the_next_one_is_heard(hub: RunningHub) -> None:
    contacts = hub.folder / "contacts.csv"
    contacts.write_text("email,phone,language,name\n")
    hub.config.write_text(hub.config.read_text().replace("[hub]", '[hub]\ncontacts = "contacts.csv"'))
    hub.start()
    assert hub.process is not None
    contacts.write_text("email,phone,language,name\na@x.example,nonsense,fi,A\n")
    hub.process.send_signal(signal.SIGHUP)
    wait_until(lambda: _count(hub, "config.refused") == 1, "the bad contacts are refused")
    contacts.write_text("email,phone,language,name\n")
    hub.process.send_signal(signal.SIGHUP)
    wait_until(lambda: _count(hub, "config.reloaded") == 1, "the good contacts are taken")


def test_a_plugin_that_cannot_be_set_up_stops_nothing_else(tmp_path: Path, new_hub: NewHub) -> None:
    broken = f'[sources.broken]\nplugin = "files"\nfolder = "{tmp_path}"\nbroken = true\n'
    hub = new_hub(extra=broken)
    hub.close_tickets(1)
    hub.start()
    try:
        wait_until(lambda: hub.lines("written"), "the others work")
    finally:
        assert hub.stop() == 0
    assert "cannot be set up: KeyError" in hub.json("status")["components"]["sources.broken"]["error"]
    result = hub.command("check")
    assert result.returncode == 5
    assert "cannot be set up" in result.stdout
    assert "+358401234567" not in result.stdout + hub.log_text()


def test_an_answer_for_a_source_that_is_switched_off_waits_until_it_is_back(tmp_path: Path, new_hub: NewHub) -> None:
    hub = new_hub(answer="")
    hub.close_tickets(1)
    hub.json("sync")
    hub.write_config(answer="5")
    on = hub.config.read_text()
    extra = f'[sources.other]\nplugin = "files"\nfolder = "{tmp_path}/other"\n'
    (tmp_path / "other").mkdir()
    hub.config.write_text(on.replace("[sources.desk]", "[sources.desk]\nenabled = false") + extra)
    hub.json("sync")
    assert hub.json("status")["write_backs"] == {"pending": 1}
    hub.config.write_text(on)
    hub.json("sync")
    assert len(hub.lines("written")) == 1


def test_a_port_in_use_is_said_before_anything_starts(hub: RunningHub) -> None:
    with socket.create_server(("127.0.0.1", hub.port)):
        result = hub.command("run")
    assert result.returncode == 3
    assert f"web.listen: cannot listen on 127.0.0.1:{hub.port}" in result.stderr
    assert "Traceback" not in result.stderr


def test_systemd_hears_when_the_hub_is_ready_and_that_it_is_alive(
    hub: RunningHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(path))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        try:
            hub.start()
            heard = {notify.recv(100).strip() for _ in range(3)}
        finally:
            path.unlink()
    assert heard == {b"READY=1", b"WATCHDOG=1"}


def test_every_sink_hears_of_every_experience(tmp_path: Path, new_hub: NewHub) -> None:
    hub = new_hub(extra=f'[sinks.events]\nplugin = "files"\nfolder = "{tmp_path}"\n')
    hub.close_tickets(2)
    hub.start()
    try:
        wait_until(lambda: len(hub.lines("events")) == len(hub.lines("written")) == 2, "both places have both")
    finally:
        assert hub.stop() == 0
    assert sorted(line["id"] for line in hub.lines("events")) == sorted(line["id"] for line in hub.lines("written"))


def test_the_answer_page_records_on_post_and_never_on_get(new_hub: NewHub) -> None:
    hub = new_hub(answer="")
    hub.close_tickets(1)
    hub.start()
    try:
        wait_until(lambda: hub.lines("sent"), "the survey is sent")
        url = f"http://127.0.0.1:{hub.port}/a/{hub.lines('sent')[0]['key']}"
        for method in ("GET", "HEAD"):
            assert httpx.request(method, f"{url}?r=1").status_code == 200
        wait_until(lambda: hub.json("status")["invitations"].get("sent") == 1, "the survey counts as sent")
        assert hub.json("status")["answers"] == {}
        assert answer(url, service="4", comment="Hyvää työtä!").status_code == 303
        wait_until(lambda: hub.lines("written"), "the answer is on the ticket")
    finally:
        assert hub.stop() == 0
    (written,) = hub.lines("written")
    assert (written["scores"][0]["value"], written["comment"], written["channel"]) == (4, "Hyvää työtä!", "page")
