"""A component's modules as a graph: each instance once, in order, with who provides what it imports."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NamedTuple

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.linking import Canonical, CoreHalf, Definition, Exported, Instantiated, read_core_half
from fanroute.wasm.flatten.module import FUNCTION, MEMORY, Module, read_module
from fanroute.wasm.flatten.shim import find_shim

# What the canonical ABI's own exports of a core module are called, for `wasm-tools component new`; what ends a function's call is
# called after that function.
MEMORY_NAME, REALLOC_NAME, POST_RETURN_NAME = "memory", "cabi_realloc", "cabi_post_"


class Inner(NamedTuple):
    """What a node exports."""

    node: int
    name: str


@dataclass(frozen=True, slots=True)
class Node:
    """An instance of a core module; `providers` are of what it imports, in the same order."""

    module: Module
    providers: list[Inner | Canonical]


@dataclass(frozen=True, slots=True)
class Graph:
    """Modules that are linked; `exports` are what remains to be seen of them, with their kinds."""

    nodes: list[Node]
    exports: dict[str, tuple[int, Inner]]


def read_graph(component: bytes, unused: Collection[str]) -> Graph:
    """A component's modules, but for what makes functions only that are `unused`. Raises BadComponent."""
    half = read_core_half(component)
    return _Reading(half).graph(unused)


class _Reading:
    def __init__(self, half: CoreHalf) -> None:
        self._half = half
        read = [read_module(module) for module in half.modules]
        self._instances = {index: one for index, one in enumerate(half.instances) if isinstance(one, Instantiated)}
        self._modules = {index: read[one.module] for index, one in self._instances.items()}
        self._shim = find_shim(half, self._modules)
        left_out = (self._shim.instance, self._shim.fix_up) if self._shim else ()
        self._nodes = {index: node for node, index in enumerate(index for index in self._modules if index not in left_out)}

    def graph(self, unused: Collection[str]) -> Graph:
        nodes = [Node(self._modules[instance], self._providers(instance)) for instance in self._nodes]
        return Graph(nodes, self._exports(unused))

    def _providers(self, instance: int) -> list[Inner | Canonical]:
        arguments = self._instances[instance].arguments
        return [self._provider(self._half.provider(arguments[one.module], one.name)) for one in self._modules[instance].imports]

    def _provider(self, definition: Definition) -> Inner | Canonical:
        """Who provides something, behind the bundles and the shim."""
        for _ in self._half.instances:
            if isinstance(definition, Exported):
                definition = self._half.provider(*definition)
            if isinstance(definition, Canonical):
                return definition
            if self._shim is None or definition.instance != self._shim.instance:
                return Inner(self._nodes[definition.instance], definition.name)
            definition = self._shim.functions[definition.name]
        raise BadComponent("its shim calls itself")

    def _exports(self, unused: Collection[str]) -> dict[str, tuple[int, Inner]]:
        """What the canonical ABI needs: the functions that are lifted, what ends them, the memory and its allocator."""
        lifted = [(self._inner(function), options) for function, options in self._half.lifted]
        kept = [(function, options) for function, options in lifted if function.name not in unused]
        exports: dict[str, tuple[int, Inner]] = {}
        for function, options in kept:
            _export(exports, function.name, FUNCTION, function)
            if options.post_return is not None:
                _export(exports, POST_RETURN_NAME + function.name, FUNCTION, self._inner(options.post_return))
        for options in [*self._half.lowered, *(options for _, options in kept)]:
            if options.memory is not None:
                _export(exports, MEMORY_NAME, MEMORY, self._inner(options.memory))
            if options.realloc is not None:
                _export(exports, REALLOC_NAME, FUNCTION, self._inner(options.realloc))
        return exports

    def _inner(self, definition: Definition) -> Inner:
        provider = self._provider(definition)
        if not isinstance(provider, Inner):
            raise BadComponent("it exports a function of the host's")
        return provider


def _export(exports: dict[str, tuple[int, Inner]], name: str, kind: int, inner: Inner) -> None:
    """Export something under a name that nothing else has."""
    if exports.setdefault(name, (kind, inner)) != (kind, inner):
        raise BadComponent(f"it has more than one {name}")
