"""Finds the functions and data of CPython that are not used any more, because all imports are done.

A snapshot lists the modules that are part of CPython and that nothing has imported. They cannot be imported any more.

- CPython has a table of builtin modules, with the function that initialises each. Without the entries of the listed modules, some
  functions and data cannot be reached from the exports and from the other libraries. They were not reached before the snapshot
  either, so no object refers to them.
- It has tables of frozen modules, with the code that makes each when it is imported. All have been imported or are listed.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.code import CALL, GLOBAL_GET, REF_FUNC, indexed_instructions
from fanroute.wasm.flatten.cpython import BUILTIN, ModuleTables
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.image import Piece
from fanroute.wasm.flatten.index_spaces import Entity, HostFunction, IndexSpaces
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL, TABLE, Import
from fanroute.wasm.flatten.references import MEMORY_BASE, Library, Reference
from fanroute_runtime.snapshot.left_out import MARK

# The module name of imports that are the places of functions in the table.
_PLACES = "GOT.func"
# Shorter stretches of data stay. They are worth little, and a long one has data of many objects.
_LEAST_STRETCH = 4096


class Unused(NamedTuple):
    """Represents functions that nothing calls, and stretches of memory that nothing reads, as first address and end."""

    functions: frozenset[Entity | HostFunction] = frozenset()
    stretches: Sequence[tuple[int, int]] = ()


def find_unused(graph: Graph, spaces: IndexSpaces, pieces: Sequence[Piece]) -> Unused:
    """Returns what is unused without the modules that a list in the memory names.

    Returns nothing if there is no such list, or if something is not as expected.
    """
    names = _listed_names(pieces)
    try:
        return _Search(graph, spaces, pieces, names).unused() if names else Unused()
    except (BadComponent, LookupError, ValueError):
        # A LookupError or ValueError means that something is missing.
        return Unused()


def _listed_names(pieces: Sequence[Piece]) -> frozenset[bytes]:
    """Returns the names of the list, or none if there is no list. An empty name is after the last one."""
    mark = b"".join(MARK)
    lists = (content.partition(mark)[2] for _, content in pieces if mark in content)
    return frozenset(next(lists, b"").partition(b"\0\0")[0].split(b"\0")) - {b""}


class _Search:
    """Follows references through CPython, which is one node of the graph. The other nodes count as used as a whole.

    An object in CPython's data begins at each address that code or another object refers to, or that CPython exports.
    """

    def __init__(self, graph: Graph, spaces: IndexSpaces, pieces: Sequence[Piece], names: frozenset[bytes]) -> None:
        self._graph, self._spaces = graph, spaces
        owners = [node for node, each in enumerate(graph.nodes) if BUILTIN in each.module.exports]
        if len(owners) != 1 or len(spaces.defined(TABLE)) != 1:
            raise BadComponent("it does not have one CPython and one table")
        self._library = library = Library(graph, spaces, *owners)
        self._table = {place: function for _, place, function in spaces.table_entries()}
        self._begin, self._end = library.memory_base, self._end_of_data()
        if max(self._table) >= self._begin:
            raise BadComponent("places in the table look like addresses of data")
        self._code = dict(library.code_references())
        self._objects = self._find_objects()
        tables = ModuleTables(library, pieces)
        builtin, self._frozen = tables.initialising(), tables.frozen()
        if not names <= builtin.keys() | self._frozen.keys():
            raise BadComponent("the list has a module that CPython does not have")
        left_out = {builtin[name] for name in names & builtin.keys()}
        self._words: dict[int, list[int]] = {}
        for address, value in library.words.items():
            if address not in left_out:
                self._words.setdefault(self._object(address), []).append(value)

    def unused(self) -> Unused:
        """Returns what cannot be reached."""
        reached: set[Entity | int] = set()
        waiting = list(self._roots())
        while waiting:
            each = self._resolve(waiting.pop())
            if each is not None and each not in reached:
                reached.add(each)
                waiting += self._words.get(each, ()) if isinstance(each, int) else self._code.get(each, ())
        runs = [list(run) for used, run in groupby(range(len(self._objects)), reached.__contains__) if not used]
        # The first and the last object of a stretch stay, because code may reach into them from the objects beside them.
        stretches = [(self._objects[run[0] + 1], self._objects[run[-1]]) for run in runs if len(run) > 1]
        long = [(start, end) for start, end in stretches if end - start >= _LEAST_STRETCH]
        return Unused(frozenset(self._code.keys() - reached), [*long, *self._frozen.values()])

    def _resolve(self, reference: Reference) -> Entity | int | None:
        """Returns a function of CPython, or the number of an object in its data, or None for anything else."""
        found = self._table.get(reference, reference) if isinstance(reference, int) else reference
        if isinstance(found, int):
            return self._object(found) if self._begin <= found < self._end else None
        return found if isinstance(found, Entity) and found.node == self._library.node else None

    def _object(self, address: int) -> int:
        return bisect_right(self._objects, address) - 1

    def _roots(self) -> Iterator[Reference]:
        """Yields what is exported, and what the other nodes refer to."""
        for kind, (node, name) in self._graph.exports.values():
            if kind == FUNCTION:
                yield self._spaces.entities[node][FUNCTION][self._spaces.index(node, kind, name)]
        # Places that a node fills for others, which read them from a global.
        read = {value for imported, value in self._imported_globals() if imported.module == _PLACES}
        entries = self._spaces.table_entries()
        yield from (function for node, place, function in entries if node != self._library.node and place not in read)
        for node, each in enumerate(self._graph.nodes):
            if node != self._library.node:
                for body in each.module.bodies:
                    yield from self._references(node, body)

    def _references(self, node: int, body: bytes) -> Iterator[Reference]:
        """Yields the functions that a function of another node refers to, and the values of globals that it reads."""
        entities = self._spaces.entities[node]
        for opcode, index, *_ in indexed_instructions(body):
            if opcode in (CALL, REF_FUNC):
                yield entities[FUNCTION][index]
            elif opcode == GLOBAL_GET:
                global_ = entities[GLOBAL][index]
                value = self._spaces.values[global_]
                # What CPython exports is the distance from the beginning of its data.
                base = self._begin if isinstance(global_, Entity) and global_.node == self._library.node else 0
                if isinstance(value, int):
                    yield base + value

    def _imported_globals(self) -> Iterator[tuple[Import, int | bytes]]:
        """Yields each global that a node imports, and its value."""
        for node, each in enumerate(self._graph.nodes):
            for index, imported in enumerate(each.module.imported(GLOBAL)):
                yield imported, self._spaces.values[self._spaces.entities[node][GLOBAL][index]]

    def _end_of_data(self) -> int:
        """Returns where the data of the next library begin."""
        bases = [value for imported, value in self._imported_globals() if imported.name == MEMORY_BASE]
        return min(base for base in bases if isinstance(base, int) and base > self._library.memory_base)

    def _find_objects(self) -> list[int]:
        """Returns the addresses at which objects begin. An address that only a word of the same object has begins none."""
        named = [each for references in self._code.values() for each in references if isinstance(each, int)]
        self._objects = self._inside([*named, *self._library.exported.values()])
        words = self._library.words.items()
        others = [value for address, value in words if self._object(address) != self._object(value)]
        return self._inside([*self._objects, *others])

    def _inside(self, values: Iterable[int]) -> list[int]:
        """Returns the values that are addresses in CPython's data, in order."""
        return sorted({value for value in values if self._begin <= value < self._end})
