"""Tests which requests count as Fanout's, with tokens from elsewhere and with texts that are not tokens."""

import base64
import json
from dataclasses import replace
from typing import Any

import joserfc.jwt
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OctKey
from pydantic import ValidationError

from fanroute.plan.request import RequestData
from fanroute.plan.signing import DEV_KEY, sign_token
from fanroute.spec.keys import ProxyKey
from fanroute_runtime.grip import signature
from fanroute_runtime.grip.signature import FASTLY_KEY, LEEWAY, Signatures
from fanroute_runtime.local import LOCAL_SERVICE
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import GripSig, Key, StoreEntry
from tests.conftest import GRIP_SIG

NOW = 1_700_000_000
SERVICE = "SU1Z0isxPaozGVKXdv0eY"
# Signed by Fastly, before its issuer named the service. It is public in the tests of a Swift library.
FASTLYS = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJleHAiOjE2NzUzNjU0MjgsImlzcyI6ImZhc3RseSJ9."
    "QL2Pm1JnXV_vAYK7ijeD4U1CBjOTLihNMDZ-qfvjkKOTUiK1jyxGEwjZfeApijRaOtQT8fVkdPnKjF-tBiUzkA"
)
FASTLYS_END = 1_675_365_428
P256, OTHER_P256 = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
SECRET = b"a secret of a proxy, of more than thirty-two bytes"


def pem(private: Any) -> bytes:
    public: bytes = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return public


KEYS = (
    Key("ES256", pem(P256), issuer="mine"),
    Key("RS256", pem(RSA), issuer="mine"),
    Key("HS256", StoreEntry("secret", "keys", "pushpin"), issuer="theirs"),
    Key("ES256", StoreEntry("config", "proxies", "old"), issuer="theirs"),
)
VERIFYING = Signatures(GripSig(keys=KEYS))
STORES = {"configs": {"proxies": {"old": pem(OTHER_P256).decode()}}, "secrets": {"keys": {"pushpin": SECRET}}}


def asked(given: str | bytes | None, service: str = SERVICE, now: int = NOW, **stores: Any) -> RequestData:
    value = given.encode() if isinstance(given, str) else given
    headers = () if value is None else (("grip-sig", value),)
    return RequestData("GET", "https://a/", headers, time=now, service=service, **(stores or STORES))


def signed(key: Any, algorithm: str, **claims: Any) -> str:
    return jwt.encode({"iss": "mine", "exp": NOW + 3600} | claims, key, algorithm)


def comes(given: str | bytes | None, signatures: Signatures = VERIFYING, **facts: Any) -> bool:
    return signatures.identify_sender(asked(given, **facts)) != "client"


def test_without_a_signature_a_request_is_a_clients() -> None:
    assert not comes(None)


@pytest.mark.parametrize(
    "given",
    [
        signed(P256, "ES256"),
        signed(RSA, "RS256"),
        signed(SECRET, "HS256", iss="theirs"),
        signed(OTHER_P256, "ES256", iss="theirs"),
        joserfc.jwt.encode({"alg": "HS256"}, {"iss": "theirs", "exp": NOW + 1}, OctKey.import_key(SECRET)),
    ],
)
def test_a_key_of_ones_own(given: str) -> None:
    assert comes(given)
    assert comes(given, service=LOCAL_SERVICE, **STORES)


def test_a_key_of_a_store_is_read_once_a_sandbox() -> None:
    signatures = Signatures(GripSig(keys=KEYS))
    given = signed(SECRET, "HS256", iss="theirs")
    assert comes(given, signatures)
    assert comes(given, signatures, secrets={"": {}})


@pytest.mark.parametrize("secrets", [{}, {"keys": {}}, {"keys": {"pushpin": b"short"}}])
def test_a_key_that_is_not_in_its_store(secrets: Any) -> None:
    with pytest.raises(Refused, match="is missing or unusable") as refused:
        comes(signed(SECRET, "HS256", iss="theirs"), Signatures(GripSig(keys=KEYS)), secrets=secrets)
    assert refused.value.status == 500


def unsigned(header: Any, claims: Any, end: bytes = b"") -> str:
    parts = [json.dumps(part).encode() for part in (header, claims)]
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in [*parts, end]).decode()


GOOD = signed(P256, "ES256")
CLAIMS = {"iss": "mine", "exp": NOW + 3600}
PUBLIC = pem(P256)
assert isinstance(FASTLY_KEY.material, bytes)
FASTLYS_KEY = FASTLY_KEY.material
OWN = ECKey.generate_key("P-256")


def confused(public: bytes) -> str:
    """Returns a token whose HS256 secret is a public key. It is made by hand, because libraries refuse to make it."""
    return sign_token(CLAIMS, public).decode()


REFUSED = {
    "empty": "",
    "a word": "present",
    "cut": GOOD[:-1],
    "longer": GOOD + "AA",
    "two": f"{GOOD}, {GOOD}",
    "another claim": GOOD.replace(GOOD.split(".")[1], unsigned({}, CLAIMS | {"exp": NOW + 7200}).split(".")[1]),
    "no signature": GOOD.rpartition(".")[0] + ".",
    "none": unsigned({"alg": "none"}, CLAIMS),
    "None": unsigned({"alg": "None"}, CLAIMS),
    "zeros": unsigned({"alg": "ES256"}, CLAIMS, bytes(64)),
    "another key": signed(OTHER_P256, "ES256"),
    "another algorithm": signed(ec.generate_private_key(ec.SECP384R1()), "ES384"),
    "PS256": signed(RSA, "PS256"),
    "the public key as a secret": confused(PUBLIC),
    "Fastly's public key as a secret": confused(FASTLYS_KEY),
    "a key of its own": joserfc.jwt.encode({"alg": "ES256", "jwk": OWN.as_dict(private=False)}, CLAIMS, OWN),
    "another issuer": signed(P256, "ES256", iss="theirs"),
    "an unknown issuer": signed(P256, "ES256", iss="pushpin"),
    "an issuer that is none": jwt.encode({"exp": NOW + 1}, P256, "ES256"),
    "a list of issuers": unsigned({"alg": "ES256"}, CLAIMS | {"iss": ["mine"]}, bytes(64)),
    "Fastly's issuer": signed(P256, "ES256", iss=f"fastly:{SERVICE}"),
    "expired": signed(P256, "ES256", exp=NOW - LEEWAY),
    "without an end": jwt.encode({"iss": "mine"}, P256, "ES256"),
    "not yet": signed(P256, "ES256", nbf=NOW + LEEWAY + 1),
    "of local edges": GRIP_SIG,
    "Fastly's, expired": FASTLYS,
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_signature_of_fanouts_is_refused(name: str) -> None:
    with pytest.raises(Refused, match=r"^The Grip-Sig is refused: ") as refused:
        comes(REFUSED[name])
    assert refused.value.status == 403


@pytest.mark.parametrize("check", ["verify", "present"])
@pytest.mark.parametrize("given", [(GOOD, GOOD), (GOOD, "present"), ("present", GOOD), (GOOD, "")])
def test_more_than_one_signature_is_refused(check: Any, given: tuple[str, str]) -> None:
    headers = tuple(("grip-sig", value.encode()) for value in given)
    with pytest.raises(Refused, match="there is more than one") as refused:
        Signatures(GripSig(check, KEYS)).identify_sender(replace(asked(None), headers=headers))
    assert refused.value.status == 403


def test_a_token_of_fastlys_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Verifies a real token of Fastly, with the time and the issuer of the day when it was made."""
    monkeypatch.setattr(signature, "FASTLY_ISSUER", "fastly")
    signatures = Signatures(GripSig())
    assert comes(FASTLYS, signatures, now=FASTLYS_END - 1)
    for now in (FASTLYS_END + LEEWAY, NOW):
        with pytest.raises(Refused, match="has expired"):
            comes(FASTLYS, signatures, now=now)
    changed = FASTLYS[:-3] + ("A" if FASTLYS[-3] != "A" else "B") + FASTLYS[-2:]
    with pytest.raises(Refused, match="it is not signed with a key that the edge knows"):
        comes(changed, signatures, now=FASTLYS_END - 1)


def test_fastly_signs_for_one_service(monkeypatch: pytest.MonkeyPatch) -> None:
    key = Key("ES256", pem(P256))
    monkeypatch.setattr(signature, "FASTLY_KEY", key)
    signatures = Signatures(GripSig())
    given = signed(P256, "ES256", iss=f"fastly:{SERVICE}")
    assert comes(given, signatures)
    with pytest.raises(Refused):
        comes(given, signatures, service="another")


def test_the_local_key_is_of_local_edges_alone() -> None:
    """It does not count for a service at Fastly, whatever is in its stores."""
    local = RequestData("GET", "https://a/", (("grip-sig", GRIP_SIG.encode()),), time=NOW)
    assert VERIFYING.identify_sender(local) == "fanout"
    with pytest.raises(Refused, match="it is not signed with a key that the edge knows"):
        VERIFYING.identify_sender(replace(local, service=SERVICE))
    other = jwt.encode({"iss": "viceroy", "exp": NOW + 1}, DEV_KEY + "x", "HS256")
    with pytest.raises(Refused, match="it is not signed with a key that the edge knows"):
        VERIFYING.identify_sender(replace(local, headers=(("grip-sig", other.encode()),)))
    with pytest.raises(Refused, match="is missing or unusable"):
        Signatures(GripSig()).identify_sender(replace(local, configs={}))


@pytest.mark.parametrize("service", [SERVICE, LOCAL_SERVICE])
def test_who_sends_is_told_by_the_key(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two keys have the same issuer: that of the service itself, and that of a proxy."""
    monkeypatch.setattr(signature, "FASTLY_KEY", Key("ES256", pem(OTHER_P256)))
    issuer = f"fastly:{service}"
    proxys = (Key("ES256", pem(P256), issuer=issuer), Key("HS256", SECRET, issuer="viceroy"))
    signatures = Signatures(GripSig(keys=proxys))
    assert signatures.identify_sender(asked(signed(OTHER_P256, "ES256", iss=issuer), service)) == "fanout"
    assert signatures.identify_sender(asked(signed(P256, "ES256", iss=issuer), service)) == "proxy"
    if service == SERVICE:
        assert signatures.identify_sender(asked(signed(SECRET, "HS256", iss="viceroy"), service)) == "proxy"
    else:
        assert (
            signatures.identify_sender(RequestData("GET", "https://a/", (("grip-sig", GRIP_SIG.encode()),), time=NOW)) == "fanout"
        )


def test_no_proxy_has_an_issuer_of_fanouts_own() -> None:
    for issuer in (signature.LOCAL_KEY.issuer, signature.FASTLY_ISSUER.format(SERVICE)):
        with pytest.raises(ValidationError, match="is the issuer of Fanout itself"):
            ProxyKey(algorithm="HS256", secret_store="keys", name="pushpin", issuer=issuer)


def test_unverified() -> None:
    present, none = Signatures(GripSig("present")), Signatures(GripSig("none"))
    for given in ("present", GOOD, ""):
        assert present.identify_sender(asked(given)) == "unverified"
        assert none.identify_sender(asked(given)) == "client"
    assert present.identify_sender(asked(None)) == "client"
    assert none.identify_sender(replace(asked(None), headers=(("grip-feature", b"status"),))) == "unverified"
