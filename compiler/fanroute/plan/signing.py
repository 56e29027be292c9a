"""Signs tokens as the local edges' proxies do: JWTs with HS256. Sources: RFC 7519; RFC 7515, 7.1; RFC 7518, 3.2.

A Grip-Sig is written as Pushpin does it, so that the component's native module accepts it (compiler/fanroute/native/grip_sig.py).
"""

import base64
import hashlib
import hmac
import json
from typing import Any

from fanroute_runtime.grip.signature import FASTLY_ISSUER, FASTLY_KEY, LOCAL_KEY
from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.plan import Algorithm, StoreEntry

# The key that a local proxy signs with, the same as the Fastly CLI's. It is public, so it protects nothing in production.
DEV_KEY = "viceroy_dev_signing_key_dont_use_in_production"
# The entry of LOCAL_STORE from which the component reads that key: the component itself does not contain it.
assert isinstance(LOCAL_KEY.material, StoreEntry)
LOCAL_ENTRIES = {LOCAL_KEY.material.name: DEV_KEY}
# How long a token is valid, in seconds.
LIFETIME = 3600


def grip_sig(now: int) -> bytes:
    """Returns a local proxy's Grip-Sig; `now` is in seconds since 1970."""
    return sign_token({"exp": now + LIFETIME, "iss": LOCAL_KEY.issuer}, DEV_KEY.encode())


def forged_grip_sig(now: int) -> bytes:
    """Returns a Grip-Sig like those of Fastly's Fanout, but with a signature that is not valid."""
    signing_input = _signing_input(FASTLY_KEY.algorithm, {"exp": now + LIFETIME, "iss": FASTLY_ISSUER.format(LOCAL_SERVICE)})
    return b".".join([signing_input, _base64url(bytes([1] * 64))])


def sign_token(claims: dict[str, Any], key: bytes, kid: str = "") -> bytes:
    """Returns a JWT with these claims, signed with HS256. Its header has the key's id, if there is one."""
    signing_input = _signing_input("HS256", claims, **({"kid": kid} if kid else {}))
    return b".".join([signing_input, _base64url(hmac.digest(key, signing_input, hashlib.sha256))])


def _signing_input(algorithm: Algorithm, claims: dict[str, Any], **header: str) -> bytes:
    """Returns the part of a JWT that is signed. `header` are further members of its header."""
    parts = (json.dumps(part, separators=(",", ":")) for part in ({"typ": "JWT", "alg": algorithm} | header, claims))
    return b".".join(_base64url(part.encode()) for part in parts)


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
