"""Adds multiples of points on an elliptic curve, with tables. P-256, which is used most, has a faster one of its own (p256.py).

Verification uses no secrets, so nothing here needs constant time. The method is that of `p256`: a scalar is written with the
digits 1 and -1, in rows of `COLUMNS` digits, and a table has the sums of `TEETH` rows for all signs. Here, the addition of a
curve must be complete: it adds any two points. So no case is special, and points are doubled by adding them to themselves.
"""

from collections.abc import Callable, Sequence
from typing import Any

from fanroute_runtime.plan import record

COLUMNS = 11
TEETH = 6
_POSITIVE = 1 << TEETH - 1

# A point in the coordinates of its curve, and the same point prepared to be added to others.
Point = Any
Prepared = Any
# The tables of a point: for each group of rows, the prepared sums in which the last row's point is positive.
Tables = list[list[Prepared]]


@record
class Curve:
    """Represents an elliptic curve. `rows` is a multiple of TEETH, and `rows` * COLUMNS has to be more than the bits of `order`.

    `order` is the order of all points that have tables: an odd prime.
    """

    order: int
    rows: int
    zero: Point
    prepare: Callable[[Point], Prepared]
    negate: Callable[[Prepared], Prepared]
    add: Callable[[Point, Prepared], Point]


def make_tables(curve: Curve, point: Point) -> Tables:
    """Returns the tables of a point."""
    rows = [point]
    while len(rows) < curve.rows:
        point = rows[-1]
        for _ in range(COLUMNS):
            point = curve.add(point, curve.prepare(point))
        rows.append(point)
    return [_make_table(curve, rows[row : row + TEETH]) for row in range(0, curve.rows, TEETH)]


def _make_table(curve: Curve, rows: Sequence[Point]) -> list[Prepared]:
    first, *others = reversed(rows)
    points = [first]
    for other in map(curve.prepare, others):
        signs = curve.negate(other), other
        points = [curve.add(point, signed) for point in points for signed in signs]
    return [curve.prepare(point) for point in points]


def sum_of_multiples(curve: Curve, *multiples: tuple[Tables, int]) -> Point:
    """Returns the sum of the multiples of some points, which are given by their tables, by scalars below the order."""
    half = (curve.order + 1) // 2
    # The digits of k are the bits of (k + 2**bits - 1) / 2, with -1 for 0. Modulo an odd order, any number has a half.
    offset = ((1 << curve.rows * COLUMNS) - 1) * half
    return _sum(curve, [(tables, (scalar * half + offset) % curve.order) for tables, scalar in multiples])


def multiple_by_order(curve: Curve, tables: Tables) -> Point:
    """Returns the multiple of a point by the curve's order. It is zero if the point has that order, or is zero itself."""
    return _sum(curve, [(tables, (curve.order + (1 << curve.rows * COLUMNS) - 1) // 2)])


def _sum(curve: Curve, multiples: list[tuple[Tables, int]]) -> Point:
    add, negate = curve.add, curve.negate
    written = [(tables, format(digits, f"0{curve.rows * COLUMNS}b")) for tables, digits in multiples]
    total = curve.zero
    for column in range(COLUMNS):
        total = add(total, curve.prepare(total))
        for tables, bits in written:
            signs = int(bits[column::COLUMNS], 2)
            for table in tables:
                number = signs & 2 * _POSITIVE - 1
                signs >>= TEETH
                total = add(total, table[number - _POSITIVE] if number >= _POSITIVE else negate(table[_POSITIVE - 1 - number]))
    return total
