"""Verifies PS256: RSASSA-PSS with SHA-256, MGF1 and a salt of 32 bytes (RFC 7518, 3.5; RFC 8017, 8.1.2 and 9.1.2)."""

from functools import partial
from hashlib import sha256

from fanroute_runtime.jose import rs256

# The length of the hash, and of the salt.
HASH = 32
_END = b"\xbc"


def verifier(material: bytes) -> partial[bool]:
    """Returns a verifier for a public key in PEM: a function of the signed bytes and a signature.

    Raises ValueError, with the reason.
    """
    return partial(_verify, *rs256.read_key(material, "PS256"))


def _verify(modulus: int, exponent: int, signed: bytes, signature: bytes) -> bool:
    number, bits = int.from_bytes(signature), modulus.bit_length() - 1
    if len(signature) != (modulus.bit_length() + 7) // 8 or number >= modulus:
        return False
    encoded = pow(number, exponent, modulus)
    if encoded.bit_length() > bits:
        return False
    text = encoded.to_bytes((bits + 7) // 8)
    masked, digest = text[: -HASH - 1], text[-HASH - 1 : -1]
    block = int.from_bytes(masked) ^ int.from_bytes(_mask(digest, len(masked)))
    # The bits of the mask above those of the number do not count.
    block &= (1 << bits - 8 * (HASH + 1)) - 1
    # Zeros, a one, and the salt.
    salt = block & (1 << 8 * HASH) - 1
    expected = sha256(bytes(8) + sha256(signed).digest() + salt.to_bytes(HASH)).digest()
    return text[-1:] == _END and block >> 8 * HASH == 1 and digest == expected


def _mask(seed: bytes, size: int) -> bytes:
    """Returns MGF1's mask (RFC 8017, B.2.1)."""
    blocks = (sha256(seed + counter.to_bytes(4)).digest() for counter in range(-(-size // HASH)))
    return b"".join(blocks)[:size]


VERIFIER_MAKERS = {"PS256": verifier}
