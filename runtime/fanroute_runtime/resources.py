"""The host's resources: what is done when one is no longer needed."""

import weakref
from collections.abc import Callable
from typing import Any

Detached = tuple[None, Callable[..., object], tuple[Any, ...], dict[str, Any]]


class Finalizer:
    """What the bindings need of `weakref.finalize`, without the rest, which takes most of a resource's time.

    There, each is entered into a registry that the end of the interpreter goes through: in a sandbox that never comes. A resource
    is the only one that refers to its Finalizer, so both end together.

    Args:
        resource: whose end is meant.
        drop: what is called then, with `arguments`.
    """

    __slots__ = ("_call",)

    def __init__(self, resource: object, drop: Callable[..., object], *arguments: Any) -> None:
        self._call: tuple[Callable[..., object], tuple[Any, ...]] | None = (drop, arguments)

    def detach(self) -> Detached | None:
        """Call nothing any more; what would have been called, as `weakref.finalize` tells it."""
        if self._call is None:
            return None
        (drop, arguments), self._call = self._call, None
        return None, drop, arguments, {}

    def __del__(self) -> None:
        if self._call is not None:
            drop, arguments = self._call
            drop(*arguments)


def use_finalizers() -> None:
    """Have the bindings use Finalizers. They look for `weakref.finalize` once, when all has been imported."""
    weakref.finalize = Finalizer  # type: ignore[misc, assignment]
