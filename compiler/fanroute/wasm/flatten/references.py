"""Reads what the code and the data of a position-independent library refer to.

Such a library does not know where its memory and its part of the table begin. Code adds a constant to the global that says so, or
reads a global that has the address of a symbol. The linker writes each such constant with five bytes. One function completes the
data: it stores an address in each word that has one.

Sources: WebAssembly's tool conventions, DynamicLinking.md and Linking.md.
"""

import re
from collections.abc import Iterator

from fanroute.wasm.binary import BadComponent, Reader
from fanroute.wasm.flatten.code import CALL, GLOBAL_GET, I32_CONST, REF_FUNC, IndexedInstruction, indexed_instructions
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.index_spaces import Entity, HostFunction, IndexSpaces
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL

# The globals with the beginning of a library's memory and of its part of the table, and the function that completes its data.
MEMORY_BASE, TABLE_BASE, COMPLETE_DATA = "__memory_base", "__table_base", "__wasm_apply_data_relocs"
# Such a constant, positive or negative, has five bytes without the linker. No library has so much data or so many functions.
_LARGE = 1 << 27
_LEB128 = rb"([\x80-\xff]*[\x00-\x7f])"
# A word that gets an address: i32.const, global.get, i32.add; then global.get, and perhaps i32.const and i32.add; then i32.store.
_COMPLETED_WORD = re.compile(rb"\x41%b\x23%b\x6a\x23%b(?:\x41%b\x6a)?\x36\x02\x00" % (_LEB128, _LEB128, _LEB128, _LEB128))
# A constant that is added to the value before it.
_ADDED_CONSTANT = re.compile(rb"\x41%b\x6a" % _LEB128)
_END = b"\x0b"

# A function, or the value of an i32: the address of data, or the place of a function in the table.
Reference = Entity | HostFunction | int


class Library:
    """Reads the references of one node of a graph.

    `memory_base` is where its data begin. `exported` has the addresses of the data that it exports, by name.
    `words` has the words that begin as an address or as a place in the table: the address of each, and that value.
    """

    def __init__(self, graph: Graph, spaces: IndexSpaces, node: int) -> None:
        """Raises BadComponent if the node is not a library as wasm-ld links it."""
        self.node = node
        self._module = graph.nodes[node].module
        self._entities, self._values = spaces.entities[node], spaces.values
        imported = {each.name: index for index, each in enumerate(self._module.imported(GLOBAL)) if each.module == "env"}
        self._memory_base, self._table_base = imported[MEMORY_BASE], imported[TABLE_BASE]
        self.memory_base = self._value(self._memory_base)
        completing = self._entities[FUNCTION][spaces.index(node, FUNCTION, COMPLETE_DATA)]
        if not isinstance(completing, Entity) or completing.node != node:
            raise BadComponent("another library completes the data of a library")
        self._completing = completing
        exports = self._module.exports.items()
        self.exported = {name: self.memory_base + self._value(index) for name, (kind, index) in exports if kind == GLOBAL}
        self.words = dict(self._completed_words(self._module.bodies[completing.number]))

    def code_references(self) -> Iterator[tuple[Entity, list[Reference]]]:
        """Yields each function but the one that completes the data, and what it refers to."""
        for number, body in enumerate(self._module.bodies):
            function = Entity(self.node, number)
            if function != self._completing:
                yield function, list(self._references(list(indexed_instructions(body)), body))

    def _references(self, instructions: list[IndexedInstruction], body: bytes) -> Iterator[Reference]:
        """Yields what a function refers to, and perhaps more. Raises BadComponent if a constant belongs to no base."""
        constants = {start: value for opcode, value, _, start, _ in instructions if opcode == I32_CONST and abs(value) < _LARGE}
        bases = set()
        for opcode, index, _, _, end in instructions:
            if opcode in (CALL, REF_FUNC):
                yield self._entities[FUNCTION][index]
            elif opcode == GLOBAL_GET and index not in (self._memory_base, self._table_base):
                value = self._values[self._entities[GLOBAL][index]]
                if isinstance(value, int):
                    yield value
            elif opcode == GLOBAL_GET:
                if not _ADDED_CONSTANT.match(body, end):
                    bases.add(self._value(index))
                elif end in constants:
                    yield self._value(index) + constants.pop(end)
                else:
                    raise BadComponent("the linker of a library has shortened constants")
        if constants and not bases:
            raise BadComponent("a function of a library has a relocated constant of an unknown kind")
        # A base in a local variable may belong to each constant. A place in a table is smaller than an address.
        values = ((base, base + constant) for base in bases for constant in constants.values())
        yield from (value for base, value in values if base == self.memory_base or value < self.memory_base)

    def _completed_words(self, body: bytes) -> Iterator[tuple[int, int]]:
        """Yields the address of each word that the function that completes the data stores, and its value."""
        at = 1
        while found := _COMPLETED_WORD.match(body, at):
            address, base, symbol, added = (Reader(each or b"\0") for each in found.groups())
            if base.u32() != self._memory_base:
                break
            yield self.memory_base + address.signed(), self._value(symbol.u32()) + added.signed()
            at = found.end()
        if body[at:] != _END:
            raise BadComponent("a library completes its data in an unknown way")

    def _value(self, global_: int) -> int:
        value = self._values[self._entities[GLOBAL][global_]]
        if isinstance(value, bytes):
            raise BadComponent("an address is not an i32")
        return value
