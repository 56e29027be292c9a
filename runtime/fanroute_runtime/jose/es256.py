"""Verifies ES256: ECDSA on P-256 with SHA-256 (RFC 7518, 3.4; FIPS 186-5, 6.4.2)."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256

from fanroute_runtime.jose import p256, spki
from fanroute_runtime.jose.p256 import Comb, N, P

# id-ecPublicKey and secp256r1 (RFC 5480, 2.1.1).
ALGORITHM = bytes.fromhex("06072a8648ce3d0201 06082a8648ce3d030107")
# The length of an integer in a key and in a signature, in bytes.
SIZE = 32
# The first byte of an uncompressed point (SEC 1, 2.3.3).
UNCOMPRESSED = b"\x04"


def verifier(material: bytes, fixed: bool = False) -> Callable[[bytes, bytes], bool]:
    """Returns a verifier for a public key in PEM: a function of the signed bytes and a signature.

    Raises ValueError, with the reason.

    Args:
        material: the key.
        fixed: True while the component is built, when large tables cost no time of a request.
    """
    return partial(_verify, Comb(_read_point(material), p256.MANY_TEETH if fixed else p256.FEW_TEETH))


def _read_point(material: bytes) -> p256.Point:
    algorithm, key = spki.read_public_key(material)
    if algorithm != ALGORITHM:
        raise ValueError("a key for ES256 must be an EC key on the named curve P-256")
    if len(key) != 1 + 2 * SIZE or not key.startswith(UNCOMPRESSED):
        raise ValueError("the EC key's point is compressed: convert it with 'openssl ec -pubin -conv_form uncompressed'")
    point = int.from_bytes(key[1 : 1 + SIZE]), int.from_bytes(key[1 + SIZE :])
    if not p256.is_on_curve(point):
        raise ValueError("the EC key's point is not on P-256")
    return point


def _verify(key: Comb, signed: bytes, signature: bytes) -> bool:
    r, s = int.from_bytes(signature[:SIZE]), int.from_bytes(signature[SIZE:])
    if len(signature) != 2 * SIZE or not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    hashed = int.from_bytes(sha256(signed).digest())
    x, denominator = p256.x_of_sum(p256.GENERATOR, hashed * inverse % N, key, r * inverse % N)
    # The affine x, which is below P, must be r modulo N. The point at infinity has no x.
    return any((r_or_more * denominator - x) % P == 0 for r_or_more in (r, r + N) if r_or_more < P)
