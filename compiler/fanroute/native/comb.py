"""Writes the choice of points from a comb's tables, by a scalar's digits, as `fanroute_runtime.jose.p256` describes it."""

from functools import reduce
from operator import or_

from fanroute.native.assembler import I32, Function, Program, load
from fanroute.native.montgomery import limbs
from fanroute.native.points import POINT_SIZE, Points
from fanroute_runtime.jose.limbs import LIMB_BITS, LIMBS, TEETH
from fanroute_runtime.jose.p256 import COLUMNS, ROWS

TABLES = ROWS // TEETH
# The points of a table. In all of them, the last tooth is positive.
TABLE_POINTS = 2 ** (TEETH - 1)
TABLE_SIZE = TABLE_POINTS * POINT_SIZE
# A row of digits is an i32 in memory. A table has one for each tooth.
_ROW_SIZE = 4
ROWS_SIZE = TEETH * _ROW_SIZE
SCALAR_SIZE = ROWS * _ROW_SIZE


def write_split(program: Program) -> Function:
    """Writes a function that splits a number of carried limbs into rows of bits. It takes their address and the number's."""
    function = program.function("split", [I32, I32])
    number = limbs(function.parameter(1))
    for row in range(ROWS):
        limb, shift = divmod(row * COLUMNS, LIMB_BITS)
        bits = number[limb] >> shift
        if shift + COLUMNS > LIMB_BITS and limb + 1 < LIMBS:
            bits |= number[limb + 1] << LIMB_BITS - shift
        function.store(function.parameter(0), (bits & (1 << COLUMNS) - 1).narrowed(), row * _ROW_SIZE)
    return function


def write_choose(program: Program, points: Points) -> Function:
    """Writes a function that chooses a table's point. It takes the addresses of the table's rows and points, and the column."""
    function = program.function("choose of table", [I32, I32, I32])
    rows, table, column = map(function.parameter, range(3))
    *digits, last = [load(rows, tooth * _ROW_SIZE) >> column & 1 for tooth in range(TEETH)]
    # If the last digit is -1, the sum is the opposite of the one in which all digits are the other way round.
    sign = function.local(last - 1)
    number = reduce(or_, (digit << tooth for tooth, digit in enumerate(digits)))
    function.call(points.choose, ((number ^ sign) & TABLE_POINTS - 1) * POINT_SIZE + table, sign)
    return function
