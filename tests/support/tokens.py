"""Makes clients' tokens for tests, with a key of each algorithm: by two independent libraries, and malformed by hand."""

import base64
import hashlib
import hmac
import json
from typing import Any

import joserfc.jwt
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from fanroute.plan.request import TIME
from fanroute_runtime.plan import Algorithm, Key, StoreEntry

SECRET = b"a secret that clients' tokens are signed with"
EC, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65_537, 2048)
ED25519, P384 = Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())
OTHER_EC, OTHER_RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65_537, 2048)

SECRETS = {"edge": {"login": SECRET}}
CLAIMS = {"sub": "ann", "exp": TIME + 60}


def public(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey) -> bytes:
    """Returns the public key in PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def pem_of(der: bytes) -> bytes:
    """Returns the DER of a public key as PEM."""
    return b"-----BEGIN PUBLIC KEY-----\n%s\n-----END PUBLIC KEY-----\n" % base64.b64encode(der)


def private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def jwk(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | Ed25519PrivateKey) -> dict[str, Any]:
    """Returns the public key as a JWK without further members."""
    kind: Any = {rsa.RSAPrivateKey: RSAKey, Ed25519PrivateKey: OKPKey}
    kind = next((made for its, made in kind.items() if isinstance(key, its)), ECKey)
    return {name: value for name, value in kind.import_key(public(key).decode()).as_dict(private=False).items() if name != "kid"}


# The signing and the verifying key of each algorithm.
SIGNERS: dict[Algorithm, Any] = {"ES256": EC, "RS256": RSA, "HS256": SECRET}
KEYS: dict[Algorithm, Key] = {
    "ES256": Key("ES256", public(EC)),
    "RS256": Key("RS256", public(RSA)),
    "HS256": Key("HS256", StoreEntry("secret", "edge", "login")),
}
_JOSE_KEYS: dict[Algorithm, Any] = {
    "ES256": ECKey.import_key(private(EC).decode()),
    "RS256": RSAKey.import_key(private(RSA).decode()),
    "HS256": OctKey.import_key(SECRET),
}


def by_pyjwt(claims: dict[str, Any], algorithm: Algorithm, **header: Any) -> bytes:
    return jwt.encode(claims, SIGNERS[algorithm], algorithm, headers=header).encode()


def by_joserfc(claims: dict[str, Any], algorithm: Algorithm, **header: Any) -> bytes:
    return joserfc.jwt.encode({"alg": algorithm, **header}, claims, _JOSE_KEYS[algorithm]).encode()


def base64url(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def by_hand_with(key: Ed25519PrivateKey, header: dict[str, Any], claims: dict[str, Any]) -> bytes:
    """Returns a token with any header that is signed with Ed25519."""
    signed = b".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return signed + b"." + base64url(key.sign(signed))


def by_hand(header: Any, claims: Any, secret: bytes = SECRET) -> bytes:
    """Returns a token of any header and claims, as data or bytes. It is signed with HS256 whatever the header says."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims)]
    signed = b".".join(map(base64url, parts))
    return signed + b"." + base64url(hmac.digest(secret, signed, hashlib.sha256))
