"""Writes the function that makes a point's table, as `fanroute_runtime.jose.limbs.pack_table` does it.

It computes the points in coordinates x/zz and y/zzz, and inverts all zzz with a single inversion (Montgomery's trick).
"""

from fanroute.native.assembler import I32, Function, Memory, Program, constant
from fanroute.native.comb import TABLE_POINTS, TABLES
from fanroute.native.inverse import write_invert
from fanroute.native.numbers import BYTES, place_element
from fanroute.native.points import POINT_SIZE, SUM_SIZE, Points
from fanroute_runtime.jose.limbs import NUMBER_SIZE, RADIX, TEETH
from fanroute_runtime.jose.p256 import COLUMNS, ROWS, P

_SUMS = TABLES * TABLE_POINTS


def write_table(program: Program, memory: Memory, points: Points, read: Function) -> None:
    """Writes the function `make-table` of the interface `p256`."""
    squared, number = place_element(memory, RADIX, P), memory.reserve(NUMBER_SIZE)
    sums, rows = memory.reserve(_SUMS * SUM_SIZE), memory.reserve(2 * ROWS * POINT_SIZE)
    make_affine = _write_make_affine(program, memory, points, sums)
    multiply = _write_row_points(program, points, sums)
    add_up = _write_sums(program, points, rows, sums)
    function = program.function("make-table", [I32, I32])
    table, point = function.parameter(0), function.parameter(1)
    for coordinate in range(2):
        function.call(read, number, point + coordinate * BYTES)
        function.call(points.field.multiply, points.chosen + coordinate * NUMBER_SIZE, number, squared)
    function.call(multiply)
    function.call(make_affine, rows, 2 * ROWS)
    function.call(add_up)
    function.call(make_affine, table, _SUMS)


def _write_row_points(program: Program, points: Points, sums: int) -> Function:
    """Writes a function that computes the points that a digit 1 stands for in each row, and their doubles, after each other."""
    function = program.function("row points", [])
    function.call(points.start)
    target = function.local(constant(sums))
    with function.count_down(ROWS):
        function.copy(target, points.sum, SUM_SIZE)
        function.call(points.double)
        function.copy(target + SUM_SIZE, points.sum, SUM_SIZE)
        function.set(target, target + 2 * SUM_SIZE)
        with function.count_down(COLUMNS - 1):
            function.call(points.double)
    return function


def _write_sums(program: Program, points: Points, rows: int, sums: int) -> Function:
    """Writes a function that adds up the points of each table's rows, for all signs but that of the last."""
    function = program.function("sums", [])
    target, row = function.local(constant(sums)), function.local(constant(rows))
    with function.count_down(TABLES):
        # With all signs negative: the number of this sum is 0.
        function.call(points.choose, row + 2 * (TEETH - 1) * POINT_SIZE, 0)
        function.call(points.start)
        for tooth in range(TEETH - 1):
            function.call(points.choose, row + 2 * tooth * POINT_SIZE, -1)
            function.call(points.add)
        function.copy(target, points.sum, SUM_SIZE)
        # Another number's sum is that of the number without its lowest 1, plus the double of that row's point.
        with function.count_down(TABLE_POINTS - 1) as left:
            number = function.local(constant(TABLE_POINTS - 1) - left)
            function.copy(points.sum, (number & number - 1) * SUM_SIZE + target, SUM_SIZE)
            function.call(points.choose, (number.trailing_zeros() * 2 + 1) * POINT_SIZE + row, 0)
            function.call(points.add)
            function.copy(number * SUM_SIZE + target, points.sum, SUM_SIZE)
        function.set(target, target + TABLE_POINTS * SUM_SIZE)
        function.set(row, row + 2 * TEETH * POINT_SIZE)
    return function


def _write_make_affine(program: Program, memory: Memory, points: Points, sums: int) -> Function:
    """Writes a function that computes x and y of the first of the sums. It takes the address of the results, and their number."""
    field = points.field
    invert = write_invert(program, memory, field, P, place_element(memory, RADIX * RADIX, P))
    products = memory.reserve((_SUMS + 1) * NUMBER_SIZE)
    inverse, this, z = (memory.reserve(NUMBER_SIZE) for _ in range(3))
    function = program.function("make affine", [I32, I32])
    target, count = function.parameter(0), function.parameter(1)
    # The product of all zzz before each point.
    source, product = function.local(constant(sums)), function.local(constant(products))
    function.copy(product, points.one, NUMBER_SIZE)
    with function.count_down(count):
        function.call(field.multiply, product + NUMBER_SIZE, product, source + 3 * NUMBER_SIZE)
        function.set(product, product + NUMBER_SIZE)
        function.set(source, source + SUM_SIZE)
    function.call(invert, inverse, product)
    # From the last point: 1/zzz of this point, and then the inverse of the product before it.
    with function.count_down(count) as index:
        function.set(source, source - SUM_SIZE)
        function.call(field.multiply, this, inverse, index * NUMBER_SIZE + products)
        function.call(field.multiply, inverse, inverse, source + 3 * NUMBER_SIZE)
        # 1/zz is (zz/zzz)².
        function.call(field.multiply, z, this, source + 2 * NUMBER_SIZE)
        function.call(field.square, z, z)
        point = function.local(index * POINT_SIZE + target)
        function.call(field.multiply, point, source, z)
        function.call(field.multiply, point + NUMBER_SIZE, source + NUMBER_SIZE, this)
    return function
