"""Rates as people write them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import RateLimit
from hub.config.effective import effective
from hub.config.load import load
from hub.config.models import HubConfig
from hub.config.rates import parse_rate, rate_text
from hub.registry import Plugin, Registry, State
from tests.config.conftest import GOOD
from tests.config.plugins import REGISTRY


@pytest.mark.parametrize(
    ("written", "calls", "seconds"),
    [
        ("200 per second", 200, 1),
        ("5000 per hour", 5000, 3600),
        (" 1  per day ", 1, 86400),
        ("60 per minute", 60, 60),
        ("100 per 10s", 100, 10),
        ("3 per 1h30m", 3, 5400),
    ],
)
def test_a_rate_is_read(written: str, calls: int, seconds: int) -> None:
    assert parse_rate(written) == RateLimit(calls, timedelta(seconds=seconds))


@given(calls=st.integers(1, 1_000_000), seconds=st.integers(1, 31 * 86_400))
def test_what_is_shown_can_be_written(calls: int, seconds: int) -> None:
    rate = RateLimit(calls, timedelta(seconds=seconds))
    assert parse_rate(rate_text(rate)) == rate


@given(st.one_of(st.text(), st.integers(), st.none(), st.from_regex(r"\d+ +per +[^smhd]\S*", fullmatch=True)))
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match=r".{20}"):
        parse_rate(written)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("200/s", "not a rate"),
        (50, "not a rate"),
        ("٣ per second", "not a rate"),
        ("5 per hours", "Did you mean 'hour'?"),
        ("0 per second", "enabled = false"),
        ("2000000 per second", "1 to 1000000 calls"),
        ("5 per 10ms", "per second or longer"),
        ("5 per 99d", "up to 31d"),
        ("5 per 1e999h", "not a unit"),
        ("5 per -1h", "not a rate"),
    ],
)
def test_a_slip_is_explained(written: object, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        parse_rate(written)


def test_the_setting_takes_the_place_of_what_the_plugin_states(tmp_path: Path) -> None:
    stated = RateLimit(10, timedelta(seconds=7))
    desk = replace(REGISTRY.source_type("desk"), rate=stated)
    text = replace(REGISTRY.gateway_type("text"), rate=stated)
    registry = Registry([Plugin("desk", State.LOADED, source=desk), Plugin("text", State.LOADED, gateway=text)])
    path = tmp_path / "hub.toml"
    path.write_text(GOOD.replace('plugin = "text"', 'plugin = "text"\nrate = "200 per second"'))
    config = load(path, registry=registry)
    assert config.sources["prod"].rate == stated
    assert config.gateways["sms"].rate == RateLimit(200, timedelta(seconds=1))
    tables = effective(config)
    assert tables["sources"]["prod"]["rate"] == "10 per 7s"
    assert tables["gateways"]["sms"]["rate"] == "200 per second"


def test_without_either_there_is_no_limit(read: Callable[[str], HubConfig]) -> None:
    config = read(GOOD)
    assert config.gateways["sms"].rate is None
    assert "rate" not in effective(config)["gateways"]["sms"]


def test_metrics_are_not_on_the_public_port(complaints: Callable[[str], list[str]]) -> None:
    text = '[hub]\nmetrics_listen = "127.0.0.1:8080"\n' + GOOD
    assert (
        complaints(text)[0] == "hub.toml:2: hub.metrics_listen: must be another port than web.listen, which is public."
    )
