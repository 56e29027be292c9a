"""Objects of Python's that last as long as the memory: no references to them are counted.

Source: CPython 3.14, Include/refcount.h, for 32 bits: an object begins with its reference count and the address of its type, and
is immortal with a count of 2³⁰ or more.
"""

import struct
from collections.abc import Sequence

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.image import Piece
from fanroute_runtime.lasting import MARK

# What CPython gives an object that becomes immortal, and from where on it takes one for that.
_IMMORTAL, _LEAST_IMMORTAL = 5 << 28, 1 << 30
# No object has as many references: where so many seem to be, there is none, but what is free and points to the next that is.
_TOO_MANY = 1 << 20
_WORD = 4


def without_counts(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """What a memory begins with, with the objects immortal that are listed there, and without the list.

    Raises BadComponent where it is not clear which list it is, or what is listed are not the objects of a CPython that we know.
    """
    mark = b"".join(MARK)
    lists = sum(content.count(mark) for _, content in pieces)
    if not lists:
        return pieces
    if lists > 1:
        raise BadComponent("it has more than one list of what lasts")
    image = bytearray(max(offset + len(content) for offset, content in pieces))
    for offset, content in pieces:
        image[offset : offset + len(content)] = content
    start = image.find(mark)
    objects, end = _pairs(image, start + len(mark))
    loading, end = _pairs(image, end)
    image[start:end] = bytes(end - start)
    _make_immortal(image, objects)
    _load_without_counting(image, loading)
    return [(0, bytes(image))]


def _pairs(image: bytearray, start: int) -> tuple[list[tuple[int, int]], int]:
    """A list's pairs of words, after how many words these are, and where it ends."""
    first = start + _WORD
    count = int.from_bytes(image[start:first], "little")
    end = first + count * _WORD
    if not count or count % 2 or end > len(image):
        raise BadComponent("its list of what lasts is cut short")
    return list(struct.iter_unpack("<II", image[first:end])), end


def _make_immortal(image: bytearray, objects: list[tuple[int, int]]) -> None:
    for number, (address, type_) in enumerate(objects):
        there = address + 2 * _WORD <= len(image)
        count, found = struct.unpack_from("<II", image, address) if there else (0, 0)
        if not number and (found != type_ or count < _LEAST_IMMORTAL):
            raise BadComponent("its None is not as in CPython 3.14")
        if found == type_ and 0 < count < _TOO_MANY:
            struct.pack_into("<I", image, address, _IMMORTAL)


def _load_without_counting(image: bytearray, instructions: list[tuple[int, int]]) -> None:
    """Have constants loaded as immortal ones, which these are now: otherwise their references are counted all the same."""
    for address, opcodes in instructions:
        counting, not_counting = opcodes & 0xFF, opcodes >> 8
        if image[address] == counting:
            image[address] = not_counting
