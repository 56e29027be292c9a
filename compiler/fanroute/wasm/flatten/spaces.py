"""What each index in each module of a graph stands for."""

from typing import NamedTuple

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.linking import Canonical
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL, KINDS, Expression, Import, Operator, Read

# Operations of constant expressions.
I32_ADD, I32_SUB, I32_MUL = 0x6A, 0x6B, 0x6C


class Entity(NamedTuple):
    """What a node has itself, by its number among what it has of that kind."""

    node: int
    number: int


class Host(NamedTuple):
    """A function of the host's, as it is imported, with its encoded type."""

    module: str
    name: str
    type: bytes


class Spaces:
    """The entity behind each index of each kind in each node, as `of[node][kind][index]`.

    `values` are the first values of all globals: an i32, or another constant as it is encoded. Raises BadComponent where nodes do
    not fit together.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._imported = [
            [[pair for pair in zip(one.module.imports, one.providers, strict=True) if pair[0].kind == kind] for kind in KINDS]
            for one in graph.nodes
        ]
        self._hosts: dict[tuple[str, str], tuple[Host, Canonical]] = {}
        self.of: list[tuple[list[Entity | Host], ...]] = [
            tuple([self._behind(node, kind, index) for index in range(self._size(node, kind))] for kind in KINDS)
            for node in range(len(graph.nodes))
        ]
        self.values: dict[Entity | Host, int | bytes] = {}
        for node, one in enumerate(graph.nodes):
            for number, found in enumerate(one.module.globals):
                self.values[Entity(node, number)] = self.value(node, found.value)

    def owned(self, kind: int) -> list[Entity]:
        """All that the nodes have of a kind themselves, in order."""
        return [Entity(node, number) for node, one in enumerate(self._graph.nodes) for number in range(one.module.owned(kind))]

    def index(self, node: int, kind: int, name: str) -> int:
        """The index that a node exports under a name."""
        found, index = self._graph.nodes[node].module.exports[name]
        if found != kind:
            raise BadComponent(f"the export {name} of a core module is of another kind than its import")
        return index

    def type_of(self, function: Entity | Host) -> bytes:
        """A function's type, as it is encoded."""
        return function.type if isinstance(function, Host) else self._type(FUNCTION, function)

    def global_type(self, entity: Entity) -> bytes:
        """A global's type, as it is encoded, with whether it may change."""
        return self._type(GLOBAL, entity)

    def value(self, node: int, expression: Expression) -> int | bytes:
        """The value of a constant expression of a node: an i32, or another constant as it is encoded."""
        values: list[int | bytes] = []
        for term in expression:
            match term:
                case Read(index):
                    values.append(self.values[self.of[node][GLOBAL][index]])
                case Operator(opcode):
                    second, first = values.pop(), values.pop()
                    values.append(_calculated(opcode, first, second))
                case _:
                    values.append(term)
        if len(values) != 1:
            raise BadComponent("a constant expression has not one value")
        return values[0]

    def _size(self, node: int, kind: int) -> int:
        return len(self._imported[node][kind]) + self._graph.nodes[node].module.owned(kind)

    def _behind(self, node: int, kind: int, index: int) -> Entity | Host:
        """The entity behind an index; what is imported is looked for where it comes from."""
        wanted = None
        for _ in range(len(self._graph.nodes) + 1):
            imported = self._imported[node][kind]
            if index >= len(imported):
                entity = Entity(node, index - len(imported))
                if wanted is not None and kind in (FUNCTION, GLOBAL) and wanted != self._type(kind, entity):
                    raise BadComponent("what a core module imports is of another type")
                return entity
            one, provider = imported[index]
            described = self._graph.nodes[node].module.types[one.type] if isinstance(one.type, int) else one.type
            wanted = wanted or described
            if isinstance(provider, Canonical):
                return self._host(one, provider, wanted)
            node, index = provider.node, self.index(provider.node, kind, provider.name)
        raise BadComponent("core modules import in circles")

    def _type(self, kind: int, entity: Entity) -> bytes:
        """The type of a function or global that a node has itself, as it is encoded."""
        module = self._graph.nodes[entity.node].module
        if kind == FUNCTION:
            return module.types[module.functions[entity.number]]
        return module.globals[entity.number].type

    def _host(self, one: Import, canonical: Canonical, described: bytes) -> Host:
        """A function of the host's: the same wherever it is imported."""
        host = Host(one.module, one.name, described)
        if one.kind != FUNCTION or self._hosts.setdefault((one.module, one.name), (host, canonical)) != (host, canonical):
            raise BadComponent(f"core modules import different things as {one.name} of {one.module}")
        return host


def _calculated(opcode: int, first: int | bytes, second: int | bytes) -> int:
    """The result of an operation on two i32."""
    if isinstance(first, bytes) or isinstance(second, bytes):
        raise BadComponent("a constant expression calculates with something else than i32")
    results = {I32_ADD: first + second, I32_SUB: first - second, I32_MUL: first * second}
    return wrapped(results[opcode])


def wrapped(value: int) -> int:
    """A number as the signed i32 that it is modulo 2³²."""
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)
