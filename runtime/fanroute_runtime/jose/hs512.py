"""Verifies HS384 and HS512: HMAC with SHA-384 and SHA-512 (RFC 7518, 3.2)."""

import hmac
from functools import partial
from hashlib import sha384, sha512  # noqa: F401  # `hmac` looks them up by name

# The shortest key of each hash, in bytes: it is as long as the hash.
_MIN_KEYS = {"sha384": 48, "sha512": 64}


def _verifier(digest: str, material: bytes) -> partial[bool]:
    """Returns a verifier for a secret: a function of the signed bytes and a signature. Raises ValueError, with the reason."""
    least, algorithm = _MIN_KEYS[digest], digest.replace("sha", "HS")
    if len(material) < least:
        raise ValueError(
            f"a key for {algorithm} must have at least {least} bytes (RFC 7518, 3.2), but this one has {len(material)}"
        )
    return partial(_verify, digest, material)


def _verify(digest: str, key: bytes, signed: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(hmac.digest(key, signed, digest), signature)


VERIFIER_MAKERS = {"HS384": partial(_verifier, "sha384"), "HS512": partial(_verifier, "sha512")}
