"""Finds the functions that can be called: from the exports, from the tables, and from each other."""

from dataclasses import dataclass, field

from fanroute.wasm.flatten.code import CALL, GLOBAL_SET, REF_FUNC, IndexedInstruction, indexed_instructions
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


def find_reachable(graph: Graph, spaces: IndexSpaces) -> Reachable:
    """Returns what can be reached in a graph. Raises BadComponent if a function has unknown instructions."""
    reachable = Reachable()
    waiting = _roots(graph, spaces)
    while waiting:
        function = waiting.pop()
        if isinstance(function, HostFunction):
            reachable.host_functions.add(function)
        elif function not in reachable.functions:
            found = list(indexed_instructions(graph.nodes[function.node].module.bodies[function.number]))
            reachable.functions[function] = found
            entities = spaces.entities[function.node]
            waiting += [entities[FUNCTION][each[1]] for each in found if each[0] in (CALL, REF_FUNC)]
            reachable.globals_set |= {entities[GLOBAL][each[1]] for each in found if each[0] == GLOBAL_SET}
    return reachable


def _roots(graph: Graph, spaces: IndexSpaces) -> list[Entity | HostFunction]:
    """Returns the functions that are exported or in a table."""
    exported = [
        spaces.entities[node][FUNCTION][spaces.index(node, kind, name)]
        for kind, (node, name) in graph.exports.values()
        if kind == FUNCTION
    ]
    in_tables = [
        spaces.entities[node][FUNCTION][function]
        for node, each in enumerate(graph.nodes)
        for segment in each.module.element_segments
        for function in segment.functions
    ]
    return exported + in_tables
