"""Fuzzes public keys: `cryptography` reads every key that we read, and we read every key in the form that it writes."""

from base64 import b64encode
from hashlib import sha256

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from fanroute_runtime.jose import ed25519, es256, es384, identifiers, limbs, rs256, spki
from fanroute_runtime.jose.p256 import N, P
from tests.conftest import REPOSITORY
from tests.fuzz.target import Target
from tests.support.native import NativeModule

PEM = b"-----BEGIN PUBLIC KEY-----"
MESSAGE = b"e30.e30"
# A key pair whose private key is known.
PRIVATE = ec.derive_private_key(7, ec.SECP256R1())


def pem(der: bytes) -> bytes:
    return PEM + b"\n" + b64encode(der) + b"\n-----END PUBLIC KEY-----\n"


def check_key(data: bytes) -> None:
    """Checks a PEM, or the DER that one may contain."""
    material = data if data.startswith(b"-") else pem(data)
    theirs = read(material)
    known = isinstance(theirs, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | Ed25519PublicKey)
    in_its_spelling = known and data == theirs.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        es256.verifier(material)
        assert isinstance(theirs, ec.EllipticCurvePublicKey) and theirs.curve.name == "secp256r1"
        assert spki.read_public_key(material)[1] == theirs.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    except ValueError:
        assert not in_its_spelling or not isinstance(theirs, ec.EllipticCurvePublicKey) or theirs.curve.name != "secp256r1"
    for curve, module, its in (("secp384r1", es384, ec.EllipticCurvePublicKey), ("ed25519", ed25519, Ed25519PublicKey)):
        is_its = isinstance(theirs, its) and getattr(getattr(theirs, "curve", None), "name", "ed25519") == curve
        try:
            module.verifier.__wrapped__(material)
            assert is_its
        except ValueError:
            # A point of Ed25519 that is small or beside the subgroup is refused by us alone.
            assert not in_its_spelling or not is_its or module is ed25519
    try:
        numbers = rs256.verifier(material).args  # type: ignore[attr-defined]
        assert isinstance(theirs, rsa.RSAPublicKey)
        assert numbers == (theirs.public_numbers().n, theirs.public_numbers().e)
    except ValueError:
        assert not in_its_spelling or not is_usable(theirs)


def is_usable(key: object) -> bool:
    """Returns True if the key is an RSA key that we accept, by its size, modulus and exponent."""
    if not isinstance(key, rsa.RSAPublicKey):
        return False
    numbers = key.public_numbers()
    return 2048 <= key.key_size <= 4096 and numbers.n % 2 == 1 and numbers.e < 2**32


def read(material: bytes) -> object:
    try:
        return load_pem_public_key(material)
    except (ValueError, UnsupportedAlgorithm):
        return None


VERIFY = es256.verifier(PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
NATIVE = NativeModule()
TABLE = limbs.pack_table((PRIVATE.public_key().public_numbers().x, PRIVATE.public_key().public_numbers().y))
DIGEST = sha256(MESSAGE).digest()


def check_signature(signature: bytes) -> None:
    """Checks a signature, two numbers in 64 bytes: Python and the native module accept it if and only if `cryptography` does."""
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    try:
        PRIVATE.public_key().verify(encode_dss_signature(r, s), MESSAGE, ec.ECDSA(SHA256()))
        expected = len(signature) == 64
    except (InvalidSignature, ValueError):
        expected = False
    assert VERIFY(MESSAGE, signature) == expected
    assert NATIVE.verify(TABLE, signature, DIGEST) in (limbs.VALID if expected else limbs.INVALID, limbs.MET)


def signed(message: bytes) -> bytes:
    """Returns a signature of 64 bytes, the same for the same message."""
    r, s = decode_dss_signature(PRIVATE.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True)))
    return r.to_bytes(32) + s.to_bytes(32)


KEYS = [path.read_bytes() for path in sorted((REPOSITORY / "tests" / "golden" / "cases").glob("*/keys/*.pem"))]
DERS = [
    key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    for key in (PRIVATE.public_key(), *map(read, KEYS))
    if isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey | Ed25519PublicKey)
]
DER_WORDS = [
    *[
        b"\x30",
        b"\x02",
        b"\x03",
        b"\x05\x00",
        b"\x80",
        b"\x81\x80",
        b"\x82\x01\x00",
        b"\x84\xff\xff\xff\xff",
        b"\xff" * 130,
        b"\x00",
    ],
    *[
        es256.ALGORITHM,
        rs256.ALGORITHM,
        identifiers.P384,
        identifiers.ED25519,
        b"\x02\x01\x03",
        b"\x02\x03\x01\x00\x01",
        b"\x04" + bytes(64),
        b"\x02" + bytes(32),
    ],
    *[PEM, b"-----END PUBLIC KEY-----", b"-----BEGIN CERTIFICATE-----", b"=", b"\n", b"\r\n", b" ", b"A"],
]
SIGNATURES = [signed(MESSAGE), signed(MESSAGE)[:32] + (N - int.from_bytes(signed(MESSAGE)[32:])).to_bytes(32), signed(b"")]
NUMBERS = [number.to_bytes(32) for number in (0, 1, 2, N - 1, N, N + 1, P - 1, P, P + 1, 2**256 - 1, P - N)]
TARGETS = [
    Target("keys", check_key, [*DERS, *KEYS], DER_WORDS),
    Target("signatures", check_signature, SIGNATURES, [*NUMBERS, b"\x00"]),
]
