"""Flattens a component: links its core modules into one at build time, so that no sandbox has to link them."""

from collections.abc import Collection

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.graph import read_graph
from fanroute.wasm.flatten.joining import join


def flatten(component: bytes, unused: Collection[str] = ()) -> bytes:
    """Returns the core module that does what the linked core modules of a component do together.

    Args:
        component: has one memory and no start functions. Only wit-component's shim may be linked late.
        unused: the names of exported functions that are not needed.

    Raises:
        BadComponent: if the component is not of that kind.
    """
    try:
        return join(read_graph(component, unused))
    except (IndexError, KeyError) as error:
        raise BadComponent("it refers to something that does not exist") from error
