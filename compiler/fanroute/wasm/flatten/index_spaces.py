"""Resolves the indices of each module in a graph to what they stand for. Source: WebAssembly 2.0, 2.5.1 (index spaces)."""

from collections.abc import Iterator
from typing import NamedTuple

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.linking import CanonicalFunction
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL, KINDS, Expression, GlobalGet, Import, Operator

# The opcodes of operators in constant expressions.
I32_ADD, I32_SUB, I32_MUL = 0x6A, 0x6B, 0x6C


class Entity(NamedTuple):
    """Represents a function, table, memory or global that a node defines, by its number among those of its kind."""

    node: int
    number: int


class HostFunction(NamedTuple):
    """Represents a host function: the module and the name of its import, and its encoded type."""

    module: str
    name: str
    type: bytes


class IndexSpaces:
    """Resolves each index to an entity, as `entities[node][kind][index]`.

    `values` has the initial value of each global: an i32, or another constant, encoded. Raises BadComponent if an import does not
    fit the export that it gets.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._imported = [
            [[pair for pair in zip(each.module.imports, each.providers, strict=True) if pair[0].kind == kind] for kind in KINDS]
            for each in graph.nodes
        ]
        self._host_functions: dict[tuple[str, str], tuple[HostFunction, CanonicalFunction]] = {}
        self.entities: list[tuple[list[Entity | HostFunction], ...]] = [
            tuple([self._resolve(node, kind, index) for index in range(self._size(node, kind))] for kind in KINDS)
            for node in range(len(graph.nodes))
        ]
        self.values: dict[Entity | HostFunction, int | bytes] = {}
        for node, each in enumerate(graph.nodes):
            for number, global_ in enumerate(each.module.globals):
                self.values[Entity(node, number)] = self.evaluate(node, global_.value)

    def defined(self, kind: int) -> list[Entity]:
        """Returns everything of a kind that the nodes define, in order."""
        counts = (each.module.defined_count(kind) for each in self._graph.nodes)
        return [Entity(node, number) for node, count in enumerate(counts) for number in range(count)]

    def index(self, node: int, kind: int, name: str) -> int:
        """Returns the index that a node exports under a name. Raises BadComponent if the export is of another kind."""
        found, index = self._graph.nodes[node].module.exports[name]
        if found != kind:
            raise BadComponent(f"the export {name} of a core module is of another kind than its import")
        return index

    def type_of(self, function: Entity | HostFunction) -> bytes:
        """Returns the encoded type of a function."""
        return function.type if isinstance(function, HostFunction) else self._type(FUNCTION, function)

    def global_type(self, entity: Entity) -> bytes:
        """Returns the encoded type of a global, which includes its mutability."""
        return self._type(GLOBAL, entity)

    def evaluate(self, node: int, expression: Expression) -> int | bytes:
        """Returns the value of a constant expression of a node: an i32, or another constant, encoded."""
        stack: list[int | bytes] = []
        for instruction in expression:
            match instruction:
                case GlobalGet(index):
                    stack.append(self.values[self.entities[node][GLOBAL][index]])
                case Operator(opcode):
                    second, first = stack.pop(), stack.pop()
                    stack.append(_apply(opcode, first, second))
                case _:
                    stack.append(instruction)
        if len(stack) != 1:
            raise BadComponent("a constant expression does not have exactly one value")
        return stack[0]

    def offset(self, node: int, expression: Expression) -> int:
        """Returns the offset of a segment of a node. Raises BadComponent if it is not an i32."""
        value = self.evaluate(node, expression)
        if isinstance(value, bytes):
            raise BadComponent("an offset is not an i32")
        return value

    def table_entries(self) -> Iterator[tuple[int, int, Entity | HostFunction]]:
        """Yields each entry that a node puts into a table: the node, the place in the table, and the function."""
        for node, each in enumerate(self._graph.nodes):
            for segment in each.module.element_segments:
                for place, function in enumerate(segment.functions, self.offset(node, segment.offset)):
                    yield node, place, self.entities[node][FUNCTION][function]

    def data(self) -> Iterator[tuple[int, bytes]]:
        """Yields the initial contents of the memory: an address, and the bytes there."""
        for node, each in enumerate(self._graph.nodes):
            for segment in each.module.data_segments:
                yield self.offset(node, segment.offset) % (1 << 32), segment.content

    def _size(self, node: int, kind: int) -> int:
        return len(self._imported[node][kind]) + self._graph.nodes[node].module.defined_count(kind)

    def _resolve(self, node: int, kind: int, index: int) -> Entity | HostFunction:
        """Returns what an index stands for, and follows imports to the node that defines it."""
        wanted = None
        for _ in range(len(self._graph.nodes) + 1):
            imported = self._imported[node][kind]
            if index >= len(imported):
                entity = Entity(node, index - len(imported))
                if wanted is not None and kind in (FUNCTION, GLOBAL) and wanted != self._type(kind, entity):
                    raise BadComponent("an import of a core module is of another type than the export that it gets")
                return entity
            import_, provider = imported[index]
            type_ = self._graph.nodes[node].module.types[import_.type] if isinstance(import_.type, int) else import_.type
            wanted = wanted or type_
            if isinstance(provider, CanonicalFunction):
                return self._host_function(import_, provider, wanted)
            node, index = provider.node, self.index(provider.node, kind, provider.name)
        raise BadComponent("core modules import from each other in a circle")

    def _type(self, kind: int, entity: Entity) -> bytes:
        """Returns the encoded type of a function or global."""
        module = self._graph.nodes[entity.node].module
        if kind == FUNCTION:
            return module.types[module.functions[entity.number]]
        return module.globals[entity.number].type

    def _host_function(self, import_: Import, canonical: CanonicalFunction, type_: bytes) -> HostFunction:
        """Returns the host function of an import. Raises BadComponent if a second import of its name differs."""
        names, function = (import_.module, import_.name), HostFunction(import_.module, import_.name, type_)
        if import_.kind != FUNCTION or self._host_functions.setdefault(names, (function, canonical)) != (function, canonical):
            raise BadComponent(f"core modules import different things as {import_.name} of {import_.module}")
        return function


def _apply(opcode: int, first: int | bytes, second: int | bytes) -> int:
    """Returns the result of an operator on two i32."""
    if isinstance(first, bytes) or isinstance(second, bytes):
        raise BadComponent("a constant expression has an operator on values that are not i32")
    results = {I32_ADD: first + second, I32_SUB: first - second, I32_MUL: first * second}
    return to_i32(results[opcode])


def to_i32(value: int) -> int:
    """Returns the signed i32 that is equal to a number modulo 2³²."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
