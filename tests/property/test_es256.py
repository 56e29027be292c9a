"""Compares native verification of ES256 with `cryptography` and with Python's: for good, broken and special signatures."""

import random
from functools import partial
from typing import NamedTuple

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import settings

from fanroute_runtime.jose import es256, limbs, p256
from fanroute_runtime.jose.limbs import INVALID, MET, VALID
from fanroute_runtime.jose.p256 import Comb, N, P, Point
from tests.support.counts import COUNTS
from tests.support.native import NativeModule

# How many signatures are compared for each example that hypothesis would generate.
FACTOR = 50
PREHASHED = ec.ECDSA(Prehashed(SHA256()))
# Scalars with which points meet, or almost, and numbers at the bounds of r and s.
SCALARS = [0, 1, 2, 3, N - 1, N - 2, N // 2, N // 2 + 1, 2**255, 2**128, 2**11, 2**66 - 1]
BOUNDS = [0, 1, 2, N - 1, N, N + 1, P - N - 1, P - N, P - 1, P, 2**256 - 1]


class Key(NamedTuple):
    """Represents a key for all who verify. `tables` are the native module's, made by Python and by the module."""

    private: ec.EllipticCurvePrivateKey
    number: int
    point: Point
    comb: Comb
    tables: tuple[bytes, bytes]


class Signature(NamedTuple):
    """Represents a signature of a digest."""

    r: int
    s: int
    digest: int


def key_of(module: NativeModule, number: int) -> Key:
    private = private_key(number)
    point = point_of(private)
    made = module.make_table(b"".join(coordinate.to_bytes(32) for coordinate in point))
    return Key(private, number, point, Comb(point, p256.FEW_TEETH), (limbs.pack_table(point), made))


def private_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, ec.SECP256R1())


def point_of(private: ec.EllipticCurvePrivateKey) -> Point:
    numbers = private.public_key().public_numbers()
    return numbers.x, numbers.y


def signed(chance: random.Random, key: Key) -> Signature:
    """Signs a random digest."""
    digest = chance.getrandbits(256)
    return Signature(*decode_dss_signature(key.private.sign(digest.to_bytes(32), PREHASHED)), digest)


def special(chance: random.Random, key: Key) -> Signature:
    """Makes a signature whose scalars are special or opposite, so that points meet, or the sum is infinity."""
    own, keys = chance.choice(SCALARS), chance.choice(SCALARS[1:])
    if chance.random() < 0.3:
        own = chance.choice([-keys, keys]) * key.number % N
    total = (own + keys * key.number) % N
    r = point_of(private_key(total))[0] % N if total else chance.randrange(1, N)
    s = r * pow(keys, -1, N) % N
    return Signature(r, s, own * s % N)


def changed(chance: random.Random, signature: Signature) -> Signature:
    """Changes a number or a bit. A few of the results are as valid as the signature."""
    r, s, digest = signature
    bits = (r << 512 | s << 256 | digest) ^ 1 << chance.randrange(768)
    bounds = chance.choices(BOUNDS, k=2)
    return chance.choice(
        [
            Signature(r, N - s, digest),
            Signature(s, r, digest),
            Signature(r, bounds[0], digest),
            Signature(bounds[0], s, digest),
            Signature(*bounds, digest),
            Signature((r + N) % 2**256, s, digest),
            Signature(r, s, (digest + N) % 2**256),
            *[Signature(bits >> 512, bits >> 256 & 2**256 - 1, bits & 2**256 - 1)] * 4,
        ]
    )


def theirs(key: Key, signature: Signature) -> bool:
    """Returns what `cryptography` says of a signature."""
    try:
        der = encode_dss_signature(signature.r, signature.s)
        key.private.public_key().verify(der, signature.digest.to_bytes(32), PREHASHED)
    except InvalidSignature:
        return False
    return True


@pytest.fixture(scope="module")
def module() -> NativeModule:
    return NativeModule()


def test_it_says_what_others_say(module: NativeModule) -> None:
    """All of them say the same, whoever made the table. The signatures are always the same ones, except with `make fuzz`."""
    profile = settings()
    chance = random.Random(1 if profile.derandomize else None)
    keys = [key_of(module, number) for number in (1, 2, 7, N - 1, N - 2, *(chance.randrange(1, N) for _ in range(15)))]
    valid = 0
    for index in range(profile.max_examples * FACTOR):
        key = chance.choice(keys)
        # Of special ones, there are fewer: if points meet, Python takes long.
        signature = special(chance, key) if index % 25 == 0 else signed(chance, key)
        if index % 3:
            signature = changed(chance, signature)
        COUNTS["signatures by ES256, verified natively"] += 1
        expected = theirs(key, signature)
        valid += expected
        r_and_s, digest = signature.r.to_bytes(32) + signature.s.to_bytes(32), signature.digest.to_bytes(32)
        results = {module.verify(table, r_and_s, digest) for table in key.tables}
        assert len(results) == 1, (key.number, signature)
        assert results.pop() in (VALID if expected else INVALID, MET), (key.number, signature)
        assert es256.is_valid(partial(es256._x_of_sum, key.comb), digest, r_and_s) == expected, (key.number, signature)
    assert 0.3 < valid / (profile.max_examples * FACTOR) < 0.6
    assert 0 < module.results[MET] < module.results.total() / 50
