"""Tokens as the local edges' proxies make them: JWTs by HS256 (RFC 7515, RFC 7518 3.2)."""

import base64
import hashlib
import hmac
import json
from typing import Any

from fanroute_runtime.plan import Stored
from fanroute_runtime.signature import LOCAL_KEY

# What a local proxy signs with, as under the Fastly CLI: of no worth in production.
DEV_KEY = "viceroy_dev_signing_key_dont_use_in_production"
# The entry of LOCAL_STORE that gives the component that key: it does not contain it.
assert isinstance(LOCAL_KEY.material, Stored)
LOCAL_ENTRIES = {LOCAL_KEY.material.name: DEV_KEY}
# For how long it signs, in seconds.
LIFETIME = 3600


def grip_sig(now: int) -> bytes:
    """A local proxy's Grip-Sig; `now` in seconds since 1970."""
    return token({"iss": LOCAL_KEY.issuer, "exp": now + LIFETIME}, DEV_KEY.encode())


def token(claims: dict[str, Any], key: bytes) -> bytes:
    """A token of some claims, signed with an HS256 key."""
    parts = (json.dumps(part, separators=(",", ":")) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
    signed = b".".join(_base64url(part.encode()) for part in parts)
    return b".".join([signed, _base64url(hmac.digest(key, signed, hashlib.sha256))])


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
