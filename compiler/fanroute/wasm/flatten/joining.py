"""A graph of modules as one core module: their code with other indices, and nothing that cannot be reached."""

import re
from collections.abc import Sequence
from itertools import chain

from fanroute.wasm import binary
from fanroute.wasm.binary import MODULE, BadComponent, Reader, number, section, signed, sized, vector
from fanroute.wasm.flatten.call_graph import reach
from fanroute.wasm.flatten.code import BLOCKS, CALL, CALL_INDIRECT, GLOBAL_GET, GLOBAL_SET, REF_FUNC, Use
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.image import in_order, stretches
from fanroute.wasm.flatten.immortal import without_counts
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL, TABLE, Elements, Expression
from fanroute.wasm.flatten.spaces import Entity, Host, Spaces, wrapped

_I32_CONST, _END = b"\x41", b"\x0b"
# A constant that is added to what comes before: i32.const, i32.add.
_ADDED = re.compile(rb"\x41([\x80-\xff]{0,4}[\x00-\x7f])\x6a")


def join(graph: Graph) -> bytes:
    """One core module that does what the modules of a graph do together. Raises BadComponent."""
    return _Joining(graph).module()


class _Joining:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._spaces = spaces = Spaces(graph)
        self._reached = reached = reach(graph, spaces)
        every = dict.fromkeys(chain.from_iterable(of[FUNCTION] for of in spaces.of))
        self._hosts = [one for one in every if isinstance(one, Host) and one in reached.hosts]
        self._functions = [one for one in spaces.owned(FUNCTION) if one in reached.functions]
        self._globals = [one for one in spaces.owned(GLOBAL) if one in reached.written]
        self._types: dict[bytes, int] = {}
        functions, changing = _numbered([*self._hosts, *self._functions]), _numbered(self._globals)
        tables = _numbered(spaces.owned(TABLE))
        # For each node, what its indices are now; b"" for what is not there any more.
        self._function = [[functions.get(one, b"") for one in of[FUNCTION]] for of in spaces.of]
        self._table = [[tables[one] for one in of[TABLE]] for of in spaces.of]
        self._global = [[changing.get(one, b"") for one in of[GLOBAL]] for of in spaces.of]
        self._constant = [[spaces.values[one] for one in of[GLOBAL]] for of in spaces.of]

    def module(self) -> bytes:
        nodes = self._graph.nodes
        memories = [memory for node in nodes for memory in node.module.memories]
        if len(memories) != 1:
            raise BadComponent(f"it has {len(memories)} memories, not one")
        imports = [self._import(host) for host in self._hosts]
        functions = [number(self._type(self._spaces.type_of(function))) for function in self._functions]
        # Before the types are written: it adds to them.
        code = [sized(self._body(function)) for function in self._functions]
        # By the sections' numbers: types, imports, functions, tables, memories, globals, exports, elements, code, data.
        contents = {
            1: vector(self._types),
            2: vector(imports),
            3: vector(functions),
            4: vector(table for node in nodes for table in node.module.tables),
            5: vector(memories),
            6: vector(self._spaces.global_type(one) + _constant(self._spaces.values[one]) + _END for one in self._globals),
            7: vector(self._exports()),
            9: vector(self._elements(node, one) for node in range(len(nodes)) for one in nodes[node].module.elements),
            10: vector(code),
            11: vector(self._data()),
        }
        return MODULE + b"".join(section(kind, content) for kind, content in contents.items())

    def _type(self, described: bytes) -> int:
        return self._types.setdefault(described, len(self._types))

    def _import(self, host: Host) -> bytes:
        return binary.name(host.module) + binary.name(host.name) + bytes([FUNCTION]) + number(self._type(host.type))

    def _exports(self) -> list[bytes]:
        """What is exported; the memory is the only one."""
        return [
            binary.name(name)
            + bytes([kind])
            + (self._function[node][self._spaces.index(node, kind, export)] if kind == FUNCTION else number(0))
            for name, (kind, (node, export)) in self._graph.exports.items()
        ]

    def _offset(self, node: int, offset: Expression) -> int:
        value = self._spaces.value(node, offset)
        if isinstance(value, bytes):
            raise BadComponent("an offset is no i32")
        return value

    def _elements(self, node: int, elements: Elements) -> bytes:
        table = self._table[node][elements.table]
        functions = vector(self._function[node][function] for function in elements.functions)
        return b"\x02" + table + _constant(self._offset(node, elements.offset)) + _END + b"\0" + functions

    def _data(self) -> list[bytes]:
        """What the memory begins with."""
        given = [
            (self._offset(index, segment.offset) % (1 << 32), segment.content)
            for index, node in enumerate(self._graph.nodes)
            for segment in node.module.segments
        ]
        beginning = stretches(without_counts(in_order(given)))
        return [b"\0" + _constant(wrapped(offset)) + _END + sized(content) for offset, content in beginning]

    def _body(self, function: Entity) -> bytes:
        """A function's code, with the indices that are valid now, and globals that nothing changes as constants."""
        body = self._graph.nodes[function.node].module.bodies[function.number]
        parts, done = [], 0
        for use in self._reached.functions[function]:
            parts.append(body[done : use[3]])
            changed, done = self._use(function.node, use, body)
            parts.append(changed)
        return b"".join([*parts, body[done:]])

    def _use(self, node: int, use: Use, body: bytes) -> tuple[bytes, int]:
        """An operation as it is now, and where what it stands for ends."""
        opcode, index, table, _, end = use
        encoded = bytes([opcode]) if opcode < 0x100 else opcode.to_bytes(2, "big")
        if opcode in (CALL, REF_FUNC):
            return encoded + self._function[node][index], end
        if opcode == GLOBAL_GET and not self._global[node][index]:
            return _sum(self._constant[node][index], body, end)
        if opcode in (GLOBAL_GET, GLOBAL_SET):
            return encoded + self._global[node][index], end
        if opcode == CALL_INDIRECT:
            return encoded + number(self._type_at(node, index)) + self._table[node][table], end
        if opcode in BLOCKS:
            return encoded + signed(self._type_at(node, index)), end
        return encoded + self._table[node][table], end

    def _type_at(self, node: int, index: int) -> int:
        return self._type(self._graph.nodes[node].module.types[index])


def _numbered(entities: Sequence[Entity | Host]) -> dict[Entity | Host, bytes]:
    """Their indices from now on, encoded."""
    return {entity: number(index) for index, entity in enumerate(entities)}


def _constant(value: int | bytes) -> bytes:
    return value if isinstance(value, bytes) else _I32_CONST + signed(value)


def _sum(value: int | bytes, body: bytes, at: int) -> tuple[bytes, int]:
    """A constant with all constants that are added to it there, and where they end."""
    while isinstance(value, int) and (added := _ADDED.match(body, at)):
        value, at = wrapped(value + Reader(added[1]).signed()), added.end()
    return _constant(value), at
