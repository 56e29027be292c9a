"""What a memory begins with: in few pieces without zeros, and so that wasmtime can map it instead of copying it."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.linking import read_core_half
from fanroute.wasm.flatten.module import MEMORY, Module, read_module

# Stretches of zeros as long as this are left out: the memory has them anyway. A piece costs some ten bytes.
_GAP = 256
# wasmtime maps the pages of a memory's beginning, copied only when written to, if all of it spans less than this, in bytes, or
# if more than half of what it spans is data; otherwise it copies all data for each sandbox. Source: wasmtime,
# crates/environ/src/compile/module_environ.rs, and `memory_guaranteed_dense_image_size` in crates/wasmtime/src/config.rs.
ALWAYS_MAPPED = 16 << 20

Piece = tuple[int, bytes]


def memories_are_mapped(component: bytes) -> bool:
    """Whether wasmtime maps what the memories of a component begin with. Raises BadComponent."""
    modules = [read_module(module) for module in read_core_half(component).modules]
    return all(_is_mapped_of(module) for module in modules if module.segments)


def _is_mapped_of(module: Module) -> bool:
    """Only a module's own memory is mapped, and where its offsets are known before there is an instance."""
    pieces = []
    for offset, content in module.segments:
        if len(offset) != 1 or not isinstance(offset[0], int):
            return False
        pieces.append((offset[0] % (1 << 32), content))
    return not module.imported(MEMORY) and is_mapped(pieces)


def is_mapped(pieces: Sequence[Piece]) -> bool:
    """Whether wasmtime maps a memory that begins with these pieces."""
    filled = [(offset, content) for offset, content in pieces if content]
    if not filled:
        return True
    span = max(offset + len(content) for offset, content in filled) - min(offset for offset, _ in filled)
    return span < ALWAYS_MAPPED or span < 2 * sum(len(content) for _, content in filled)


def in_order(given: Iterable[Piece]) -> list[Piece]:
    """Pieces by their places. Raises BadComponent where they lie on each other."""
    pieces = sorted(piece for piece in given if piece[1])
    for (offset, content), (after, _) in pairwise(pieces):
        if offset + len(content) > after:
            raise BadComponent("it has data that lie on each other")
    return pieces


def stretches(pieces: Sequence[Piece]) -> list[Piece]:
    """What pieces in order begin a memory with: without long stretches of zeros, but with as many as it takes to be mapped."""
    gap = _GAP
    while not is_mapped(found := _joined(pieces, gap)):
        gap *= 2
    return found


def _joined(pieces: Sequence[Piece], gap: int) -> list[Piece]:
    """The stretches that are not zero, joined where less than `gap` zeros are between them."""
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
