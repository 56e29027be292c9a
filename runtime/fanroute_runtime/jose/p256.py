"""Computes the sum of two points' multiples on the elliptic curve P-256 (SP 800-186, 3.2.1.3). Tables make it fast.

Verification uses no secrets, so nothing here needs constant time.

A scalar is written with the digits 1 and -1, in `ROWS` rows of `COLUMNS` digits. A comb (Lim and Lee, 1994) groups the rows and
calls those of a group teeth. For each group, a table has the sum of the rows' points for every combination of signs. So a column
costs one addition for each table, and between two columns all combs share one doubling. docs/es256.md describes what else was
measured.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache, reduce
from operator import add

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = -3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
# The order of the generator, and therefore of every point, because the cofactor is 1.
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# A point in affine coordinates.
Point = tuple[int, int]

GENERATOR: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

ROWS = 24
COLUMNS = 11
BITS = ROWS * COLUMNS
# The teeth of tables that are made while the component is built, and of those made in a sandbox. Both divide `ROWS`.
MANY_TEETH = 12
FEW_TEETH = 4
# A point in a table is y and x, in bytes. A table is one object and its pages are only read, so a sandbox need not copy them.
_WORD = 256
_SIZE = 64
_X = 2**_WORD - 1

# The digits of k are the bits of (k + 2**BITS - 1) / 2, with -1 for 0.
HALF = pow(2, -1, N)
OFFSET = (2**BITS - 1) * HALF % N


def is_on_curve(point: Point) -> bool:
    """Returns True if a point is on P-256 and its coordinates are reduced modulo P."""
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x + A) * x - B) % P == 0


class Comb:
    """Represents a point with the tables for its multiples. More teeth make it faster and larger. They must divide ROWS."""

    def __init__(self, point: Point, teeth: int) -> None:
        self.point = point
        rows = _row_points(point)
        self._teeth = teeth
        self._tables = tuple(_make_table(rows[row : row + teeth]) for row in range(0, ROWS, teeth))

    def points(self) -> Iterator[Point]:
        """Yields the points of all tables, in order."""
        for table in self._tables:
            for start in range(0, len(table), _SIZE):
                y, x = divmod(int.from_bytes(table[start : start + _SIZE]), 2**_WORD)
                yield x, y

    def columns(self, scalar: int) -> list[list[Point]]:
        """Returns the points to add for each column of a scalar, from the highest. Their y may be negative.

        Adding them, with a doubling between two columns, gives the point's multiple.
        """
        bits = format((scalar * HALF + OFFSET) % N, f"0{BITS}b")
        teeth, tables, from_bytes = self._teeth, self._tables, int.from_bytes
        positive = 1 << teeth - 1
        columns = []
        for column in range(COLUMNS):
            signs = int(bits[column::COLUMNS], 2)
            points = []
            for table in tables:
                # The table has the sums in which the last row's point is positive. The other sums are their opposites.
                number = signs & 2 * positive - 1
                start = _SIZE * (number - positive if number >= positive else positive - 1 - number)
                packed = from_bytes(table[start : start + _SIZE])
                y = packed >> _WORD
                points.append((packed & _X, y if number >= positive else -y))
                signs >>= teeth
            columns.append(points)
        return columns


def _row_points(point: Point) -> list[Point]:
    """Returns the points that a digit 1 stands for in each row of the lowest column."""
    found = [(*point, 1, 1)]
    while len(found) < ROWS:
        found.append(reduce(lambda last, _: _double(*last), range(COLUMNS), found[-1]))
    inverses = _invert_all([zzz for *_, zzz in found])
    return [(x * (zz * inverse) ** 2 % P, y * inverse % P) for (x, y, zz, _), inverse in zip(found, inverses, strict=True)]


def _make_table(rows: Sequence[Point]) -> bytearray:
    """Returns the sums of some rows' points for all signs, ordered by the signs as binary numbers. The last row's is positive.

    No addition meets equal or opposite points, because no sum reaches half of N. The table is made in small parts, because memory
    that is freed while a component is built stays in it as noise.
    """
    first, *others = reversed(rows)
    middle = len(others) // 2
    table, end = bytearray(_SIZE << len(others)), 0
    lower = _signed_sums(_both_signs(others[middle]), others[middle + 1 :]) if others else []
    for high in _signed_sums([first], others[:middle]):
        for x, y in _add_to_each(lower, high) if lower else [high]:
            table[end : end + _SIZE] = (y << _WORD | x).to_bytes(_SIZE)
            end += _SIZE
    return table


def _both_signs(point: Point) -> list[Point]:
    x, y = point
    return [(x, P - y), point]


def _signed_sums(points: list[Point], others: Iterable[Point]) -> list[Point]:
    """Returns the sums of each point with all `others`, for all signs of these."""
    for other in others:
        points = [
            point for pair in zip(*(_add_to_each(points, signed) for signed in _both_signs(other)), strict=True) for point in pair
        ]
    return points


def _add_to_each(points: Sequence[Point], other: Point) -> list[Point]:
    """Adds `other` to each of some points, none of which has its x."""
    x2, y2 = other
    found = []
    for (x1, y1), inverse in zip(points, _invert_all([x2 - x1 for x1, _ in points]), strict=True):
        slope = (y2 - y1) * inverse % P
        x3 = (slope * slope - x1 - x2) % P
        found.append((x3, (slope * (x1 - x3) - y1) % P))
    return found


def _invert_all(values: Sequence[int]) -> list[int]:
    """Returns the inverses modulo P of values that are not 0, with a single inversion (Montgomery's trick)."""
    products = [1]
    for value in values:
        products.append(products[-1] * value % P)
    inverse = pow(products.pop(), -1, P)
    found = []
    for value, before in zip(reversed(values), reversed(products), strict=True):
        found.append(inverse * before % P)
        inverse = inverse * value % P
    return found[::-1]


def _double(x: int, y: int, zz: int, zzz: int) -> tuple[int, int, int, int]:
    """Doubles a point with the affine coordinates x/zz and y/zzz, where zz**3 is zzz**2 ("XYZZ")."""
    u = 2 * y
    v = u * u % P
    w = u * v % P
    s = x * v % P
    m = 3 * (x - zz) * (x + zz) % P
    x = (m * m - 2 * s) % P
    return x, (m * (s - x) - w * y) % P, v * zz % P, w * zzz % P


def x_of_sum(one: Comb, scalar: int, other: Comb, other_scalar: int) -> tuple[int, int]:
    """Returns the affine x of the sum of two points' multiples, as numerator and denominator modulo P. Infinity is 1 and 0."""
    p = P
    columns = map(add, one.columns(scalar), other.columns(other_scalar))
    start, *points = next(columns)
    (x, y), zz, zzz = start, 1, 1
    while True:
        for x2, y2 in points:
            # If the two points are equal or opposite, h is 0, and zz is 0 from then on.
            h = (x2 * zz - x) % p
            r = (y2 * zzz - y) % p
            hh = h * h % p
            hhh = h * hh % p
            v = x * hh % p
            x = (r * r - hhh - 2 * v) % p
            y = (r * (v - x) - y * hhh) % p
            zz = zz * hh % p
            zzz = zzz * hhh % p
        points = next(columns, [])
        if not points:
            break
        x, y, zz, zzz = _double(x, y, zz, zzz)
    if zz == 0:
        return exact_x_of_sum(one.point, scalar, other.point, other_scalar)
    return x, zz


def exact_x_of_sum(one: Point, scalar: int, other: Point, other_scalar: int) -> tuple[int, int]:
    """Does what `x_of_sum` does, slowly, but also if equal or opposite points meet."""
    total = _add(_multiply(one, scalar), _multiply(other, other_scalar))
    return (total[0], 1) if total else (1, 0)


def _multiply(point: Point | None, scalar: int) -> Point | None:
    """Multiplies any point, where None is infinity."""
    found = None
    while scalar:
        if scalar & 1:
            found = _add(found, point)
        point = _add(point, point)
        scalar >>= 1
    return found


def _add(one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return one or other
    (x1, y1), (x2, y2) = one, other
    if x1 != x2:
        slope = (y2 - y1) * pow(x2 - x1, -1, P)
    elif (y1 + y2) % P:
        slope = (3 * x1 * x1 + A) * pow(2 * y1, -1, P)
    else:
        return None
    x = (slope * slope - x1 - x2) % P
    return x, (slope * (x1 - x) - y1) % P


@cache
def generator_comb() -> Comb:
    """Returns the generator's tables, which all keys share."""
    return Comb(GENERATOR, MANY_TEETH)
