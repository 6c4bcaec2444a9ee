"""Figures against worked examples, and what they never do."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.survey.figures import Figure, ces, csat, easy, lost_time, nps, response_rate, wilson
from hub.survey.scale import Scale, normalised

STARS, AGREEMENT, YES = Scale(1, 5), Scale(1, 7), Scale(0, 1)


def repeat(**counts: int) -> list[int]:
    """`v4=2` is two answers of 4."""
    return [int(name[1:]) for name, count in counts.items() for _ in range(count)]


def test_csat_of_the_published_example() -> None:
    """help.delighted.com, article 240: 74 of 107 are satisfied."""
    figure = csat(repeat(v5=42, v4=32, v3=10, v2=9, v1=14), STARS)
    assert figure.value == pytest.approx(69.16, abs=0.005)
    assert (figure.count, figure.unit) == (107, "%")


@pytest.mark.parametrize(
    ("scale", "values", "satisfied"),
    [
        (Scale(1, 5, higher_is_better=False), [1, 2, 3, 4, 5], 40),  # 1 and 2
        (AGREEMENT, [1, 2, 3, 4, 5, 6, 7], 300 / 7),  # 5 to 7
        (Scale(0, 10), list(range(11)), 200 / 11),  # 9 and 10
        (Scale(0, 10, higher_is_better=False), list(range(11)), 200 / 11),  # 0 and 1
        (Scale(1, 3), [1, 2, 3, 3, 3], 60),
        (Scale(1, 4), [1, 2, 3, 4, 4], 60),  # 3 and 4
        (Scale(1, 10), list(range(1, 11)), 40),  # 7 to 10
        (YES, [0, 1, 1, 1], 75),
        (Scale(0, 1, higher_is_better=False), [0, 1, 1, 1], 25),  # "did you have to ask again?"
    ],
)
def test_csat_counts_the_good_end_of_any_scale(scale: Scale, values: list[float], satisfied: float) -> None:
    assert csat(values, scale, minimum=1).value == pytest.approx(satisfied)


@pytest.mark.parametrize(
    ("values", "score"),
    [
        (repeat(v10=40, v9=30, v8=10, v7=10, v6=5, v0=5), 60),  # 70 % promoters, 10 % detractors
        (repeat(v10=5), 100),
        (repeat(v6=5), -100),
        (repeat(v7=3, v8=2), 0),
        (repeat(v9=1, v8=1, v6=1, v3=2), -40),
    ],
)
def test_nps(values: list[int], score: float) -> None:
    assert nps(values) == Figure(pytest.approx(score), len(values), "points")


def test_ces_is_the_mean_agreement() -> None:
    """1,850 points in 350 answers are 5.29."""
    figure = ces(repeat(v7=100, v6=110, v5=35, v4=35, v3=35, v2=35), AGREEMENT)
    assert figure.value == pytest.approx(5.29, abs=0.005)
    assert figure.count == 350
    assert ces([7, 6, 5, 4, 3, 2, 1], AGREEMENT) == Figure(4.0, 7, "of 1-7")
    assert ces([5, 5, 4, 4, 3], STARS).unit == "of 1-5"


def test_the_share_that_found_it_easy_of_the_published_example() -> None:
    """help.simplesat.io, article 5626051: 8 of 10 answers are 5 or above."""
    assert easy([5, 5, 6, 6, 7, 7, 7, 5, 1, 3], AGREEMENT).value == pytest.approx(80)


@pytest.mark.parametrize("figure", [csat, ces, easy])
@pytest.mark.parametrize("value", [0, 5.5, 6, -1, math.nan, math.inf])
def test_a_value_of_another_scale_is_an_error(figure: object, value: float) -> None:
    with pytest.raises(ValueError, match="outside the scale 1-5"):
        figure([5, 5, 5, 5, 5, value], STARS)  # type: ignore[operator]


def test_nps_takes_no_other_scale() -> None:
    with pytest.raises(ValueError, match="outside the scale 0-10"):
        nps([11])


def test_a_figure_under_the_minimum_has_no_value() -> None:
    assert csat([5, 5, 5, 5], STARS) == Figure(None, 4, "%")
    assert csat([5, 5, 5, 5, 5], STARS).value == 100
    assert nps([10] * 4) == Figure(None, 4, "points")
    assert ces([7] * 4, AGREEMENT) == Figure(None, 4, "of 1-7")
    assert response_rate(2, 4) == Figure(None, 4, "%")
    assert csat([], STARS, minimum=0).value is None
    assert response_rate(0, 0, minimum=0).value is None


def test_response_rate_is_answers_over_sent() -> None:
    assert response_rate(18, 120) == Figure(15.0, 120, "%")
    assert response_rate(0, 5).value == 0
    for answers, sent in ((6, 5), (-1, 5), (0, -1)):
        with pytest.raises(ValueError, match="answers must be between zero"):
            response_rate(answers, sent)


def test_lost_time_is_the_median_and_who_lost_any() -> None:
    lost = lost_time([0, 0, None, 10, 30, 60, 2400, None])
    assert lost.median == Figure(20.0, 6, "min")
    assert lost.share == Figure(pytest.approx(200 / 3), 6, "%")
    assert lost_time([0, 0, 0, 0, 0]).share.value == 0
    assert lost_time([60, 60, None, None, None, None]).median == Figure(None, 2, "min")
    for value in (-1, math.nan, math.inf):
        with pytest.raises(ValueError, match="zero or more minutes"):
            lost_time([5, value])


@pytest.mark.parametrize(
    ("successes", "count", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_of_the_published_examples(successes: int, count: int, low: float, high: float) -> None:
    """Newcombe (1998), table I, method 3."""
    assert wilson(successes, count) == pytest.approx((low, high), abs=0.00005)


@given(st.integers(1, 500).flatmap(lambda count: st.tuples(st.integers(0, count), st.just(count))))
def test_the_interval_holds_the_share_and_stays_possible(given_: tuple[int, int]) -> None:
    successes, count = given_
    low, high = wilson(successes, count)
    assert 0 <= low <= successes / count <= high <= 1
    mirrored = wilson(count - successes, count)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high))


def test_an_interval_of_nothing_is_an_error() -> None:
    for successes, count in ((0, 0), (2, 1), (-1, 5)):
        with pytest.raises(ValueError, match="successes must be between"):
            wilson(successes, count)


scales = st.builds(Scale, st.integers(-5, 5), st.integers(6, 20), st.booleans())


@given(scales.flatmap(lambda scale: st.tuples(st.just(scale), st.lists(st.integers(scale.minimum, scale.maximum)))))
def test_figures_stay_in_their_ranges(case: tuple[Scale, list[int]]) -> None:
    scale, values = case
    for figure, low, high in ((csat, 0, 100), (ces, scale.minimum, scale.maximum)):
        value = figure(values, scale, minimum=1).value
        assert value is None if not values else low <= value <= high


@given(scales.flatmap(lambda scale: st.tuples(st.just(scale), st.integers(scale.minimum, scale.maximum))))
def test_polarity_mirrors_a_scale(case: tuple[Scale, int]) -> None:
    scale, value = case
    mirror = Scale(scale.minimum, scale.maximum, not scale.higher_is_better)
    opposite = scale.minimum + scale.maximum - value
    assert scale.band(value) == mirror.band(opposite)
    worth = normalised(value, scale.minimum, scale.maximum, scale.higher_is_better)
    assert worth == pytest.approx(normalised(opposite, scale.minimum, scale.maximum, mirror.higher_is_better))
    assert 0 <= worth <= 1
