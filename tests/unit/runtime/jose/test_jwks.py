"""Tests which keys of a JWKS document are used, and for what."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, RSAKey

from fanroute_runtime.jose.jwks import MAX_DOCUMENT, MAX_KEYS, SecretKey, keys_of, read_keys, read_members
from fanroute_runtime.jose.keys import make_verifier
from fanroute_runtime.plan import Algorithm, Key
from tests.support.tokens import EC, RSA, SECRET, base64url, jwk, private

ALL: tuple[Algorithm, ...] = ("ES256", "RS256", "HS256")
EC_JWK, RSA_JWK = jwk(EC), jwk(RSA)
OCT_JWK: dict[str, Any] = {"kty": "oct", "k": base64url(SECRET).decode()}


def document(*keys: Any, **members: Any) -> bytes:
    return json.dumps({"keys": keys} | members).encode()


def read(*keys: Any, algorithms: tuple[Algorithm, ...] = ALL, secret: bool = True) -> list[tuple[Algorithm, str]]:
    """Returns algorithm and id of each key that is used."""
    return [(key.algorithm, key.kid) for key in read_keys(document(*keys), algorithms, secret=secret)]


def verifies(key: Key, signed: bytes, signature: bytes) -> bool:
    assert isinstance(key.material, bytes)
    return make_verifier(key.algorithm, key.material)(signed, signature)


def test_each_key_verifies_what_a_library_signs() -> None:
    signers = {"ES256": ECKey.import_key(private(EC).decode()), "RS256": RSAKey.import_key(private(RSA).decode())}
    signers["HS256"] = OctKey.import_key(SECRET)  # type: ignore[assignment]
    keys = read_keys(document(EC_JWK, RSA_JWK, OCT_JWK), ALL, secret=True)
    assert [key.algorithm for key in keys] == list(ALL)
    for key in keys:
        token = jws.serialize_compact({"alg": key.algorithm}, b"{}", signers[key.algorithm], [key.algorithm]).encode()
        signed, _, signature = token.rpartition(b".")
        decoded = urlsafe_b64decode(signature + b"==")
        assert verifies(key, signed, decoded)
        assert not verifies(key, signed + b"x", decoded)


def test_the_keys_of_rfc_7515() -> None:
    """Uses the keys and signatures of RFC 7515, A.1 and A.3."""
    for published, token in RFC_7515.values():
        (key,) = read_keys(document(published), ALL, secret=True)
        signed, _, signature = token.rpartition(".")
        assert verifies(key, signed.encode(), urlsafe_b64decode(signature + "=="))


def test_the_set_of_rfc_7517() -> None:
    """Reads the set of RFC 7517, A.1, whose key for encryption is not used."""
    encrypting = {**EC_JWK, "use": "enc", "kid": "1"}
    assert read(encrypting, {**RSA_JWK, "alg": "RS256", "kid": "2011-04-29"}) == [("RS256", "2011-04-29")]


@pytest.mark.parametrize(
    "changed",
    [
        {"kty": "XYZ"},
        {"kty": None},
        {"kty": ["EC"]},
        {"kty": "RSA"},
        {"crv": "P-384"},
        {"crv": "secp256k1"},
        {"crv": {}},
        {"alg": "ES384"},
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": ["ES256"]},
        {"alg": None},
        {"use": "enc"},
        {"use": None},
        {"key_ops": ["sign"]},
        {"key_ops": []},
        {"key_ops": "verify"},
        {"key_ops": None},
        {"kid": 7},
        {"kid": None},
        {"x": EC_JWK["x"] + "="},
        {"x": EC_JWK["x"][:-1]},
        {"x": "AA" + EC_JWK["x"]},
        {"x": 5},
        {"x": "ä"},
        {"x": None},
        {"d": "AA"},
    ],
)
def test_a_key_that_is_not_understood_is_not_used(changed: dict[str, Any]) -> None:
    """The keys before and after it are used."""
    others = [{**EC_JWK, "kid": "a"}, {**EC_JWK, "kid": "b", "x5c": ["MII"], "x5t": "1", "unknown": [1]}]
    assert read(others[0], {**EC_JWK, "kid": "c", **changed}, others[1]) == [("ES256", "a"), ("ES256", "b")]


@pytest.mark.parametrize("name", ["kty", "crv", "x", "y"])
def test_a_key_that_lacks_a_member_is_not_used(name: str) -> None:
    assert read({key: value for key, value in EC_JWK.items() if key != name}) == []


@pytest.mark.parametrize(
    "changed", [{}, {"use": "sig"}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"]}, {"alg": "ES256"}]
)
def test_a_key_for_signatures_is_used(changed: dict[str, Any]) -> None:
    assert read({**EC_JWK, **changed}) == [("ES256", "")]


def test_a_key_is_used_with_accepted_algorithms_only() -> None:
    assert read(EC_JWK, RSA_JWK, OCT_JWK, algorithms=("RS256",)) == [("RS256", "")]
    assert read(EC_JWK, RSA_JWK, OCT_JWK, algorithms=("HS256", "ES256")) == [("ES256", ""), ("HS256", "")]


def test_an_id_may_occur_twice() -> None:
    keys = [{**each, "kid": "a"} for each in (EC_JWK, RSA_JWK, EC_JWK)]
    assert read(*keys) == [("ES256", "a"), ("RS256", "a"), ("ES256", "a")]


@pytest.mark.parametrize("member", ["d", "p", "q", "dp", "dq", "qi", "oth"])
@pytest.mark.parametrize("secret", [True, False])
def test_a_private_key_is_never_used(member: str, secret: bool) -> None:
    with pytest.raises(SecretKey, match="it is a private key"):
        keys_of({**RSA_JWK, member: "AA"}, ALL, secret=secret)


def test_a_secret_is_used_from_a_secret_store_only() -> None:
    assert read(OCT_JWK, secret=True) == [("HS256", "")]
    assert read(OCT_JWK, secret=False) == []
    with pytest.raises(SecretKey, match="only be in a secret store"):
        keys_of(OCT_JWK, ALL, secret=False)


def test_a_public_key_is_no_secret() -> None:
    """A public key cannot be made a secret by another `kty`, and a secret is for no other algorithm."""
    assert read({**EC_JWK, "kty": "oct"}, {**RSA_JWK, "alg": "HS256"}, {**OCT_JWK, "alg": "RS256"}) == []


def test_leading_zeros_of_a_modulus_do_not_count() -> None:
    longer = base64url(b"\0" + urlsafe_b64decode(RSA_JWK["n"] + "==")).decode()
    assert read_keys(document({**RSA_JWK, "n": longer}), ALL, secret=False) == read_keys(document(RSA_JWK), ALL, secret=False)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "it is not valid JSON"),
        (b"-----BEGIN PUBLIC KEY-----", "it is not valid JSON"),
        (b"[]", "it is not valid JSON"),
        (b"\xff", "it is not valid JSON"),
        (b'{"keys": [], "keys": []}', "it is not valid JSON"),
        (b'{"keys": [{"kty": "EC", "kty": "oct"}]}', "it is not valid JSON"),
        (b"{}", "it has no list of keys, 'keys'"),
        (b'{"keys": {}}', "it has no list of keys, 'keys'"),
        (b'{"keys": ["a"]}', "it has no list of keys, 'keys'"),
        (json.dumps(EC_JWK).encode(), "it has no list of keys, 'keys'"),
        (document(*[{}] * (MAX_KEYS + 1)), f"it has more than {MAX_KEYS} keys"),
        (document() + b" " * MAX_DOCUMENT, f"it has more than {MAX_DOCUMENT} bytes"),
        (document(*[[[]]] * 40).replace(b"[[]]", b"[" * 40 + b"]" * 40), "its JSON nests deeper than 32 levels"),
    ],
)
def test_what_is_no_document(text: bytes, why: str) -> None:
    with pytest.raises(ValueError) as raised:
        read_members(text)
    assert str(raised.value) == why


def test_a_document_may_have_as_many_keys() -> None:
    assert len(read(*[EC_JWK] * MAX_KEYS)) == MAX_KEYS


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["EC", "RSA", "oct", "P-256", "sig", "verify", "AQAB"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)
_NAMES = ["kty", "crv", "alg", "use", "key_ops", "kid", "x", "y", "n", "e", "k", "d"]


@given(
    changes=st.dictionaries(st.sampled_from(_NAMES), _JSON, max_size=4),
    good=st.sampled_from([EC_JWK, RSA_JWK, OCT_JWK, {}]),
    secret=st.booleans(),
)
def test_any_key_is_used_as_it_says_or_not(changes: dict[str, Any], good: dict[str, Any], secret: bool) -> None:
    changed = {**good, **changes}
    for key in read_keys(document(changed), ALL, secret=secret):
        assert changed.get("alg", key.algorithm) == key.algorithm and changed.get("kid", "") == key.kid
        assert {"ES256": "EC", "RS256": "RSA", "HS256": "oct"}[key.algorithm] == changed["kty"]
        assert key.algorithm != "HS256" or secret
        assert key.algorithm == "HS256" or "d" not in changed


RFC_7515 = {
    "A.1": (
        {"kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"},
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19y"
        "b290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    ),
    "A.3": (
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
    ),
}
