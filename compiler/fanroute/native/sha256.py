"""Writes SHA-256 (FIPS 180-4) and HMAC with it (RFC 2104)."""

from dataclasses import dataclass

from fanroute.native.assembler import I32, Function, Memory, Program, Value, constant, load

# The sizes of a block and of a hash, in bytes, and how many words of 32 bits the schedule of a block has.
BLOCK, DIGEST = 64, 32
_WORDS, _ROUNDS = 16, 64
_WORD = 4
# Where the last block has the length of all that is hashed.
_LENGTH = BLOCK - 8
# The bytes that HMAC combines with its key.
_INNER, _OUTER = 0x36, 0x5C
# How many rounds are written one after the other. After as many, each local is in its own place again.
_UNROLLED = 8


def _fractions(degree: int, count: int) -> bytes:
    """Returns the first 32 bits of the fractions of the roots of the first primes (4.2.2 and 5.3.3), each as a word in memory."""
    primes = [number for number in range(2, 312) if all(number % divisor for divisor in range(2, number))][:count]
    return b"".join((_root(prime << 32 * degree, degree) & 0xFFFFFFFF).to_bytes(_WORD, "little") for prime in primes)


def _root(number: int, degree: int) -> int:
    """Returns the integer part of a root below 2**48."""
    root = 0
    for bit in reversed(range(48)):
        if (root | 1 << bit) ** degree <= number:
            root |= 1 << bit
    return root


_INITIAL, _CONSTANTS = _fractions(2, DIGEST // _WORD), _fractions(3, _ROUNDS)


@dataclass(frozen=True)
class Hashing:
    """Represents the functions. Each takes the address of its result, and the address and the size of each of its inputs.

    `digest` is SHA-256 of one input. `hmac` takes a key and a text.
    """

    digest: Function
    hmac: Function


def write_hashing(program: Program, memory: Memory) -> Hashing:
    """Writes the functions."""
    state = memory.reserve(DIGEST)
    compress = _write_compress(program, memory, state)
    start = _write_start(program, memory, state)
    finish = _write_finish(program, memory, state, compress)
    digest = program.function("digest", [I32] * 3)
    target, source, size = map(digest.parameter, range(3))
    digest.call(start)
    digest.call(finish, target, source, size, 0)
    return Hashing(digest, _write_hmac(program, memory, compress, start, finish, digest))


def _write_start(program: Program, memory: Memory, state: int) -> Function:
    initial = memory.place(_INITIAL)
    function = program.function("start hash", [])
    function.copy(state, initial, DIGEST)
    return function


def _write_compress(program: Program, memory: Memory, state: int) -> Function:
    """Writes a function that takes the address of a block, and changes the state by it (6.2.2)."""
    schedule = memory.reserve(_ROUNDS * _WORD)
    to_constants = memory.place(_CONSTANTS) - schedule
    function = program.function("compress", [I32])
    for index in range(_WORDS):
        word = function.local(load(function.parameter(0), index * _WORD))
        function.store(schedule, _reversed(word), index * _WORD)
    at = function.local(constant(schedule))
    with function.count_down(_ROUNDS - _WORDS):
        before15, before2 = function.local(load(at, _WORD)), function.local(load(at, 14 * _WORD))
        small0 = before15.rotate_right(7) ^ before15.rotate_right(18) ^ before15.shift_right(3)
        small1 = before2.rotate_right(17) ^ before2.rotate_right(19) ^ before2.shift_right(10)
        function.store(at, load(at) + small0 + load(at, 9 * _WORD) + small1, _WORDS * _WORD)
        function.set(at, at + _WORD)
    words = [function.local(load(state, index * _WORD)) for index in range(_UNROLLED)]
    function.set(at, constant(schedule))
    with function.count_down(_ROUNDS // _UNROLLED):
        for index in range(_UNROLLED):
            a, b, c, d, e, f, g, h = words[-index:] + words[:-index]
            # The sums of three rotations, each rotation as a part of the one before it.
            large1 = (((e.rotate_right(14) ^ e).rotate_right(5)) ^ e).rotate_right(6)
            large0 = (((a.rotate_right(9) ^ a).rotate_right(11)) ^ a).rotate_right(2)
            chosen = g ^ (e & (f ^ g))
            function.set(h, h + large1 + chosen + load(at, to_constants + index * _WORD) + load(at, index * _WORD))
            function.set(d, d + h)
            function.set(h, h + large0 + ((a & b) | (c & (a | b))))
        function.set(at, at + _UNROLLED * _WORD)
    for index, word in enumerate(words):
        function.store(state, load(state, index * _WORD) + word, index * _WORD)
    return function


def _write_finish(program: Program, memory: Memory, state: int, compress: Function) -> Function:
    """Writes a function that hashes the rest of a text. It takes the result's address, the rest's, and two sizes.

    These are the size of the rest, and that of the blocks before it.
    """
    last = memory.reserve(2 * BLOCK)
    function = program.function("finish hash", [I32] * 4)
    target, source, size, before = map(function.parameter, range(4))
    blocks, rest = function.local(size.shift_right(6)), function.local(size & BLOCK - 1)
    with function.when(blocks), function.count_down(blocks):
        function.call(compress, source)
        function.set(source, source + BLOCK)
    function.fill(last, 0, 2 * BLOCK)
    function.copy(last, source, rest)
    function.store_byte(rest + last, 0x80)
    # The length needs a second block if it does not fit behind the rest.
    length_at = function.local(constant(last + _LENGTH))
    with function.when(rest.exceeds(_LENGTH - 1)):
        function.call(compress, last)
        function.set(length_at, length_at + BLOCK)
    total = function.local(size + before)
    for offset, bits in ((0, total.shift_right(29)), (_WORD, total << 3)):
        function.store(length_at, _reversed(function.local(bits)), offset)
    function.call(compress, length_at - _LENGTH)
    for offset in range(0, DIGEST, _WORD):
        function.store(target, _reversed(function.local(load(state, offset))), offset)
    return function


def _write_hmac(
    program: Program, memory: Memory, compress: Function, start: Function, finish: Function, digest: Function
) -> Function:
    block, inner = memory.reserve(BLOCK), memory.reserve(DIGEST)
    function = program.function("hmac", [I32] * 5)
    target, key, key_size, text, size = map(function.parameter, range(5))
    function.fill(block, 0, BLOCK)
    is_long = function.local(key_size.exceeds(BLOCK))
    with function.when(is_long):
        function.call(digest, block, key, key_size)
    with function.when(is_long.is_zero()):
        function.copy(block, key, key_size)
    for (hashed, source, rest), byte in (((inner, text, size), _INNER), ((target, inner, DIGEST), _INNER ^ _OUTER)):
        for offset in range(0, BLOCK, _WORD):
            function.store(block, load(block, offset) ^ byte * 0x01010101, offset)
        function.call(start)
        function.call(compress, block)
        function.call(finish, hashed, source, rest, BLOCK)
    return function


def _reversed(word: Value) -> Value:
    """Returns a word with its bytes in the opposite order."""
    return word.rotate_right(24) & 0x00FF00FF | word.rotate_right(8) & 0xFF00FF00 - (1 << 32)
