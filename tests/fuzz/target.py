"""What is fuzzed: a property of any bytes, whoever makes them up, hypothesis or a fuzzer that is guided by coverage."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A property.

    Args:
        name: of the target, as `make fuzz` and tests/fuzz/guided.py know it.
        check: raises AssertionError where the property does not hold of some bytes.
        seeds: bytes to begin with, that get far.
        words: what further ones may be made of.
    """

    name: str
    check: Callable[[bytes], None]
    seeds: Sequence[bytes]
    words: Sequence[bytes]
