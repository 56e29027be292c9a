"""Finds the functions that can be called: from the exports, from the tables, and from each other."""

from collections.abc import Collection
from dataclasses import dataclass, field

from fanroute.wasm.flatten.code import CALL, GLOBAL_SET, I32_CONST, REF_FUNC, IndexedInstruction, indexed_instructions
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.index_spaces import Entity, HostFunction, IndexSpaces
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL


@dataclass(slots=True)
class Reachable:
    """Represents what can be reached.

    `functions` has each function with its instructions that refer to something by an index. `globals_set` are the globals that
    some function sets.
    """

    functions: dict[Entity, list[IndexedInstruction]] = field(default_factory=dict)
    host_functions: set[HostFunction] = field(default_factory=set)
    globals_set: set[Entity | HostFunction] = field(default_factory=set)


def find_reachable(graph: Graph, spaces: IndexSpaces, unused: Collection[Entity | HostFunction]) -> Reachable:
    """Returns what can be reached in a graph, if no code calls the `unused` functions through a table.

    Raises BadComponent if a function has unknown instructions.
    """
    reachable = Reachable()
    waiting = _roots(graph, spaces, unused)
    while waiting:
        function = waiting.pop()
        if isinstance(function, HostFunction):
            reachable.host_functions.add(function)
        elif function not in reachable.functions:
            body = graph.nodes[function.node].module.bodies[function.number]
            found = [each for each in indexed_instructions(body) if each[0] != I32_CONST]
            reachable.functions[function] = found
            entities = spaces.entities[function.node]
            waiting += [entities[FUNCTION][each[1]] for each in found if each[0] in (CALL, REF_FUNC)]
            reachable.globals_set |= {entities[GLOBAL][each[1]] for each in found if each[0] == GLOBAL_SET}
    return reachable


def _roots(graph: Graph, spaces: IndexSpaces, unused: Collection[Entity | HostFunction]) -> list[Entity | HostFunction]:
    """Returns the functions that are exported, and those in a table that are not unused."""
    exported = [
        spaces.entities[node][FUNCTION][spaces.index(node, kind, name)]
        for kind, (node, name) in graph.exports.values()
        if kind == FUNCTION
    ]
    in_tables = [function for _, _, function in spaces.table_entries() if function not in unused]
    return exported + in_tables
