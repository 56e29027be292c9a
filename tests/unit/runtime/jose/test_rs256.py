"""Tests RS256 with Project Wycheproof's vectors, tokens of two libraries, and against `cryptography`."""

from functools import cache
from itertools import count

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import RSAKey

from fanroute_runtime.jose import rs256
from tests.vectors import groups


@cache
def private_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


def pem(key: rsa.RSAPublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_wycheproof(bits: int) -> None:
    """The one "acceptable" signature lacks the NULL of DigestInfo. RFC 8017 compares with another encoding, so it is refused."""
    asked = 0
    for key, vectors in groups(f"rsa_signature_{bits}_sha256"):
        verify = rs256.verifier(key.encode())
        for vector in vectors:
            asked += 1
            assert verify(vector.message, vector.signature) == (vector.result == "valid"), vector
    assert asked > 250


def test_tokens_of_two_libraries() -> None:
    key = private_key()
    verify = rs256.verifier(pem(key.public_key()))
    tokens = [
        jwt.encode({"iss": "a"}, key, "RS256"),
        jws.serialize_compact({"alg": "RS256"}, b'{"iss":"a"}', RSAKey.import_key(key), ["RS256"]),
    ]
    for token in tokens:
        signed, _, signature = token.rpartition(".")
        assert verify(signed.encode(), jwt.utils.base64url_decode(signature))
        assert not verify(signed.encode() + b"x", jwt.utils.base64url_decode(signature))


@given(message=st.binary(max_size=200), bit=st.integers(0, 2047))
def test_what_cryptography_signs(message: bytes, bit: int) -> None:
    key = private_key(exponent=3)
    verify = rs256.verifier(pem(key.public_key()))
    signature = key.sign(message, padding.PKCS1v15(), SHA256())
    assert verify(message, signature)
    assert not verify(message + b"x", signature)
    assert not verify(message, (int.from_bytes(signature) ^ 1 << bit).to_bytes(256))


@given(signature=st.one_of(st.binary(max_size=300), st.binary(min_size=256, max_size=256)))
def test_any_bytes_are_no_signature(signature: bytes) -> None:
    assert not rs256.verifier(pem(private_key().public_key()))(b"message", signature)


def test_a_signature_is_one_number() -> None:
    """Adding the modulus or leading zeros does not give another valid signature."""
    key = private_key()
    modulus = key.public_key().public_numbers().n
    verify = rs256.verifier(pem(key.public_key()))
    for message in map(str.encode, map(str, count())):
        signature = key.sign(message, padding.PKCS1v15(), SHA256())
        more = int.from_bytes(signature) + modulus
        if more < 2**2048:
            break
    assert verify(message, signature)
    assert not verify(message, more.to_bytes(256))
    assert not verify(message, b"\0" + signature)
    assert not verify(message, signature + b"\0")
