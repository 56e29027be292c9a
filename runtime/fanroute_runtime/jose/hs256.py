"""HS256: HMAC with SHA-256 (RFC 7518, 3.2)."""

import hmac
from collections.abc import Callable
from functools import partial

# Shortest key: as long as the hash, in bytes.
MIN_KEY = 32


def verifier(material: bytes) -> Callable[[bytes, bytes], bool]:
    """A verifier, of what is signed and its signature, for a key. Raises ValueError, with the reason."""
    if len(material) < MIN_KEY:
        raise ValueError(f"a key for HS256 has at least {MIN_KEY} bytes (RFC 7518, 3.2), and this one has {len(material)}")
    return partial(_verify, material)


def _verify(key: bytes, signed: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(key, signed, "sha256"), signature)
