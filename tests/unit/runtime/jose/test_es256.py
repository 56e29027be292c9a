"""Tests ES256 with Project Wycheproof's vectors, tokens of others, equal and opposite points, and against `cryptography`."""

from collections.abc import Callable
from functools import cache
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

both = pytest.mark.parametrize("fixed", [True, False], ids=["fixed", "found"])


def pem(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def key_of(private: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(private, ec.SECP256R1())


@cache
def verifier(private: int, fixed: bool) -> Verifier:
    return es256.verifier(pem(key_of(private).public_key()), fixed)


def joined(r: int, s: int) -> bytes:
    return r.to_bytes(32) + s.to_bytes(32)


def parts(token: str) -> tuple[bytes, bytes]:
    """Returns the signed bytes of a token, and its signature."""
    signed, _, signature = token.rpartition(".")
    return signed.encode(), jwt.utils.base64url_decode(signature)


def wrong(verify: Verifier, vectors: list[Vector]) -> list[Vector]:
    return [vector for vector in vectors if verify(vector.message, vector.signature) != (vector.result == "valid")]


@both
def test_wycheproof(fixed: bool) -> None:
    """The vectors have r and s out of range, r + n < p, equal and opposite points, extreme scalars, and wrong lengths."""
    found = [(es256.verifier(key.encode(), fixed), vectors) for key, vectors in groups("ecdsa_secp256r1_sha256_p1363")]
    assert sum(len(vectors) for _, vectors in found) == 262
    assert [vector for verify, vectors in found for vector in wrong(verify, vectors)] == []


def test_wycheproof_from_der() -> None:
    """These vectors have DER signatures. Those whose integers fit r and s are converted."""
    asked = 0
    for key, vectors in groups("ecdsa_secp256r1_sha256"):
        verify = es256.verifier(key.encode())
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


@both
def test_the_token_that_fastly_signed(fixed: bool) -> None:
    verify = es256.verifier(FASTLY, fixed)
    signed, signature = parts(FASTLY_TOKEN)
    assert verify(signed, signature)
    assert not verify(signed[:-1] + b"8", signature)
    assert not verify(signed, signature[32:] + signature[:32])


@both
def test_tokens_of_two_libraries(fixed: bool) -> None:
    private = key_of(7)
    verify = verifier(7, fixed)
    claims = {"iss": "fastly:abc", "exp": 1}
    tokens = [
        jwt.encode(claims, private, "ES256"),
        jws.serialize_compact({"alg": "ES256"}, jwt.utils.force_bytes(str(claims)), ECKey.import_key(private), ["ES256"]),
    ]
    for token in tokens:
        signed, signature = parts(token)
        assert verify(signed, signature)
        assert not verify(signed + b"x", signature)
        assert not verifier(8, fixed)(signed, signature)


@both
@given(private=st.sampled_from([1, 2, 7, N - 1, N // 3]), message=st.binary(max_size=200))
def test_what_cryptography_signs(fixed: bool, private: int, message: bytes) -> None:
    r, s = decode_dss_signature(key_of(private).sign(message, ec.ECDSA(SHA256())))
    assert verifier(private, fixed)(message, joined(r, s))
    assert verifier(private, fixed)(message, joined(r, N - s))
    assert not verifier(private, fixed)(message + b"x", joined(r, s))


@both
@given(
    private=st.sampled_from([1, 7, N - 1]),
    message=st.binary(max_size=20),
    changed=st.tuples(st.integers(0, 64 * 8 - 1), st.integers(0, 2**64)),
)
def test_broken_as_cryptography_says(fixed: bool, private: int, message: bytes, changed: tuple[int, int]) -> None:
    good = joined(*decode_dss_signature(key_of(private).sign(message, ec.ECDSA(SHA256()))))
    shift, bits = changed
    broken = ((int.from_bytes(good) ^ bits << shift) % 2**512).to_bytes(64)
    try:
        der = encode_dss_signature(int.from_bytes(broken[:32]), int.from_bytes(broken[32:]))
        key_of(private).public_key().verify(der, message, ec.ECDSA(SHA256()))
        expected = True
    except InvalidSignature:
        expected = False
    assert verifier(private, fixed)(message, broken) == expected


@both
@given(signature=st.one_of(st.binary(max_size=200), st.binary(min_size=64, max_size=64)))
def test_any_bytes_are_no_signature(fixed: bool, signature: bytes) -> None:
    assert not verifier(7, fixed)(b"message", signature)


@both
def test_a_signature_has_64_bytes(fixed: bool) -> None:
    """Additional or missing leading zeros do not make another valid signature."""
    for message in map(str.encode, map(str, count())):
        r, s = decode_dss_signature(key_of(7).sign(message, ec.ECDSA(SHA256())))
        if s < 2**248:
            break
    good = joined(r, s)
    verify = verifier(7, fixed)
    assert verify(message, good)
    for other in (good[:32] + good[33:], good[:32] + b"\0" + good[32:], b"\0" + good, good + b"\0", good[:-1], good * 2):
        assert not verify(message, other)


@both
@pytest.mark.parametrize("edge", [0, N, N + 1, 2**256 - 1])
def test_out_of_range(fixed: bool, edge: int) -> None:
    assert not verifier(7, fixed)(b"message", joined(edge, 1))
    assert not verifier(7, fixed)(b"message", joined(1, edge))


@pytest.mark.parametrize("teeth", [p256.MANY_TEETH, p256.FEW_TEETH])
@pytest.mark.parametrize(
    "scalars",
    [(0, 0), (0, 1), (1, 0), (1, 1), (5, 5), (1, N - 1), (N - 1, N - 1), (2**255, 2**255), (N - 2, 2), (2**200, N - 2**200)],
)
def test_points_that_meet(teeth: int, scalars: tuple[int, int]) -> None:
    """Adds multiples of a point and of itself, its opposite or its double. Additions then become doublings, or give infinity."""
    one, other = scalars
    for factor in (1, N - 1, 2, N - 2, pow(2, -1, N)):
        point = p256._multiply(p256.GENERATOR.point, factor)
        assert point is not None
        expected = p256._multiply(p256.GENERATOR.point, (one + factor * other) % N)
        x, denominator = p256.x_of_sum(p256.GENERATOR, one, Comb(point, teeth), other)
        assert (denominator % P == 0) == (expected is None)
        if expected is not None:
            assert x * pow(denominator, -1, P) % P == expected[0]
