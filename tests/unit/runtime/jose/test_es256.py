"""Tests ES256 with Project Wycheproof's vectors, tokens of others, equal and opposite points, and against `cryptography`."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import cache, partial
from itertools import count

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey

from fanroute_runtime.jose import es256, p256
from fanroute_runtime.jose.p256 import Comb, N, P
from tests.support.native import linked
from tests.vectors import Vector, groups

Verifier = Callable[[bytes, bytes], bool]

# Fastly's key of Fanout, and a token that Fastly signed with it.
FASTLY = b"""\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECKo5A1ebyFcnmVV8SE5On+8G81Jy
BjSvcrx4VLetWCjuDAmppTo3xM/zz763COTCgHfp/6lPdCyYjjqc+GM7sw==
-----END PUBLIC KEY-----
"""
FASTLY_TOKEN = (
    "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJleHAiOjE2NzUzNjU0MjgsImlzcyI6ImZhc3RseSJ9."
    "QL2Pm1JnXV_vAYK7ijeD4U1CBjOTLihNMDZ-qfvjkKOTUiK1jyxGEwjZfeApijRaOtQT8fVkdPnKjF-tBiUzkA"
)

Make = Callable[[bytes], Verifier]


@pytest.fixture(scope="module", params=["fixed", "late", "fixed, native", "late, native"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes verifiers in one of the ways that components do."""
    with linked() if "native" in request.param else nullcontext():
        yield cache(partial(es256.verifier, fixed="fixed" in request.param))


def pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def key_of(private: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(private, ec.SECP256R1())


def public(private: int) -> bytes:
    return pem(key_of(private).public_key())


def joined(r: int, s: int) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32)


def parts(token: str) -> tuple[bytes, bytes]:
    """Returns the signed bytes of a token, and its signature."""
    signed, _, signature = token.rpartition(".")
    return signed.encode(), jwt.utils.base64url_decode(signature)


def wrong(verify: Verifier, vectors: list[Vector]) -> list[Vector]:
    return [vector for vector in vectors if verify(vector.message, vector.signature) != (vector.result == "valid")]


def test_wycheproof(make: Make) -> None:
    """The vectors have r and s out of range, r + n < p, equal and opposite points, extreme scalars, and wrong lengths."""
    found = [(make(key.encode()), vectors) for key, vectors in groups("ecdsa_secp256r1_sha256_p1363")]
    assert sum(len(vectors) for _, vectors in found) == 262
    assert [vector for verify, vectors in found for vector in wrong(verify, vectors)] == []


def test_wycheproof_from_der(make: Make) -> None:
    """These vectors have DER signatures. Those whose integers fit r and s are converted."""
    asked = 0
    for key, vectors in groups("ecdsa_secp256r1_sha256"):
        verify = make(key.encode())
        for vector in vectors:
            try:
                r, s = decode_dss_signature(vector.signature)
                signature = joined(r, s)
            except (ValueError, OverflowError):
                continue
            if encode_dss_signature(r, s) == vector.signature:
                asked += 1
                assert verify(vector.message, signature) == (vector.result == "valid"), vector
    assert asked == 249


def test_the_token_that_fastly_signed(make: Make) -> None:
    verify = make(FASTLY)
    signed, signature = parts(FASTLY_TOKEN)
    assert verify(signed, signature)
    assert not verify(signed[:-1] + b"8", signature)
    assert not verify(signed, signature[32:] + signature[:32])


def test_tokens_of_two_libraries(make: Make) -> None:
    private = key_of(7)
    verify = make(public(7))
    claims = {"iss": "fastly:abc", "exp": 1}
    tokens = [
        jwt.encode(claims, private, "ES256"),
        jws.serialize_compact({"alg": "ES256"}, jwt.utils.force_bytes(str(claims)), ECKey.import_key(private), ["ES256"]),
    ]
    for token in tokens:
        signed, signature = parts(token)
        assert verify(signed, signature)
        assert not verify(signed + b"x", signature)
        assert not make(public(8))(signed, signature)


@given(private=st.sampled_from([1, 2, 7, N - 1, N // 3]), message=st.binary(max_size=200))
def test_what_cryptography_signs(make: Make, private: int, message: bytes) -> None:
    r, s = decode_dss_signature(key_of(private).sign(message, ec.ECDSA(SHA256())))
    assert make(public(private))(message, joined(r, s))
    assert make(public(private))(message, joined(r, N - s))
    assert not make(public(private))(message + b"x", joined(r, s))


@given(
    private=st.sampled_from([1, 7, N - 1]),
    message=st.binary(max_size=20),
    changed=st.tuples(st.integers(0, 64 * 8 - 1), st.integers(0, 2**64)),
)
def test_broken_as_cryptography_says(make: Make, private: int, message: bytes, changed: tuple[int, int]) -> None:
    good = joined(*decode_dss_signature(key_of(private).sign(message, ec.ECDSA(SHA256()))))
    shift, bits = changed
    broken = ((int.from_bytes(good) ^ bits << shift) % 2**512).to_bytes(64)
    try:
        der = encode_dss_signature(int.from_bytes(broken[:32]), int.from_bytes(broken[32:]))
        key_of(private).public_key().verify(der, message, ec.ECDSA(SHA256()))
        expected = True
    except InvalidSignature:
        expected = False
    assert make(public(private))(message, broken) == expected


@given(signature=st.one_of(st.binary(max_size=200), st.binary(min_size=64, max_size=64)))
def test_any_bytes_are_no_signature(make: Make, signature: bytes) -> None:
    assert not make(public(7))(b"message", signature)


def test_a_signature_has_64_bytes(make: Make) -> None:
    """Additional or missing leading zeros do not make another valid signature."""
    for message in map(str.encode, map(str, count())):
        r, s = decode_dss_signature(key_of(7).sign(message, ec.ECDSA(SHA256())))
        if s < 2**248:
            break
    good = joined(r, s)
    verify = make(public(7))
    assert verify(message, good)
    for other in (good[:32] + good[33:], good[:32] + b"\0" + good[32:], b"\0" + good, good + b"\0", good[:-1], good * 2):
        assert not verify(message, other)


@pytest.mark.parametrize("edge", [0, N, N + 1, 2**256 - 1])
def test_out_of_range(make: Make, edge: int) -> None:
    assert not make(public(7))(b"message", joined(edge, 1))
    assert not make(public(7))(b"message", joined(1, edge))


@pytest.mark.parametrize("teeth", [p256.MANY_TEETH, p256.FEW_TEETH])
@pytest.mark.parametrize(
    "scalars",
    [(0, 0), (0, 1), (1, 0), (1, 1), (5, 5), (1, N - 1), (N - 1, N - 1), (2**255, 2**255), (N - 2, 2), (2**200, N - 2**200)],
)
def test_points_that_meet(teeth: int, scalars: tuple[int, int]) -> None:
    """Adds multiples of a point and of itself, its opposite or its double. Additions then become doublings, or give infinity."""
    one, other = scalars
    for factor in (1, N - 1, 2, N - 2, pow(2, -1, N)):
        point = p256._multiply(p256.GENERATOR, factor)
        assert point is not None
        expected = p256._multiply(p256.GENERATOR, (one + factor * other) % N)
        x, denominator = p256.x_of_sum(p256.generator_comb(), one, Comb(point, teeth), other)
        assert (denominator % P == 0) == (expected is None)
        if expected is not None:
            assert x * pow(denominator, -1, P) % P == expected[0]
