"""Represents a fuzz target: a property that must hold for any bytes, from hypothesis or from a coverage-guided fuzzer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """Represents a property that must hold for any bytes.

    Args:
        name: of the target, as `make fuzz` and tests/fuzz/guided.py know it.
        check: raises AssertionError if the property does not hold for the bytes.
        seeds: bytes to begin with, which are well-formed or nearly so.
        words: pieces to build more inputs from.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
