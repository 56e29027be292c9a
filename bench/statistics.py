"""Computes medians, spreads, ratios and percentiles. Has no command; bench.measuring and bench.report import it."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median


@dataclass(frozen=True)
class Spread:
    """Represents the values of several rounds: their median, minimum and maximum."""

    median: float
    minimum: float
    maximum: float


def spread(values: Sequence[float]) -> Spread:
    return Spread(median(values), min(values), max(values))


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Returns the spread of our value divided by theirs, round by round. Thus a slow round distorts no factor."""
    return spread([our / their for our, their in zip(ours, theirs, strict=False)])


def percentiles(values: Sequence[int], percents: Sequence[float]) -> list[int]:
    """Returns for each percent the smallest value that this share of all values does not exceed (the nearest rank)."""
    ranked = sorted(values)
    return [ranked[max(0, ceil(round(percent * len(ranked) / 100, 6)) - 1)] for percent in percents]
