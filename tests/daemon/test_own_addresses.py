"""Who is of the desk: the addresses that hub.toml itself uses, and those at which no customer is asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from hub.config.load import load
from hub.config.models import HubConfig
from hub.daemon.service import is_desk_of
from tests.docs.pages import ROOT


@cache
def configured() -> HubConfig:
    return load(ROOT / "hub.toml")


def without_exclusions() -> HubConfig:
    return replace(configured(), exclusions={})


@pytest.mark.parametrize(
    "address", ["desk@acme.example", "Survey+KEY@Acme.example", "survey@acme.example", "hub@acme.example", "16400"]
)
def test_the_addresses_that_sources_and_gateways_use_are_the_desk_s(address: str) -> None:
    assert is_desk_of(without_exclusions())(address)


@pytest.mark.parametrize("address", ["anna@acme.example", "NoReply@customer.example"])
def test_who_is_excluded_by_address_cannot_answer_for_others(address: str) -> None:
    assert is_desk_of(configured())(address)
    assert not is_desk_of(without_exclusions())(address)


@pytest.mark.parametrize("address", ["maija@customer.example", "+358401234567", "16401", "Acme"])
def test_customers_are_not_the_desk(address: str) -> None:
    assert not is_desk_of(configured())(address)
