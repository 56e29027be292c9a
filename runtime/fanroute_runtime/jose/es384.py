"""Verifies ES384: ECDSA on P-384 with SHA-384 (RFC 7518, 3.4; FIPS 186-5, 6.4.2; SP 800-186, 3.2.1.4)."""

from functools import cache, partial
from hashlib import sha384

from fanroute_runtime.jose import spki
from fanroute_runtime.jose.comb import Curve, Tables, make_tables, sum_of_multiples
from fanroute_runtime.jose.es256 import UNCOMPRESSED
from fanroute_runtime.jose.identifiers import P384

SIZE = 48
P = 2**384 - 2**128 - 2**96 + 2**32 - 1
B = 0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF
# The order of the generator, and therefore of every point, because the cofactor is 1.
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
GENERATOR = (
    0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
)

# A point with the affine coordinates x/z and y/z: x, y, z.
Point = tuple[int, int, int]


def _prepare(point: Point) -> Point:
    return point


def _negate(point: Point) -> Point:
    x, y, z = point
    return x, -y, z


def _add(one: Point, other: Point) -> Point:
    """Adds any two points (Renes, Costello and Batina, 2016, algorithm 4)."""
    x1, y1, z1 = one
    x2, y2, z2 = other
    xx, yy, zz = x1 * x2 % P, y1 * y2 % P, z1 * z2 % P
    xy = ((x1 + y1) * (x2 + y2) - xx - yy) % P
    yz = ((y1 + z1) * (y2 + z2) - yy - zz) % P
    xz = ((x1 + z1) * (x2 + z2) - xx - zz) % P
    m = 3 * (xz - B * zz) % P
    n = 3 * (B * xz - 3 * zz - xx) % P
    q, plus, minus = 3 * (xx - zz), yy + m, yy - m
    return (xy * plus - yz * n) % P, (plus * minus + q * n) % P, (yz * minus + xy * q) % P


_CURVE = Curve(N, 36, (0, 1, 0), _prepare, _negate, _add)


@cache
def _generator_tables() -> Tables:
    return make_tables(_CURVE, (*GENERATOR, 1))


@cache
def verifier(material: bytes) -> partial[bool]:
    """Returns a verifier for a public key in PEM: a function of the signed bytes and a signature.

    Raises ValueError, with the reason.
    """
    algorithm, key = spki.read_public_key(material)
    if algorithm != P384:
        raise ValueError("a key for ES384 must be an EC key on the named curve P-384")
    if len(key) != 1 + 2 * SIZE or not key.startswith(UNCOMPRESSED):
        raise ValueError("the EC key's point is compressed: convert it with 'openssl ec -pubin -conv_form uncompressed'")
    x, y = int.from_bytes(key[1 : 1 + SIZE]), int.from_bytes(key[1 + SIZE :])
    if x >= P or y >= P or (y * y - (x * x - 3) * x - B) % P:
        raise ValueError("the EC key's point is not on P-384")
    _generator_tables()
    return partial(_verify, make_tables(_CURVE, (x, y, 1)))


def _verify(key: Tables, signed: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:SIZE]), int.from_bytes(signature[SIZE:])
    if len(signature) != 2 * SIZE or not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    digest = int.from_bytes(sha384(signed).digest())
    x, _, z = sum_of_multiples(_CURVE, (_generator_tables(), digest * inverse % N), (key, r * inverse % N))
    # The affine x, which is below P, must be r modulo N. The point at infinity has no x: its z is 0.
    return z != 0 and any((r_or_more * z - x) % P == 0 for r_or_more in (r, r + N) if r_or_more < P)


VERIFIER_MAKERS = {"ES384": verifier}
