"""Tests EdDSA with the vectors of two RFCs and Project Wycheproof, special points, and against `cryptography`."""

from functools import cache

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import OKPKey

from fanroute_runtime.jose import comb, ed25519
from fanroute_runtime.jose.ed25519 import L, P
from tests.support.tokens import EC, OTHER_EC, pem_of, public
from tests.vectors import groups

# RFC 8032, 7.1: the public key, the message and the signature of tests 1 to 3.
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]
# RFC 8037, A.4: the key of A.1 has signed this token.
RFC_8037 = (
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
)
# The y of the eight points whose order divides 8, with the bit of x, and other spellings of some of them.
Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7
SMALL = [
    *(y | sign << 255 for y in (0, Y_OF_ORDER_8, P - Y_OF_ORDER_8) for sign in (0, 1)),
    1,
    P - 1,
    *(y + P for y in (0, 1)),
    *(y | 1 << 255 for y in (1, P - 1, P, P + 1)),
]


def pem(key: bytes) -> bytes:
    return pem_of(bytes.fromhex("302a300506032b6570032100") + key)


@cache
def signer(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))


def encoded(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_rfc_8032(key: str, message: str, signature: str) -> None:
    verify = ed25519.verifier(pem(bytes.fromhex(key)))
    assert verify(bytes.fromhex(message), bytes.fromhex(signature))
    assert not verify(bytes.fromhex(message) + b"x", bytes.fromhex(signature))


def test_rfc_8037() -> None:
    key, signed, signature = RFC_8037
    verify = ed25519.verifier(pem(jwt.utils.base64url_decode(key)))
    assert verify(signed.encode(), jwt.utils.base64url_decode(signature))


def test_wycheproof() -> None:
    """The vectors have s out of range, R in other spellings, small points, and wrong lengths."""
    asked = 0
    for key, vectors in groups("ed25519"):
        verify = ed25519.verifier(key.encode())
        for vector in vectors:
            asked += 1
            assert verify(vector.message, vector.signature) == (vector.result == "valid"), vector
    assert asked == 151


def test_tokens_of_two_libraries() -> None:
    key = signer(7)
    verify = ed25519.verifier(pem(encoded(key)))
    tokens = [
        jwt.encode({"iss": "a"}, key, "EdDSA"),
        jws.serialize_compact({"alg": "Ed25519"}, b'{"iss":"a"}', OKPKey.import_key(key), ["Ed25519"]),
    ]
    for token in tokens:
        signed, _, signature = token.rpartition(".")
        assert verify(signed.encode(), jwt.utils.base64url_decode(signature))
        assert not verify(signed.encode() + b"x", jwt.utils.base64url_decode(signature))


@pytest.mark.parametrize("number", SMALL)
def test_a_small_point_is_no_key(number: int) -> None:
    """Anybody could sign for it. `cryptography` accepts most of them."""
    with pytest.raises(ValueError, match="point"):
        ed25519.verifier(pem(number.to_bytes(32, "little")))


def test_a_point_beside_the_subgroup_is_no_key() -> None:
    """Verifiers disagree about signatures for the sum of a good point and a small one."""
    good = ed25519._point(int.from_bytes(encoded(signer(7)), "little") & 2**255 - 1, encoded(signer(7))[31] >> 7)
    for number in {0, Y_OF_ORDER_8, P - Y_OF_ORDER_8, P - 1}:
        small = ed25519._point(number, 0)
        x, y, z, _ = ed25519._add(good, ed25519._prepare(small))
        x, y = x * pow(z, -1, P) % P, y * pow(z, -1, P) % P
        with pytest.raises(ValueError, match="does not have the order of the base point"):
            ed25519.verifier(pem((y | (x & 1) << 255).to_bytes(32, "little")))


def test_what_is_no_point_is_no_key() -> None:
    """Half of all numbers are no y of the curve, and a y is below P."""
    for number in [P, P + 3, 2**255 - 1, *(y for y in range(2, 40) if not is_y(y))]:
        with pytest.raises(ValueError, match="no point of the curve"):
            ed25519.verifier(pem(number.to_bytes(32, "little")))


def is_y(y: int) -> bool:
    square = (y * y - 1) * pow(ed25519.D * y * y + 1, -1, P) % P
    return pow(square, (P - 1) // 2, P) in (0, 1)


@pytest.mark.parametrize(
    "key",
    [
        public(EC),
        X25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        pem_of(bytes.fromhex("3029300506032b6570032000") + bytes(31)),
        pem_of(bytes.fromhex("302b300506032b6570032200") + bytes(33)),
    ],
)
def test_other_keys_are_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match="must be on the curve Ed25519"):
        ed25519.verifier(key)


@given(
    private=st.integers(1, 3),
    message=st.binary(max_size=100),
    changes=st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=3),
)
def test_it_says_what_cryptography_says(private: int, message: bytes, changes: list[tuple[int, int]]) -> None:
    signature = bytearray(signer(private).sign(message))
    for index, byte in changes:
        signature[index] = byte
    assert ed25519.verifier(pem(encoded(signer(private))))(message, bytes(signature)) == theirs(
        signer(private), message, bytes(signature)
    )


@given(
    r=st.one_of(st.sampled_from(SMALL), st.integers(0, 2**256 - 1)),
    s=st.one_of(st.integers(0, 3), st.integers(-2, 2).map(lambda more: L + more), st.integers(0, 2**256 - 1)),
)
def test_special_numbers_are_no_signature(r: int, s: int) -> None:
    signature = r.to_bytes(32, "little") + s.to_bytes(32, "little")
    assert not ed25519.verifier(pem(encoded(signer(7))))(b"message", signature)
    assert not theirs(signer(7), b"message", signature)


@given(st.integers(1, 5))
def test_a_signature_has_one_spelling(private: int) -> None:
    verify, signature = ed25519.verifier(pem(encoded(signer(private)))), signer(private).sign(b"message")
    assert verify(b"message", signature)
    s = int.from_bytes(signature[32:], "little")
    others = [signature[:32] + (s + times * L).to_bytes(32, "little") for times in range(1, 8)]
    others += [signature + b"\0", signature[:-1], b"", signature[:31] + bytes([signature[31] ^ 0x80]) + signature[32:]]
    assert not any(verify(b"message", other) for other in others)


def theirs(key: Ed25519PrivateKey, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(encoded(key)).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@given(st.integers(0, L - 1), st.integers(0, L - 1))
def test_multiples_add_up(one: int, other: int) -> None:
    """Sums of multiples of the base point are the multiple by the sum."""
    tables, curve = ed25519._base_tables(), ed25519._CURVE
    sums = [
        comb.sum_of_multiples(curve, (tables, one), (tables, other)),
        comb.sum_of_multiples(curve, (tables, (one + other) % L)),
    ]
    (x1, y1, z1, _), (x2, y2, z2, _) = sums
    assert (x1 * z2 - x2 * z1) % P == (y1 * z2 - y2 * z1) % P == 0


def test_keys_of_others_do_not_verify() -> None:
    assert public(EC) != public(OTHER_EC)
    assert not ed25519.verifier(pem(encoded(signer(8))))(b"message", signer(7).sign(b"message"))
