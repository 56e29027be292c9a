"""Parses JSON Web Tokens in compact serialization. Malformed tokens are refused before any key is tried.

Sources: RFC 7515 (JWS), RFC 7519 (JWT), and RFC 8725 for what is refused.
"""

import json
from binascii import a2b_base64
from functools import lru_cache
from math import isinf
from typing import Any

from fanroute_runtime.plan import record

# The longest token that is read, in bytes.
MAX_TOKEN = 8_192
# How deep the arrays and objects of a token may nest. Python's JSON reader calls itself for each level, and without a limit
# a client's token would use up the component's stack, which ends the sandbox.
MAX_DEPTH = 32
# How many parsed headers of tokens are kept.
HEADERS = 8

Claims = dict[str, Any]


class BadToken(ValueError):
    """Raised for a token that cannot be accepted. The message is part of a sentence for the log: "it has expired"."""


@record
class Token:
    """Represents a token that has not been verified yet.

    Its header says that `signature` is the signature of `signed` by `algorithm` with the key `kid`.
    """

    algorithm: str
    kid: str | None
    claims: Claims
    signed: bytes
    signature: bytes


def parse(token: bytes) -> Token:
    """Parses a token. Raises BadToken."""
    if len(token) > MAX_TOKEN:
        raise BadToken("it is too long")
    parts = token.split(b".")
    if len(parts) != 3:
        raise BadToken("it does not have three parts")
    header, claims, signature = parts
    return Token(
        *_parse_header(header),
        parse_object(decode_base64url(claims)),
        token[: -len(signature) - 1],
        decode_base64url(signature),
    )


# The tokens of an issuer have equal headers. What is kept outlives a request, and is the same for all clients.
@lru_cache(HEADERS)
def _parse_header(part: bytes) -> tuple[str, str | None]:
    """Returns the algorithm and key id that a token's header names. Raises BadToken."""
    header = parse_object(decode_base64url(part))
    algorithm, kid = header.get("alg"), header.get("kid")
    # `crit` names extensions that must be understood (RFC 7515, 4.1.11). None is understood here.
    if not isinstance(algorithm, str) or not isinstance(kid, str | None) or "crit" in header:
        raise BadToken("its header is not understood")
    return algorithm, kid


def require_current(claims: Claims, now: int, leeway: int) -> None:
    """Checks that a token is valid at the time `now` (RFC 7519, 4.1.4 and 4.1.5). `now` and `leeway` are in seconds.

    Raises BadToken, also for a token that never expires.
    """
    if now >= _numeric_date(claims, "exp") + leeway:
        raise BadToken("it has expired")
    if "nbf" in claims and now < _numeric_date(claims, "nbf") - leeway:
        raise BadToken("it is not valid yet")


def _numeric_date(claims: Claims, name: str) -> float:
    """Returns a claim that is a NumericDate (RFC 7519, 2). Raises BadToken."""
    if name not in claims:
        raise BadToken(f"it does not have the claim {name}")
    time: float = claims[name]
    if type(time) not in _NUMBERS:  # not isinstance, because a bool is an int
        raise BadToken(f"its claim {name} is not a time")
    return time


def decode_base64url(part: bytes) -> bytes:
    """Decodes base64url without padding (RFC 7515, 2). Raises BadToken, also for a spelling that is not canonical."""
    standard = part.translate(_TO_STANDARD)
    try:
        decoded = a2b_base64(standard + b"=" * (-len(part) % 4), strict_mode=True)
    except ValueError:
        raise BadToken("it is not base64url") from None
    if not standard.endswith(_ENDS[len(part) % 4]):
        raise BadToken("it is not base64url")
    return decoded


_NUMBERS = (int, float)
# Maps the two characters of base64url to those of base64, and the characters of base64 to one that cannot be decoded.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/   ")
# The possible ends of a text, by the number of characters in its last group. Bits behind the last whole byte must be 0.
_ENDS = ((b"",), (), (b"A", b"Q", b"g", b"w"), tuple(b"%c" % each for each in b"AEIMQUYcgkosw048"))


def parse_object(text: bytes) -> Claims:
    """Parses a JSON object in UTF-8. Raises BadToken, also if a name occurs twice in an object."""
    if nests_too_deep(text):
        raise BadToken(f"its JSON nests deeper than {MAX_DEPTH} levels")
    try:
        # This leaves out the two searches for white space that `decode` makes.
        document = text.decode().strip(" \t\n\r")
        value, end = _DECODER.raw_decode(document)
        if end < len(document):
            value = None
        if b"\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # fails for half of a surrogate pair
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise BadToken("it is not valid JSON")
    return value


def nests_too_deep(text: bytes) -> bool:
    """Returns True if the arrays and objects of a JSON text nest deeper than MAX_DEPTH, up to where it stops being JSON."""
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return False
    # JSON has escapes in strings only. Without escaped quotes, each quote begins or ends a string.
    outside_strings = text.replace(rb"\\", b"").replace(rb"\"", b"").split(b'"')[::2]
    depth = 0
    for byte in b"".join(outside_strings):
        depth += (byte in b"[{") - (byte in b"]}")
        if depth > MAX_DEPTH:
            return True
    return False


def _unique_members(pairs: list[tuple[str, Any]]) -> Claims:
    """Returns the members of an object. Raises ValueError if a name occurs twice, because readers disagree which one counts."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name occurs twice")
    return members


def _parse_finite(number: str) -> float:
    """Parses a number. Raises ValueError if it is beyond a float's range: as a time, it would never come."""
    value = float(number)
    if isinf(value):
        raise ValueError(f"{number} is too large")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_members, parse_float=_parse_finite, parse_constant=_refuse_constant)
