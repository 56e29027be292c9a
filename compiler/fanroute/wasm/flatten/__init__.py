"""A component of many core modules as one core module: what they do together, joined beforehand instead of in each sandbox."""

from collections.abc import Collection

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.graph import read_graph
from fanroute.wasm.flatten.joining import join


def flatten(component: bytes, unused: Collection[str] = ()) -> bytes:
    """The core module that a component of some linked core modules is.

    Args:
        component: of one memory, without start functions, with nothing but wit-component's shim linked late.
        unused: names of exported functions that are not needed.

    Raises:
        BadComponent: for what is no such component.
    """
    try:
        return join(read_graph(component, unused))
    except (IndexError, KeyError) as error:
        raise BadComponent("something in it refers to what is not there") from error
