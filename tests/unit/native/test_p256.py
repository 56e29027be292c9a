"""Tests the native module's arithmetic at its bounds, and that it accepts any input without a trap.

tests/unit/runtime/jose/test_es256.py and tests/property/test_es256.py test what it says of signatures.
"""

import struct
from itertools import product

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st

from fanroute.native.module import write_module
from fanroute.native.p256 import write_p256_module
from fanroute_runtime.jose import limbs, p256
from fanroute_runtime.jose.limbs import INVALID, LIMBS, MET, NUMBER_SIZE, RADIX, VALID
from fanroute_runtime.jose.p256 import GENERATOR, N, P
from tests.support.native import BASE, NativeModule, numbers

MODULI = {"field": P, "order": N}
SIZE = NUMBER_SIZE
# The largest limbs that operands have (points.py): below 2**29 with either sign, and in one operand of a product even twice that.
LIMB = HIGHEST = 2**29 - 1
SMALL = st.integers(-LIMB, LIMB) | st.sampled_from([-LIMB, LIMB, 0, 1])
TOP = st.integers(-HIGHEST, HIGHEST) | st.sampled_from([-HIGHEST, HIGHEST, 0])
NUMBERS = st.tuples(*[SMALL] * (LIMBS - 1), TOP)
MULTIPLIED = {"multiply": 2, "square": 1, "multiply and subtract": 4}
KEY = p256._multiply(GENERATOR, 7)
assert KEY is not None
TABLE = limbs.pack_table(KEY)


@pytest.fixture(scope="module")
def module() -> NativeModule:
    return NativeModule()


def packed(number: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{LIMBS}i", *number)


def point_bytes(point: p256.Point) -> bytes:
    return b"".join(coordinate.to_bytes(32) for coordinate in point)


@pytest.mark.parametrize("name", MODULI)
@pytest.mark.parametrize("operation", MULTIPLIED)
@given(st.data())
def test_products(module: NativeModule, name: str, operation: str, data: st.DataObject) -> None:
    """A product is right for the largest operands, its limbs are carried, and it may replace an operand."""
    operands = [data.draw(NUMBERS) for _ in range(MULTIPLIED[operation])]
    if operation == "multiply" and name == "field":
        operands[0] = (*(2 * limb for limb in operands[0][:-1]), operands[0][-1])
    assert_product(module, name, operation, operands)


@pytest.mark.parametrize("name", MODULI)
@pytest.mark.parametrize("operation", MULTIPLIED)
def test_products_of_the_largest_numbers(module: NativeModule, name: str, operation: str) -> None:
    extremes = [(sign * LIMB,) * (LIMBS - 1) + (sign * HIGHEST,) for sign in (-1, 1)]
    for operands in product(extremes, repeat=MULTIPLIED[operation]):
        assert_product(module, name, operation, list(operands))


def assert_product(module: NativeModule, name: str, operation: str, operands: list[tuple[int, ...]]) -> None:
    content = b"".join(map(packed, operands))
    at = module.write(content)
    places = [at + SIZE * index for index in range(len(operands))]
    module.call(f"{name} {operation}", at, *places)
    (result,) = numbers(module.read(at, SIZE))
    a, *rest = numbers(content)
    expected = {"square": lambda: a * a, "multiply": lambda: a * rest[0]}.get(
        operation, lambda: a * rest[0] - rest[1] * rest[2]
    )()
    assert (result * RADIX - expected) % MODULI[name] == 0
    assert abs(result) <= abs(expected) // RADIX + 2 * 2**256
    *low, _ = struct.unpack(f"<{LIMBS}i", module.read(at, SIZE))
    assert all(0 <= limb <= LIMB for limb in low)


@pytest.mark.parametrize("name", MODULI)
@given(st.integers(1, 2**258) | st.integers(1, 2**16) | st.integers(0, 257).map(lambda bits: 2**bits))
def test_inverses(module: NativeModule, name: str, number: int) -> None:
    """For the order, the function gives half of an inverse. For the field, its operand and its result are elements."""
    modulus = MODULI[name]
    if number % modulus == 0:
        return
    at = module.write(limbs.pack_number(number))
    module.call(f"{name} invert", at, at)
    (result,) = numbers(module.read(at, SIZE))
    factor = p256.HALF * RADIX if name == "order" else RADIX**2
    assert (result * number - factor) % modulus == 0


@pytest.mark.parametrize("factor", [1, 2, 3, 5, N - 1, N - 2, N // 2, 2**255])
def test_its_tables_are_those_of_python(module: NativeModule, factor: int) -> None:
    point = p256._multiply(GENERATOR, factor)
    assert point is not None
    made, expected = module.make_table(point_bytes(point)), limbs.pack_table(point)
    assert [number % P for number in numbers(made)] == numbers(expected)


def test_points_that_meet(module: NativeModule) -> None:
    """The sum of equal or opposite points is left to the exact law, whatever comes after it."""
    signature = (1).to_bytes(32) * 2
    opposite = limbs.pack_table((GENERATOR[0], P - GENERATOR[1]))
    same = limbs.pack_table(GENERATOR)
    assert module.verify(opposite, signature, (1).to_bytes(32)) == MET
    assert module.verify(same, signature, (1).to_bytes(32)) == MET
    assert module.verify(same, signature, bytes(32)) != VALID


@given(st.binary(min_size=96, max_size=96), st.binary(min_size=1, max_size=64))
def test_any_table(module: NativeModule, signed: bytes, noise: bytes) -> None:
    """Bytes that are no table never lead to a trap, nor to an endless loop."""
    table = (noise * len(TABLE))[: len(TABLE)]
    assert module.verify(table, signed[:64], signed[64:]) in (INVALID, MET)


@given(st.binary(min_size=64, max_size=64))
def test_any_point(module: NativeModule, point: bytes) -> None:
    assert len(module.make_table(point)) == len(TABLE)


def test_the_order_of_calls_does_not_matter(module: NativeModule) -> None:
    """Nothing of one call is left for the next one."""
    good = TABLE, point_bytes(SIGNED[:2]), SIGNED[2].to_bytes(32)
    calls = [
        lambda: module.make_table(point_bytes(KEY)),
        lambda: module.verify(*good),
        lambda: module.verify(TABLE, bytes(64), bytes(32)),
    ]
    alone = [call() for call in calls]
    assert alone[1:] == [VALID, INVALID]
    for first, second in product(range(3), repeat=2):
        calls[first]()
        assert calls[second]() == alone[second]


def test_it_is_written_the_same_each_time() -> None:
    assert write_module(BASE, None) == write_module(BASE, None)
    one, other = write_module(0, None)[1], write_module(BASE, None)[1]
    assert other - one == BASE


def test_it_is_valid_anywhere() -> None:
    engine = wasmtime.Engine()
    for base in (0, 1 << 16, 240 << 16, 0x7FFF << 16):
        wasmtime.Module.validate(engine, write_p256_module(base)[0])


def signed_by_seven() -> tuple[int, int, int]:
    """Returns r, s and the digest of a signature with the private key 7."""
    digest, nonce = 12345, 99
    point = p256._multiply(GENERATOR, nonce)
    assert point is not None
    r = point[0] % N
    return r, (digest + r * 7) * pow(nonce, -1, N) % N, digest


SIGNED = signed_by_seven()
