"""Writes arithmetic modulo a prime, by Montgomery's method (1985), on numbers of nine limbs.

A number has limbs of 29 bits, each in 32 bits of memory, from the lowest. So the products of a column have a sum that fits an
i64, even if limbs have a sign or the number is a difference that was not carried. The highest limb has the number's sign.

The product of a and b is a * b / RADIX modulo the modulus. RADIX is 32 times the modulus. So if a and b are at most a few times
the modulus, the product is below twice the modulus, and nothing is ever reduced further.

Functions take addresses: the result's, then the operands'. They read the operands first, so the result may take one's place.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from fanroute.native.assembler import I32, I64, Address, Function, Local, Program, Value, constant, load_limb
from fanroute_runtime.jose import p256
from fanroute_runtime.jose.limbs import LIMB_BITS, LIMBS, NUMBER_SIZE

MASK = 2**LIMB_BITS - 1
LIMB_SIZE = NUMBER_SIZE // LIMBS
_COLUMNS = 2 * LIMBS - 1

# A modulus as a sum of factors of 2**(29 * index), by index. To multiply by a power of two is to shift.
Modulus = dict[int, int]
FIELD: Modulus = {0: -1, 3: 1 << 9, 6: 1 << 18, 7: -(1 << 21), 8: 1 << 24}
ORDER: Modulus = {index: p256.N >> LIMB_BITS * index & MASK for index in range(LIMBS)}


@dataclass(frozen=True)
class Arithmetic:
    """Represents the functions of a modulus: products, squares, and a product minus another one."""

    name: str
    multiply: Function
    square: Function
    multiply_and_subtract: Function


def write_arithmetic(program: Program, name: str, modulus: Modulus) -> Arithmetic:
    """Writes the functions of a modulus, each with this name before its own."""

    def function(operation: str, operands: int) -> tuple[Function, list[list[Local]]]:
        written = program.function(f"{name} {operation}", [I32] * (1 + operands))
        return written, [[written.local(limb) for limb in limbs(written.parameter(1 + each))] for each in range(operands)]

    multiply, (a, b) = function("multiply", 2)
    _write_reduced(multiply, _product(a, b), modulus)
    square, (a,) = function("square", 1)
    _write_reduced(square, _square(a), modulus)
    difference, (a, b, c, d) = function("multiply and subtract", 4)
    columns = [plus - minus for plus, minus in zip(_product(a, b), _product(c, d), strict=True)]
    _write_reduced(difference, columns, modulus)
    return Arithmetic(name, multiply, square, difference)


def limbs(address: Address) -> list[Value]:
    """Returns the limbs of a number in memory."""
    return [load_limb(address, LIMB_SIZE * index) for index in range(LIMBS)]


def store_limbs(function: Function, address: Address, values: Sequence[Value]) -> None:
    """Stores a number as it is: its limbs may be differences."""
    for index, value in enumerate(values):
        function.store_limb(address, value, LIMB_SIZE * index)


def store_carried(function: Function, address: Address, values: Sequence[Value]) -> None:
    """Stores a number so that its limbs are below 2**29, but for the highest."""
    sum_ = function.local(values[0])
    for index, value in enumerate(values[1:]):
        function.store_limb(address, sum_ & MASK, LIMB_SIZE * index)
        function.set(sum_, value + (sum_ >> LIMB_BITS))
    function.store_limb(address, sum_, LIMB_SIZE * (LIMBS - 1))


def _product(a: Sequence[Value], b: Sequence[Value]) -> list[Value]:
    """Returns the columns of a product: the sum of the limbs' products for each power of 2**29."""
    return [_sum(a[index] * b[column - index] for index in _indices(column)) for column in range(_COLUMNS)]


def _square(a: Sequence[Value]) -> list[Value]:
    """Returns the columns of a square, in which the products of different limbs are computed once and doubled."""
    columns = []
    for column in range(_COLUMNS):
        mixed = [a[index] * a[column - index] for index in _indices(column) if 2 * index < column]
        same = [a[column // 2] * a[column // 2]] if column % 2 == 0 else []
        columns.append(_sum([*([_sum(mixed) << 1] if mixed else []), *same]))
    return columns


def _indices(column: int) -> range:
    return range(max(0, column - LIMBS + 1), min(column, LIMBS - 1) + 1)


def _sum(values: Iterable[Value]) -> Value:
    return reduce(add, values)


def _write_reduced(function: Function, columns: Sequence[Value], modulus: Modulus) -> None:
    """Stores the sum of some columns divided by RADIX, modulo the modulus, as the function's result.

    To each of the lower columns, it adds the multiple of the modulus that makes the column's low 29 bits zero.
    """
    target, quotient = function.parameter(0), -pow(modulus[0], -1, MASK + 1) & MASK
    multiples: list[Local] = []
    sum_ = function.local(constant(0, I64))
    for column, products in enumerate(columns):
        total = products + (sum_ >> LIMB_BITS)
        for index, factor in modulus.items():
            if 0 < index <= column and column - index < LIMBS:
                total = _plus(total, multiples[column - index], factor)
        function.set(sum_, total)
        if column >= LIMBS:
            function.store_limb(target, sum_ & MASK, LIMB_SIZE * (column - LIMBS))
        elif quotient == 1:
            # The multiple clears the low 29 bits, and changes nothing that is carried.
            multiples.append(function.local(sum_ & MASK))
        else:
            multiples.append(function.local(sum_ * quotient & MASK))
            function.set(sum_, _plus(sum_, multiples[-1], modulus[0]))
    function.store_limb(target, sum_ >> LIMB_BITS, LIMB_SIZE * (LIMBS - 1))


def _plus(total: Value, value: Value, factor: int) -> Value:
    """Adds a multiple of a value to a total."""
    size = abs(factor)
    multiple = value << size.bit_length() - 1 if size & size - 1 == 0 else value * size
    return total + multiple if factor > 0 else total - multiple
