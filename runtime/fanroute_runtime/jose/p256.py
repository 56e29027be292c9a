"""The elliptic curve P-256 (SP 800-186, 3.2.1.3): sums of two points' multiples, fast for points that are known early.

Verifying knows no secrets, so nothing here is made to take the same time always.

A scalar is written in digits of 1 and -1, `ROWS` rows of `COLUMNS` each. A comb (Lim and Lee, 1994) has a table for every few
rows, its teeth, with the sum of their points for all signs that a column can have in them. So a column costs an addition for each
table, and from one column to the next all combs share one doubling. docs/es256.md tells what else was measured.
"""

from collections.abc import Iterable, Sequence
from functools import reduce
from operator import add

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
A = -3
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
# The order of the generator, and so of every point: the cofactor is 1.
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# A point in affine coordinates.
Point = tuple[int, int]

ROWS = 24
COLUMNS = 11
BITS = ROWS * COLUMNS
# Teeth of the tables: of those made when the component is built, and of those made for one sandbox. They divide `ROWS`.
MANY_TEETH = 12
FEW_TEETH = 4
# A point in a table: y and x, in bytes. A table is one object, whose pages are only read: a new sandbox need not copy them.
_WORD = 256
_SIZE = 64
_X = 2**_WORD - 1

# The digits of k are the bits of (k + 2**BITS - 1) / 2, with -1 for 0.
_HALF = pow(2, -1, N)
_OFFSET = (2**BITS - 1) * _HALF % N


def is_on_curve(point: Point) -> bool:
    x, y = point
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x + A) * x - B) % P == 0


class Comb:
    """A point with the tables for its multiples. The more teeth, a divisor of ROWS, the faster and the larger."""

    def __init__(self, point: Point, teeth: int) -> None:
        self.point = point
        rows = _row_points(point)
        self._teeth = teeth
        self._tables = tuple(_make_table(rows[row : row + teeth]) for row in range(0, ROWS, teeth))

    def columns(self, scalar: int) -> list[list[Point]]:
        """The points to be added for each column, from the highest: doubled between columns, they come to the multiple.

        Their y may be negative.
        """
        bits = format((scalar * _HALF + _OFFSET) % N, f"0{BITS}b")
        teeth, tables, from_bytes = self._teeth, self._tables, int.from_bytes
        positive = 1 << teeth - 1
        columns = []
        for column in range(COLUMNS):
            signs = int(bits[column::COLUMNS], 2)
            points = []
            for table in tables:
                # In the table are the sums in which the last row's point is positive; the others are their opposites.
                number = signs & 2 * positive - 1
                start = _SIZE * (number - positive if number >= positive else positive - 1 - number)
                packed = from_bytes(table[start : start + _SIZE])
                y = packed >> _WORD
                points.append((packed & _X, y if number >= positive else -y))
                signs >>= teeth
            columns.append(points)
        return columns


def _row_points(point: Point) -> list[Point]:
    """What a 1 stands for in each row of the lowest column."""
    found = [(*point, 1, 1)]
    while len(found) < ROWS:
        found.append(reduce(lambda last, _: _double(*last), range(COLUMNS), found[-1]))
    inverses = _invert_all([zzz for *_, zzz in found])
    return [(x * (zz * inverse) ** 2 % P, y * inverse % P) for (x, y, zz, _), inverse in zip(found, inverses, strict=True)]


def _make_table(rows: Sequence[Point]) -> bytearray:
    """The sums of some rows' points for any signs, in their order as binary numbers; that of the last row is positive.

    No sum meets another on the way, as none reaches half of N. It is made in small parts: what is freed while a component is
    built stays in it as noise.
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
    """Each of some points with all others subtracted or added."""
    for other in others:
        points = [
            point for pair in zip(*(_add_to_each(points, signed) for signed in _both_signs(other)), strict=True) for point in pair
        ]
    return points


def _add_to_each(points: Sequence[Point], other: Point) -> list[Point]:
    """Each of some points, none of which has the other's x, and the other."""
    x2, y2 = other
    found = []
    for (x1, y1), inverse in zip(points, _invert_all([x2 - x1 for x1, _ in points]), strict=True):
        slope = (y2 - y1) * inverse % P
        x3 = (slope * slope - x1 - x2) % P
        found.append((x3, (slope * (x1 - x3) - y1) % P))
    return found


def _invert_all(values: Sequence[int]) -> list[int]:
    """The inverses modulo P of values, none of which is 0, with one inversion (Montgomery's trick)."""
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
    """Twice a point with the affine coordinates x/zz, y/zzz, where zz**3 is zzz**2 ("XYZZ")."""
    u = 2 * y
    v = u * u % P
    w = u * v % P
    s = x * v % P
    m = 3 * (x - zz) * (x + zz) % P
    x = (m * m - 2 * s) % P
    return x, (m * (s - x) - w * y) % P, v * zz % P, w * zzz % P


def x_of_sum(one: Comb, scalar: int, other: Comb, other_scalar: int) -> tuple[int, int]:
    """The affine x of the sum of two points' multiples, as numerator and denominator modulo P; at infinity 1 and 0."""
    p = P
    columns = map(add, one.columns(scalar), other.columns(other_scalar))
    start, *points = next(columns)
    (x, y), zz, zzz = start, 1, 1
    while True:
        for x2, y2 in points:
            # Where this point is the other or its opposite, h is 0, and zz is from then on.
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
        total = _add(_multiply(one.point, scalar), _multiply(other.point, other_scalar))
        return (total[0], 1) if total else (1, 0)
    return x, zz


def _multiply(point: Point | None, scalar: int) -> Point | None:
    """A multiple of any point, None being infinity: slow, and exact where points meet."""
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


GENERATOR = Comb(
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    MANY_TEETH,
)
