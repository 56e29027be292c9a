"""Writes the decoding of base64url without padding (RFC 7515, 2), which accepts only the canonical spelling."""

from fanroute.native.assembler import I32, Function, Memory, Program, constant, load_byte

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# Stands for a byte that is not in the alphabet.
_FOREIGN = 0x80
# What the function returns for bytes that are not base64url.
MALFORMED = -1


def write_decode(program: Program, memory: Memory) -> Function:
    """Writes a function that decodes a text. It takes the address of the result, and the address and the size of the text.

    It returns the size of the result, or MALFORMED. The result takes three quarters of the text's size.
    """
    values = memory.place(bytes(_ALPHABET.index(byte) if byte in _ALPHABET else _FOREIGN for byte in range(256)))
    function = program.function("decode", [I32] * 3, [I32])
    target, source, size = map(function.parameter, range(3))
    value, seen, bits, count = (function.local(constant(0)) for _ in range(4))
    end = function.local(target)
    with function.when(size), function.count_down(size):
        function.set(value, load_byte(load_byte(source), values))
        function.set(source, source + 1)
        function.set(seen, seen | value)
        function.set(bits, (bits << 6) + value)
        function.set(count, count + 6)
        with function.when(count.exceeds(7)):
            function.set(count, count - 8)
            function.store_byte(end, bits.shift_right(count))
            function.set(end, end + 1)
    # The bits that are left over are 0, and too few for a character of their own.
    left = bits & (constant(1) << count) - 1
    with function.when(seen & _FOREIGN | left | count.exceeds(5)):
        function.give(MALFORMED)
    function.give(end - target)
    return function
