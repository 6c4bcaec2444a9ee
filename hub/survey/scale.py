"""Scales that customers answer on, and what a value on one means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Band = Literal["low", "middle", "high"]
"""How good an answer is: low is bad, whichever end of the scale that is."""

_DETRACTORS_BELOW, _PROMOTERS_FROM = 7, 9


@dataclass(frozen=True, slots=True)
class Scale:
    """The numbers one question can be answered with, both ends included.

    :raises ValueError: the ends are not in order.
    """

    minimum: float
    maximum: float
    higher_is_better: bool = True

    def __post_init__(self) -> None:
        if not self.minimum < self.maximum:  # not a number is not in order either
            raise ValueError("the minimum of a scale must be below its maximum")

    def check(self, value: float) -> float:
        """The value, when the scale has it.

        :raises ValueError: it lies outside.
        """
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"a value lies outside the scale {self}")
        return value

    def band(self, value: float) -> Band:
        """The part of the scale a value lies in, seen from its good end.

        0 to 10 is split as for NPS (Reichheld, Harvard Business Review, December 2003): 0-6, 7-8 and 9-10. Every other
        scale is split at its thirds, which belong to the outer parts: 1-2, 3, 4-5 of 1 to 5, and 1-3, 4, 5-7 of 1 to 7
        as for CES 2.0. A scale with an even number of values may have no middle: 1-2 and 3-4 of 1 to 4, no and yes.

        :raises ValueError: the value lies outside the scale.
        """
        self.check(value)
        goodness = value - self.minimum if self.higher_is_better else self.maximum - value
        if (self.minimum, self.maximum) == (0, 10):
            return "low" if goodness < _DETRACTORS_BELOW else "high" if goodness >= _PROMOTERS_FROM else "middle"
        span = self.maximum - self.minimum
        return "low" if 3 * goodness <= span else "high" if 3 * goodness >= 2 * span else "middle"

    def __str__(self) -> str:
        return f"{self.minimum:g}-{self.maximum:g}"


def normalised(value: float, minimum: float, maximum: float, higher_is_better: bool) -> float:
    """The place of a value on its scale, from 0 for the worst to 1 for the best.

    :raises ValueError: the value lies outside the scale, or the scale has no length.
    """
    scale = Scale(minimum, maximum, higher_is_better)
    share = (scale.check(value) - minimum) / (maximum - minimum)
    return share if higher_is_better else 1 - share
