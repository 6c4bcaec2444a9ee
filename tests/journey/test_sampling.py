"""The draw is the same everywhere, fair, and keeps whom a smaller share had."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.journey.sampling import drawn

names = st.text(max_size=12)
closures = st.tuples(names, names, names, names)
shares = st.floats(0, 1)


def test_the_draw_never_changes() -> None:
    """Across machines and releases: whoever was drawn stays drawn."""
    assert [number for number in range(12) if drawn("jira", str(number), "1", "default", 0.25)] == [0, 6]


@given(closures, shares, shares)
def test_a_larger_share_keeps_all_that_a_smaller_one_had(
    closure: tuple[str, str, str, str], one: float, other: float
) -> None:
    smaller, larger = sorted((one, other))
    assert drawn(*closure, larger) or not drawn(*closure, smaller)


@given(closures)
def test_none_and_all_are_exact(closure: tuple[str, str, str, str]) -> None:
    assert not drawn(*closure, 0)
    assert drawn(*closure, 1)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_the_share_that_is_drawn_is_the_share_asked_for(share: float) -> None:
    count = 5_000
    asked = sum(drawn("jira", str(number), "1", "default", share) for number in range(count))
    assert abs(asked - count * share) < 4 * math.sqrt(count * share * (1 - share))  # 4 standard deviations


def test_tickets_are_spread_over_all_tenths() -> None:
    """Chi-squared over ten cells; 27.9 is exceeded once in a thousand by chance (9 degrees of freedom)."""
    count, tenths = 5_000, [n / 10 for n in range(11)]
    below = [sum(drawn("desk", f"INC{n:07}", "1", "rule", share) for n in range(count)) for share in tenths]
    cells = [after - before for before, after in pairwise(below)]
    assert sum((cell - count / 10) ** 2 / (count / 10) for cell in cells) < 27.9


def test_rules_sources_and_closings_draw_independently() -> None:
    def asked(source: str, closing: str, rule: str) -> set[int]:
        return {n for n in range(2_000) if drawn(source, str(n), closing, rule, 0.5)}

    first = asked("jira", "1", "default")
    for other in (asked("servicenow", "1", "default"), asked("jira", "2", "default"), asked("jira", "1", "vip")):
        assert 400 < len(first & other) < 600


def test_where_one_name_ends_is_part_of_the_draw() -> None:
    alike = [(drawn("a", f"b{n}", "c", "d", 0.5), drawn(f"ab{n}", "", "c", "d", 0.5)) for n in range(200)]
    assert any(one != other for one, other in alike)
