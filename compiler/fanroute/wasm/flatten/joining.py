"""Joins the modules of a graph into one core module, with new indices and without what cannot be reached.

Source: WebAssembly 2.0, 5.5 (modules).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby

from fanroute.wasm import binary
from fanroute.wasm.binary import MODULE, BadComponent, Reader, section, signed, sized, u32, vector
from fanroute.wasm.flatten.call_graph import find_reachable
from fanroute.wasm.flatten.code import BLOCKS, CALL, CALL_INDIRECT, GLOBAL_GET, GLOBAL_SET, REF_FUNC, IndexedInstruction
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.image import Piece, clear, sort_pieces, without_zeros
from fanroute.wasm.flatten.immortal import make_immortal
from fanroute.wasm.flatten.index_spaces import Entity, HostFunction, IndexSpaces, to_i32
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL, TABLE
from fanroute.wasm.flatten.unused import find_unused

_I32_CONST, _END = b"\x41", b"\x0b"
# The names of exports that `join_unfinished` adds: the first function of the last node, and (with a number) each global.
FIRST_NATIVE, GLOBALS = "first native", "global "
# A constant that is added to the value before it: i32.const, i32.add.
_ADDED_CONSTANT = re.compile(rb"\x41([\x80-\xff]{0,4}[\x00-\x7f])\x6a")


def join(graph: Graph) -> bytes:
    """Returns one core module that does what the modules of a graph do together. Raises BadComponent."""
    joiner = _Joiner(graph)
    return joiner.module(make_immortal(joiner.image()))


def join_unfinished(graph: Graph) -> bytes:
    """Returns the joined module of a graph, for a memory that changes before it ships, as `base.py` describes it.

    Its globals are exported, and the first function of the last node. Raises BadComponent.
    """
    joiner = _Joiner(graph)
    return joiner.module(joiner.image(), joiner.further_exports())


def data_segments(pieces: Sequence[Piece]) -> list[bytes]:
    """Returns the encoded data segments with the initial contents of a memory, without long runs of zeros."""
    return [b"\0" + _constant(to_i32(address)) + _END + sized(content) for address, content in without_zeros(pieces)]


class _Joiner:
    """Encodes the joined module.

    Globals that no function sets become constants, so they are not part of it.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._spaces = spaces = IndexSpaces(graph)
        self._pieces = sort_pieces(spaces.data())
        self._unused = find_unused(graph, spaces, self._pieces)
        self._reachable = reachable = find_reachable(graph, spaces, self._unused.functions)
        every = dict.fromkeys(chain.from_iterable(entities[FUNCTION] for entities in spaces.entities))
        self._host_functions = [each for each in every if isinstance(each, HostFunction) and each in reachable.host_functions]
        self._functions = [each for each in spaces.defined(FUNCTION) if each in reachable.functions]
        self._globals = [each for each in spaces.defined(GLOBAL) if each in reachable.globals_set]
        self._types: dict[bytes, int] = {}
        functions, globals_ = _new_indices([*self._host_functions, *self._functions]), _new_indices(self._globals)
        tables = _new_indices(spaces.defined(TABLE))
        # For each node, its indices mapped to the encoded new ones, or to b"" for what the joined module does not have.
        self._function_index = [[functions.get(each, b"") for each in entities[FUNCTION]] for entities in spaces.entities]
        self._table_index = [[tables[each] for each in entities[TABLE]] for entities in spaces.entities]
        self._global_index = [[globals_.get(each, b"") for each in entities[GLOBAL]] for entities in spaces.entities]
        self._constant = [[spaces.values[each] for each in entities[GLOBAL]] for entities in spaces.entities]

    def image(self) -> list[Piece]:
        """Returns the initial contents of the memory, without those that nothing uses."""
        return clear(self._pieces, self._unused.stretches)

    def further_exports(self) -> Iterator[bytes]:
        """Yields the encoded exports of the first function of the last node, and of all globals."""
        last = len(self._graph.nodes) - 1
        first = next(index for index, each in enumerate(self._functions) if each.node == last)
        yield binary.name(FIRST_NATIVE) + bytes([FUNCTION]) + u32(len(self._host_functions) + first)
        for index in range(len(self._globals)):
            yield binary.name(f"{GLOBALS}{index}") + bytes([GLOBAL]) + u32(index)

    def module(self, image: Sequence[Piece], further_exports: Iterable[bytes] = ()) -> bytes:
        """Returns the module with these initial contents of the memory."""
        nodes = self._graph.nodes
        memories = [memory for node in nodes for memory in node.module.memories]
        if len(memories) != 1:
            raise BadComponent(f"it has {len(memories)} memories, not one")
        imports = [self._import(function) for function in self._host_functions]
        functions = [u32(self._type_index(self._spaces.type_of(function))) for function in self._functions]
        # Before the type section, because code adds types.
        code = [sized(self._body(function)) for function in self._functions]
        # By section id: types, imports, functions, tables, memories, globals, exports, elements, code, data.
        contents = {
            1: vector(self._types),
            2: vector(imports),
            3: vector(functions),
            4: vector(table for node in nodes for table in node.module.tables),
            5: vector(memories),
            6: vector(self._global(each) for each in self._globals),
            7: vector([*self._exports(), *further_exports]),
            9: vector(self._elements()),
            10: vector(code),
            11: vector(data_segments(image)),
        }
        return MODULE + b"".join(section(id_, encoded) for id_, encoded in contents.items())

    def _type_index(self, type_: bytes) -> int:
        """Returns the index of a type, and adds the type if it is new."""
        return self._types.setdefault(type_, len(self._types))

    def _import(self, function: HostFunction) -> bytes:
        names = binary.name(function.module) + binary.name(function.name)
        return names + bytes([FUNCTION]) + u32(self._type_index(function.type))

    def _global(self, entity: Entity) -> bytes:
        return self._spaces.global_type(entity) + _constant(self._spaces.values[entity]) + _END

    def _exports(self) -> list[bytes]:
        """Returns the encoded exports: functions, and the only memory."""
        return [
            binary.name(name)
            + bytes([kind])
            + (self._function_index[node][self._spaces.index(node, kind, export)] if kind == FUNCTION else u32(0))
            for name, (kind, (node, export)) in self._graph.exports.items()
        ]

    def _elements(self) -> Iterator[bytes]:
        """Yields an encoded element segment, of the form that names its table, for each run of functions that are in use."""
        for node, each in enumerate(self._graph.nodes):
            for segment in each.module.element_segments:
                table, offset = self._table_index[node][segment.table], self._spaces.offset(node, segment.offset)
                functions = (self._function_index[node][function] for function in segment.functions)
                # A place stays empty if nothing refers to it.
                for is_used, run in groupby(enumerate(functions, offset), lambda entry: bool(entry[1])):
                    if is_used:
                        places, encoded = zip(*run, strict=True)
                        yield b"\x02" + table + _constant(places[0]) + _END + b"\0" + vector(encoded)

    def _body(self, function: Entity) -> bytes:
        """Returns the code of a function with the new indices, and with constants for globals that no function sets."""
        body = self._graph.nodes[function.node].module.bodies[function.number]
        encoded, done = [], 0
        for instruction in self._reachable.functions[function]:
            encoded.append(body[done : instruction[3]])
            replacement, done = self._replacement(function.node, instruction, body)
            encoded.append(replacement)
        return b"".join([*encoded, body[done:]])

    def _replacement(self, node: int, instruction: IndexedInstruction, body: bytes) -> tuple[bytes, int]:
        """Returns what replaces an instruction, and the end of what it replaces."""
        opcode, index, table, _, end = instruction
        encoded = bytes([opcode]) if opcode < 0x100 else opcode.to_bytes(2, "big")
        if opcode in (CALL, REF_FUNC):
            return encoded + self._function_index[node][index], end
        if opcode == GLOBAL_GET and not self._global_index[node][index]:
            return _folded_sum(self._constant[node][index], body, end)
        if opcode in (GLOBAL_GET, GLOBAL_SET):
            return encoded + self._global_index[node][index], end
        if opcode == CALL_INDIRECT:
            return encoded + u32(self._new_type_index(node, index)) + self._table_index[node][table], end
        if opcode in BLOCKS:
            return encoded + signed(self._new_type_index(node, index)), end
        return encoded + self._table_index[node][table], end

    def _new_type_index(self, node: int, index: int) -> int:
        return self._type_index(self._graph.nodes[node].module.types[index])


def _new_indices(entities: Sequence[Entity | HostFunction]) -> dict[Entity | HostFunction, bytes]:
    """Returns the encoded index of each entity in the joined module."""
    return {entity: u32(index) for index, entity in enumerate(entities)}


def _constant(value: int | bytes) -> bytes:
    """Returns the encoded instruction for a constant."""
    return value if isinstance(value, bytes) else _I32_CONST + signed(value)


def _folded_sum(value: int | bytes, body: bytes, at: int) -> tuple[bytes, int]:
    """Returns a constant with the constants that the code after it adds to it, and the end of those."""
    while isinstance(value, int) and (added := _ADDED_CONSTANT.match(body, at)):
        value, at = to_i32(value + Reader(added[1]).signed()), added.end()
    return _constant(value), at
