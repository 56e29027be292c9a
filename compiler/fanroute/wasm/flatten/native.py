"""Adds native modules to a graph: their functions take the place of host functions."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from fanroute.wasm.binary import BadComponent, Reader, u32
from fanroute.wasm.flatten.graph import Graph, Node, NodeExport
from fanroute.wasm.flatten.module import read_module


class Native(NamedTuple):
    """Represents a module that takes the place of an interface of the host.

    `write` writes the core module for the beginning of its memory, and returns it and the end of its memory. The module imports
    the memory and functions of Python's modules, by the names under which the component exports them.
    """

    interface: str
    write: Callable[[int], tuple[bytes, int]]


_PAGE = 1 << 16


def add_native(graph: Graph, native: Native) -> Graph:
    """Returns the graph with a native module, or unchanged if nothing imports the module's interface.

    The native module's memory begins where the component's initial memory ends. Raises BadComponent.
    """
    if not any(each.module == native.interface for node in graph.nodes for each in node.module.imports):
        return graph
    nodes = list(graph.nodes)
    memories = [(owner, memory) for owner, node in enumerate(nodes) for memory in node.module.memories]
    if len(memories) != 1:
        raise BadComponent(f"it has {len(memories)} memories, not one")
    ((owner, memory),) = memories
    encoded, end = native.write(_read_pages(memory) * _PAGE)
    nodes[owner] = replace(nodes[owner], module=replace(nodes[owner].module, memories=[b"\0" + u32(-(-end // _PAGE))]))
    nodes = [_with_native(node, native.interface, len(nodes)) for node in nodes]
    module = read_module(encoded)
    return replace(graph, nodes=[*nodes, Node(module, [graph.exports[each.name][1] for each in module.imports])])


def _read_pages(memory: bytes) -> int:
    """Reads with how many pages a memory begins."""
    reader = Reader(memory)
    if reader.byte() != 0:
        raise BadComponent("its memory has a limit")
    return reader.u32()


def _with_native(node: Node, interface: str, native: int) -> Node:
    """Returns a node whose imports from the interface are the native module's exports."""
    providers = [
        NodeExport(native, each.name) if each.module == interface else provider
        for each, provider in zip(node.module.imports, node.providers, strict=True)
    ]
    return replace(node, providers=providers)
