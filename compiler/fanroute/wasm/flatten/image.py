"""Arranges the initial contents of a memory in few pieces, so that wasmtime can map them instead of copying them."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.linking import read_core_definitions
from fanroute.wasm.flatten.module import MEMORY, Module, read_module

# Runs of at least this many zeros are left out, because a memory begins as zeros. Each piece costs about ten bytes.
_GAP = 256
# wasmtime maps the initial pages of a memory, and copies a page only when it is written to, if the data spans less than this many
# bytes, or if more than half of the span is data. Otherwise it copies all data for each sandbox. Source: wasmtime,
# crates/environ/src/compile/module_environ.rs, and `memory_guaranteed_dense_image_size` in crates/wasmtime/src/config.rs.
ALWAYS_MAPPED = 16 << 20

# An address and the bytes there.
Piece = tuple[int, bytes]


def memories_are_mapped(component: bytes) -> bool:
    """Returns True if wasmtime maps the initial contents of a component's memories. Raises BadComponent."""
    modules = [read_module(module) for module in read_core_definitions(component).modules]
    return all(_memory_is_mapped(module) for module in modules if module.data_segments)


def _memory_is_mapped(module: Module) -> bool:
    """Returns True if wasmtime maps a module's memory: its own, with offsets that are constants."""
    pieces = []
    for offset, content in module.data_segments:
        if len(offset) != 1 or not isinstance(offset[0], int):
            return False
        pieces.append((offset[0] % (1 << 32), content))
    return not module.imported(MEMORY) and is_mapped(pieces)


def is_mapped(pieces: Sequence[Piece]) -> bool:
    """Returns True if wasmtime maps a memory with these pieces."""
    filled = [(offset, content) for offset, content in pieces if content]
    if not filled:
        return True
    span = max(offset + len(content) for offset, content in filled) - min(offset for offset, _ in filled)
    return span < ALWAYS_MAPPED or span < 2 * sum(len(content) for _, content in filled)


def sort_pieces(unsorted: Iterable[Piece]) -> list[Piece]:
    """Returns the pieces that are not empty, by address. Raises BadComponent if they overlap."""
    pieces = sorted(piece for piece in unsorted if piece[1])
    for (offset, content), (after, _) in pairwise(pieces):
        if offset + len(content) > after:
            raise BadComponent("it has data that overlap")
    return pieces


def clear(pieces: Sequence[Piece], stretches: Sequence[tuple[int, int]]) -> list[Piece]:
    """Returns the pieces with zeros in stretches of memory, each given by its first address and its end."""
    cleared = []
    for offset, content in pieces:
        changed = bytearray(content)
        for start, end in stretches:
            first, last = max(start - offset, 0), min(end - offset, len(content))
            if first < last:
                changed[first:last] = bytes(last - first)
        cleared.append((offset, bytes(changed)))
    return cleared


def without_zeros(pieces: Sequence[Piece]) -> list[Piece]:
    """Returns sorted pieces without long runs of zeros, but with as many zeros as are needed for the memory to be mapped."""
    gap = _GAP
    while not is_mapped(found := _split_at_zeros(pieces, gap)):
        gap *= 2
    return found


def _split_at_zeros(pieces: Sequence[Piece], gap: int) -> list[Piece]:
    """Returns the runs of bytes without `gap` or more zeros in a row."""
    pattern = re.compile(rb"[^\0](?:\0{0,%d}[^\0])*+" % (gap - 1), re.DOTALL)
    joined: list[tuple[int, list[bytes]]] = []
    end = -gap
    for offset, content in pieces:
        for found in pattern.finditer(content):
            start = offset + found.start()
            if start - end < gap:
                joined[-1][1].extend([bytes(start - end), found[0]])
            else:
                joined.append((start, [found[0]]))
            end = offset + found.end()
    return [(start, b"".join(parts)) for start, parts in joined]
