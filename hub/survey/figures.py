"""The figures that answers add up to. Pure; each says where its formula comes from.

A figure is of one question on one scale: values of two scales are never averaged, and a value outside the scale is an
error. Below the minimum count a figure has no value, so that nobody reads much into three answers, or one person's out
of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from hub.survey.scale import Scale

MINIMUM = 5
"""Answers a figure needs."""
_NPS = Scale(0, 10)
_Z = 1.959964  # the normal distribution has 95 % within this many standard deviations


@dataclass(frozen=True, slots=True)
class Figure:
    """One number and what it rests on."""

    value: float | None
    """None when there are fewer answers than the minimum."""
    count: int
    """Of answers; of invitations for a response rate."""
    unit: str


@dataclass(frozen=True, slots=True)
class LostTime:
    """How much work time customers lost."""

    median: Figure
    """In minutes, over all answers that gave a value, zeros included."""
    share: Figure
    """How many of these answers lost any time, in percent."""


def csat(values: Iterable[float], scale: Scale, *, minimum: int = MINIMUM) -> Figure:
    """Customer satisfaction: the share of satisfied answers in percent.

    Satisfied is the high band of the scale: 4 and 5 of 1 to 5, the customary "top two boxes"; 5 to 7 of 1 to 7; 9 and
    10 of 0 to 10; 3 and 4 of 1 to 4; yes of no and yes. Where less is better, it is the other end.

    Source: satisfied answers / all answers, help.delighted.com article 240, "How is CSAT calculated?".
    """
    return _share([scale.band(value) == "high" for value in values], minimum)


def nps(values: Iterable[float], *, minimum: int = MINIMUM) -> Figure:
    """Net Promoter Score: percent of promoters (9-10) less percent of detractors (0-6), from -100 to 100.

    Source: Reichheld, "The One Number You Need to Grow", Harvard Business Review, December 2003.
    """
    bands = [_NPS.band(value) for value in values]
    return _figure(lambda: 100 * (bands.count("high") - bands.count("low")) / len(bands), len(bands), "points", minimum)


def ces(values: Iterable[float], scale: Scale, *, minimum: int = MINIMUM) -> Figure:
    """Customer Effort Score 2.0: the mean agreement with "they made it easy", on the scale's own numbers.

    The scale is 1 (strongly disagree) to 7 (strongly agree). Another one gives its own mean, which the unit names;
    the two cannot be compared.

    Source: support.nicereply.com article 244, "What is Customer Effort Score", after CEB (now Gartner).
    """
    given = [scale.check(value) for value in values]
    return _figure(lambda: fmean(given), len(given), f"of {scale}", minimum)


def easy(values: Iterable[float], scale: Scale, *, minimum: int = MINIMUM) -> Figure:
    """The share of answers that found it easy, in percent: 5 to 7 of 1 to 7, the high band of any other scale.

    Source: help.simplesat.io article 5626051, "What is CES", after Gartner: those who agree at least somewhat.
    """
    return csat(values, scale, minimum=minimum)


def response_rate(answers: int, sent: int, *, minimum: int = MINIMUM) -> Figure:
    """How many of the invitations that were sent have been answered, in percent.

    An answer to any of the questions is one. Messages never opened or never delivered count as sent: a rate over opened
    mails looks better and compares with nothing.

    Source: AAPOR, Standard Definitions, response rate 2 (partial answers count), every invitation sent being eligible.

    :raises ValueError: there are more answers than invitations. Count only the answers to these invitations.
    """
    if not 0 <= answers <= sent:
        raise ValueError("answers must be between zero and the number of invitations they answer")
    return _figure(lambda: 100 * answers / sent, sent, "%", minimum)


def lost_time(minutes: Iterable[float | None], *, minimum: int = MINIMUM) -> LostTime:
    """What customers say they lost of their work time, over the answers that gave a value. None is no value; 0 is one.

    The median, not the mean: a few tickets carry most of the lost time (12.6 % of them 80 %, HappySignals, first half
    of 2022), and a mean would be theirs alone.

    :raises ValueError: a value is negative or no number.
    """
    given = [value for value in minutes if value is not None]
    if not all(0 <= value < math.inf for value in given):
        raise ValueError("lost time must be zero or more minutes")
    middle = _figure(lambda: float(median(given)), len(given), "min", minimum)
    return LostTime(median=middle, share=_share([value > 0 for value in given], minimum))


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a proportion, both ends from 0 to 1. Holds for few answers and for shares near 0 and 1.

    Source: Wilson, Journal of the American Statistical Association 22 (1927); method 3 in Newcombe, Statistics in
    Medicine 17 (1998).

    :raises ValueError: there is nothing to take a share of, or there are more successes than that.
    """
    if not 0 <= successes <= count or count == 0:
        raise ValueError("successes must be between zero and the count, which must be one or more")
    share, square = successes / count, _Z**2
    centre = share + square / (2 * count)
    reach = _Z * math.sqrt(share * (1 - share) / count + square / (4 * count**2))
    low, high = ((centre + side * reach) / (1 + square / count) for side in (-1, 1))
    return min(max(low, 0.0), share), max(min(high, 1.0), share)  # where rounding left the possible


def _share(yes: Sequence[bool], minimum: int) -> Figure:
    return _figure(lambda: 100 * sum(yes) / len(yes), len(yes), "%", minimum)


def _figure(formula: Callable[[], float], count: int, unit: str, minimum: int) -> Figure:
    return Figure(formula() if count >= max(minimum, 1) else None, count, unit)
