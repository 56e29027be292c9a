"""Flattens a component: links its core modules into one at build time, so that no sandbox has to link them."""

from collections.abc import Collection

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.graph import read_graph
from fanroute.wasm.flatten.joining import join
from fanroute.wasm.flatten.native import Native, add_native


def flatten(component: bytes, unused: Collection[str] = (), natives: Collection[Native] = ()) -> bytes:
    """Returns the core module that does what the linked core modules of a component do together.

    Args:
        component: has one memory and no start functions. Only wit-component's shim may be linked late.
        unused: the names of exported functions that are not needed.
        natives: the native modules to link, each only if the component imports its interface.

    Raises:
        BadComponent: if the component is not of that kind.
    """
    try:
        graph = read_graph(component, unused)
        for native in natives:
            graph = add_native(graph, native)
        return join(graph)
    except (IndexError, KeyError) as error:
        raise BadComponent("it refers to something that does not exist") from error
