"""Verifies ES256: ECDSA on P-256 with SHA-256 (RFC 7518, 3.4; FIPS 186-5, 6.4.2)."""

from collections.abc import Callable
from functools import partial
from hashlib import sha256

from fanroute_runtime.jose import limbs, native, p256, spki
from fanroute_runtime.jose.p256 import Comb, N, P

# id-ecPublicKey and secp256r1 (RFC 5480, 2.1.1).
ALGORITHM = bytes.fromhex("06072a8648ce3d0201 06082a8648ce3d030107")
# The length of an integer in a key and in a signature, in bytes.
SIZE = 32
# The first byte of an uncompressed point (SEC 1, 2.3.3).
UNCOMPRESSED = b"\x04"


def verifier(material: bytes, fixed: bool = False) -> partial[bool]:
    """Returns a verifier for a public key in PEM: a function of the signed bytes and a signature.

    If there is a native module, what it needs is bound first: the key's table.

    Raises ValueError, with the reason.

    Args:
        material: the key.
        fixed: True while the component is built, when large tables cost no time of a request, and nothing native can be called.
    """
    point = read_point(material)
    if not native.LINKED:
        return partial(_verify, Comb(point, p256.MANY_TEETH if fixed else p256.FEW_TEETH))
    table = limbs.pack_table(point) if fixed else native.make_table(b"".join(each.to_bytes(SIZE) for each in point))
    return partial(_verify_natively, table, point)


def prepare() -> None:
    """Makes the tables that all keys share, while the component is built."""
    if not native.LINKED:
        p256.generator_comb()


def read_point(material: bytes) -> p256.Point:
    """Returns the point of a public key in PEM. Raises ValueError, with the reason."""
    algorithm, key = spki.read_public_key(material)
    if algorithm != ALGORITHM:
        raise ValueError("a key for ES256 must be an EC key on the named curve P-256")
    if len(key) != 1 + 2 * SIZE or not key.startswith(UNCOMPRESSED):
        raise ValueError("the EC key's point is compressed: convert it with 'openssl ec -pubin -conv_form uncompressed'")
    point = int.from_bytes(key[1 : 1 + SIZE]), int.from_bytes(key[1 + SIZE :])
    if not p256.is_on_curve(point):
        raise ValueError("the EC key's point is not on P-256")
    return point


def _verify_natively(table: bytes, point: p256.Point, signed: bytes, signature: bytes) -> bool:
    digest = sha256(signed).digest()
    result = native.verify(table, signature, digest)
    if result == limbs.MET:
        return is_valid(partial(_exact_x_of_sum, point), digest, signature)
    return result == limbs.VALID


def _verify(key: Comb, signed: bytes, signature: bytes) -> bool:
    return is_valid(partial(_x_of_sum, key), sha256(signed).digest(), signature)


def _x_of_sum(key: Comb, scalar: int, key_scalar: int) -> tuple[int, int]:
    return p256.x_of_sum(p256.generator_comb(), scalar, key, key_scalar)


def _exact_x_of_sum(point: p256.Point, scalar: int, key_scalar: int) -> tuple[int, int]:
    return p256.exact_x_of_sum(p256.GENERATOR, scalar, point, key_scalar)


def is_valid(x_of_sum: Callable[[int, int], tuple[int, int]], digest: bytes, signature: bytes) -> bool:
    """Returns True if a signature of a digest is valid.

    Args:
        x_of_sum: adds the multiples of the generator and of the key by two scalars, and returns x as `p256.x_of_sum` does.
        digest: the SHA-256 of what is signed.
        signature: the signature.
    """
    r, s = int.from_bytes(signature[:SIZE]), int.from_bytes(signature[SIZE:])
    if len(signature) != 2 * SIZE or not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, -1, N)
    x, denominator = x_of_sum(int.from_bytes(digest) * inverse % N, r * inverse % N)
    # The affine x, which is below P, must be r modulo N. The point at infinity has no x.
    return any((r_or_more * denominator - x) % P == 0 for r_or_more in (r, r + N) if r_or_more < P)
