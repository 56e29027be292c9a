"""Writes inversion modulo a prime, by division steps on the lowest limbs (Bernstein and Yang, 2019).

A division step replaces f, which is odd, and g by two numbers with the same common divisor, and makes them smaller. It looks at
the lowest bit of g only. So 29 steps need the lowest limbs only, and give a matrix (u, v; q, r) that then replaces the whole
f and g by (uf + vg) / 2**29 and (qf + rg) / 2**29. At the end, g is 0 and f is 1 or -1.

The same matrices are applied to d and e, modulo the prime. Always, f is d times the number, and g is e times the number. At most
21 matrices make g 0. Each adds at most the prime to d and e, so these stay below RADIX.
"""

from collections.abc import Sequence

from fanroute.native.assembler import I32, I64, Function, Local, Memory, Program, Value, constant
from fanroute.native.montgomery import LIMB_SIZE, MASK, Arithmetic, limbs, store_limbs
from fanroute.native.numbers import is_equal, place_number
from fanroute_runtime.jose.limbs import LIMB_BITS, LIMBS, NUMBER_SIZE, split_number


def write_invert(program: Program, memory: Memory, arithmetic: Arithmetic, modulus: int, factor: int) -> Function:
    """Writes a function that divides a number by another one. It takes the addresses of the quotient and of the divisor.

    Args:
        program: gets the function.
        memory: has the numbers meanwhile.
        arithmetic: the functions of the modulus.
        modulus: the modulus itself.
        factor: the address of the number that is divided, times RADIX.
    """
    f, g, d, e = (memory.reserve(NUMBER_SIZE) for _ in range(4))
    function = program.function(f"{arithmetic.name} invert", [I32, I32])
    function.copy(g, function.parameter(1), NUMBER_SIZE)
    for number, initial in ((f, modulus), (d, 0), (e, 1)):
        function.copy(number, place_number(memory, initial), NUMBER_SIZE)
    # A counter that is negative if f and g change places when g is odd. Bernstein and Yang's delta is -1/2 - zeta.
    zeta = function.local(constant(-1, I64))
    with function.repeat_until(is_equal(g, 0)):
        matrix = _write_steps(function, f, g, zeta)
        _write_update(function, f, g, matrix)
        _write_update(function, d, e, matrix, modulus)
    # f is 1 or -1.
    sign = function.local(limbs(f)[-1] >> LIMB_BITS)
    store_limbs(function, d, [(limb ^ sign) - sign for limb in limbs(d)])
    function.call(arithmetic.multiply, function.parameter(0), d, factor)
    return function


def _write_steps(function: Function, f_at: int, g_at: int, zeta: Local) -> list[Local]:
    """Writes 29 division steps, and returns their matrix. There are no branches, because nobody can predict the bits of g."""
    f, g = function.local(limbs(f_at)[0]), function.local(limbs(g_at)[0])
    u, v, q, r = (function.local(constant(number, I64)) for number in (1, 0, 0, 1))
    change, odd = function.local(constant(0, I64)), function.local(constant(0, I64))
    with function.count_down(LIMB_BITS):
        function.set(change, zeta >> 63)
        function.set(odd, constant(0, I64) - (g & 1))
        # An odd g becomes g + f, or g - f if the two change places.
        for target, number in ((g, f), (q, u), (r, v)):
            function.set(target, target + (((number ^ change) - change) & odd))
        function.set(change, change & odd)
        function.set(zeta, (zeta ^ change) - 1)
        # f becomes what g was, if the two change places.
        for target, number in ((f, g), (u, q), (v, r)):
            function.set(target, target + (number & change))
        function.set(g, g >> 1)
        function.set(u, u << 1)
        function.set(v, v << 1)
    return [u, v, q, r]


def _write_update(function: Function, x: int, y: int, matrix: Sequence[Value], modulus: int = 0) -> None:
    """Replaces two numbers x and y by (ux + vy) / 2**29 and (qx + ry) / 2**29, modulo the modulus if there is one."""
    pairs = [(function.local(a), function.local(b)) for a, b in zip(limbs(x), limbs(y), strict=True)]
    digits = split_number(modulus)
    for target, (one, other) in zip((x, y), (matrix[:2], matrix[2:]), strict=True):
        sums = [a * one + b * other for a, b in pairs]
        if modulus:
            multiple = function.local(sums[0] * (-pow(modulus, -1, MASK + 1) & MASK) & MASK)
            sums = [sum_ + multiple * digit for sum_, digit in zip(sums, digits, strict=True)]
        carried = function.local(sums[0] >> LIMB_BITS)
        for index, sum_ in enumerate(sums[1:]):
            function.set(carried, carried + sum_)
            function.store_limb(target, carried & MASK, LIMB_SIZE * index)
            function.set(carried, carried >> LIMB_BITS)
        function.store_limb(target, carried, LIMB_SIZE * (LIMBS - 1))
