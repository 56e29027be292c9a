"""Writes code for numbers of nine limbs: placing them in memory, reading and comparing them."""

from functools import reduce
from operator import or_

from fanroute.native.assembler import I32, Address, Function, Memory, Program, Value, load_byte
from fanroute.native.montgomery import MASK, limbs, store_limbs
from fanroute_runtime.jose.limbs import LIMB_BITS, RADIX, pack_number, split_number

# The length of a number in a signature, in bytes.
BYTES = 32


def place_number(memory: Memory, number: int) -> int:
    """Returns the address of a number."""
    return memory.place(pack_number(number))


def place_element(memory: Memory, number: int, modulus: int) -> int:
    """Returns the address of a number times RADIX, modulo a modulus."""
    return place_number(memory, number * RADIX % modulus)


def write_read(program: Program) -> Function:
    """Writes a function that reads 32 bytes as a number. It takes the addresses of the number and of the bytes."""
    function = program.function("read", [I32, I32])
    target, source = function.parameter(0), function.parameter(1)
    values: list[Value] = []
    rest, bits = function.local(load_byte(source, BYTES - 1).widened()), 8
    for offset in range(BYTES - 2, -1, -1):
        function.set(rest, rest | load_byte(source, offset).widened() << bits)
        bits += 8
        if bits >= LIMB_BITS:
            values.append(function.local(rest & MASK))
            function.set(rest, rest >> LIMB_BITS)
            bits -= LIMB_BITS
    store_limbs(function, target, [*values, rest])
    return function


def is_equal(address: Address, number: int) -> Value:
    """Returns 1 if a number in memory has the limbs of another one."""
    differences = [limb ^ digit for limb, digit in zip(limbs(address), split_number(number), strict=True)]
    return reduce(or_, differences).is_zero()


def is_below(function: Function, address: Address, bound: int) -> Value:
    """Returns 1 if a number is below a bound. All its limbs are below 2**29."""
    borrow = None
    for limb, digit in zip(limbs(address), split_number(bound), strict=True):
        difference = limb - digit
        borrow = function.local(difference + borrow if borrow else difference)
        function.set(borrow, borrow >> LIMB_BITS)
    assert borrow is not None
    return borrow.is_below(0)
