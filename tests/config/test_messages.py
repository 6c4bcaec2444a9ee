"""The exact words for each mistake. A message without a test rots."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.config.load import load
from hub.config.messages import ConfigProblems
from tests.config.conftest import GOOD
from tests.config.plugins import REGISTRY

Complaints = Callable[[str], list[str]]
NEXT = "Correct the file, then run: hub config check"

LINE_OF_GOOD = {
    text: number for number, text in enumerate(GOOD.splitlines(), 1) if text and not text.startswith("plugin")
}


def replaced(old: str, new: str) -> tuple[str, int]:
    """The good file with one line replaced, and the number of that line."""
    return GOOD.replace(old, new), LINE_OF_GOOD[old]


URL, SENDER = 'public_url = "https://survey.example.org"', 'sender_name = "Acme Service Desk"'
DESK_URL, SMS = 'base_url = "https://desk.example.org"', "[gateways.sms]"

A_URL = 'must be a URL without query, such as "https://survey.example.org".'
A_PORT = 'must be an address and a port from 1 to 65535, such as "127.0.0.1:8080".'
A_STORE = 'must be "sqlite:///hub.db" or "postgresql://user@host/database".'
A_TIME = 'must be two times of day, such as "20:00-08:00", or "" for none.'
A_DAY = "must be 'mon', 'tue', 'wed', 'thu', 'fri', 'sat' or 'sun'."
A_NAME = "a name is at most 63 letters a-z, digits, '-' and '_', and begins with a letter or digit."
A_LIST = 'must be a list, such as ["a", "b"].'
NO_VALUE = 'this is not a value. Text stands in quotes: name = "value".'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (URL, 'public_url = "survey"', f"web.public_url: {A_URL}"),
        (URL, 'public_url = "ftp://a"', f"web.public_url: {A_URL}"),
        (URL, 'public_url = "https://[x"', f"web.public_url: {A_URL}"),
        (URL, 'public_url = "https://a/?b=c"', f"web.public_url: {A_URL}"),
        (URL, 'publik_url = "https://a"', "web.publik_url: unknown setting. Did you mean 'public_url'?"),
        (URL, "public_url = 7", "web.public_url: must be text in quotes."),
        (URL, URL + '\nlisten = "8080"', f"web.listen: {A_PORT}"),
        (URL, URL + '\nlisten = "a:99999"', f"web.listen: {A_PORT}"),
        (URL, URL + '\nlisten = "127.0.0.1:0"', f"web.listen: {A_PORT}"),
        (URL, URL + '\n[hub]\nmetrics_listen = "127.0.0.1:0"', f"hub.metrics_listen: {A_PORT}"),
        (URL, URL + '\n[hub]\nstore = "mysql://x"', f"hub.store: {A_STORE}"),
        (URL, URL + '\n[hub]\nstore = "sqlite://"', f"hub.store: {A_STORE}"),
        (URL, URL + '\n[hub]\nstore = "sqlite:///:memory:"', f"hub.store: {A_STORE}"),
        (URL, URL + '\n[hub]\nstore = "postgresql://[x"', f"hub.store: {A_STORE}"),
        (
            URL,
            URL + '\n[hub]\ntimezone = "Europe/Helsinky"',
            "hub.timezone: is not a time zone this machine knows. "
            "Write for example \"Europe/Helsinki\". Did you mean 'Europe/Helsinki'?",
        ),
        (URL, URL + '\n[hub]\nlanguage = "de"', "hub.language: must be 'fi', 'sv' or 'en'."),
        (URL, URL + '\n[hub]\nregion = "XX"', 'hub.region: must be the two letters of a country, such as "FI".'),
        (URL, URL + "\n[hub]\ncontacts = 1", "hub.contacts: must be a path in quotes."),
        (URL, URL + '\n[hub]\nlog_level = "loud"', "hub.log_level: must be 'debug', 'info', 'warning' or 'error'."),
        (URL, URL + "\n[hub]\nallow_plain_secrets = 7", "hub.allow_plain_secrets: must be true or false."),
        (SENDER, 'sender_name = " "', "survey.sender_name: must not be empty."),
        (SENDER, SENDER + '\ndelay = "-5m"', "survey.delay: must not be negative."),
        (
            SENDER,
            SENDER + '\ndelay = "5 minutes"',
            'survey.delay: not a duration; write for example "30s", "15m", "12h" or "30d".',
        ),
        (SENDER, SENDER + "\ndelay = 5", 'survey.delay: write a duration such as "30s", "15m", "12h" or "30d".'),
        (SENDER, SENDER + '\nexpires = "100y"', "survey.expires: must be 3650d or less."),
        (SENDER, SENDER + '\nexpires = "0s"', "survey.expires: must be 1s or more."),
        (
            SENDER,
            SENDER + '\nmax_age = "5m"',
            "survey.max_age: must be longer than survey.delay, or no customer is ever asked.",
        ),
        (SENDER, SENDER + '\nquiet_hours = "20-8"', f"survey.quiet_hours: {A_TIME}"),
        (SENDER, SENDER + '\nquiet_hours = "25:00-08:00"', f"survey.quiet_hours: {A_TIME}"),
        (
            SENDER,
            SENDER + '\nquiet_hours = "08:00-8:00"',
            'survey.quiet_hours: must start and end at different times; write "" for no quiet hours.',
        ),
        (SENDER, SENDER + '\nworking_days = ["mo"]', f"survey.working_days.0: {A_DAY}"),
        (
            SENDER,
            SENDER + "\nworking_days = []",
            "survey.working_days: must name a day, or no customer is ever asked.",
        ),
        (
            SENDER,
            SENDER + '\nholidays = "XX"',
            "survey.holidays: the public holidays of 'XX' are not known.",
        ),
        (SENDER, SENDER + "\nshare = 25", "survey.share: must be 1 or less."),
        (
            SENDER,
            SENDER + '\nlegal_basis = { sms = "consnt" }',
            "survey.legal_basis.sms: must be 'legitimate_interest' or 'consent'.",
        ),
        (
            SENDER,
            SENDER + '\nlegal_basis = { smss = "consent" }',
            "survey.legal_basis.smss: unknown setting. Did you mean 'sms'?",
        ),
        (SENDER, SENDER + '\ngateways = ["sms", "sms"]', "survey.gateways: names 'sms' twice."),
        (
            SENDER,
            SENDER + '\ngateways = ["sma"]',
            "survey.gateways.0: no gateway 'sma' is configured. Did you mean 'sms'? Configured: sms.",
        ),
        ("[sources.prod]", '[sources."pro d"]', f'sources."pro d": {A_NAME}'),
        ("[sources.prod]", "[source.x]\n[sources.prod]", "source: unknown table. Did you mean 'sources'?"),
        (SMS, "[sources.y]\n" + SMS, "sources.y.plugin: required setting is missing."),
        (SMS, '[sources.y]\nplugn = "desk"\n' + SMS, "sources.y.plugn: unknown setting. Did you mean 'plugin'?"),
        (
            SMS,
            '[sources.y]\nplugin = "dsk"\n' + SMS,
            "sources.y.plugin: no plugin 'dsk' is installed. Did you mean 'desk'? Installed: desk, heap, text, torn.",
        ),
        (
            SMS,
            '[sources.y]\nplugin = "text"\n' + SMS,
            "sources.y.plugin: plugin 'text' offers no source; it offers: gateway.",
        ),
        (
            SMS,
            '[sources.y]\nplugin = "torn"\n' + SMS,
            "sources.y.plugin: plugin 'torn' is broken: ImportError when 'hub_torn' was imported: no module named 'x'",
        ),
        (SMS, "[sources.y]\nplugin = 5\n" + SMS, "sources.y.plugin: must be text in quotes."),
        (SMS, '[sources.y]\nplugin = ""\n' + SMS, "sources.y.plugin: must not be empty."),
        (SMS, "[[sources.y]]\n" + SMS, "sources.y: must be a table: [sources.NAME]."),
    ],
)
def test_one_mistake_gives_one_message(complaints: Complaints, old: str, new: str, message: str) -> None:
    text, first = replaced(old, new)
    place, _, said = complaints(text)[0].partition(": ")
    assert said == message
    assert complaints(text)[1:] == [f"1 problem. {NEXT}"]
    line = int(place.removeprefix("hub.toml:"))
    assert first <= line <= first + new.count("\n")


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        (DESK_URL, "", ["hub.toml:7: sources.prod.base_url: required setting is missing."]),
        (
            DESK_URL,
            'base_ur = "x"',
            ["hub.toml:9: sources.prod.base_ur: unknown setting. Did you mean 'base_url'?"],
        ),
        (DESK_URL, DESK_URL + "\nzzz = 1", ["hub.toml:10: sources.prod.zzz: unknown setting."]),
        (
            DESK_URL,
            DESK_URL + '\nintervall = "5m"',
            ["hub.toml:10: sources.prod.intervall: unknown setting. Did you mean 'interval'?"],
        ),
        (DESK_URL, DESK_URL + "\npage_size = 101", ["hub.toml:10: sources.prod.page_size: must be 100 or less."]),
        (DESK_URL, DESK_URL + '\npage_size = "many"', ["hub.toml:10: sources.prod.page_size: must be a whole number."]),
        (
            DESK_URL,
            DESK_URL + "\nmax_in_flight = 5",
            ["hub.toml:10: sources.prod.max_in_flight: unknown setting."],
        ),
        (
            DESK_URL,
            DESK_URL + '\nproxy = { hst = "a" }',
            ["hub.toml:10: sources.prod.proxy.hst: unknown setting. Did you mean 'host'?"],
        ),
        (
            DESK_URL,
            'base_url = "crash"',
            ["hub.toml:7: sources.prod: the plugin failed to read these settings (KeyError). Report it to its author."],
        ),
    ],
)
def test_mistakes_in_a_plugins_settings(complaints: Complaints, old: str, new: str, messages: list[str]) -> None:
    said = complaints(GOOD.replace(old, new))
    assert said == [*messages, f"1 problem. {NEXT}. A plugin's settings: hub plugins show desk"]


def test_all_problems_come_at_once_sorted_by_line(complaints: Complaints) -> None:
    said = complaints(
        """\
[gateways.sms]
plugin = "txt"
max_in_flight = 0
rate = "200 per secnd"
[sources.prod]
plugin = "desk"
token = { env = "NOT_THERE" }
page_size = 0
base_ur = "x"
[survey]
gateways = ["sms", "mail"]
[web]
"""
    )
    assert said == [
        "hub.toml:2: gateways.sms.plugin: no plugin 'txt' is installed. Did you mean 'text'? "
        "Installed: desk, heap, text, torn.",
        "hub.toml:3: gateways.sms.max_in_flight: must be 1 or more.",
        "hub.toml:4: gateways.sms.rate: 'secnd' is not a unit of time. Did you mean 'second'? "
        'Otherwise write for example "200 per second", "5000 per hour" or "100 per 10s".',
        "hub.toml:7: sources.prod.token: the environment variable NOT_THERE is not set. Set it.",
        "hub.toml:8: sources.prod.page_size: must be 1 or more.",
        "hub.toml:9: sources.prod.base_ur: unknown setting. Did you mean 'base_url'?",
        "hub.toml:10: survey.sender_name: required setting is missing.",
        "hub.toml:11: survey.gateways.1: no gateway 'mail' is configured. Configured: sms.",
        "hub.toml:12: web.public_url: required setting is missing.",
        f"9 problems. {NEXT}. A plugin's settings: hub plugins show desk",
    ]


def test_an_empty_file_says_what_is_needed(complaints: Complaints) -> None:
    assert complaints("") == [
        "hub.toml:1: web.public_url: required setting is missing.",
        'hub.toml:1: sources: no source is configured. Add a table such as [sources.desk] with plugin = "email".',
        'hub.toml:1: gateways: no gateway is configured. Add a table such as [gateways.mail] with plugin = "email".',
        "hub.toml:1: survey.sender_name: required setting is missing.",
        f"4 problems. {NEXT}",
    ]


def test_a_value_where_a_table_belongs(complaints: Complaints) -> None:
    said = complaints("hub = 1\nsources = []\nweb.public_url = 'https://a'\nsurvey.sender_name = 'a'\n")
    assert "hub.toml:1: hub: must be a table: [hub]." in said
    assert "hub.toml:2: sources: must be a table: [sources.NAME]." in said


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ('[web]\nlisten = "x\n', [
            "2: the text in quotes does not end on this line.", '    listen = "*', "               ^"]),
        ("[web]\na = 1\na = 2\n", ["3: this setting is written twice.", "    a = *", "         ^"]),
        ("[web]\n[survey]\n[web]\n", ["3: the table [web] is written twice.", "    [web]", "        ^"]),
        ("[web]\nlisten = abc\n", [
            f"2: {NO_VALUE}", "    listen = ***", "             ^"]),
        ("listen\n", ["1: a setting is written as: name = value.", "    ******", "          ^"]),
        ('[web]\na = "\\q"\n', [
            "2: write a backslash twice, or put the text in single quotes.", '    a = "**"', "           ^"]),
        ("a = 'x", ["1: the text in quotes does not end.", "    a = '*", "          ^"]),
        ("a = [1,\n\n", [f"1: {NO_VALUE}", "    a = [*,", "           ^"]),
        ("[web\n", ["1: expected ']' at the end of a table declaration.", "    [web", "        ^"]),
        ("[web]\nx = [\n'hunter2'\n'y']\n", ["4: unclosed array.", "    '*']", "    ^"]),
        ("a = " + "9" * 5000, [": a number is too long."]),
        ("a = " + "[" * 20000, [": arrays or tables are nested too deeply."]),
    ],
)  # fmt: skip
def test_what_is_not_toml_is_shown_with_its_line_and_masked_values(
    complaints: Complaints, text: str, messages: list[str]
) -> None:
    said = complaints(text)
    if messages[0].startswith(":"):
        assert said[0] == f"hub.toml{messages[0]}"
    else:
        assert said[:3] == [f"hub.toml:{messages[0]}", *messages[1:]]
    assert said[-1] == f"1 problem. {NEXT}"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path / "none.toml", registry=REGISTRY)
    assert str(caught.value) == (
        f"{tmp_path}/none.toml: there is no such file.\n"
        "1 problem. Start from the example in the README or from the hub.toml of the source checkout, "
        "or name another file with --config FILE or the variable HUB_CONFIG."
    )


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigProblems, match="cannot be read: Is a directory"):
        load(tmp_path, registry=REGISTRY)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").touch(mode=0)
    with pytest.raises(ConfigProblems, match="cannot be read: Permission denied"):
        load(tmp_path / "hub.toml", registry=REGISTRY)


def test_another_encoding_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_bytes("[survey]\nsender_name = 'Äänekoski'\n".encode("latin-1"))
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path / "hub.toml", registry=REGISTRY)
    assert [(problem.line, problem.text) for problem in caught.value.problems] == [
        (2, "this is not UTF-8. Save the file as UTF-8.")
    ]


def test_problems_can_be_read_by_a_program(tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text(GOOD.replace(SENDER, ""), encoding="utf-8")
    with pytest.raises(ConfigProblems) as caught:
        load(tmp_path / "hub.toml", registry=REGISTRY)
    [problem] = caught.value.problems
    assert (caught.value.file.name, problem.line, problem.path) == ("hub.toml", 4, "survey.sender_name")
