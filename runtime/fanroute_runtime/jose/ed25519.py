"""Verifies EdDSA on edwards25519: Ed25519 (RFC 8037, 3.1; RFC 8032, 5.1.7).

It accepts only keys whose point has the order of the base point.
"""

from functools import cache, partial
from hashlib import sha512

from fanroute_runtime.jose import spki
from fanroute_runtime.jose.comb import Curve, Tables, make_tables, multiple_by_order, sum_of_multiples
from fanroute_runtime.jose.identifiers import ED25519

SIZE = 32
P = 2**255 - 19
# The order of the base point.
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)
_BASE_Y = 4 * pow(5, -1, P) % P

# A point with the affine coordinates x/z and y/z, and t = xy/z (RFC 8032, 5.1.4): x, y, z, t.
Point = tuple[int, int, int, int]


def _prepare(point: Point) -> Point:
    x, y, z, t = point
    return y + x, y - x, 2 * z, 2 * D * t % P


def _negate(prepared: Point) -> Point:
    plus, minus, z, t = prepared
    return minus, plus, z, -t


def _add(point: Point, prepared: Point) -> Point:
    """Adds any two points (RFC 8032, 5.1.4)."""
    x, y, z, t = point
    plus, minus, z2, t2 = prepared
    a, b, c, d = (y - x) * minus % P, (y + x) * plus % P, t * t2 % P, z * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


_CURVE = Curve(L, 24, (0, 1, 1, 0), _prepare, _negate, _add)


@cache
def _base_tables() -> Tables:
    return make_tables(_CURVE, _point(_BASE_Y, 0))


@cache
def verifier(material: bytes) -> partial[bool]:
    """Returns a verifier for a public key in PEM: a function of the signed bytes and a signature.

    Raises ValueError, with the reason.
    """
    algorithm, key = spki.read_public_key(material)
    if algorithm != ED25519 or len(key) != SIZE:
        raise ValueError("a key for EdDSA or Ed25519 must be on the curve Ed25519")
    _base_tables()
    number = int.from_bytes(key, "little")
    x, y, z, t = _point(number & 2**255 - 1, number >> 255)
    tables = make_tables(_CURVE, (P - x, y, z, P - t))
    # Anybody can sign for the few points of a small order, and verifiers disagree about sums of them with other points.
    multiple_x, multiple_y, multiple_z, _ = multiple_by_order(_CURVE, tables)
    if not x or multiple_x or multiple_y != multiple_z:
        raise ValueError("the Ed25519 key's point does not have the order of the base point")
    return partial(_verify, key, tables)


def _point(y: int, sign: int) -> Point:
    """Returns the point with this y, and this lowest bit of x (RFC 8032, 5.1.3). Raises ValueError if there is none."""
    u, v = y * y - 1, D * y * y + 1
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if (v * x * x + u) % P == 0:
        x = x * _ROOT_OF_MINUS_1 % P
    if y >= P or (v * x * x - u) % P or (sign and not x):
        raise ValueError("the Ed25519 key is no point of the curve")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def _verify(key: bytes, negative_key: Tables, signed: bytes, signature: bytes) -> bool:
    r, s = signature[:SIZE], int.from_bytes(signature[SIZE:], "little")
    if len(signature) != 2 * SIZE or s >= L:
        return False
    k = int.from_bytes(sha512(r + key + signed).digest(), "little") % L
    point: Point = sum_of_multiples(_CURVE, (_base_tables(), s), (negative_key, k))
    x, y, z, _ = point
    inverse = pow(z, -1, P)
    # R has one spelling only: that of the point which it has to be.
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(SIZE, "little") == r


# Both names mean the same here. RFC 9864 deprecates the first, which also stands for another curve.
VERIFIER_MAKERS = {"EdDSA": verifier, "Ed25519": verifier}
