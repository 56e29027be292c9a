"""Implements other ways to verify ES256. es256.py copies this file into components, where it replaces parts of `p256`.

Has no command, and imports only what ships in a component.
"""

from collections.abc import Callable, Sequence
from operator import add

from fanroute_runtime.jose import es256, p256
from fanroute_runtime.jose.p256 import Comb, N, P, Point

# A function with the signature of `p256.x_of_sum`.
Sum = Callable[[Comb, int, Comb, int], tuple[int, int]]


class UnpackedComb(Comb):
    """Represents a comb whose tables are tuples of (x, y) instead of bytes."""

    def __init__(self, point: Point, teeth: int) -> None:
        super().__init__(point, teeth)
        self._tables = tuple(tuple(map(self._unpacked, range(0, len(table), 64), [table] * len(table))) for table in self._tables)

    @staticmethod
    def _unpacked(start: int, table: bytes) -> Point:
        y, x = divmod(int.from_bytes(table[start : start + 64]), 2**256)
        return x, y

    def columns(self, scalar: int) -> list[list[Point]]:
        bits = format((scalar * p256.HALF + p256.OFFSET) % N, f"0{p256.BITS}b")
        positive = 1 << self._teeth - 1
        columns = []
        for column in range(p256.COLUMNS):
            signs = int(bits[column :: p256.COLUMNS], 2)
            points = []
            for table in self._tables:
                index = signs & 2 * positive - 1
                if index >= positive:
                    points.append(table[index - positive])
                else:
                    x, y = table[positive - 1 - index]
                    points.append((x, -y))
                signs >>= self._teeth
            columns.append(points)
        return columns


class Windows:
    """Represents a point with tables of the multiples of 2**(width * i) times itself. A sum needs one column and no doublings."""

    def __init__(self, point: Point, width: int, signed: bool) -> None:
        self.point = point
        self._width, self._signed = width, signed
        self._rows = []
        for _ in range(-(-257 // width)):
            self._rows.append(tuple(multiples(point, 2 ** (width - 1) if signed else 2**width - 1)))
            for _ in range(width):
                point = p256._add(point, point)

    def columns(self, scalar: int) -> list[list[Point]]:
        points = []
        mask, most, carry = 2**self._width - 1, 2 ** (self._width - 1), 0
        for row in self._rows:
            digit = (scalar & mask) + carry
            scalar >>= self._width
            carry = self._signed and digit > most
            if carry:
                digit -= mask + 1
            if digit > 0:
                points.append(row[digit - 1])
            elif digit:
                x, y = row[-digit - 1]
                points.append((x, -y))
        return [points]


def multiples(point: Point, count: int) -> list[Point]:
    """Returns 1, 2, …, `count` times a point."""
    found = [point, p256._add(point, point)]
    while len(found) < count:
        found += [*p256._add_to_each(found[:-1], found[-1]), p256._add(found[-1], found[-1])]
    return found[:count]


def jacobian(one: Comb, scalar: int, other: Comb, other_scalar: int) -> tuple[int, int]:
    """Adds in Jacobian coordinates, x/z**2 and y/z**3. Returns x and z**2."""
    p = P
    x = y = z = 0
    for points in map(add, one.columns(scalar), other.columns(other_scalar)):
        if z:
            x, y, z = jacobian_doubled(x, y, z)
        else:
            (x, y), z = points.pop(), 1
        for x2, y2 in points:
            zz = z * z % p
            h = (x2 * zz - x) % p
            r = (y2 * (z * zz % p) - y) % p
            z = z * h % p
            hh = h * h % p
            hhh = h * hh % p
            v = x * hh % p
            x = (r * r - hhh - 2 * v) % p
            y = (r * (v - x) - y * hhh) % p
    return x, z * z % p


def jacobian_doubled(x: int, y: int, z: int) -> tuple[int, int, int]:
    zz, yy = z * z % P, y * y % P
    s = 4 * x * yy % P
    m = 3 * (x - zz) * (x + zz) % P
    z = 2 * y * z % P
    x = (m * m - 2 * s) % P
    return x, (m * (s - x) - 8 * yy * yy) % P, z


def in_pairs(one: Comb, scalar: int, other: Comb, other_scalar: int) -> tuple[int, int]:
    """Adds the points of the two columns in pairs first, in affine coordinates and with one inversion for all pairs."""
    columns = list(zip(one.columns(scalar), other.columns(other_scalar), strict=True))
    pairs = [pair for points in columns for pair in zip(*points, strict=True)]
    sums = []
    for ((x1, y1), (x2, y2)), inverse in zip(pairs, p256._invert_all([x2 - x1 for (x1, _), (x2, _) in pairs]), strict=True):
        slope = (y2 - y1) * inverse % P
        x3 = (slope * slope - x1 - x2) % P
        sums.append((x3, (slope * (x1 - x3) - y1) % P))
    size = len(columns[0][0])
    return x_of_columns([sums[start : start + size] for start in range(0, len(sums), size)])


def x_of_columns(columns: Sequence[Sequence[Point]]) -> tuple[int, int]:
    """Adds as `p256.x_of_sum` does, but accepts empty columns."""
    p = P
    x = y = zz = zzz = 0
    for points in columns:
        if zz:
            x, y, zz, zzz = p256._double(x, y, zz, zzz)
        for x2, y2 in points:
            if not zz:
                x, y, zz, zzz = x2, y2, 1, 1
                continue
            h = (x2 * zz - x) % p
            r = (y2 * zzz - y) % p
            hh = h * h % p
            hhh = h * hh % p
            v = x * hh % p
            x = (r * r - hhh - 2 * v) % p
            y = (r * (v - x) - y * hhh) % p
            zz = zz * hh % p
            zzz = zzz * hhh % p
    return x, zz


class SlidingWindows:
    """Represents a point with its first odd multiples, for the non-adjacent form of a scalar (wNAF), which has 257 columns."""

    WIDTH = 5

    def __init__(self, point: Point) -> None:
        self.point = point
        self._odd = multiples(point, 2 ** (self.WIDTH - 1))[::2]

    def columns(self, scalar: int) -> list[list[Point]]:
        size = 2**self.WIDTH
        columns: list[list[Point]] = []
        while scalar:
            digit = 0
            if scalar & 1:
                digit = scalar % size
                digit -= size if digit > size // 2 else 0
                scalar -= digit
            x, y = self._odd[abs(digit) // 2]
            columns.append([(x, y if digit > 0 else -y)] if digit else [])
            scalar >>= 1
        return columns[::-1]


def with_sliding_windows(one: Comb, scalar: int, other: Comb, other_scalar: int) -> tuple[int, int]:
    """Adds with a comb for the generator and sliding windows for the key. The comb's columns are added to the key's last ones."""
    few, many = one.columns(scalar), other.columns(other_scalar)
    start = len(many) - len(few)
    return x_of_columns([*many[:start], *map(add, few, many[start:])])


def verifier(generator: Comb, key: Comb, x_of_sum: Sum) -> Callable[[bytes, bytes], bool]:
    """Returns a function that verifies a signature with these tables and this way to add. Changes `p256` itself."""
    p256.generator_comb, p256.x_of_sum = lambda: generator, x_of_sum
    return lambda signed, signature: es256._verify(key, signed, signature)
