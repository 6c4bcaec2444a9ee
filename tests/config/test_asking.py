"""Rules, exclusions and what else says whom to ask: what is read, and the exact words for each mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from hub import Milestone
from hub.config.models import HubConfig
from tests.config.conftest import GOOD

Read = Callable[[str], HubConfig]
Complaints = Callable[[str], list[str]]

RULES = """
[[rules]]
name = "sap"
source = ["prod"]
service = ["SAP*"]
survey = "progress"
gateways = ["sms"]
delay = "2h"
share = 0.25
reminder = "3d"
tone = "informal"
[[rules]]
name = "early"
milestone = ["handed_over", "waiting"]
survey = "progress"
[rules.fields]
labels = ["x*"]
[[rules]]
name = "never"
ask = false
"""


def test_rules_are_read_in_their_order_with_the_default_behind_them(read: Read) -> None:
    sap, early, never, default = read(GOOD + RULES).rules
    assert (sap.name, sap.delay, sap.share, sap.tone) == ("sap", timedelta(hours=2), 0.25, "informal")
    assert early.milestone == (Milestone.HANDED_OVER, Milestone.WAITING)
    assert early.fields == {"labels": ("x*",)}
    assert not never.ask
    assert (default.name, default.milestone, default.survey) == ("default", (Milestone.CLOSED,), "closing")


def test_built_in_exclusions_are_there_and_can_be_changed_one_by_one(read: Read) -> None:
    built_in = read(GOOD).exclusions
    assert {"agent", "label", "duplicate", "spam", "automatic", "silence"} <= built_in.keys()
    changed = read(
        GOOD
        + """
[exclusions.silence]
silent_for = "30d"
[exclusions.automatic]
fields = {}
[exclusions.own_staff]
domains = ["@Acme.FI"]
"""
    ).exclusions
    assert changed["silence"].silent_for == timedelta(days=30)
    assert changed["silence"].fields == built_in["silence"].fields
    assert (changed["automatic"].fields, changed["automatic"].addresses) == ({}, built_in["automatic"].addresses)
    assert changed["own_staff"].domains == ("acme.fi",)
    assert changed["agent"] == built_in["agent"]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ('[[rules]]\nservice = ["x"]', "1: rules.0.name: required setting is missing."),
        ('[[rules]]\nname = "a"\nservce = ["x"]', "3: rules.0.servce: unknown setting. Did you mean 'service'?"),
        ('[[rules]]\nname = "a"\nservice = "x"', '3: rules.0.service: must be a list, such as ["a", "b"].'),
        (
            '[[rules]]\nname = "a"\n[[rules]]\nname = "b"\nsurvey = "closng"',
            "5: rules.1.survey: no survey 'closng' is configured. Did you mean 'closing'? There are: "
            "closing, progress, place.",
        ),
        (
            '[[rules]]\nname = "a"\nservic = ["x"]\n[[rules]]\nname = "b"\ngateways = ["sms", "sma"]',
            "6: rules.1.gateways.1: no gateway 'sma' is configured. Did you mean 'sms'? There are: sms.",
        ),
        (
            '[[rules]]\nname = "a"\nsource = ["prd"]',
            "3: rules.0.source.0: no source 'prd' is configured. Did you mean 'prod'? There are: prod.",
        ),
        ('[[rules]]\nname = "a"\n[[rules]]\nname = "a"', "4: rules.1.name: another rule is called 'a'."),
        (
            '[[rules]]\nname = "default"',
            "2: rules.0.name: is the name of the rule behind all others, which is for every closed ticket. Choose "
            "another.",
        ),
        (
            '[[rules]]\nname = "a"\ndelay = "3d"',
            "3: rules.0.delay: must be shorter than survey.max_age, or the rule asks nobody.",
        ),
        (
            '[[rules]]\nname = "a"\nmilestone = ["opened"]',
            "3: rules.0.milestone.0: must be 'closed', 'handed_over' or 'waiting'.",
        ),
        ('[[rules]]\nname = "a"\nshare = 2', "3: rules.0.share: must be 1 or less."),
        ('[rules]\nname = "a"', "1: rules: must be a list of tables: [[rules]]."),
        (
            '[exclusions.own]\ndomains = ["a@b.fi"]',
            '2: exclusions.own.domains: must be a list of domains, such as ["acme.example"].',
        ),
        (
            '[exclusions.own]\nfields = { team = "x" }',
            '2: exclusions.own.fields.team: must be a list, such as ["a", "b"].',
        ),
        ('[exclusions.own]\ndomain = ["b.fi"]', "2: exclusions.own.domain: unknown setting. Did you mean 'domains'?"),
        ('[exclusions]\nown = ["x"]', "2: exclusions.own: must be a table: [exclusions.NAME]."),
        ('[exclusion.own]\nvip = true', "1: exclusion: unknown table. Did you mean 'exclusions'?"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_line(complaints: Complaints, tables: str, message: str) -> None:
    lines = GOOD.count("\n")
    line, _, text = message.partition(":")
    assert f"hub.toml:{lines + int(line)}:{text}" in complaints(GOOD + tables)


def test_a_rule_that_cannot_be_read_does_not_move_the_lines_of_the_others(complaints: Complaints) -> None:
    said = complaints(GOOD + '[[rules]]\nshare = "x"\n[[rules]]\nname = "b"\nsurvey = "nothing"\n')
    assert any(
        "rules.1.survey: no survey 'nothing'" in line and f":{GOOD.count(chr(10)) + 5}:" in line for line in said
    )
