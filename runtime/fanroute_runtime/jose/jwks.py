"""Reads the keys of a JWKS document. It leaves out keys that it does not know or must not use.

Sources: RFC 7517; RFC 7518, 6; RFC 8037, 2.
"""

from binascii import b2a_base64
from typing import Any

from fanroute_runtime.jose import es256, identifiers, rs256, spki
from fanroute_runtime.jose.jwt import BadToken, Claims, decode_base64url, parse_object
from fanroute_runtime.plan import Algorithm, Key

# The longest document, in bytes, and the most keys in it. No entry of Fastly's stores is longer.
MAX_DOCUMENT = 65_536
MAX_KEYS = 32
# The members of a private key (RFC 7518, 6.2.2 and 6.3.2).
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth"})
# The algorithms of each kind of key, by its `kty` and `crv`.
_ALGORITHMS: dict[tuple[Any, Any], tuple[Algorithm, ...]] = {
    ("EC", "P-256"): ("ES256",),
    ("EC", "P-384"): ("ES384",),
    ("OKP", "Ed25519"): ("EdDSA", "Ed25519"),
    ("RSA", None): ("RS256", "PS256"),
    ("oct", None): ("HS256", "HS384", "HS512"),
}

# The size of a coordinate on each curve, and how a key names the curve.
_CURVES = {"P-256": (es256.SIZE, es256.ALGORITHM), "P-384": (48, identifiers.P384)}


class SecretKey(ValueError):
    """Raised for a secret that others could read, or a private key. The message is as for any other ValueError."""


def read_keys(document: bytes, algorithms: tuple[Algorithm, ...], *, secret: bool) -> tuple[Key, ...]:
    """Returns the keys that a document has for some algorithms. Raises ValueError if it is not a JWKS document.

    Args:
        document: the document.
        algorithms: the algorithms that are accepted.
        secret: True if the document is in a secret store, where it may have secrets.
    """
    return tuple(key for jwk in read_members(document) for key in _usable_keys(jwk, algorithms, secret))


def read_members(document: bytes) -> list[Claims]:
    """Returns the keys in a document as they are written there. Raises ValueError, with the reason."""
    if len(document) > MAX_DOCUMENT:
        raise ValueError(f"it has more than {MAX_DOCUMENT} bytes")
    try:
        members = parse_object(document).get("keys")
    except BadToken as bad:
        raise ValueError(str(bad)) from None
    if not isinstance(members, list) or not all(isinstance(each, dict) for each in members):
        raise ValueError("it has no list of keys, 'keys'")
    if len(members) > MAX_KEYS:
        raise ValueError(f"it has more than {MAX_KEYS} keys")
    return members


def keys_of(jwk: Claims, algorithms: tuple[Algorithm, ...], *, secret: bool) -> list[Key]:
    """Returns a key of a document, once for each algorithm. Raises ValueError, with the reason, if it is not used."""
    kind, kid = jwk.get("kty"), jwk.get("kid", "")
    if kind == "oct" and not secret:
        raise SecretKey("it is a secret, which may only be in a secret store")
    if kind != "oct" and not _PRIVATE.isdisjoint(jwk):
        raise SecretKey("it is a private key")
    operations = jwk.get("key_ops", ["verify"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("it is not for signatures")
    if not isinstance(kid, str):
        raise ValueError("its 'kid' is not a text")
    try:
        possible = _ALGORITHMS.get((kind, jwk.get("crv")), ())
    except TypeError:  # a list or an object as `kty` or `crv`
        possible = ()
    usable = [each for each in algorithms if each in possible and jwk.get("alg", each) == each]
    if not usable:
        raise ValueError(f"it is not for {' or '.join(algorithms)}")
    material = _material(jwk)
    return [Key(algorithm, material, kid) for algorithm in usable]


def _usable_keys(jwk: Claims, algorithms: tuple[Algorithm, ...], secret: bool) -> list[Key]:
    try:
        return keys_of(jwk, algorithms, secret=secret)
    except ValueError:
        return []


def _material(jwk: Claims) -> bytes:
    """Returns a public key in PEM, or a secret. Raises ValueError, with the reason."""
    match jwk["kty"]:
        case "oct":
            return _bytes(jwk, "k")
        case "EC":
            size, identifier = _CURVES[jwk["crv"]]
            point = [_bytes(jwk, name) for name in ("x", "y")]
            if any(len(each) != size for each in point):
                raise ValueError(f"its 'x' and 'y' must have {size} bytes each")
            return _pem(identifier, es256.UNCOMPRESSED + b"".join(point))
        case "OKP":
            return _pem(identifiers.ED25519, _bytes(jwk, "x"))
        case _:
            numbers = b"".join(_integer(_bytes(jwk, name)) for name in ("n", "e"))
            return _pem(rs256.ALGORITHM, _element(spki.SEQUENCE, numbers))


def _bytes(jwk: Claims, name: str) -> bytes:
    """Returns a member of a key that is base64url. Raises ValueError."""
    text = jwk.get(name)
    try:
        if isinstance(text, str):
            return decode_base64url(text.encode())
    except BadToken:
        pass
    raise ValueError(f"its {name!r} is not base64url")


def _pem(algorithm: bytes, key: bytes) -> bytes:
    info = _element(spki.SEQUENCE, _element(spki.SEQUENCE, algorithm) + _element(spki.BIT_STRING, b"\0" + key))
    return b"-----BEGIN %s-----\n%s-----END %s-----\n" % (spki.LABEL, b2a_base64(info), spki.LABEL)


def _integer(number: bytes) -> bytes:
    value = int.from_bytes(number)
    return _element(spki.INTEGER, value.to_bytes(value.bit_length() // 8 + 1))


def _element(tag: int, content: bytes) -> bytes:
    return spki.encode_header(tag, len(content)) + content
