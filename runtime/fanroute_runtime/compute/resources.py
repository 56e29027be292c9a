"""Drops the host's resources when they are no longer needed, with less work than `weakref.finalize`."""

import weakref
from collections.abc import Callable
from typing import Any

Drop = Callable[[int, int], object]
Detached = tuple[None, Drop, tuple[int, int], dict[str, Any]]


class Finalizer:
    """Does what the bindings need of `weakref.finalize`, and nothing else, because the rest takes most of a resource's time.

    `weakref.finalize` keeps a registry for the interpreter's exit, which does not happen in a sandbox. Only its resource refers
    to a Finalizer, so both are freed together.

    Args:
        resource: the object whose end calls `drop`.
        drop: is called with the two numbers by which the bindings know the resource.
    """

    __slots__ = ("_drop", "_handle", "_type")

    def __init__(self, resource: object, drop: Drop, type_: int, handle: int) -> None:
        self._drop: Drop | None = drop
        self._type = type_
        self._handle = handle

    def detach(self) -> Detached | None:
        """Cancels the call, and returns it in the form of `weakref.finalize.detach`."""
        drop, self._drop = self._drop, None
        return drop and (None, drop, (self._type, self._handle), {})

    def __del__(self) -> None:
        if self._drop is not None:
            self._drop(self._type, self._handle)


def use_finalizers() -> None:
    """Makes the bindings use Finalizers. They look up `weakref.finalize` once, after all imports."""
    weakref.finalize = Finalizer  # type: ignore[misc, assignment]


def give_up(resource: Any) -> int:
    """Returns the handle of a resource, which whoever gets it has to drop."""
    resource.finalizer.detach()
    handle: int = resource.handle
    return handle
