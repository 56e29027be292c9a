"""Writes the function that gathers a request in one block of bytes (`fanroute_runtime.blocks`).

Anything unusual is left to Python, which then reads the request from the host itself: an error of the host, a head that is longer
than the block, or a line feed in a header, which would end the header in the block.
"""

from dataclasses import dataclass
from struct import Struct, calcsize

from fanroute.native.assembler import (
    I32,
    I64,
    Function,
    Local,
    Memory,
    Program,
    Value,
    constant,
    load,
    load_byte,
    load_long,
    result_of,
)
from fanroute.native.host import PAYLOAD, Host, case_of, failed, payload
from fanroute.wasm.flatten.graph import REALLOC_NAME
from fanroute_runtime.blocks import BEGIN, END, IPV4, IPV6, MAX_METHOD, MAX_URI, REQUEST

# The longest block and the longest list of names that are gathered, in bytes.
BLOCK_SIZE, NAMES_SIZE = 65_536, 4_096
# What is behind the values in the block: at most all names with one byte for each, the end, and eight zeros.
_RESERVED = 2 * NAMES_SIZE + 16
_EIGHT_BYTES = 8
# A line feed in each byte, the lowest bit of each byte, and the highest.
_LINE_FEEDS, _LOWEST, _HIGHEST = (int.from_bytes(bytes([byte] * _EIGHT_BYTES), signed=True) for byte in (BEGIN[0], 1, 0x80))


def offsets(head: Struct) -> list[int]:
    """Returns where each field of a head begins. Only its last field may have a format of several characters."""
    return [calcsize(head.format[: 1 + field]) for field in range(len(head.unpack(bytes(head.size))))]


_NOW, _BEGAN, _BODY, _SERVED, _METHOD, _URI, _VERSION, _TLS, _ADDRESS = offsets(REQUEST)
_ADDRESS_SIZE = REQUEST.size - _ADDRESS


class Arena:
    """Gives out the memory for what the host returns while a request is gathered. At other times, Python gives it out.

    `at` has the address of the next byte, or 0 while Python gives out memory. `end` has the address behind the last.
    """

    def __init__(self, program: Program, memory: Memory, host: Host) -> None:
        self._at, self._end = memory.reserve(4), memory.reserve(4)
        function = program.function(REALLOC_NAME, [I32] * 4, [I32])
        old, old_size, alignment, size = map(function.parameter, range(4))
        start = function.local((load(self._at) + alignment - 1) & (constant(0) - alignment))
        function.give_if(
            load(self._at).is_zero() | old.exceeds(0) | load(self._end).is_below(start + size),
            result_of(host.reallocate, old, old_size, alignment, size),
        )
        function.store(self._at, start + size)
        function.give(start)

    def lend(self, function: Function, at: Value | int, end: Value | int) -> None:
        """Lets the host write between two addresses."""
        function.store(self._at, at)
        function.store(self._end, end)

    def take_back(self, function: Function) -> None:
        function.store(self._at, 0)


@dataclass(frozen=True)
class Gathered:
    """Represents a gathered request, by the addresses of its parts, and the functions that gather it.

    `begin` takes the handles of a request and its body, and how many requests were served before. It gathers everything but the
    values of headers, and returns the address behind that, or 0 if Python has to read the request. `add_headers` takes the handle
    of the request and that address, appends the headers, and returns the size of the block, or 0.
    """

    block: int
    now: int
    began: int
    method_size: int
    uri_size: int
    version: int
    tls: int
    address: int
    method: int
    names: int
    names_size: int
    begin: Function
    add_headers: Function


def write_gather(program: Program, memory: Memory, host: Host, arena: Arena, result: int) -> Gathered:
    """Writes the functions. `result` is the address for the results of the host's functions."""
    block, names = memory.reserve(BLOCK_SIZE), memory.reserve(NAMES_SIZE + _EIGHT_BYTES)
    names_size = memory.reserve(4)
    return Gathered(
        block=block,
        now=block + _NOW,
        began=block + _BEGAN,
        method_size=block + _METHOD,
        uri_size=block + _URI,
        version=block + _VERSION,
        tls=block + _TLS,
        address=block + _ADDRESS,
        method=block + REQUEST.size,
        names=names,
        names_size=names_size,
        begin=_write_begin(program, host, arena, result, block, names, names_size),
        add_headers=_write_add_headers(program, host, arena, result, block, names, names_size),
    )


def _write_begin(program: Program, host: Host, arena: Arena, result: int, block: int, names: int, names_size: int) -> Function:
    function = program.function("begin", [I32] * 3, [I32])
    request, body, served = map(function.parameter, range(3))
    # The time comes first: that of the first request counts, even if Python has to read the rest.
    function.call(host.now, result)
    function.store_long(block, load_long(result), _NOW)
    with function.when(served.is_zero()):
        function.store_long(block, load_long(result), _BEGAN)
    end = block + BLOCK_SIZE - _RESERVED
    at = function.local(constant(block + REQUEST.size))
    for fact, limit, length in ((host.get_method, MAX_METHOD, _METHOD), (host.get_uri, MAX_URI, _URI)):
        arena.lend(function, at, end)
        function.call(fact, request, constant(limit, I64), result)
        function.give_if(failed(result) | payload(result) ^ at, 0)
        function.store(block, payload(result, PAYLOAD + 4), length)
        function.set(at, at + payload(result, PAYLOAD + 4))
    # Whoever reads the URI finds its end.
    function.store_byte(at, BEGIN[0])
    arena.lend(function, names, names + NAMES_SIZE)
    function.call(host.tls_protocol, request, constant(NAMES_SIZE, I64), result)
    function.give_if(failed(result), 0)
    function.store_byte(block, case_of(result), _TLS)
    function.call(host.client_address, request, result)
    # The versions of IP are the cases of a variant behind the case of the option.
    version = constant(IPV4) + case_of(result, 2) * (IPV6 - IPV4)
    function.store_byte(block, version * case_of(result, 0), _VERSION)
    function.copy(block + _ADDRESS, result + 4, _ADDRESS_SIZE)
    function.store(block, body, _BODY)
    function.store(block, served, _SERVED)
    arena.lend(function, names, names + NAMES_SIZE)
    function.call(host.get_header_names, request, constant(NAMES_SIZE, I64), 0, result)
    function.give_if(failed(result) | case_of(result, PAYLOAD + 8) | payload(result) ^ names, 0)
    size = function.local(payload(result, PAYLOAD + 4))
    function.store(names_size, size)
    # The last name has its end, so no name is read beyond the list.
    with function.when(size):
        function.give_if(load_byte(size + names - 1) ^ END[0], 0)
    function.give(at)
    return function


def _write_add_headers(
    program: Program, host: Host, arena: Arena, result: int, block: int, names: int, names_size: int
) -> Function:
    has_line_feed = _write_has_line_feed(program)
    function = program.function("add headers", [I32] * 2, [I32])
    request, at = function.parameter(0), function.parameter(1)
    name, end = function.local(constant(names)), function.local(load(names_size) + names)
    function.give_if(result_of(has_line_feed, names, load(names_size)), 0)
    with function.repeat_while(name ^ end):
        function.store_byte(at, BEGIN[0])
        start = function.local(at + 1)
        function.set(at, start)
        _copy_in_lower_case(function, at, name)
        left = function.local(constant(block + BLOCK_SIZE - _RESERVED) - at)
        function.give_if(constant(0).is_below(left).is_zero(), 0)
        arena.lend(function, at, at + left)
        function.call(host.get_header_values, request, start, at - start - 1, left.widened(), 0, result)
        size = function.local(payload(result, PAYLOAD + 4))
        function.give_if(failed(result) | case_of(result, PAYLOAD + 8) | payload(result) ^ at, 0)
        function.give_if(result_of(has_line_feed, at, size), 0)
        function.set(at, at + size)
    function.store_byte(at, BEGIN[0])
    function.give(at + 1 - block)
    return function


def _copy_in_lower_case(function: Function, target: Local, name: Local) -> None:
    """Copies a name with its end, and moves both addresses behind it."""
    byte = function.local(constant(1))
    with function.repeat_until(byte.is_zero()):
        function.set(byte, load_byte(name))
        is_upper = byte.is_below(ord("Z") + 1) & constant(ord("A") - 1).is_below(byte)
        function.store_byte(target, byte + (is_upper << 5))
        function.set(name, name + 1)
        function.set(target, target + 1)


def _write_has_line_feed(program: Program) -> Function:
    """Writes a function that takes an address and a size, and returns whether one of the bytes is a line feed.

    It reads eight bytes at once, so it first overwrites those behind the last.
    """
    function = program.function("has line feed", [I32] * 2, [I32])
    at, size = function.parameter(0), function.parameter(1)
    end = function.local(at + size)
    function.store_long(end, constant(0, I64))
    function.give_if(size.is_zero(), 0)
    with function.repeat_until(at.is_below(end).is_zero()):
        # A byte is now 0 if it was a line feed. Only then is the highest bit of a byte set that had not been.
        differences = function.local(load_long(at) ^ _LINE_FEEDS)
        found = (differences - _LOWEST) & (differences ^ -1) & _HIGHEST
        function.give_if(found.is_zero().is_zero(), 1)
        function.set(at, at + _EIGHT_BYTES)
    function.give(0)
    return function
