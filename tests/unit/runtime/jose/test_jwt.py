"""Tests that tokens are parsed strictly, and the times for which they are valid."""

import base64
import json
from typing import Any

import joserfc.jwt
import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import OctKey

from fanroute_runtime.jose.jwt import MAX_DEPTH, MAX_TOKEN, BadToken, Token, parse, require_current

SECRET = b"a secret of thirty-two bytes, or more"
CLAIMS = {"iss": "a", "exp": 2_000, "sub": "\u00e9"}


def part(value: Any) -> bytes:
    """Encodes a part of a token: bytes unchanged, anything else as JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def token(header: Any = None, claims: Any = None, signature: bytes = b"sig") -> bytes:
    return b".".join(map(part, ({"alg": "HS256"} if header is None else header, {} if claims is None else claims, signature)))


def test_parts() -> None:
    raw = token({"typ": "JWT", "alg": "ES256", "kid": "k"}, CLAIMS, b"\xff\xfe")
    assert parse(raw) == Token("ES256", "k", CLAIMS, raw.rpartition(b".")[0], b"\xff\xfe")
    assert parse(token()).kid is None


@pytest.mark.parametrize(
    "made",
    [
        jwt.encode(CLAIMS, SECRET, "HS256", headers={"kid": "k"}),
        joserfc.jwt.encode({"alg": "HS256", "kid": "k"}, CLAIMS, OctKey.import_key(SECRET)),
    ],
    ids=["PyJWT", "joserfc"],
)
def test_what_others_make_is_read(made: str) -> None:
    parsed = parse(made.encode())
    assert (parsed.algorithm, parsed.kid, parsed.claims) == ("HS256", "k", CLAIMS)


GOOD = token()
TWICE = b'{"alg":"HS256","alg":"none"}'


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b".",
        b"..",
        b"...",
        b"a.b",
        GOOD + b".",
        b"." + GOOD,
        GOOD.rpartition(b".")[0],
        b" " + GOOD,
        GOOD + b" ",
        GOOD + b"\n",
        GOOD + b"=",
        GOOD.replace(b".", b"=.", 1),
        GOOD.replace(b".", b"..", 1),
        GOOD + b"A",  # five characters of base64url stand for nothing
        GOOD[:-1] + b"+",
        GOOD[:-1] + b"/",
        b"\xff" + GOOD,
        token(signature=b"a")[:-1] + b"R",  # the same byte, spelt otherwise
        token(b"[]"),
        token(b"null"),
        token(b""),
        token(b"{"),
        token(b'{"alg":"HS256"} x'),
        token(b"\xef\xbb\xbf{}"),
        token(b'{"alg":"\xff"}'),
        token(TWICE),
        token(claims=b'{"exp":1,"exp":2}'),
        token(claims=b'{"a":{"b":1,"b":2}}'),
        token(claims=b'{"exp":NaN}'),
        token(claims=b'{"exp":Infinity}'),
        token(claims=b'{"exp":1e999}'),
        token(claims=b'{"sub":"\\ud800"}'),
        token(claims=b'{"\\udc00":1}'),
        token(b'{"alg":"HS256","kid":"\\uDFFF"}'),
        token(claims=b'{"exp":' + b"9" * 5_000 + b"}"),
        token(claims=b'{"a":' + b"[" * 5_000 + b"]" * 1_000 + b"}"),
        token(claims=[1]),
        token({}),
        token({"alg": 1}),
        token({"alg": None}),
        token({"alg": "HS256", "kid": 1}),
        token({"alg": "HS256", "crit": ["exp"], "exp": 1}),
        token({"alg": "HS256", "crit": []}),
        token({"alg": "HS256", "b64": False, "crit": ["b64"]}),
        token(claims={"a": "x" * MAX_TOKEN}),
    ],
)
def test_what_is_no_token_is_refused(raw: bytes) -> None:
    with pytest.raises(BadToken):
        parse(raw)


def nested(levels: int) -> bytes:
    """Returns a JSON object with this many levels of arrays and objects, including itself."""
    return b'{"a":' + b'[{"b":' * ((levels - 1) // 2) + (b"1" if levels % 2 else b"[]") + b"}]" * ((levels - 1) // 2) + b"}"


@pytest.mark.parametrize("text", ['"[', "]}\\\\", '\\"[{' * 50, "\\" * 3 + '"' + "[" * 99])
def test_nesting_is_limited(text: str) -> None:
    """Brackets in strings do not count as levels, and a string cannot hide a level."""
    members = json.dumps({text: text, "alg": "HS256"}).encode()[:-1]
    for levels in range(1, 40):
        for parts in ({"header": members + b"," + nested(levels)[1:]}, {"claims": members + b"," + nested(levels)[1:]}):
            if levels <= MAX_DEPTH:
                parse(token(**parts))
                continue
            with pytest.raises(BadToken, match=f"^its JSON nests deeper than {MAX_DEPTH} levels$"):
                parse(token(**parts))


JSON = st.recursive(
    st.none() | st.text() | st.sampled_from(['"[', "\\", '\\"{']),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON, st.integers(0, 40))
def test_what_nests_less_is_read(value: Any, around: int) -> None:
    for _ in range(around):
        value = [value]
    claims = {"a": value}
    if depth(claims) > MAX_DEPTH:
        with pytest.raises(BadToken):
            parse(token(claims=claims))
    else:
        assert parse(token(claims=claims)).claims == claims


def depth(value: Any) -> int:
    if not isinstance(value, list | dict):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


@given(st.binary())
def test_any_bytes_are_a_token_or_refused(raw: bytes) -> None:
    try:
        parse(raw)
    except BadToken as bad:
        assert str(bad)


@given(
    st.dictionaries(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5), max_size=5),
    st.binary(max_size=80),
)
def test_what_is_encoded_is_read(claims: dict[str, Any], signature: bytes) -> None:
    parsed = parse(token(claims=claims, signature=signature))
    assert (parsed.claims, parsed.signature) == (claims, signature)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_each_spelling_is_another_token(index: int, byte: int) -> None:
    """No two tokens decode to the same content, so nobody can make another token from one that was seen."""
    changed = GOOD[:index] + bytes([byte]) + GOOD[index + 1 :]
    try:
        again = parse(changed)
    except BadToken:
        return
    assert (again == parse(GOOD)) == (changed == GOOD)


@pytest.mark.parametrize(
    ("claims", "now"),
    [({"exp": 100}, 99), ({"exp": 100}, 109), ({"exp": 99.5}, 109), ({"exp": 100, "nbf": 50}, 40), ({"exp": 100, "nbf": 0}, 0)],
)
def test_a_time_that_is(claims: dict[str, Any], now: int) -> None:
    require_current(claims, now, leeway=10)


@pytest.mark.parametrize(
    ("claims", "now", "why"),
    [
        ({"exp": 100}, 110, "it has expired"),
        ({"exp": 99.5}, 110, "it has expired"),
        ({"exp": -1}, 10, "it has expired"),
        ({"exp": 100, "nbf": 51}, 40, "it is not valid yet"),
        ({}, 0, "it does not have the claim exp"),
        ({"nbf": 0}, 0, "it does not have the claim exp"),
        ({"exp": "100"}, 0, "its claim exp is not a time"),
        ({"exp": None}, 0, "its claim exp is not a time"),
        ({"exp": True}, 0, "its claim exp is not a time"),
        ({"exp": [100]}, 0, "its claim exp is not a time"),
        ({"exp": 100, "nbf": "0"}, 0, "its claim nbf is not a time"),
    ],
)
def test_a_time_that_is_not(claims: dict[str, Any], now: int, why: str) -> None:
    with pytest.raises(BadToken, match=f"^{why}$"):
        require_current(claims, now, leeway=10)
