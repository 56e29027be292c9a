"""Makes the Python objects immortal that a snapshot lists, so that CPython does not count references to them.

Source: CPython 3.14, Include/refcount.h, for 32 bits. An object begins with its reference count and the address of its type.
It is immortal if the count is 2³⁰ or more.
"""

import struct
from collections.abc import Sequence

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.image import Piece
from fanroute_runtime.snapshot.immortal import MARK

# The count that CPython gives an object to make it immortal, and the least count of an immortal object.
_IMMORTAL, _LEAST_IMMORTAL = 5 << 28, 1 << 30
# More references than any object has. Such a count is free memory, which begins with the address of the next free block.
_TOO_MANY = 1 << 20
_WORD = 4


def make_immortal(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """Returns the initial contents of a memory with the objects immortal that its list names, and without that list.

    Returns the pieces unchanged if there is no list. Raises BadComponent if there are several, or if the objects are not laid out
    as in CPython 3.14.
    """
    mark = b"".join(MARK)
    lists = sum(content.count(mark) for _, content in pieces)
    if not lists:
        return pieces
    if lists > 1:
        raise BadComponent("it has more than one list of immortal objects")
    image = bytearray(max(offset + len(content) for offset, content in pieces))
    for offset, content in pieces:
        image[offset : offset + len(content)] = content
    start = image.find(mark)
    objects, end = _read_pairs(image, start + len(mark))
    instructions, end = _read_pairs(image, end)
    image[start:end] = bytes(end - start)
    _set_immortal_counts(image, objects)
    _load_without_counting(image, instructions)
    return [(0, bytes(image))]


def _read_pairs(image: bytearray, start: int) -> tuple[list[tuple[int, int]], int]:
    """Reads a list of pairs of words, which begins with the number of words. Returns the pairs and the end of the list."""
    first = start + _WORD
    count = int.from_bytes(image[start:first], "little")
    end = first + count * _WORD
    if not count or count % 2 or end > len(image):
        raise BadComponent("its list of immortal objects is cut short")
    return list(struct.iter_unpack("<II", image[first:end])), end


def _set_immortal_counts(image: bytearray, objects: list[tuple[int, int]]) -> None:
    """Gives each object, by its address and that of its type, an immortal count. The first object is None."""
    for number, (address, type_) in enumerate(objects):
        exists = address + 2 * _WORD <= len(image)
        count, found = struct.unpack_from("<II", image, address) if exists else (0, 0)
        if not number and (found != type_ or count < _LEAST_IMMORTAL):
            raise BadComponent("its None is not laid out as in CPython 3.14")
        if found == type_ and 0 < count < _TOO_MANY:
            struct.pack_into("<I", image, address, _IMMORTAL)


def _load_without_counting(image: bytearray, instructions: list[tuple[int, int]]) -> None:
    """Changes instructions that load constants to those for immortal constants, which do not count the reference."""
    for address, opcodes in instructions:
        counting, not_counting = opcodes & 0xFF, opcodes >> 8
        if image[address] == counting:
            image[address] = not_counting
