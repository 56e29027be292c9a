"""Fuzzes tokens: two other readers read the same, and only signed tokens are accepted."""

import base64
import hmac
import json
import re
import time
from typing import Any

import jwt
from pydantic_core import from_json

from fanroute.plan.request import RequestData
from fanroute.plan.signing import DEV_KEY
from fanroute_runtime.auth.further import FurtherGuard
from fanroute_runtime.auth.guard import Guard
from fanroute_runtime.grip.signature import Signatures
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.jose import hs256
from fanroute_runtime.jose.jwt import BadToken, parse, require_current
from fanroute_runtime.jose.keys import Keys
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Bound, GripSig, Key
from fanroute_runtime.plan.auth import Auth, ClaimPart, TokenPlace
from tests.conftest import GRIP_SIG
from tests.fuzz.target import Target
from tests.property import reference
from tests.property.reference import is_channel
from tests.support.native import NativeModule, linked
from tests.support.tampering import deep
from tests.support.tokens import by_hand

PARTS = re.compile(rb"([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)")
SECRET = b"a secret of thirty-two bytes, or more"
LEEWAY = 30
# The checks of PyJWT other than those of the signature and the times.
UNASKED = dict.fromkeys(("verify_aud", "verify_iss", "verify_iat", "verify_sub", "verify_jti"), False)


def encoded(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def decoded(part: bytes) -> bytes | None:
    """Decodes a part from base64url. Returns None if the part is not the canonical encoding."""
    if len(part) % 4 == 1:
        return None
    raw = base64.urlsafe_b64decode(part + b"=" * (-len(part) % 4))
    return raw if encoded(raw) == part else None


class Names(list[tuple[str, Any]]):
    """Represents a JSON object by its members, in order, with repeated names."""


def repeats(value: Any) -> bool:
    """Returns True if a JSON object in the value has the same name twice."""
    if isinstance(value, Names):
        return len({name for name, _ in value}) < len(value) or any(repeats(inner) for _, inner in value)
    return isinstance(value, list) and any(map(repeats, value))


def depth(value: Any) -> int:
    """Returns how deep the arrays and objects of a JSON value nest."""
    if isinstance(value, Names):
        value = [inner for _, inner in value]
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def is_known(raw: bytes) -> bool:
    """Returns False if two readers of JSON may differ about a text, because one of them knows no such long numbers."""
    return re.search(rb"\d{200}", raw) is None


def read(raw: bytes) -> dict[str, Any] | None:
    """Reads a JSON object with pydantic's reader. Returns None for another value, repeated names or more than 32 levels."""
    try:
        value = from_json(raw, allow_inf_nan=False)
        pairs = json.loads(raw, object_pairs_hook=Names)
        return value if isinstance(value, dict) and not repeats(pairs) and depth(pairs) <= 32 else None
    except ValueError:
        return None


def check_token(token: bytes) -> None:
    found = PARTS.fullmatch(token)
    parts = [decoded(part) for part in found.groups()] if found else [None]
    header, claims = (read(part) if part is not None else None for part in (parts * 2)[:2])
    known = all(part is None or is_known(part) for part in parts[:2])
    sound = header is not None and claims is not None and None not in parts and len(token) <= 8_192
    try:
        parsed = parse(token)
    except BadToken:
        assert not sound or not known or not is_understood(header or {})
        return
    assert parts[2] == parsed.signature and parsed.signed + b"." + encoded(parsed.signature) == token
    if known:
        assert header is not None and sound and is_understood(header)
        assert (parsed.algorithm, parsed.kid, repr(parsed.claims)) == (header["alg"], header.get("kid"), repr(claims))
    theirs = jwt.api_jws.PyJWS().decode_complete(token, options={"verify_signature": False})
    assert (theirs["signature"], json.loads(theirs["payload"])) == (parsed.signature, parsed.claims)


def is_understood(header: dict[str, Any]) -> bool:
    return isinstance(header.get("alg"), str) and isinstance(header.get("kid", ""), str | None) and "crit" not in header


def check_claims(data: bytes) -> None:
    """Checks a header and claims, a line each: if we accept them with a valid signature, PyJWT reads the same claims."""
    header, _, claims = data.partition(b"\n")
    signed = encoded(header) + b"." + encoded(claims)
    token = signed + b"." + encoded(hmac.digest(SECRET, signed, "sha256"))
    now = int(time.time())
    try:
        parsed = parse(token)
        require_current(parsed.claims, now, LEEWAY)
    except BadToken:
        return
    assert hs256.verifier(SECRET)(parsed.signed, parsed.signature)
    if parsed.algorithm == "HS256":
        assert jwt.decode(token, SECRET, algorithms=["HS256"], leeway=LEEWAY, options=UNASKED) == parsed.claims
    assert now - LEEWAY < parsed.claims["exp"] < float("inf")
    # Claims can be bound and sent on only if they are text.
    json.dumps(parsed.claims, ensure_ascii=False).encode()
    check_claim(parsed.claims)
    check_parts(parsed.claims)


def check_parts(claims: dict[str, Any]) -> None:
    """Checks that a claim within another, and words, are what a naive reader finds, whatever else the token claims."""
    outer, scope = claims.get("a"), claims.get("scope")
    inner = outer["b"] if isinstance(outer, dict) and "b" in outer else None
    words = re.findall("[^ ]+", scope) if isinstance(scope, str) else scope
    assert PARTS_GUARD._claims_of(claims) == {**claims, "a.b": inner, "scope (its words)": words}


def check_claim(claims: dict[str, Any]) -> None:
    """Checks that a claim gives exactly the channel that it names, or none."""
    value = claims.get("sub")
    text = value if isinstance(value, str) else json.dumps(value) if isinstance(value, bool | int | float) else None
    try:
        assert GUARD.bound_claim(claims, Bound("claim", "sub")) == text and is_channel(text)
    except Refused as refused:
        assert refused.status == 403 and not is_channel(text)


def check_client(data: bytes) -> None:
    """Checks that only a single signed token admits a client.

    The lines of `data` are two Authorization headers, a Cookie header, a query, subprotocols and a header of the file's own.
    """
    first, second, cookie, query, offered, own = (data.split(b"\n") + [b""] * 6)[:6]
    text = re.sub("[#\n]", "_", query.decode("utf-8", "replace"))
    headers = (("authorization", first), ("authorization", second), ("cookie", cookie))
    headers += (("upgrade", b"websocket"), ("sec-websocket-protocol", offered), ("x-token", own))
    places = (bearers([first, second]), cookies(cookie), parameters(text), protocols(offered), [own] if own else [])
    found = next(filter(None, places), [])
    asked = RequestData("GET", f"http://a/?{text}", headers)
    try:
        claims = PARTS_GUARD.admit(ClientRequest(asked, through_fanout=False), asked, lambda bound: None)
    except Refused as refused:
        assert refused.status == 401 and (len(found) != 1 or found[0] not in CLIENTS)
        ((name, challenge),) = refused.headers
        assert name == "www-authenticate" and re.fullmatch(rb"Bearer [ -~]+", challenge)
        return
    assert len(found) == 1 and found[0] in CLIENTS and claims["sub"] == "ann"


def bearers(values: list[bytes]) -> list[bytes]:
    found = [re.fullmatch(b"bearer +([^ ].*)", value, re.IGNORECASE | re.DOTALL) for value in values]
    return [match[1] for match in found if match]


def cookies(value: bytes) -> list[bytes]:
    return re.findall(rb"(?:^|;)[ \t]*session=((?:[^;]*[^; \t])?)[ \t]*(?=;|\Z)", value)


def protocols(value: bytes) -> list[bytes]:
    items = [item.strip() for item in value.split(b",")]
    return [items[i] for i in range(1, len(items)) if items[i - 1] == b"bearer" and items[i]]


def parameters(query: str) -> list[bytes]:
    value = reference.parameters(query).get("token", "")
    return [b"not UTF-8" if value is None else value.encode()] if value != "" else []


def check_signature(token: bytes) -> None:
    """Checks that a Grip-Sig is refused if it is not one of the signed ones, natively and in Python."""
    assert sender(token) == ("fanout" if token in SIGNED else "refused")


def check_grip_claims(data: bytes) -> None:
    """Checks a header and claims, a line each, that are signed as a Grip-Sig: natively and in Python, the sender is the same."""
    header, _, claims = data.partition(b"\n")
    text = encoded(header) + b"." + encoded(claims)
    sender(text + b"." + encoded(hmac.digest(DEV_KEY.encode(), text, "sha256")))


def sender(token: bytes) -> str:
    """Returns who has sent a Grip-Sig, or that it is refused: in Python, and the same with the native module."""
    found = identified(SIGNATURES, token)
    with linked(NATIVE):
        assert identified(NATIVE_SIGNATURES, token) == found
    return found


def identified(signatures: Signatures, token: bytes) -> str:
    try:
        return signatures.identify_sender(RequestData("GET", "http://a/", (("grip-sig", token),)))
    except Refused as refused:
        assert refused.status == 403
        return "refused"


def signed(claims: dict[str, Any], key: str | bytes = DEV_KEY, **header: Any) -> bytes:
    return jwt.encode(claims, key, "HS256", headers=header).encode()


SIGNATURES = Signatures(GripSig())
NATIVE = NativeModule()
with linked(NATIVE):
    NATIVE_SIGNATURES = Signatures(GripSig())
KEY = Key("HS256", SECRET)
PLACES = (TokenPlace("authorization", ""), TokenPlace("cookie", "session"), TokenPlace("query", "token"))
GUARD = Guard(Auth((KEY,), PLACES, LEEWAY), Keys([KEY]), "fuzz")
PARTS_OF_CLAIMS = (ClaimPart("a.b", ("a", "b")), ClaimPart("scope (its words)", ("scope",), words=True))
ALL_PLACES = (*PLACES, TokenPlace("protocol", "bearer"), TokenPlace("header", "x-token"))
PARTS_GUARD = FurtherGuard(Auth((KEY,), ALL_PLACES, LEEWAY, parts=PARTS_OF_CLAIMS), Keys([KEY]), "fuzz")
FUTURE = {"iss": "viceroy", "exp": 4_102_444_800}
# Valid Grip-Sigs, and invalid ones.
SIGNED = [GRIP_SIG.encode(), signed({**FUTURE, "nbf": 1}), signed({**FUTURE, "aud": "x"}, kid="k")]
OTHERS = [
    signed({"iss": "viceroy", "exp": 1}),
    signed({**FUTURE, "iss": "fastly:0000000000000000000000"}),
    signed({"iss": "viceroy"}),
    signed(FUTURE, SECRET),
    jwt.encode(FUTURE, None, "none").encode(),
    by_hand({"alg": "HS256"}, deep(FUTURE, "[", "]"), DEV_KEY.encode()),
    by_hand(deep({"alg": "HS256"}, "[", ""), FUTURE, DEV_KEY.encode()),
]
CLIENTS = [signed({"sub": "ann", "exp": 4_102_444_800}, SECRET), signed({"sub": "ann", "exp": 5e9, "nbf": 1.5}, SECRET, kid="k")]
STRANGERS = [
    signed({"sub": "ann", "exp": 1}, SECRET),
    signed({"sub": "ann", "exp": 4_102_444_800, "aud": "others"}, SECRET),
    jwt.encode({"sub": "ann", "exp": 4_102_444_800}, None, "none").encode(),
    GRIP_SIG.encode(),
    by_hand({"alg": "HS256"}, deep({"sub": "ann", "exp": 4_102_444_800}, "[", "]"), SECRET),
    by_hand(deep({"alg": "HS256"}, "[", "]"), {"sub": "ann", "exp": 4_102_444_800}, SECRET),
]
ASKED = [
    form % token
    for token in (*CLIENTS, *STRANGERS)
    for form in (
        b"Bearer %s\nBasic YTpi\na=b\nid=1",
        b"\n\na=b; session=%s\n",
        b"\nbearer \n\nid=1&token=%s&token=2",
        b"\n\n\n\nbearer, %s\n",
        b"\n\n\n\n\n%s",
    )
]
ASKED_WORDS = [
    *b"Bearer bearer BEARER Basic ; = & % %2E %FF token session token= session= &token= ;session= + a.b.c".split(),
    *[b" ", b"\n", b"\t", b'"', b",", b"\xff", *CLIENTS, *STRANGERS],
]
JSON = [
    b'{"alg":"HS256"}\n{"exp":4102444800}',
    b'{"typ":"JWT","alg":"HS256","kid":"a"}\n{"exp":4102444800.5,"nbf":1,"sub":"\\u00e9","a":[{"b":null}],"c":true}',
    b'{"alg":"ES256","crit":["b64"]}\n{"exp":"4102444800","exp":1e400,"nbf":NaN}',
    b'{"alg":"HS256"}\n{"exp":4102444800,"a":{"b":["c"]},"a.b":"d","scope":"events:read  x"}',
    b'{"alg":"none"}\n{"exp":-1e3,"sub":"\\ud83d\\ude00","aud":["a","b"]}',
    b'{"alg":"HS256"}\n{"exp":4102444800,"sub":"[\\\\\\"[","a":' + b"[" * 31 + b"]" * 31 + b"}",
    b'{"alg":"HS256"}\n' + deep({"exp": 4_102_444_800}, "[", "]"),
    deep({"alg": "HS256"}, '{"a":[', "") + b'\n{"exp":4102444800}',
]
JSON_WORDS = [
    *rb'{ } [ ] , : " \ \u \ud800 \udc00 \u0000 null true NaN Infinity 1e999 -0 0.5 1E+2 "exp" "nbf" "alg" "kid" "crit"'.split(),
    *b'"a" "b" "a.b" "scope"'.split(),
    *[b"\n", b" ", b"\xef\xbb\xbf", b"\xff", b"\xc3\xa9", b"9" * 400, b"[" * 300, b"]" * 300],
]
TOKENS = [b".".join([*map(encoded, text.split(b"\n")), encoded(b"signature")]) for text in JSON]
TOKEN_WORDS = [
    b".",
    b"=",
    b"-",
    b"_",
    b"+",
    b"/",
    b"A",
    b" ",
    b"\n",
    *map(encoded, (b'{"alg":"HS256"}', b"{}", b'{"exp":1}', b"[]")),
]
GRIP_CLAIMS = [
    b'{"typ":"JWT","alg":"HS256"}\n{"exp":4102444800,"iss":"viceroy"}',
    b'{"alg":"HS256"}\n{"iss":"viceroy","exp":4102444800.5}',
    b'{"typ":"JWT","alg":"HS256"}\n{"exp":1,"iss":"viceroy"}',
    b'{"typ":"JWT","alg":"HS256"}\n{"exp":4102444800,"iss":"fastly:0000000000000000000000"}',
]
GRIP_WORDS = [*JSON_WORDS, *rb'"iss" "viceroy" "\u0076iceroy" 0 1 00 9 +1 1e9 4102444800 "typ" "JWT" "HS256" "ES256"'.split()]
TARGETS = [
    Target("clients", check_client, ASKED, ASKED_WORDS),
    Target("tokens", check_token, [*TOKENS, *SIGNED, *OTHERS], TOKEN_WORDS),
    Target("claims", check_claims, JSON, JSON_WORDS),
    Target("claims of Grip-Sigs", check_grip_claims, GRIP_CLAIMS, GRIP_WORDS),
    Target(
        "Grip-Sigs", check_signature, [*SIGNED, *OTHERS], [*TOKEN_WORDS, *(part for one in SIGNED for part in one.split(b"."))]
    ),
]
