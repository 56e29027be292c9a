"""Represents a component's core instances as a graph, in which each knows who provides its imports."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.linking import (
    CanonicalFunction,
    CoreDefinitions,
    CoreExport,
    Definition,
    ModuleInstance,
    read_core_definitions,
)
from fanroute.wasm.flatten.module import FUNCTION, MEMORY, Module, read_module
from fanroute.wasm.flatten.shim import find_shim

# The names of the core exports that the canonical ABI needs, as `wasm-tools component new` expects them. A post-return
# function is named after its function, with the last of these as a prefix.
MEMORY_NAME, REALLOC_NAME, POST_RETURN_NAME = "memory", "cabi_realloc", "cabi_post_"
# The module name under which a native module imports what the component exports.
PYTHON = "python"


class NodeExport(NamedTuple):
    """Represents an export of a node."""

    node: int
    name: str


@dataclass(frozen=True, slots=True)
class Node:
    """Represents an instance of a core module. `providers` has the provider of each import, in order."""

    module: Module
    providers: list[NodeExport | CanonicalFunction]


@dataclass(frozen=True, slots=True)
class Graph:
    """Represents linked core modules. `exports` has the exports that the flattened module keeps, with their kinds."""

    nodes: list[Node]
    exports: dict[str, tuple[int, NodeExport]]


def read_graph(component: bytes, unused: Collection[str]) -> Graph:
    """Reads which core modules a component has and how they are linked, without its `unused` exports. Raises BadComponent."""
    return _GraphReader(read_core_definitions(component)).graph(unused)


class _GraphReader:
    def __init__(self, core: CoreDefinitions) -> None:
        self._core = core
        modules = [read_module(module) for module in core.modules]
        self._instances = {index: each for index, each in enumerate(core.instances) if isinstance(each, ModuleInstance)}
        self._modules = {index: modules[each.module] for index, each in self._instances.items()}
        self._shim = find_shim(core, self._modules)
        left_out = (self._shim.instance, self._shim.fix_up) if self._shim else ()
        self._nodes = {index: node for node, index in enumerate(index for index in self._modules if index not in left_out)}

    def graph(self, unused: Collection[str]) -> Graph:
        nodes = [Node(self._modules[instance], self._providers(instance)) for instance in self._nodes]
        return Graph(nodes, self._exports(unused))

    def _providers(self, instance: int) -> list[NodeExport | CanonicalFunction]:
        arguments = self._instances[instance].arguments
        imports = self._modules[instance].imports
        return [self._provider(self._core.resolve(arguments[each.module], each.name)) for each in imports]

    def _provider(self, definition: Definition) -> NodeExport | CanonicalFunction:
        """Follows a definition through inline exports and the shim to the instance or host function that provides it."""
        for _ in self._core.instances:
            if isinstance(definition, CoreExport):
                definition = self._core.resolve(*definition)
            if isinstance(definition, CanonicalFunction):
                return definition
            if self._shim is None or definition.instance != self._shim.instance:
                return NodeExport(self._nodes[definition.instance], definition.name)
            definition = self._shim.functions[definition.name]
        raise BadComponent("its shim calls itself")

    def _exports(self, unused: Collection[str]) -> dict[str, tuple[int, NodeExport]]:
        """Returns the exports that the canonical ABI needs: lifted and post-return functions, the memory and realloc."""
        lifted = [(self._node_export(function), options) for function, options in self._core.lifted]
        kept = [(function, options) for function, options in lifted if function.name not in unused]
        exports: dict[str, tuple[int, NodeExport]] = {}
        for function, options in kept:
            _export(exports, function.name, FUNCTION, function)
            if options.post_return is not None:
                _export(exports, POST_RETURN_NAME + function.name, FUNCTION, self._node_export(options.post_return))
        for options in [*self._core.lowered, *(options for _, options in kept)]:
            if options.memory is not None:
                _export(exports, MEMORY_NAME, MEMORY, self._node_export(options.memory))
            if options.realloc is not None:
                _export(exports, REALLOC_NAME, FUNCTION, self._node_export(options.realloc))
        return exports

    def _node_export(self, definition: Definition) -> NodeExport:
        provider = self._provider(definition)
        if not isinstance(provider, NodeExport):
            raise BadComponent("it exports a host function")
        return provider


def _export(exports: dict[str, tuple[int, NodeExport]], name: str, kind: int, export: NodeExport) -> None:
    """Adds an export. Raises BadComponent if another one has its name."""
    if exports.setdefault(name, (kind, export)) != (kind, export):
        raise BadComponent(f"it exports two things as {name}")
