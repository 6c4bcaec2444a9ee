"""What a value means on its scale."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.survey.scale import Scale, normalised


@pytest.mark.parametrize(
    ("scale", "bands"),
    [
        (Scale(0, 10), "lllllllmmhh"),  # NPS
        (Scale(1, 5), "llmhh"),
        (Scale(1, 7), "lllmhhh"),  # CES
        (Scale(1, 3), "lmh"),
        (Scale(1, 4), "llhh"),
        (Scale(0, 1), "lh"),
        (Scale(1, 10), "llllmmhhhh"),
        (Scale(-2, 2), "llmhh"),
        (Scale(1, 5, higher_is_better=False), "hhmll"),
        (Scale(0, 10, higher_is_better=False), "hhmmlllllll"),
        (Scale(0, 1, higher_is_better=False), "hl"),
    ],
)
def test_the_bands_of_a_scale(scale: Scale, bands: str) -> None:
    values = range(int(scale.minimum), int(scale.maximum) + 1)
    assert "".join(scale.band(value)[0] for value in values) == bands


@pytest.mark.parametrize(
    ("value", "minimum", "maximum", "higher_is_better", "expected"),
    [
        (1, 1, 5, True, 0),
        (5, 1, 5, True, 1),
        (4, 1, 5, True, 0.75),
        (4, 1, 5, False, 0.25),
        (9, 0, 10, True, 0.9),
        (0, 0, 1, False, 1),
    ],
)
def test_the_normalised_value(
    value: float, minimum: float, maximum: float, higher_is_better: bool, expected: float
) -> None:
    assert normalised(value, minimum, maximum, higher_is_better) == pytest.approx(expected)


@pytest.mark.parametrize("value", [0, 6, math.nan, -math.inf])
def test_a_value_outside_the_scale_is_an_error(value: float) -> None:
    with pytest.raises(ValueError, match="outside the scale 1-5"):
        Scale(1, 5).band(value)
    with pytest.raises(ValueError, match="outside the scale 1-5"):
        normalised(value, 1, 5, higher_is_better=True)


@pytest.mark.parametrize(("minimum", "maximum"), [(1, 1), (5, 1), (math.nan, 5), (1, math.nan)])
def test_a_scale_has_two_ends_in_order(minimum: float, maximum: float) -> None:
    with pytest.raises(ValueError, match="below its maximum"):
        Scale(minimum, maximum)


@given(st.integers(-5, 5), st.integers(1, 15), st.booleans(), st.integers(0, 15), st.integers(0, 15))
def test_a_better_value_is_never_in_a_lower_band(
    minimum: int, length: int, higher_is_better: bool, one: int, other: int
) -> None:
    scale = Scale(minimum, minimum + length, higher_is_better)
    values = sorted((minimum + min(one, length), minimum + min(other, length)), reverse=not higher_is_better)
    worse, better = (["low", "middle", "high"].index(scale.band(value)) for value in values)
    assert worse <= better
