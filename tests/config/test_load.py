"""What a valid hub.toml gives."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import time, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hub import Channel, RateLimit
from hub.config.changes import Changes, diff
from hub.config.load import find, load
from hub.config.messages import ConfigProblems
from hub.config.models import GatewayEnvelope, HubConfig, HubSettings, WebSettings
from hub.config.survey import SurveySettings
from hub.config.values import QuietHours
from tests.config.conftest import GOOD
from tests.config.plugins import REGISTRY, DeskConfig, TextConfig

Read = Callable[[str], HubConfig]


def test_a_short_file_gives_a_whole_configuration(read: Read, tmp_path: Path) -> None:
    config = read(GOOD)
    assert config.path == tmp_path / "hub.toml"
    assert config.hub.store == f"sqlite:///{tmp_path}/hub.db"
    assert (config.hub.timezone, config.hub.language, config.hub.region) == ("Europe/Helsinki", "fi", "FI")
    assert (config.web.host, config.web.port) == ("127.0.0.1", 8080)
    assert config.survey.gateways == ("sms",)
    assert config.survey.quiet_hours == QuietHours(time(20), time(8))
    assert (config.survey.delay, config.survey.expires) == (timedelta(minutes=10), timedelta(days=14))
    source, gateway = config.sources["prod"], config.gateways["sms"]
    assert (source.id, source.enabled, source.interval) == ("sources.prod", True, timedelta(minutes=1))
    assert (gateway.id, gateway.plugin, gateway.max_in_flight) == ("gateways.sms", "text", 16)
    assert source.type is REGISTRY.source_type("desk")
    assert isinstance(source.settings, DeskConfig)
    assert source.settings.token.get_secret_value() == "s3cr3t-Token"
    assert config.sinks == {}


def test_every_setting_of_the_hub_is_read(read: Read, tmp_path: Path) -> None:
    config = read(
        """
[hub]
store = "postgresql://hub@db.example.org/hub"
timezone = "Europe/Stockholm"
language = "sv"
region = "se"
contacts = "people/contacts.csv"
log_level = "debug"
metrics_listen = "[::1]:9464"
[web]
listen = "[::1]:443"
public_url = "https://example.org/survey/"
[survey]
sender_name = " Acme "
gateways = ["b", "a"]
delay = "1h30m"
max_age = "2d"
expires = "1w"
contact_interval = "0s"
quiet_hours = ""
share = 0.5
reminder = "3d"
working_days = ["mon", "fri"]
holidays = "fi"
legal_basis = { sms = "consent" }
stop_list = "stop.txt"
[sources.x]
plugin = "desk"
enabled = false
interval = "30s"
base_url = "u"
token = { env = "DESK_TOKEN" }
[gateways.a]
plugin = "text"
max_in_flight = 4
rate = "200 per second"
timeout = "5s"
[gateways.b]
plugin = "text"
[sinks.heap]
plugin = "heap"
"""
    )
    assert config.hub.store == "postgresql://hub@db.example.org/hub"
    assert config.hub.region == "SE"
    assert config.hub.contacts == tmp_path / "people/contacts.csv"
    assert (config.web.host, config.web.port, config.web.public_url) == ("::1", 443, "https://example.org/survey")
    assert config.survey.sender_name == "Acme"
    assert config.survey.gateways == ("b", "a")
    assert config.survey.quiet_hours is None
    assert (config.survey.share, config.survey.reminder) == (0.5, timedelta(days=3))
    assert (config.survey.working_days, config.survey.holidays) == (("mon", "fri"), "FI")
    assert config.survey.legal_basis.needs_consent(Channel.SMS)
    assert not config.survey.legal_basis.needs_consent(Channel.EMAIL)
    assert config.survey.stop_list == tmp_path / "stop.txt"
    assert config.survey.contact_interval == timedelta(0)
    assert config.sources["x"].enabled is False
    assert config.hub.metrics_listen == "[::1]:9464"
    assert config.gateways["a"].max_in_flight == 4
    assert config.gateways["a"].rate == RateLimit(200, timedelta(seconds=1))
    assert config.gateways["b"].rate is None
    assert sorted(config.components()) == ["gateways.a", "gateways.b", "sinks.heap", "sources.x"]


def test_an_absolute_store_stays_where_it_is(read: Read) -> None:
    assert read(GOOD + '[hub]\nstore = "sqlite:////var/lib/hub.db"\n').hub.store == "sqlite:////var/lib/hub.db"


def test_a_byte_order_mark_and_windows_line_ends_are_accepted(read: Read) -> None:
    assert read("\ufeff" + GOOD.replace("\n", "\r\n")).survey.sender_name == "Acme Service Desk"


def test_the_file_is_looked_for_in_the_option_then_the_variable_then_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_CONFIG", "/etc/hub.toml")
    assert find(Path("x.toml")) == Path("x.toml")
    assert find() == Path("/etc/hub.toml")
    monkeypatch.delenv("HUB_CONFIG")
    assert find() == Path("hub.toml")


def test_nothing_changed_when_only_order_and_layout_did(read: Read) -> None:
    moved = GOOD.replace('token = { env = "DESK_TOKEN" }\n', "").replace(
        'plugin = "desk"', 'token = {env="DESK_TOKEN"}\nplugin = "desk"'
    )
    assert diff(read(GOOD), read(moved)) == Changes()


def test_changes_are_told_by_name(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    old = read(GOOD + '[sinks.old]\nplugin = "heap"\n')
    monkeypatch.setenv("DESK_TOKEN", "another")
    new = read(GOOD.replace("Acme", "Other") + '[sinks.new]\nplugin = "heap"\n')
    assert diff(old, new) == Changes(("sinks.new",), ("sinks.old",), ("sources.prod",), ("survey",))


def test_each_setting_of_the_envelope_counts_as_a_change(read: Read) -> None:
    for setting in ("enabled = false", 'interval = "2m"', "max_in_flight = 3", 'rate = "5 per hour"', 'mode = "fast"'):
        assert diff(read(GOOD), read(f"{GOOD}{setting}\n")).changed == ("gateways.sms",)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(), st.binary()))
@example("a = " + "[" * 20_000)
@example("a = " + "{b = " * 20_000)
@example("a = " + "9" * 5_000)
@example("a = 1\ra = 2")
@example('a = "\\ud800"')
def test_any_content_is_a_configuration_or_a_list_of_problems(tmp_path: Path, content: str | bytes) -> None:
    file = tmp_path / "hub.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ConfigProblems):
        load(file, registry=REGISTRY)


odd = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=2), st.dates(),
    st.dictionaries(st.sampled_from(["env", "file", "keyring", "plugin", "x"]), st.text(), max_size=2),
)  # fmt: skip
values = st.one_of(
    odd,
    st.sampled_from(["desk", "text", "heap", "torn", "20:00-08:00", "5m", "-1s", "https://x.example", "UTC", "a:1"]),
)
MODELS = (HubSettings, WebSettings, SurveySettings, GatewayEnvelope, DeskConfig, TextConfig)
names = st.one_of(st.sampled_from([name for model in MODELS for name in model.model_fields]), st.text(max_size=4))
tables = st.dictionaries(names, values, max_size=6)
sections = st.sampled_from(["hub", "web", "survey", "sources", "gateways", "sinks", "other"])


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{toml(key)} = {toml(part)}" for key, part in value.items() if part is not None) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(c):08x}" for c in value if not "\ud800" <= c <= "\udfff") + '"'
    return str(value).lower() if isinstance(value, bool | float) else str(value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(sections, st.one_of(tables, st.dictionaries(names, tables, max_size=3), odd), max_size=6))
def test_any_toml_is_a_configuration_or_a_list_of_problems(tmp_path: Path, document: dict[str, object]) -> None:
    text = "\n".join(f"{name} = {toml(value)}" for name, value in document.items() if value is not None)
    file = tmp_path / "hub.toml"
    file.write_text(text, encoding="utf-8")
    with contextlib.suppress(ConfigProblems):
        load(file, registry=REGISTRY)
