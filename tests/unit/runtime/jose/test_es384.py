"""Tests ES384 with Project Wycheproof's vectors, tokens of two libraries, special scalars, and against `cryptography`."""

from functools import cache

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from fanroute_runtime.jose import comb, es384
from fanroute_runtime.jose.es384 import GENERATOR, SIZE, N, P
from tests.support.tokens import EC, RSA, pem_of, public
from tests.vectors import groups

HEADER = bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200")


@cache
def key_of(private: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(private, ec.SECP384R1())


def joined(r: int, s: int) -> bytes:
    return r.to_bytes(SIZE) + s.to_bytes(SIZE)


def sign(private: int, message: bytes) -> tuple[int, int]:
    return decode_dss_signature(key_of(private).sign(message, ec.ECDSA(SHA384())))


def test_wycheproof() -> None:
    """The vectors have r and s out of range, r + n < p, equal and opposite points, extreme scalars, and wrong lengths."""
    asked = 0
    for key, vectors in groups("ecdsa_secp384r1_sha384_p1363"):
        verify = es384.verifier(key.encode())
        for vector in vectors:
            asked += 1
            assert verify(vector.message, vector.signature) == (vector.result == "valid"), vector
    assert asked == 280


def test_tokens_of_two_libraries() -> None:
    verify = es384.verifier(public(key_of(7)))
    tokens = [
        jwt.encode({"iss": "a"}, key_of(7), "ES384"),
        jws.serialize_compact({"alg": "ES384"}, b'{"iss":"a"}', ECKey.import_key(key_of(7)), ["ES384"]),
    ]
    for token in tokens:
        signed, _, signature = token.rpartition(".")
        assert verify(signed.encode(), jwt.utils.base64url_decode(signature))
        assert not verify(signed.encode() + b"x", jwt.utils.base64url_decode(signature))


# Private keys for which the points of the two tables are equal, opposite or near each other.
SPECIAL = [1, 2, 3, 7, N - 1, N - 2, 2**11, N - 2**11, (N + 1) // 2]


@given(private=st.sampled_from(SPECIAL), message=st.binary(max_size=50))
def test_what_cryptography_signs(private: int, message: bytes) -> None:
    r, s = sign(private, message)
    verify = es384.verifier(public(key_of(private)))
    assert verify(message, joined(r, s)) and verify(message, joined(r, N - s))
    for wrong in (joined(r, 0), joined(0, s), joined(s, r), joined(r, s)[1:], b"\0" + joined(r, s), joined(r, s) + b"\0"):
        assert not verify(message, wrong)
    for other in (r + N, s + N):
        if other < 2 ** (8 * SIZE):
            assert not verify(message, joined(other, s) if other == r + N else joined(r, other))


@given(
    private=st.sampled_from(SPECIAL),
    r=st.one_of(
        st.integers(0, 3),
        st.integers(-3, 3).map(lambda more: N + more),
        st.integers(P - N - 3, P - N + 3),
        st.integers(0, 2**384 - 1),
    ),
    s=st.one_of(st.integers(0, 3), st.integers(-3, 3).map(lambda more: N + more), st.integers(0, 2**384 - 1)),
)
def test_it_says_what_cryptography_says(private: int, r: int, s: int) -> None:
    try:
        key_of(private).public_key().verify(encode_dss_signature(r, s), b"message", ec.ECDSA(SHA384()))
        expected = True
    except InvalidSignature:
        expected = False
    assert es384.verifier(public(key_of(private)))(b"message", joined(r, s)) == expected


@given(one=st.integers(0, N - 1), other=st.sampled_from([0, 1, 2, N - 1]), private=st.sampled_from(SPECIAL))
def test_any_sum_is_exact(one: int, other: int, private: int) -> None:
    """Also if the sum is infinity, or equal points meet."""
    tables, curve = es384._generator_tables(), es384._CURVE
    numbers = key_of(private).public_key().public_numbers()
    of_key = comb.make_tables(curve, (numbers.x, numbers.y, 1))
    for scalar in (one, -other * private % N):
        x, y, z = comb.sum_of_multiples(curve, (tables, scalar), (of_key, other))
        expected = (scalar + other * private) % N
        if expected == 0:
            assert z == 0 and y != 0
        else:
            public_numbers = ec.derive_private_key(expected, ec.SECP384R1()).public_key().public_numbers()
            assert (x * pow(z, -1, P) % P, y * pow(z, -1, P) % P) == (public_numbers.x, public_numbers.y)


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (public(EC), "a key for ES384 must be an EC key on the named curve P-384"),
        (public(RSA), "a key for ES384 must be an EC key on the named curve P-384"),
        (
            pem_of(HEADER + b"\x04" + GENERATOR[0].to_bytes(48) + (GENERATOR[1] + 1).to_bytes(48)),
            "the EC key's point is not on P-384",
        ),
        (pem_of(HEADER + b"\x04" + bytes(96)), "the EC key's point is not on P-384"),
        (pem_of(HEADER + b"\x04" + P.to_bytes(48) + GENERATOR[1].to_bytes(48)), "the EC key's point is not on P-384"),
        (pem_of(HEADER + b"\x05" + GENERATOR[0].to_bytes(48) + GENERATOR[1].to_bytes(48)), "the EC key's point is compressed"),
        (
            key_of(7).public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint),
            "a public key begins with -----BEGIN PUBLIC KEY-----",
        ),
    ],
)
def test_other_keys_are_refused(key: bytes, why: str) -> None:
    with pytest.raises(ValueError) as raised:
        es384.verifier(key)
    assert str(raised.value).startswith(why)
