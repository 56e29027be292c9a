"""JSON Web Tokens in compact serialization: read strictly, before any key is tried.

Sources: RFC 7515 (JWS), RFC 7519 (JWT), and RFC 8725 for what is refused.
"""

import json
from binascii import a2b_base64, b2a_base64
from dataclasses import dataclass
from math import isinf
from typing import Any

# Longest token read, in bytes.
MAX_TOKEN = 8_192

Claims = dict[str, Any]


class BadToken(ValueError):
    """It is no token that can be accepted; why, for the client."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it came, not yet verified: `signature` is said to be one of `signed`, by `algorithm` and the key `kid`."""

    algorithm: str
    kid: str | None
    claims: Claims
    signed: bytes
    signature: bytes


def parse(token: bytes) -> Token:
    """A token's parts. Raises BadToken."""
    if len(token) > MAX_TOKEN:
        raise BadToken("it is too long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise BadToken("it has not three parts")
    header, claims, signature = map(_decoded, parts)
    return _token(_object(header), _object(claims), b".".join(parts[:2]), signature)


def _token(header: Claims, claims: Claims, signed: bytes, signature: bytes) -> Token:
    algorithm, kid = header.get("alg"), header.get("kid")
    # What must be understood (RFC 7515, 4.1.11) is not: nothing there is.
    if not isinstance(algorithm, str) or not isinstance(kid, str | None) or "crit" in header:
        raise BadToken("its header is not understood")
    return Token(algorithm, kid, claims, signed, signature)


def require_current(claims: Claims, now: int, leeway: int) -> None:
    """See that a token's time has come and is not over (RFC 7519, 4.1.4 and 4.1.5); `now` and `leeway` in seconds.

    Raises BadToken; a token without an end is refused too.
    """
    if now >= _time(claims, "exp", None) + leeway:
        raise BadToken("it has expired")
    if now < _time(claims, "nbf", 0) - leeway:
        raise BadToken("its time has not come")


def _time(claims: Claims, name: str, default: int | None) -> float:
    """A claim that is a NumericDate (RFC 7519, 2). Raises BadToken."""
    time = claims.get(name, default)
    if isinstance(time, bool) or not isinstance(time, int | float):
        raise BadToken(f"its claim {name} is not a time")
    return time


def _decoded(part: bytes) -> bytes:
    """What base64url without padding stands for (RFC 7515, 2), in its one spelling. Raises BadToken."""
    standard = part.translate(_TO_STANDARD)
    try:
        decoded = a2b_base64(standard + b"=" * (-len(part) % 4), strict_mode=True)
    except ValueError:
        raise BadToken("it is not base64url") from None
    if b2a_base64(decoded, newline=False).rstrip(b"=") != standard:
        raise BadToken("it is not base64url")
    return decoded


# base64url's two characters to base64's, and base64's to none that can be decoded.
_TO_STANDARD = bytes.maketrans(b"-_+/", b"+/  ")


def _object(text: bytes) -> Claims:
    """A JSON object in UTF-8, each name in it once. Raises BadToken."""
    try:
        value = _DECODER.decode(text.decode())
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadToken("it is not JSON")
    return value


def _members(pairs: list[tuple[str, Any]]) -> Claims:
    """Raises ValueError for a name that stands twice: which one counts, readers do not agree."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice")
    return members


def _finite(number: str) -> float:
    """Raises ValueError for what is beyond a float's range: a time that never comes."""
    value = float(number)
    if isinf(value):
        raise ValueError(f"{number} is too large")
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_float=_finite, parse_constant=_no_number)
