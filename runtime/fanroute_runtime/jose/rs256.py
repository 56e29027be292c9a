"""Verifies RS256: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518, 3.3; RFC 8017, 8.2.2)."""

from functools import partial
from hashlib import sha256

from fanroute_runtime.jose import spki
from fanroute_runtime.plan import Algorithm

# rsaEncryption and NULL (RFC 8017, A.1).
ALGORITHM = bytes.fromhex("06092a864886f70d010101 0500")
# A DigestInfo of SHA-256, without the digest (RFC 8017, 9.2).
DIGEST_INFO = bytes.fromhex("3031 300d0609608648016503040201 0500 0420")

# Sizes of a modulus, in bits: the least that RFC 7518 allows, and the largest that is still verified fast.
MIN_BITS = 2048
MAX_BITS = 4096
MAX_EXPONENT = 2**32


def verifier(material: bytes) -> partial[bool]:
    """Returns a verifier for a public key in PEM: a function of the signed bytes and a signature.

    Raises ValueError, with the reason.
    """
    return partial(_verify, *read_key(material, "RS256"))


def read_key(material: bytes, name: Algorithm) -> tuple[int, int]:
    """Returns modulus and exponent of a public key in PEM for the algorithm `name`. Raises ValueError, with the reason."""
    algorithm, key = spki.read_public_key(material)
    if algorithm != ALGORITHM:
        raise ValueError(f"a key for {name} must be an RSA key")
    numbers, behind = spki.take_element(key, spki.SEQUENCE)
    modulus, rest = spki.take_natural(numbers)
    exponent, rest = spki.take_natural(rest)
    if behind or rest:
        raise ValueError("the public key is not DER")
    if not MIN_BITS <= modulus.bit_length() <= MAX_BITS:
        bits = modulus.bit_length()
        raise ValueError(f"an RSA key must have {MIN_BITS} to {MAX_BITS} bits (RFC 7518, 3.3), but this one has {bits}")
    if not 3 <= exponent < MAX_EXPONENT or not exponent & modulus & 1:
        raise ValueError("the RSA key is invalid: modulus and exponent must be odd, and the exponent from 3 to 2**32")
    return modulus, exponent


def _verify(modulus: int, exponent: int, signed: bytes, signature: bytes) -> bool:
    size = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature)
    if len(signature) != size or number >= modulus:
        return False
    info = DIGEST_INFO + sha256(signed).digest()
    encoded = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
    return pow(number, exponent, modulus).to_bytes(size) == encoded
