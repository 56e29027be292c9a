"""Verifies HS256: HMAC with SHA-256 (RFC 7518, 3.2)."""

import hmac
from functools import partial

# The shortest key, in bytes: it is as long as the hash.
MIN_KEY = 32


def verifier(material: bytes) -> partial[bool]:
    """Returns a verifier for a secret: a function of the signed bytes and a signature. Raises ValueError, with the reason."""
    if len(material) < MIN_KEY:
        raise ValueError(f"a key for HS256 must have at least {MIN_KEY} bytes (RFC 7518, 3.2), but this one has {len(material)}")
    return partial(_verify, material)


def _verify(key: bytes, signed: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature)
