"""Defines what passes between Python and the native module: numbers, tables of points, results, tokens (docs/es256.md)."""

from fanroute_runtime.jose.p256 import ROWS, Comb, P, Point
from fanroute_runtime.plan import Algorithm

# A number has limbs of 29 bits, from the lowest, each in 32 bits of memory. A coordinate is its product with RADIX, modulo P
# (Montgomery, 1985).
LIMBS = 9
LIMB_BITS = 29
NUMBER_SIZE = 4 * LIMBS
RADIX = 2 ** (LIMBS * LIMB_BITS)

TEETH = 6
TABLE_SIZE = ROWS // TEETH * 2 ** (TEETH - 1) * 2 * NUMBER_SIZE

# What the module says of a signature. MET means that equal or opposite points met on the way, so that only the exact law of
# addition can tell.
INVALID, VALID, MET = range(3)

# The algorithms that the module verifies tokens with, and their numbers there.
ALGORITHMS: dict[Algorithm, int] = {"HS256": 0, "ES256": 1}
# How tokens of these algorithms begin in Fanout's form, in the same order: with their header, encoded, and a dot. The first one's
# header is `{"typ":"JWT","alg":"HS256"}`.
TOKEN_ALGORITHMS: dict[bytes, Algorithm] = {
    b"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.": "HS256",
    b"eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.": "ES256",
}
TOKEN_HEADER = 37


def split_number(number: int) -> list[int]:
    """Returns the limbs of a number."""
    return [number >> LIMB_BITS * index & 2**LIMB_BITS - 1 for index in range(LIMBS)]


def pack_number(number: int) -> bytes:
    return b"".join(limb.to_bytes(4, "little") for limb in split_number(number))


def pack_table(point: Point) -> bytes:
    """Returns the tables of a point's comb, one after the other: x and y of each point."""
    return b"".join(pack_number(coordinate * RADIX % P) for each in Comb(point, TEETH).points() for coordinate in each)
