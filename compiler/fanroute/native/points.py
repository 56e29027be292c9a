"""Writes the addition and doubling of points, in coordinates x/zz and y/zzz, as `fanroute_runtime.jose.p256` does it.

There is one sum, to which a chosen point is added. If the two are equal or opposite, zz becomes 0 modulo P, and stays so.

Numbers stay below eight times P. The operands of products are carried, or differences of two carried numbers. In one product, an
operand is a sum of two. So the products of a column never exceed an i64.
"""

from dataclasses import dataclass

from fanroute.native.assembler import I32, Address, Function, Memory, Program
from fanroute.native.montgomery import FIELD, Arithmetic, limbs, store_carried, store_limbs, write_arithmetic
from fanroute.native.numbers import place_element
from fanroute_runtime.jose.limbs import NUMBER_SIZE
from fanroute_runtime.jose.p256 import P

# A point with the coordinates x and y, and one with x, y, zz and zzz.
POINT_SIZE, SUM_SIZE = 2 * NUMBER_SIZE, 4 * NUMBER_SIZE


@dataclass(frozen=True)
class Points:
    """Represents the sum and the chosen point, by their addresses, and the functions that change them.

    `choose` takes the address of a point, and -1 to choose its opposite, or else 0. `start` makes the chosen point the sum. `add`
    adds it. `double` doubles the sum. The coordinates are elements of `field`, in which the address of 1 is `one`.
    """

    field: Arithmetic
    one: int
    sum: int
    chosen: int
    choose: Function
    start: Function
    add: Function
    double: Function


def write_points(program: Program, memory: Memory) -> Points:
    """Writes the functions."""
    field, one = write_arithmetic(program, "field", FIELD), place_element(memory, 1, P)
    sum_, chosen = memory.reserve(SUM_SIZE), memory.reserve(POINT_SIZE)
    choose, start = _write_choose(program, chosen), _write_start(program, sum_, chosen, one)
    add, double = _write_add(program, memory, field, sum_, chosen), _write_double(program, memory, field, sum_)
    return Points(field, one, sum_, chosen, choose, start, add, double)


def _write_choose(program: Program, chosen: int) -> Function:
    function = program.function("choose", [I32, I32])
    point, sign = function.parameter(0), function.local(function.parameter(1).widened())
    function.copy(chosen, point, NUMBER_SIZE)
    y = function.local(point + NUMBER_SIZE)
    store_limbs(function, chosen + NUMBER_SIZE, [(limb ^ sign) - sign for limb in limbs(y)])
    return function


def _write_start(program: Program, sum_: int, chosen: int, one: int) -> Function:
    function = program.function("start", [])
    function.copy(sum_, chosen, NUMBER_SIZE)
    store_carried(function, sum_ + NUMBER_SIZE, limbs(chosen + NUMBER_SIZE))
    for coordinate in (2, 3):
        function.copy(sum_ + coordinate * NUMBER_SIZE, one, NUMBER_SIZE)
    return function


def _write_add(program: Program, memory: Memory, field: Arithmetic, sum_: int, chosen: int) -> Function:
    x, y, zz, zzz = _coordinates(sum_)
    x2, y2 = _coordinates(chosen)[:2]
    h, r, hh, hhh, v = (memory.reserve(NUMBER_SIZE) for _ in range(5))
    function = program.function("add", [])
    function.call(field.multiply, h, x2, zz)
    _subtract(function, h, h, x)
    function.call(field.multiply, r, y2, zzz)
    _subtract(function, r, r, y)
    function.call(field.square, hh, h)
    function.call(field.multiply, hhh, h, hh)
    function.call(field.multiply, v, x, hh)
    # x = r² - hhh - 2v
    function.call(field.square, x, r)
    store_carried(function, x, [a - b - (c << 1) for a, b, c in zip(limbs(x), limbs(hhh), limbs(v), strict=True)])
    # y = r(v - x) - y * hhh
    _subtract(function, v, v, x)
    function.call(field.multiply_and_subtract, y, r, v, y, hhh)
    function.call(field.multiply, zz, zz, hh)
    function.call(field.multiply, zzz, zzz, hhh)
    return function


def _write_double(program: Program, memory: Memory, field: Arithmetic, sum_: int) -> Function:
    x, y, zz, zzz = _coordinates(sum_)
    u, v, w, s, m = (memory.reserve(NUMBER_SIZE) for _ in range(5))
    function = program.function("double", [])
    store_carried(function, u, [limb << 1 for limb in limbs(y)])
    function.call(field.square, v, u)
    function.call(field.multiply, w, u, v)
    function.call(field.multiply, s, x, v)
    # m = 3(x - zz)(x + zz)
    _subtract(function, u, x, zz)
    store_limbs(function, m, [a + b for a, b in zip(limbs(x), limbs(zz), strict=True)])
    function.call(field.multiply, m, m, u)
    store_carried(function, m, [limb * 3 for limb in limbs(m)])
    # x = m² - 2s
    function.call(field.square, x, m)
    store_carried(function, x, [a - (b << 1) for a, b in zip(limbs(x), limbs(s), strict=True)])
    # y = m(s - x) - wy
    _subtract(function, s, s, x)
    function.call(field.multiply_and_subtract, y, m, s, w, y)
    function.call(field.multiply, zz, v, zz)
    function.call(field.multiply, zzz, w, zzz)
    return function


def _coordinates(point: int) -> list[int]:
    return [point + index * NUMBER_SIZE for index in range(4)]


def _subtract(function: Function, target: Address, one: Address, other: Address) -> None:
    store_limbs(function, target, [a - b for a, b in zip(limbs(one), limbs(other), strict=True)])
