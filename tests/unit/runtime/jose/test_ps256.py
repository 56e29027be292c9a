"""Tests PS256 with Project Wycheproof's vectors, tokens of two libraries, and against `cryptography`."""

from functools import cache
from itertools import count

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512, HashAlgorithm
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import RSAKey

from fanroute_runtime.jose import ps256
from tests.support.tokens import EC, public
from tests.vectors import groups


@cache
def private_key(bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(exponent, bits)


def sign(
    key: rsa.RSAPrivateKey, message: bytes, salt: int = 32, digest: HashAlgorithm | None = None, mask: HashAlgorithm | None = None
) -> bytes:
    return key.sign(message, padding.PSS(padding.MGF1(mask or SHA256()), salt), digest or SHA256())


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_wycheproof(bits: int) -> None:
    """The vectors have salts, trailers, paddings and hashes that are changed."""
    asked = 0
    for key, vectors in groups(f"rsa_pss_{bits}_sha256_mgf1_32"):
        verify = ps256.verifier(key.encode())
        for vector in vectors:
            asked += 1
            assert verify(vector.message, vector.signature) == (vector.result == "valid"), vector
    assert asked == 108


def test_tokens_of_two_libraries() -> None:
    key = private_key()
    verify = ps256.verifier(public(key))
    tokens = [
        jwt.encode({"iss": "a"}, key, "PS256"),
        jws.serialize_compact({"alg": "PS256"}, b'{"iss":"a"}', RSAKey.import_key(key), ["PS256"]),
    ]
    for token in tokens:
        signed, _, signature = token.rpartition(".")
        assert verify(signed.encode(), jwt.utils.base64url_decode(signature))
        assert not verify(signed.encode() + b"x", jwt.utils.base64url_decode(signature))


@pytest.mark.parametrize("bits", [2048, 2049, 2050, 2055, 2056, 3071])
def test_a_modulus_of_any_size(bits: int) -> None:
    """The encoded message is one byte shorter than the modulus, or has bits of the mask above it."""
    verify = ps256.verifier(public(private_key(bits)))
    for number in range(20):
        message = b"%d" % number
        signature = sign(private_key(bits), message)
        assert verify(message, signature)
        assert not verify(message + b"x", signature)


@given(message=st.binary(max_size=200), bit=st.integers(0, 2047))
def test_what_cryptography_signs(message: bytes, bit: int) -> None:
    verify = ps256.verifier(public(private_key(exponent=3)))
    signature = sign(private_key(exponent=3), message)
    assert verify(message, signature)
    assert not verify(message + b"x", signature)
    assert not verify(message, (int.from_bytes(signature) ^ 1 << bit).to_bytes(256))


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64, 222])
def test_the_salt_is_as_long_as_the_hash(salt: int) -> None:
    assert not ps256.verifier(public(private_key()))(b"message", sign(private_key(), b"message", salt))


def test_other_hashes_are_refused() -> None:
    verify, key = ps256.verifier(public(private_key())), private_key()
    assert not verify(b"message", sign(key, b"message", digest=SHA512()))
    assert not verify(b"message", sign(key, b"message", mask=SHA1()))
    assert not verify(b"message", key.sign(b"message", padding.PKCS1v15(), SHA256()))


@given(signature=st.one_of(st.binary(max_size=300), st.binary(min_size=256, max_size=256)))
def test_any_bytes_are_no_signature(signature: bytes) -> None:
    assert not ps256.verifier(public(private_key()))(b"message", signature)


def test_a_signature_is_one_number() -> None:
    """Adding the modulus or leading zeros does not give another valid signature."""
    key = private_key()
    modulus = key.public_key().public_numbers().n
    verify = ps256.verifier(public(key))
    for message in map(str.encode, map(str, count())):
        signature = sign(key, message)
        if (more := int.from_bytes(signature) + modulus) < 2**2048:
            break
    assert verify(message, signature)
    assert not verify(message, more.to_bytes(256))
    assert not verify(message, b"\0" + signature)
    assert not verify(message, signature + b"\0")


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (public(EC), "a key for PS256 must be an RSA key"),
        (public(private_key(1024)), "an RSA key must have 2048 to 4096 bits (RFC 7518, 3.3), but this one has 1024"),
    ],
)
def test_other_keys_are_refused(key: bytes, why: str) -> None:
    with pytest.raises(ValueError) as raised:
        ps256.verifier(key)
    assert str(raised.value) == why
