"""The dashboard and the alert rules name only what `/metrics` shows, and every alert is explained."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest

from tests.docs import pages
from tests.metrics import reference
from tests.metrics.reference import Family

FOLDER = pages.ROOT / "contrib" / "grafana"
DASHBOARD = json.loads((FOLDER / "hub.json").read_text())
RULES = (FOLDER / "alerts.yml").read_text()
HOW_TO = pages.DOCS / "how-to" / "monitoring.md"
BY_PROMETHEUS = {"job", "instance", "le"}
_PROMETHEUS_OWN = {"up": Family("up", "gauge", "")}
_DEFAULTS = {"$__rate_interval": "5m", "$component": ".*", "$job": ".*"}


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def alerts() -> list[dict[str, str]]:
    """The rules of the file, which is written in one simple form of YAML."""
    found = []
    for text in re.split(r"^ {6}- alert: ", RULES, flags=re.MULTILINE)[1:]:
        name, _, rest = text.partition("\n")
        block = re.search(r"^ {8}expr: (?:\|\n((?: {10}.*\n)+)|(.+)\n)", rest, re.MULTILINE)
        assert block
        notes = dict(re.findall(r'^ {10}(\w+): "(.+)"$', rest, re.MULTILINE))
        found.append({"name": name, "expr": (block[1] or block[2]).strip(), **notes})
    return found


def expressions() -> Iterator[str]:
    for panel in panels():
        for target in panel["targets"]:
            text: str = target["expr"]
            for variable, value in _DEFAULTS.items():
                text = text.replace(variable, value)
            yield text
    for alert in alerts():
        yield alert["expr"]


@pytest.fixture
def shown(exposition: str) -> dict[str, Family]:
    return reference.families(exposition) | _PROMETHEUS_OWN


def test_there_is_something_to_check() -> None:
    assert len(panels()) > 30
    assert len(alerts()) == RULES.count("alert:")


def test_expressions_name_metrics_and_labels_that_are_shown(shown: dict[str, Family]) -> None:
    for text in expressions():
        selectors: list[Any] = []
        grouped: set[str] = set()

        def note(node: Any, selectors: list[Any] = selectors, grouped: set[str] = grouped) -> None:
            if isinstance(node, promql_parser.VectorSelector):
                selectors.append(node)
            if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
                grouped |= set(node.modifier.labels)

        promql_parser.walk(promql_parser.parse(text), note)
        assert selectors, text
        for selector in selectors:
            family = shown[selector.name]
            used = {matcher.name for matcher in selector.matchers.matchers} | grouped
            assert used <= family.labels | BY_PROMETHEUS, text


def test_expressions_compare_labels_with_words_of_the_fixed_sets() -> None:
    from hub import metrics

    words = {*metrics.STATES, *metrics.OUTCOMES, *metrics.ANSWER_STATES, *metrics.WRITTEN, "unknown"}
    for label, value in re.findall(r'(\w+)=~?"([^"$.]+)"', "\n".join(expressions())):
        assert set(value.split("|")) <= words, (label, value)


def test_every_panel_has_a_unit_and_says_what_it_shows() -> None:
    for panel in panels():
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_panels_do_not_lie_on_one_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_alert_is_explained() -> None:
    anchors = pages.anchors(HOW_TO)
    for alert in alerts():
        page, _, anchor = alert["runbook_url"].partition("#")
        assert pages.ROOT / page == HOW_TO
        assert anchor in anchors
        assert alert["summary"]
        assert alert["description"].endswith(".")


def test_the_reference_lists_every_metric(exposition: str) -> None:
    assert reference.generated(reference.PAGE.read_text()) == reference.table(exposition)
