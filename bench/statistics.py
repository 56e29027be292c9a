"""Medians, spreads and ratios."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True)
class Spread:
    """The median of some rounds, the least and the most."""

    middle: float
    least: float
    most: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def ratio(ours: Sequence[float], others: Sequence[float]) -> Spread:
    """Ours to another's, round by round: what slows a whole round down is in both."""
    return spread([one / other for one, other in zip(ours, others, strict=False)])


def percentiles(values: Sequence[int], wanted: Sequence[float]) -> list[int]:
    """The least value that so many percent of all do not exceed."""
    ranked = sorted(values)
    return [ranked[max(0, ceil(round(percent * len(ranked) / 100, 6)) - 1)] for percent in wanted]
