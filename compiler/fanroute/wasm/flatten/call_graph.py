"""Which functions can be called at all: from what is exported, and from the tables."""

from dataclasses import dataclass, field

from fanroute.wasm.flatten.code import CALL, GLOBAL_SET, REF_FUNC, Use, uses
from fanroute.wasm.flatten.graph import Graph
from fanroute.wasm.flatten.module import FUNCTION, GLOBAL
from fanroute.wasm.flatten.spaces import Entity, Host, Spaces


@dataclass(slots=True)
class Reached:
    """What can be called: each function with what its code names, functions of the host's, and the globals that code sets."""

    functions: dict[Entity, list[Use]] = field(default_factory=dict)
    hosts: set[Host] = field(default_factory=set)
    written: set[Entity | Host] = field(default_factory=set)


def reach(graph: Graph, spaces: Spaces) -> Reached:
    """What can be called in a graph. Raises BadComponent where code is not known."""
    reached = Reached()
    waiting = _roots(graph, spaces)
    while waiting:
        function = waiting.pop()
        if isinstance(function, Host):
            reached.hosts.add(function)
        elif function not in reached.functions:
            found = list(uses(graph.nodes[function.node].module.bodies[function.number]))
            reached.functions[function] = found
            of = spaces.of[function.node]
            waiting += [of[FUNCTION][use[1]] for use in found if use[0] in (CALL, REF_FUNC)]
            reached.written |= {of[GLOBAL][use[1]] for use in found if use[0] == GLOBAL_SET}
    return reached


def _roots(graph: Graph, spaces: Spaces) -> list[Entity | Host]:
    exported = [
        spaces.of[node][FUNCTION][spaces.index(node, kind, name)]
        for kind, (node, name) in graph.exports.values()
        if kind == FUNCTION
    ]
    of_tables = [
        spaces.of[node][FUNCTION][function]
        for node, one in enumerate(graph.nodes)
        for elements in one.module.elements
        for function in elements.functions
    ]
    return exported + of_tables
