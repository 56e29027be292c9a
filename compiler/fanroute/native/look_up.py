"""Writes the functions that find a request's decision in the table (`tabulate.py`), without Python."""

from collections.abc import Mapping
from dataclasses import dataclass
from struct import pack

from fanroute.native.assembler import (
    I32,
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
from fanroute.native.carry_out import ASKS, Connection
from fanroute.native.gather import Arena, Gathered
from fanroute.native.host import Host
from fanroute.native.second_pass import Search, write_second_pass
from fanroute.native.tabulate import HOST_CHARACTERS, HOSTS, NAMES, PATH_CHARACTERS, Table
from fanroute_runtime.blocks import INSERT_ADDRESS, INSERT_AUTHORITY, INSERT_SCHEME, IPV4, NOT_CHANGED, encode_answer
from fanroute_runtime.messages import FAILED

# The factor of the hash FNV-1a, and the size of a slot: node, address and size of the text, next node.
_FACTOR, _SLOT_SIZE = 0x0100_0193, 16
# The classes of bytes.
_IN_HOST, _IN_PATH, _DIGIT = 1, 2, 4
_WORD = 4
_GET = b"GET"
# Room for the longest IPv4 address as text, with a dot behind it.
_ADDRESS_SIZE = 16


@dataclass(frozen=True)
class LookUp:
    """Represents the function that finds a decision, and where it leaves the values of the connection.

    The function takes the handle of a request, the address behind its URI, and how many requests were served before. It returns
    the address of the decision, or 0.
    """

    function: Function
    connection: Connection


def write_look_up(
    program: Program,
    memory: Memory,
    host: Host,
    arena: Arena,
    table: Table,
    gathered: Gathered,
    result: int,
    verify_token: Function,
) -> LookUp:
    """Writes the functions, and places the table.

    `result` is the address for the results of the host's functions. `verify_token` verifies a Grip-Sig.
    """
    authority, address = memory.reserve(2 * _WORD), memory.reserve(_ADDRESS_SIZE)
    address_size, schemes = memory.reserve(_WORD), memory.place(b"https")
    same, classes = _write_same(program), memory.place(bytes(map(_classes, range(256))))
    find = _write_find(program, memory, same, table.edges)
    search = Search(find, _write_are_harmless(program, find, gathered), classes, _IN_PATH)
    first_pass = _write_first_pass(program, memory, table, gathered, same, search, authority)
    second_pass = write_second_pass(program, memory, host, arena, gathered, result, search, verify_token)
    write_address = _write_address(program, gathered, address)
    decisions = _place_decisions(memory, table)
    function = program.function("look up", [I32] * 3, [I32])
    request, end, served = map(function.parameter, range(3))
    # Only GET requests are in the table.
    function.give_if(load(gathered.method_size) ^ len(_GET), 0)
    function.give_if(load(gathered.method) << 8 ^ int.from_bytes(b"\0" + _GET, "little"), 0)
    node = function.local(result_of(first_pass))
    with function.when(node.is_zero()):
        function.set(node, result_of(second_pass, request, end))
    decision = function.local(load(node * _WORD + decisions))
    function.give_if(decision.is_zero(), 0)
    function.store(address_size, result_of(write_address) - address)
    age = load_long(gathered.now) - load_long(gathered.began)
    limits = table.limits
    function.store_byte(decision, (served + 1).is_below(limits.max_requests) & age.is_below(limits.max_lifetime), ASKS)
    function.give(decision)
    # The name of a scheme without TLS is a part of the other.
    scheme_size = load_byte(gathered.tls) + len(b"http")
    connection = {
        INSERT_ADDRESS: (constant(address), load(address_size)),
        INSERT_AUTHORITY: (load(authority), load(authority, _WORD)),
        INSERT_SCHEME: (constant(schemes), scheme_size),
    }
    return LookUp(function, connection)


def _write_first_pass(
    program: Program, memory: Memory, table: Table, gathered: Gathered, same: Function, search: Search, authority: int
) -> Function:
    """Writes a function that returns the node for a client's request, or 0. It stores the address and size of the authority."""
    host_node = _write_host_node(program, memory, same, search.find, table)
    path_node = _write_path_node(program, memory, search, table)
    function = program.function("first pass", [], [I32])
    function.give_if(load_byte(gathered.version) ^ IPV4, 0)
    function.give_if(result_of(search.are_harmless, NAMES).is_zero(), 0)
    at = function.local(constant(gathered.method + len(_GET)))
    end = function.local(at + load(gathered.uri_size))
    _skip(function, at, b"http")
    with function.when(_byte_is(at, b"s")):
        function.set(at, at + 1)
    _skip(function, at, b"://")
    function.store(authority, at)
    _skip_class(function, at, search.classes, _IN_HOST)
    node = function.local(result_of(host_node, load(authority), at - load(authority)))
    with function.when(_byte_is(at, b":")):
        function.set(at, at + 1)
        _skip_class(function, at, search.classes, _DIGIT)
    function.store(authority, at - load(authority), _WORD)
    function.give(result_of(path_node, node, at, end))
    return function


def _write_address(program: Program, gathered: Gathered, text: int) -> Function:
    """Writes a function that writes the client's IPv4 address as text, and returns the end of the text."""
    function = program.function("address", [], [I32])
    at = function.local(constant(text))
    with function.count_down(4) as left:
        number = function.local(load_byte(constant(gathered.address + 3) - left))
        rest = function.local(number)
        for unit in (100, 10):
            with function.when(constant(unit - 1).is_below(number)):
                function.store_byte(at, rest // unit + ord("0"))
                function.set(rest, rest - rest // unit * unit)
                function.set(at, at + 1)
        function.store_byte(at, rest + ord("0"))
        function.store_byte(at, ord("."), 1)
        function.set(at, at + 2)
    function.give(at - 1)
    return function


def _classes(byte: int) -> int:
    is_digit = byte in b"0123456789"
    return _IN_HOST * (byte in HOST_CHARACTERS) | _IN_PATH * (byte in PATH_CHARACTERS) | _DIGIT * is_digit


def _byte_is(at: Value, character: bytes) -> Value:
    return (load_byte(at) ^ character[0]).is_zero()


def _skip(function: Function, at: Local, text: bytes) -> None:
    """Moves an address behind a text. Gives up if another text is there."""
    for offset, byte in enumerate(text):
        function.give_if(load_byte(at, offset) ^ byte, 0)
    function.set(at, at + len(text))


def _skip_class(function: Function, at: Local, classes: int, class_: int) -> None:
    """Moves an address behind all bytes of a class. What is behind the URI is of no class."""
    with function.repeat_while(load_byte(load_byte(at) + classes) & class_):
        function.set(at, at + 1)


def _write_same(program: Program) -> Function:
    """Writes a function that takes two addresses and a size, and returns whether the bytes there are the same."""
    function = program.function("same", [I32] * 3, [I32])
    one, other, size = map(function.parameter, range(3))
    end = function.local(one + size)
    with function.repeat_while(one ^ end):
        function.give_if(load_byte(one) - load_byte(other), 0)
        function.set(one, one + 1)
        function.set(other, other + 1)
    function.give(1)
    return function


def _write_find(program: Program, memory: Memory, same: Function, edges: Mapping[tuple[int, str], int]) -> Function:
    """Writes a function that takes a node and the address and size of a text, and returns the next node, or 0."""
    count = 1 << (2 * len(edges)).bit_length()
    slots = _place_edges(memory, edges, count)
    function = program.function("find", [I32] * 3, [I32])
    node, text, size = map(function.parameter, range(3))
    hashed, at, end = function.local(node), function.local(text), function.local(text + size)
    with function.repeat_while(at ^ end):
        function.set(hashed, (hashed ^ load_byte(at)) * _FACTOR)
        function.set(at, at + 1)
    slot = function.local(((hashed ^ hashed >> 15) & count - 1) * _SLOT_SIZE + slots)
    with function.repeat_while(load(slot)):
        is_alike = (load(slot) ^ node | load(slot, 2 * _WORD) ^ size).is_zero()
        with function.when(is_alike), function.when(result_of(same, load(slot, _WORD), text, size)):
            function.give(load(slot, 3 * _WORD))
        function.set(slot, slot + _SLOT_SIZE)
        with function.when((slot ^ slots + count * _SLOT_SIZE).is_zero()):
            function.set(slot, constant(slots))
    function.give(0)
    return function


def _place_edges(memory: Memory, edges: Mapping[tuple[int, str], int], count: int) -> int:
    """Places the edges in memory as a hash table with some slots, of which at least half are free. Returns its address."""
    texts = {text: memory.place(text.encode()) for text in dict.fromkeys(text for _, text in edges)}
    slots: list[bytes] = [bytes(_SLOT_SIZE)] * count
    for (node, text), target in edges.items():
        slot = _hash(node, text.encode()) & count - 1
        while slots[slot] != bytes(_SLOT_SIZE):
            slot = (slot + 1) % count
        slots[slot] = pack("<4I", node, texts[text], len(text), target)
    return memory.place(b"".join(slots))


def _hash(node: int, text: bytes) -> int:
    """Returns the low bits of the hash, as `find` computes it."""
    hashed = node
    for byte in text:
        hashed = (hashed ^ byte) * _FACTOR & 0xFFFF_FFFF
    return hashed ^ hashed >> 15


def _write_are_harmless(program: Program, find: Function, gathered: Gathered) -> Function:
    """Writes a function that takes a node, and returns whether it leads on for the names of all headers."""
    function = program.function("are harmless", [I32], [I32])
    at, end = function.local(constant(gathered.names)), function.local(load(gathered.names_size) + gathered.names)
    with function.repeat_while(at ^ end):
        start = function.local(at)
        with function.repeat_while(load_byte(at)):
            function.set(at, at + 1)
        function.give_if(result_of(find, function.parameter(0), start, at - start).is_zero(), 0)
        function.set(at, at + 1)
    function.give(1)
    return function


def _write_host_node(program: Program, memory: Memory, same: Function, find: Function, table: Table) -> Function:
    """Writes a function that takes the address and size of a host, and returns the node for its paths, or 0."""
    function = program.function("host node", [I32] * 2, [I32])
    host, size = function.parameter(0), function.parameter(1)
    # A dot at the end does not count, so Python looks at such a host.
    function.give_if(size.is_zero(), 0)
    function.give_if(_byte_is(host + size - 1, b"."), 0)
    found = function.local(result_of(find, HOSTS, host, size))
    function.give_if(found, found)
    for suffix, node in table.suffixes:
        text = memory.place(suffix.encode())
        is_longer = constant(len(suffix)).is_below(size)
        with function.when(is_longer), function.when(result_of(same, host + size - len(suffix), text, len(suffix))):
            function.give(node)
    function.give(table.other_host)
    return function


def _write_path_node(program: Program, memory: Memory, search: Search, table: Table) -> Function:
    """Writes a function that follows the segments of a path from a node. It takes the address of the path and the end of the URI.

    It returns the node for the path, or 0.
    """
    others = memory.place(pack(f"<{len(table.others)}I", *table.others))
    function = program.function("path node", [I32] * 3, [I32])
    node, at, end = map(function.parameter, range(3))
    function.give_if(_byte_is(at, b"/").is_zero(), 0)
    with function.repeat_while(_byte_is(at, b"/")):
        function.set(at, at + 1)
        start = function.local(at)
        # Segments that begin with a dot may be dot segments.
        function.give_if(_byte_is(at, b"."), 0)
        _skip_class(function, at, search.classes, _IN_PATH)
        found = function.local(result_of(search.find, node, start, at - start))
        with function.when(found.is_zero() & (at ^ start).is_zero().is_zero()):
            function.set(found, load(node * _WORD + others))
        function.give_if(found.is_zero(), 0)
        function.set(node, found)
    is_at_end = (at ^ end).is_zero()
    function.give_if((is_at_end if table.without_query else is_at_end | _byte_is(at, b"?")).is_zero(), 0)
    # A fragment would be refused.
    with function.repeat_while(at ^ end):
        function.give_if(_byte_is(at, b"#"), 0)
        function.set(at, at + 1)
    function.give(node)
    return function


def _place_decisions(memory: Memory, table: Table) -> int:
    """Places the decisions, and their addresses by node. Returns the address of the latter.

    Before each decision are the addresses of the answers if the request cannot be changed, and if it cannot be handed off.
    """
    failed = memory.place(encode_answer(FAILED, table.wait))
    addresses = {}
    for decision in dict.fromkeys(filter(None, table.decisions)):
        unreachable = memory.place(decision.if_unreachable)
        answers = pack("<2I", failed, unreachable)
        addresses[decision] = memory.place(answers + decision.block) + len(answers)
    found = [addresses[decision] if decision else 0 for decision in table.decisions]
    return memory.place(pack(f"<{len(found)}I", *found))


def answer_if(decision: Value, progress: Value) -> Value:
    """Returns the address of the answer if a decision cannot be carried out. `progress` says how far it came."""
    return load(decision + (progress - NOT_CHANGED) * _WORD - 2 * _WORD)
