"""JSON Web Tokens in compact serialization: read strictly, before any key is tried.

Sources: RFC 7515 (JWS), RFC 7519 (JWT), and RFC 8725 for what is refused.
"""

import json
from binascii import a2b_base64
from functools import lru_cache
from math import isinf
from typing import Any

from fanroute_runtime.plan import record

# Longest token read, in bytes.
MAX_TOKEN = 8_192
# How deep the arrays and objects of a token may nest. Python's JSON reader calls itself for each level, and without a limit
# a client's token would use up the component's stack, which ends the sandbox.
MAX_DEPTH = 32
# So many headers of tokens are kept ready.
HEADERS = 8

Claims = dict[str, Any]


class BadToken(ValueError):
    """It is no token that can be accepted; why, for the client."""


@record
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
    header, claims, signature = parts
    return Token(
        *_parse_header(header),
        _parse_object(_decode_base64url(claims)),
        token[: -len(signature) - 1],
        _decode_base64url(signature),
    )


# Those of one issuer's tokens are alike: what is kept outlives a request, and is the same for all.
@lru_cache(HEADERS)
def _parse_header(part: bytes) -> tuple[str, str | None]:
    """The algorithm and key id that a token's header names. Raises BadToken."""
    header = _parse_object(_decode_base64url(part))
    algorithm, kid = header.get("alg"), header.get("kid")
    # What must be understood (RFC 7515, 4.1.11) is not: nothing there is.
    if not isinstance(algorithm, str) or not isinstance(kid, str | None) or "crit" in header:
        raise BadToken("its header is not understood")
    return algorithm, kid


def require_current(claims: Claims, now: int, leeway: int) -> None:
    """See that a token's time has come and is not over (RFC 7519, 4.1.4 and 4.1.5); `now` and `leeway` in seconds.

    Raises BadToken; a token without an end is refused too.
    """
    if now >= _numeric_date(claims, "exp") + leeway:
        raise BadToken("it has expired")
    if "nbf" in claims and now < _numeric_date(claims, "nbf") - leeway:
        raise BadToken("its time has not come")


def _numeric_date(claims: Claims, name: str) -> float:
    """A claim that is a NumericDate (RFC 7519, 2). Raises BadToken."""
    if name not in claims:
        raise BadToken(f"it has no claim {name}")
    time: float = claims[name]
    if type(time) not in _NUMBERS:  # a bool is an int, too
        raise BadToken(f"its claim {name} is not a time")
    return time


def _decode_base64url(part: bytes) -> bytes:
    """What base64url without padding stands for (RFC 7515, 2), in its one spelling. Raises BadToken."""
    standard = part.translate(_TO_STANDARD)
    try:
        decoded = a2b_base64(standard + b"=" * (-len(part) % 4), strict_mode=True)
    except ValueError:
        raise BadToken("it is not base64url") from None
    if not standard.endswith(_ENDS[len(part) % 4]):
        raise BadToken("it is not base64url")
    return decoded


_NUMBERS = (int, float)
# base64url's two characters to base64's; base64's, and what pads it, to none that can be decoded.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/   ")
# What it can end with, by the characters of its last group: of their bits, those beyond the last whole byte are 0.
_ENDS = ((b"",), (), (b"A", b"Q", b"g", b"w"), tuple(b"%c" % each for each in b"AEIMQUYcgkosw048"))


def _parse_object(text: bytes) -> Claims:
    """A JSON object in UTF-8, each name in it once. Raises BadToken."""
    if _is_nested_too_deep(text):
        raise BadToken(f"its JSON nests deeper than {MAX_DEPTH} levels")
    try:
        # Without the two searches for white space that `decode` makes.
        document = text.decode().strip(" \t\n\r")
        value, end = _DECODER.raw_decode(document)
        if end < len(document):
            value = None
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadToken("it is not JSON")
    return value


def _is_nested_too_deep(text: bytes) -> bool:
    """Returns True if the arrays and objects of a JSON text nest deeper than MAX_DEPTH, up to where it stops being JSON."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    # JSON escapes in strings only, so without escaped quotes each quote begins or ends a string.
    outside_strings = text.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    depth = 0
    for byte in b"".join(outside_strings):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > MAX_DEPTH:
            return True
    return False


def _unique_members(pairs: list[tuple[str, Any]]) -> Claims:
    """Raises ValueError for a name that stands twice: which one counts, readers do not agree."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice")
    return members


def _parse_finite(number: str) -> float:
    """Raises ValueError for what is beyond a float's range: a time that never comes."""
    value = float(number)
    if isinf(value):
        raise ValueError(f"{number} is too large")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_members, parse_float=_parse_finite, parse_constant=_refuse_constant)
