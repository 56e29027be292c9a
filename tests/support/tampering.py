"""Makes tokens that were tampered with, each in another way. None may be accepted."""

import base64
import json
from typing import Any

import jwt

from tests.support.tokens import EC, OTHER_EC, OTHER_RSA, RSA, base64url, by_hand, by_pyjwt, public

CERTIFICATE = base64.b64encode(b"a certificate").decode()


def tampered(claims: dict[str, Any], now: int) -> dict[str, bytes]:
    """Returns tampered tokens by what was done to them. They pretend to be ann's, with these claims, or someone else's.

    Each is made from valid tokens for the keys of tests.support.tokens. `now` is the time at which they are verified.
    """
    good, es, rs = by_pyjwt(claims, "HS256"), by_pyjwt(claims, "ES256"), by_pyjwt(claims, "RS256")
    evil = {**claims, "sub": "bob"}
    return {
        "none": base64url(b'{"alg":"none"}') + b"." + base64url(json.dumps(evil).encode()) + b".",
        "None": swapped({"alg": "None"}, good),
        "none, with a signature": swapped({"alg": "none"}, good),
        "no algorithm": swapped({"typ": "JWT"}, good),
        "another algorithm": swapped({"alg": "HS512"}, good),
        "RS256 to HS256, by its public key": by_hand({"alg": "HS256"}, evil, public(RSA)),
        "ES256 to HS256, by its public key": by_hand({"alg": "HS256"}, evil, public(EC)),
        "HS256 to RS256": swapped({"alg": "RS256"}, good),
        "HS256 to ES256": swapped({"alg": "ES256"}, good),
        "ES256 to RS256": swapped({"alg": "RS256"}, es),
        "RS256 to ES256": swapped({"alg": "ES256"}, rs),
        "ES256 to HS256, its signature": swapped({"alg": "HS256"}, es),
        "another secret": by_hand({"alg": "HS256"}, claims, b"x" * 32),
        "an empty secret": by_hand({"alg": "HS256"}, claims, b""),
        "another EC key": jwt.encode(claims, OTHER_EC, "ES256").encode(),
        "another RSA key": jwt.encode(claims, OTHER_RSA, "RS256").encode(),
        "its own key, jwk": jwt.encode(claims, OTHER_EC, "ES256", headers={"jwk": jwk(OTHER_EC)}).encode(),
        "its own key, jku": jwt.encode(claims, OTHER_EC, "ES256", headers={"jku": "https://evil.example/keys"}).encode(),
        "its own key, x5c": jwt.encode(claims, OTHER_RSA, "RS256", headers={"x5c": [CERTIFICATE]}).encode(),
        "its own key, x5u": jwt.encode(claims, OTHER_RSA, "RS256", headers={"x5u": "https://evil.example/key"}).encode(),
        "a kid that is a file": by_hand({"alg": "HS256", "kid": "../../dev/null"}, claims, b""),
        "crit": by_hand({"alg": "HS256", "crit": ["exp"]}, claims),
        "detached content": by_hand({"alg": "HS256", "b64": False, "crit": ["b64"]}, claims),
        "a header twice": by_hand(b'{"alg":"none","alg":"HS256"}', claims),
        "a claim twice": by_hand({"alg": "HS256"}, b'{"sub":"ann","sub":"bob","exp":%d}' % claims["exp"]),
        "changed claims": changed(evil, good),
        "changed claims, ES256": changed(evil, es),
        "changed claims, RS256": changed(evil, rs),
        "no signature": good.rpartition(b".")[0] + b".",
        "two parts": good.rpartition(b".")[0],
        "a cut signature": good[:-4],
        "a cut ES256 signature": es[:-4],
        "a cut RS256 signature": rs[:-4],
        "a longer signature": good + b"AAAA",
        "a signature of zeros, ES256": es.rpartition(b".")[0] + b"." + base64url(bytes(64)),
        "a signature of zeros, RS256": rs.rpartition(b".")[0] + b"." + base64url(bytes(256)),
        "an extra part": good + b".e30",
        "an encrypted token's parts": good + b".e30.e30",
        "white space": good.replace(b".", b". ", 1),
        "a second token": good + b" " + good,
        "a comma": good + b", Bearer " + good,
        "padding": good + b"=",
        "base64": es.translate(bytes.maketrans(b"-_", b"+/")) + b"+",
        "a byte beyond ASCII": good + b"\xe9",
        "NUL": good + b"\0",
        "expired": by_pyjwt({**claims, "exp": now}, "HS256"),
        "expired long ago": by_pyjwt({**claims, "exp": 0}, "HS256"),
        "no exp": by_pyjwt({"sub": claims["sub"]}, "HS256"),
        "exp is text": by_hand({"alg": "HS256"}, {**claims, "exp": str(claims["exp"])}),
        "nbf ahead": by_pyjwt({**claims, "nbf": claims["exp"]}, "HS256"),
        "another audience": by_pyjwt({**claims, "aud": "shop"}, "HS256"),
        "claims are a list": by_hand({"alg": "HS256"}, [claims]),
        "too long": by_pyjwt({**claims, "name": "x" * 8192}, "HS256"),
        "deep claims": by_hand({"alg": "HS256"}, deep(claims, "[", "]")),
        "deep claims that have no end": by_hand({"alg": "HS256"}, deep(claims, "[", "")),
        "claims deep by objects": by_hand({"alg": "HS256"}, deep(claims, '{"":', "", 1_200)),
        "claims deep behind escapes": by_hand({"alg": "HS256"}, deep({**claims, "text": '\\"[{]}\\'}, "[", "]")),
        "a deep header": by_hand(deep({"alg": "HS256"}, "[", "]"), claims),
    }


def deep(members: dict[str, Any], begin: str, end: str, levels: int = 1_800) -> bytes:
    """Returns a JSON object with a member nested so deep that a recursive reader exhausts the component's stack."""
    return f"""{json.dumps(members)[:-1]}, "deep": {begin * levels}{end * levels}}}""".encode()


def swapped(header: dict[str, Any], token: bytes) -> bytes:
    """Returns a token with another header."""
    return base64url(json.dumps(header).encode()) + token[token.index(b".") :]


def changed(claims: dict[str, Any], token: bytes) -> bytes:
    """Returns a token with other claims."""
    header, _, signature = token.split(b".")
    return b".".join([header, base64url(json.dumps(claims).encode()), signature])


def jwk(key: Any) -> dict[str, Any]:
    """Returns a public key as a token's header may contain it (RFC 7515, 4.1.3)."""
    found: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return found
