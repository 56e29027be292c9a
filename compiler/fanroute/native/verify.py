"""Writes the function that verifies ECDSA on P-256 (FIPS 186-5, 6.4.2), as `fanroute_runtime.jose.es256` does in Python.

Verification uses no secrets, so nothing here needs constant time.
"""

from contextlib import nullcontext

from fanroute.native.assembler import I32, Function, Memory, Program, Value, result_of
from fanroute.native.comb import ROWS_SIZE, SCALAR_SIZE, TABLE_SIZE, TABLES, write_choose, write_split
from fanroute.native.inverse import write_invert
from fanroute.native.montgomery import ORDER, Arithmetic, limbs, store_carried, store_limbs, write_arithmetic
from fanroute.native.numbers import BYTES, is_below, is_equal, place_element, place_number
from fanroute.native.points import Points
from fanroute_runtime.jose.limbs import INVALID, MET, NUMBER_SIZE, RADIX, VALID, split_number
from fanroute_runtime.jose.p256 import COLUMNS, HALF, OFFSET, N, P


def write_verify(program: Program, memory: Memory, points: Points, read: Function, generator: int) -> Function:
    """Writes the function `verify` of the interface `p256`. `generator` is the address of the generator's table."""
    r, s, hashed = (memory.reserve(NUMBER_SIZE) for _ in range(3))
    own, keys = memory.reserve(SCALAR_SIZE), memory.reserve(SCALAR_SIZE)
    scale = _write_scale(program, memory, r, s, hashed, own, keys)
    add_up = _write_add_up(program, points, generator, own, keys)
    is_multiple = _write_is_multiple(program, memory, points.field)
    has_x = _write_has_x(program, memory, points, is_multiple)
    function = program.function("verify", [I32] * 3, [I32])
    table, signature, digest = map(function.parameter, range(3))
    function.call(read, r, signature)
    function.call(read, s, signature + BYTES)
    function.call(read, hashed, digest)
    for number in (r, s):
        with function.when(is_equal(number, 0) | is_below(function, number, N).is_zero()):
            function.give(INVALID)
    function.call(scale)
    function.call(add_up, table)
    with function.when(result_of(is_multiple, points.sum + 2 * NUMBER_SIZE)):
        function.give(MET)
    with function.when(result_of(has_x, r)):
        function.give(VALID)
    # An x of N or more is r + N.
    with function.when(is_below(function, r, P - N).is_zero()):
        function.give(INVALID)
    store_carried(function, r, _plus(r, N))
    function.give(result_of(has_x, r))
    return function


def _write_scale(program: Program, memory: Memory, r: int, s: int, hashed: int, own: int, keys: int) -> Function:
    """Writes a function that computes the digits of the scalars, hashed / s of the generator and r / s of the key."""
    order = write_arithmetic(program, "order", ORDER)
    scalar = memory.reserve(NUMBER_SIZE)
    divide = write_invert(program, memory, order, N, place_element(memory, HALF * RADIX, N))
    split = write_split(program)
    function = program.function("scale", [])
    function.call(divide, s, s)
    for number, rows in ((hashed, own), (r, keys)):
        # The product may be negative, but it is far from -OFFSET.
        function.call(order.multiply, scalar, number, s)
        store_carried(function, scalar, _plus(scalar, OFFSET))
        function.call(split, rows, scalar)
    return function


def _plus(address: int, number: int) -> list[Value]:
    """Returns the limbs of a number in memory plus another one, not carried."""
    return [limb + digit for limb, digit in zip(limbs(address), split_number(number), strict=True)]


def _write_add_up(program: Program, points: Points, generator: int, own: int, keys: int) -> Function:
    """Writes a function that adds up the multiples of the generator and of the key. It takes the address of the key's tables."""
    choose = write_choose(program, points)
    function = program.function("add up", [I32])
    key = function.parameter(0)
    function.call(choose, own, generator, COLUMNS - 1)
    function.call(points.start)
    with function.count_down(COLUMNS) as column:
        for table in range(TABLES):
            rows, points_at = table * ROWS_SIZE, table * TABLE_SIZE
            with function.when(column ^ COLUMNS - 1) if table == 0 else nullcontext():
                function.call(choose, own + rows, generator + points_at, column)
                function.call(points.add)
            function.call(choose, keys + rows, key + points_at, column)
            function.call(points.add)
        with function.when(column):
            function.call(points.double)
    return function


def _write_is_multiple(program: Program, memory: Memory, field: Arithmetic) -> Function:
    """Writes a function that returns 1 if an element of the field is a multiple of P."""
    unit, product = place_number(memory, 1), memory.reserve(NUMBER_SIZE)
    function = program.function("is multiple", [I32], [I32])
    # The product with 1 / RADIX is from 0 to P.
    function.call(field.multiply, product, function.parameter(0), unit)
    function.give(is_equal(product, 0) | is_equal(product, P))
    return function


def _write_has_x(program: Program, memory: Memory, points: Points, is_multiple: Function) -> Function:
    """Writes a function that returns 1 if a number is the affine x of the sum."""
    squared, product = place_element(memory, RADIX, P), memory.reserve(NUMBER_SIZE)
    function = program.function("has x", [I32], [I32])
    function.call(points.field.multiply, product, function.parameter(0), squared)
    function.call(points.field.multiply, product, product, points.sum + 2 * NUMBER_SIZE)
    store_limbs(function, product, [a - b for a, b in zip(limbs(product), limbs(points.sum), strict=True)])
    function.give(result_of(is_multiple, product))
    return function
