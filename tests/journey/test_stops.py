"""The stop list: what its file may hold, and what the operator puts on it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hub import Customer
from hub.cli import app
from hub.cli import stops as command
from hub.config.messages import ConfigProblems
from hub.journey import stops
from hub.journey.stop_list import read_stop_list
from tests.journey.world import MAIL, ON_SQLITE, PHONE, World, plan, ticket


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "stop.txt"


def test_a_file_holds_addresses_numbers_and_domains(file: Path) -> None:
    file.write_text("# asked by phone\n\n040 123 4567   # Maija\nMaija+x@Customer.example\n@Acme.FI\na#b@x.example\n")
    assert read_stop_list(file, "FI").entries == {PHONE, MAIL, "@acme.fi", "a#b@x.example"}


def test_all_that_is_wrong_with_a_file_is_told_without_what_stands_there(file: Path) -> None:
    file.write_text("a@b.example\nMaija Meikäläinen\n12\n")
    with pytest.raises(ConfigProblems) as caught:
        read_stop_list(file, "FI")
    assert [problem.line for problem in caught.value.problems] == [2, 3]
    assert "Maija" not in str(caught.value)


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(ConfigProblems, match=r"there is no such file"):
        read_stop_list(file, "FI")
    assert read_stop_list(None, "FI").entries == frozenset()


@pytest.mark.parametrize("one", [MAIL, "@example"])
async def test_what_waits_for_somebody_on_the_list_is_taken_back_over_every_address(world: World, one: str) -> None:
    world.plan = plan(delay="1h", contact_interval="0s")
    both = ticket(world.now, customer=Customer(phone=PHONE, email=MAIL))
    await world.close(both, ticket(world.now, customer=Customer(email=MAIL)), ticket(world.now))
    await world.close(ticket(world.now, customer=Customer(phone="+358407654321")))
    assert await stops.add(world.store, one, "asked by phone", world.now) == (True, 3)
    assert await world.states() == [("skipped", "on_stop_list")] * 3 + [("waiting", None)]
    await world.close(both.model_copy(update={"closure_key": "again"}))
    assert (await world.states())[-1] == ("skipped", "on_stop_list")


async def test_an_entry_is_there_once_and_can_be_taken_off(world: World) -> None:
    assert [await stops.add(world.store, PHONE, None, world.now) for _ in range(2)] == [(True, 0), (False, 0)]
    assert [row["entry"] for row in await stops.listed(world.store)] == [PHONE]
    assert [await stops.remove(world.store, PHONE) for _ in range(2)] == [True, False]
    await world.close(ticket(world.now))
    assert await world.states() == [("waiting", None)]


@ON_SQLITE
async def test_a_domain_is_no_pattern(world: World) -> None:
    world.plan = plan(delay="1h")
    await world.close(ticket(world.now, customer=Customer(email="a@my-example.test")))
    assert await stops.add(world.store, "@my_example.test", None, world.now) == (True, 0)


@ON_SQLITE
async def test_somebody_put_into_the_file_meanwhile_gets_nothing_that_waits(world: World) -> None:
    from dataclasses import replace

    from hub.journey.addresses import StopList

    await world.close(ticket(world.now))
    world.plan = replace(world.plan, stop_list=StopList(frozenset({PHONE})))
    await world.deliver()
    assert (await world.states(), world.phones.messages) == ([("skipped", "on_stop_list")], [])


@pytest.mark.parametrize(
    ("entry", "shown"),
    [(PHONE, "+358***67"), (MAIL, "m***@customer.example"), ("@acme.fi", "@acme.fi")],
)
def test_entries_are_shown_to_those_who_know_them(entry: str, shown: str) -> None:
    assert command.masked(entry) == shown


# The command

CONFIG = """
[web]
public_url = "https://survey.example.org"
[survey]
sender_name = "Acme"
stop_list = "stop.txt"
[hub]
allow_plain_secrets = true
[sources.desk]
plugin = "email"
host = "imap.example.org"
username = "desk@example.org"
password = "x"
desk_addresses = ["desk@example.org"]
[gateways.sms]
plugin = "kannel"
url = "https://sms.example.org/cgi-bin/sendsms"
username = "hub"
password = "x"
sender = "16400"
callback_secret = "0123456789abcdef"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "hub.toml").write_text(CONFIG)
    (tmp_path / "stop.txt").write_text("@listed.example\n")
    return tmp_path / "hub.toml"


def run(config: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["stops", *arguments, "--config", str(config)])
    return result.exit_code, result.stdout, result.stderr


def test_the_operator_puts_somebody_on_the_list_and_takes_them_off(config: Path) -> None:
    assert run(config, "add", "040 123 4567", "--reason", "asked by phone")[0] == 0
    code, listed, told = run(config, "list")
    assert code == 0
    assert listed.split()[2:] == ["+358***67", "asked", "by", "phone"]
    assert "stop.txt: 1 more" in told
    assert json.loads(run(config, "list", "--json")[1])["in_file"] == 1
    assert run(config, "remove", "+358401234567")[0] == 0
    assert run(config, "remove", PHONE)[::2] == (1, "there was no such entry; see: hub stops list\n")


def test_what_the_file_names_is_taken_out_there(config: Path) -> None:
    code, _, told = run(config, "remove", "a@listed.example")
    assert code == 1
    assert "stop.txt still names it; take the line out, then reload the hub" in told


def test_what_is_no_entry_is_refused_and_not_repeated(config: Path) -> None:
    code, _, told = run(config, "add", "Maija Meikäläinen")
    assert code == 2
    assert "no mail address, phone number or domain" in told
    assert "Maija" not in told
