"""The host's resources: what is done when one is no longer needed."""

import weakref
from collections.abc import Callable
from typing import Any

Drop = Callable[[int, int], object]
Detached = tuple[None, Drop, tuple[int, int], dict[str, Any]]


class Finalizer:
    """What the bindings need of `weakref.finalize`, without the rest, which takes most of a resource's time.

    There, each is entered into a registry that the end of the interpreter goes through: in a sandbox that never comes. A resource
    is the only one that refers to its Finalizer, so both end together.

    Args:
        resource: whose end is meant.
        drop: what is called then, with the two numbers by which the bindings know the resource.
    """

    __slots__ = ("_drop", "_handle", "_type")

    def __init__(self, resource: object, drop: Drop, type_: int, handle: int) -> None:
        self._drop: Drop | None = drop
        self._type = type_
        self._handle = handle

    def detach(self) -> Detached | None:
        """Call nothing any more; what would have been called, as `weakref.finalize` tells it."""
        drop, self._drop = self._drop, None
        return drop and (None, drop, (self._type, self._handle), {})

    def __del__(self) -> None:
        if self._drop is not None:
            self._drop(self._type, self._handle)


def use_finalizers() -> None:
    """Have the bindings use Finalizers. They look for `weakref.finalize` once, when all has been imported."""
    weakref.finalize = Finalizer  # type: ignore[misc, assignment]
