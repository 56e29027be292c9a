"""Signs tokens as the local edges' proxies do: JWTs with HS256. Sources: RFC 7519; RFC 7515, 7.1; RFC 7518, 3.2."""

import base64
import hashlib
import hmac
import json
from typing import Any

from fanroute_runtime.grip.signature import LOCAL_KEY
from fanroute_runtime.plan import StoreEntry

# The key that a local proxy signs with, the same as the Fastly CLI's. It is public, so it protects nothing in production.
DEV_KEY = "viceroy_dev_signing_key_dont_use_in_production"
# The entry of LOCAL_STORE from which the component reads that key: the component itself does not contain it.
assert isinstance(LOCAL_KEY.material, StoreEntry)
LOCAL_ENTRIES = {LOCAL_KEY.material.name: DEV_KEY}
# How long a token is valid, in seconds.
LIFETIME = 3600


def grip_sig(now: int) -> bytes:
    """Returns a local proxy's Grip-Sig; `now` is in seconds since 1970."""
    return sign_token({"iss": LOCAL_KEY.issuer, "exp": now + LIFETIME}, DEV_KEY.encode())


def sign_token(claims: dict[str, Any], key: bytes) -> bytes:
    """Returns a JWT with these claims, signed with HS256."""
    parts = (json.dumps(part, separators=(",", ":")) for part in ({"typ": "JWT", "alg": "HS256"}, claims))
    signing_input = b".".join(_base64url(part.encode()) for part in parts)
    return b".".join([signing_input, _base64url(hmac.digest(key, signing_input, hashlib.sha256))])


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
