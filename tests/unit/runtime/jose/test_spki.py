"""Tests that public keys in PEM are read, and that anything else is refused with a reason."""

from base64 import b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from fanroute_runtime.jose import es256, rs256

Public = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey

EC = ec.derive_private_key(7, ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)
LOADERS: dict[str, Callable[[bytes], object]] = {"ES256": es256.verifier, "RS256": rs256.verifier}
KEYS: dict[str, Public] = {"ES256": EC.public_key(), "RS256": RSA.public_key()}
DER = {name: key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for name, key in KEYS.items()}

algorithms = pytest.mark.parametrize("algorithm", LOADERS)


def pem(der: bytes) -> bytes:
    return b"-----BEGIN PUBLIC KEY-----\n" + b64encode(der) + b"\n-----END PUBLIC KEY-----\n"


def public(key: Public, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> bytes:
    return key.public_bytes(Encoding.PEM, form)


def private(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    return key.private_bytes(Encoding.PEM, form, NoEncryption())


def told(algorithm: str, material: bytes) -> str:
    with pytest.raises(ValueError) as raised:
        LOADERS[algorithm](material)
    return str(raised.value)


@algorithms
def test_pem_as_it_may_be(algorithm: str) -> None:
    text = public(KEYS[algorithm])
    for material in (text, text.replace(b"\n", b"\r\n"), b"\n  " + text.strip(), pem(DER[algorithm])):
        LOADERS[algorithm](material)


@algorithms
@pytest.mark.parametrize(
    ("material", "reason"),
    [
        (b"", "a public key begins with -----BEGIN PUBLIC KEY-----"),
        (private(EC), "'openssl pkey -pubout'"),
        (private(RSA, PrivateFormat.TraditionalOpenSSL), "'openssl pkey -pubout'"),
        (b"-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n", "'openssl x509 -pubkey -noout'"),
        (public(RSA.public_key(), PublicFormat.PKCS1), "'openssl rsa -RSAPublicKey_in -pubout'"),
        (b"-----BEGIN PUBLIC KEY-----\n", "a public key must end with -----END PUBLIC KEY-----"),
        (public(EC.public_key()) * 2, "nothing after it"),
        (pem(b"").replace(b"\n\n", b"\nM!==\n"), "not base64"),
        (pem(b"").replace(b"\n\n", b"\nMA\n"), "not base64"),
        (pem(b"0"), "not DER"),
        (
            public(ed25519.Ed25519PrivateKey.from_private_bytes(b"7" * 32).public_key()),
            "a key for [ER]S256 must be an (EC|RSA) key",
        ),
    ],
)
def test_what_is_no_public_key(algorithm: str, material: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        LOADERS[algorithm](material)


@algorithms
def test_a_key_for_the_other_algorithm(algorithm: str) -> None:
    other = next(key for name, key in KEYS.items() if name != algorithm)
    assert "a key for" in told(algorithm, public(other))


def test_other_curves_and_points() -> None:
    assert "named curve P-256" in told("ES256", public(ec.derive_private_key(7, ec.SECP384R1()).public_key()))
    assert "named curve P-256" in told("ES256", public(ec.derive_private_key(7, ec.SECP256K1()).public_key()))
    head, point = DER["ES256"][:26], DER["ES256"][26:]
    compressed = EC.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    assert "compressed" in told("ES256", pem(b"\x30\x39" + head[2:23] + b"\x03\x22\x00" + compressed))
    for wrong in (point[:1] + bytes(64), point[:-1] + bytes((point[-1] ^ 1,)), b"\x04" + b"\xff" * 64):
        assert "not on P-256" in told("ES256", pem(head + wrong))


@pytest.mark.parametrize(("algorithm", "place"), [("ES256", 25), ("RS256", 23)])
def test_a_key_with_unused_bits(algorithm: str, place: int) -> None:
    der = DER[algorithm]
    assert der[place] == 0
    assert "not DER" in told(algorithm, pem(der[:place] + b"\1" + der[place + 1 :]))


def element(tag: int, content: bytes) -> bytes:
    return bytes((tag, 0x82)) + len(content).to_bytes(2) + content


@pytest.mark.parametrize(
    ("exponent", "behind"),
    [
        (b"\x02\x03\1\0\1\x02\1\3", b""),
        (b"\x02\x03\1\0\1", b"\0"),
        (b"\x02\1\x83", b""),
        (b"\x02\x04\0\1\0\1", b""),
    ],
    ids=["a third number", "something behind", "a negative number", "a needless zero"],
)
def test_rsa_keys_of_other_parts(exponent: bytes, behind: bytes) -> None:
    key = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert key.endswith(b"\x02\x03\1\0\1")
    algorithm = bytes((0x30, len(rs256.ALGORITHM))) + rs256.ALGORITHM

    def info(bits: bytes) -> bytes:
        return pem(element(0x30, algorithm + element(0x03, b"\0" + bits)))

    rs256.verifier(info(key))
    assert "not DER" in told("RS256", info(element(0x30, key[4:-5] + exponent) + behind))


def numbers(modulus: int, exponent: int) -> bytes:
    return public(rsa.RSAPublicNumbers(exponent, modulus).public_key())


def test_rsa_keys_that_are_too_small_or_none() -> None:
    n = RSA.public_key().public_numbers().n
    assert "but this one has 1024" in told("RS256", numbers(n >> 1024 | 1, 65537))
    assert "but this one has 4097" in told("RS256", numbers(1 << 4096 | 1, 65537))
    assert "odd" in told("RS256", numbers(n, 2**32 + 15))
    rs256.verifier(numbers(n, 2**32 - 5))


@algorithms
@given(data=st.data())
def test_any_change_is_told_or_is_another_key(algorithm: str, data: st.DataObject) -> None:
    """Only ValueError is raised. If a changed text is accepted, `cryptography` reads it as a key, too."""
    der = bytearray(DER[algorithm])
    place = data.draw(st.integers(0, min(len(der) - 1, 60)))
    match data.draw(st.sampled_from(["replace", "insert", "cut", "append"])):
        case "replace":
            der[place] = data.draw(st.integers(0, 255))
        case "insert":
            der.insert(place, data.draw(st.integers(0, 255)))
        case "cut":
            del der[place:]
        case "append":
            der += data.draw(st.binary(min_size=1, max_size=3))
    try:
        LOADERS[algorithm](pem(bytes(der)))
    except ValueError:
        return
    load_der_public_key(bytes(der))


@algorithms
@given(material=st.binary(max_size=100))
def test_any_bytes_are_told(algorithm: str, material: bytes) -> None:
    told(algorithm, material)
    told(algorithm, pem(material))
