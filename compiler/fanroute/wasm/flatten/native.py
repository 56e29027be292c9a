"""Adds native modules to a graph: their functions take the place of host functions."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from fanroute.wasm.binary import BadComponent, Reader, u32
from fanroute.wasm.flatten.graph import POST_RETURN_NAME, PYTHON, Graph, Node, NodeExport
from fanroute.wasm.flatten.linking import CanonicalFunction
from fanroute.wasm.flatten.module import read_module


class Native(NamedTuple):
    """Represents a module that is linked with those of a component.

    `write` writes the core module for the beginning of its memory, and returns it and the end of its memory. If the component
    imports an interface whose name begins with `prefix`, it gets the module's functions. If it exports one, the export is for the
    module only. The component's exports that `replaced` names become the module's. The module imports from `python` what the
    component exports, and from the host what the component imports from there.
    """

    prefix: str
    write: Callable[[int], tuple[bytes, int]]
    replaced: tuple[str, ...] = ()


PAGE = 1 << 16


def add_native(graph: Graph, native: Native) -> Graph:
    """Returns the graph with a native module, or unchanged if the component does not import its functions.

    The native module's memory begins where the component's initial memory ends. Raises BadComponent.
    """
    if not any(each.module.startswith(native.prefix) for node in graph.nodes for each in node.module.imports):
        return graph
    nodes = list(graph.nodes)
    memories = [(owner, memory) for owner, node in enumerate(nodes) for memory in node.module.memories]
    if len(memories) != 1:
        raise BadComponent(f"it has {len(memories)} memories, not one")
    ((owner, memory),) = memories
    encoded, end = native.write(_read_pages(memory) * PAGE)
    module, number = read_module(encoded), len(nodes)
    host = _host_functions(graph)
    pythons = {name: export for name, (_, export) in graph.exports.items()}
    providers = [pythons[each.name] if each.module == PYTHON else host[each.module, each.name] for each in module.imports]
    nodes[owner] = replace(nodes[owner], module=replace(nodes[owner].module, memories=[b"\0" + u32(-(-end // PAGE))]))
    nodes = [_with_native(node, native.prefix, number) for node in nodes]
    return Graph([*nodes, Node(module, providers)], dict(_exports(graph, native, number)))


def _exports(graph: Graph, native: Native, node: int) -> Iterator[tuple[str, tuple[int, NodeExport]]]:
    """Yields the exports of a graph that gets a native module as its node of a number."""
    for name, (kind, export) in graph.exports.items():
        function = name.removeprefix(POST_RETURN_NAME)
        if name in native.replaced:
            yield name, (kind, NodeExport(node, name))
        # The post-return function of a function that is replaced would free what the native one does not have.
        elif function not in native.replaced and not function.startswith(native.prefix):
            yield name, (kind, export)


def _read_pages(memory: bytes) -> int:
    """Reads with how many pages a memory begins."""
    reader = Reader(memory)
    if reader.byte() != 0:
        raise BadComponent("its memory has a limit")
    return reader.u32()


def _host_functions(graph: Graph) -> dict[tuple[str, str], CanonicalFunction]:
    """Returns the host functions that the nodes import, by the names of module and function."""
    return {
        (each.module, each.name): provider
        for node in graph.nodes
        for each, provider in zip(node.module.imports, node.providers, strict=True)
        if isinstance(provider, CanonicalFunction)
    }


def _with_native(node: Node, prefix: str, native: int) -> Node:
    """Returns a node whose imports of interfaces with a prefix are the native module's exports."""
    providers = [
        NodeExport(native, each.name) if each.module.startswith(prefix) else provider
        for each, provider in zip(node.module.imports, node.providers, strict=True)
    ]
    return replace(node, providers=providers)
