"""Tests making objects in a memory immortal: those of its list that are still what they were."""

import struct

import pytest

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.immortal import make_immortal
from fanroute_runtime.snapshot.immortal import MARK

NONE, TYPE, IMMORTAL = 0x100, 0x40, 0x5000_0000
# Objects by address, as reference count and type: None, ones that may become immortal or are, and freed ones.
OBJECTS = {
    NONE: (7 << 28, TYPE),
    0x110: (1, TYPE),
    0x118: (1 << 30, TYPE),
    0x120: (0, TYPE),
    0x128: (1 << 20, TYPE),
    0x130: (3, 9),
}


# Instructions that load a constant with and without counting the reference, and the addresses of two, one of which has changed.
COUNTING, NOT_COUNTING = 80, 81
INSTRUCTION, OTHER = 0x138, 0x13A


def memory(addresses: list[int], objects: dict[int, tuple[int, int]] = OBJECTS) -> list[tuple[int, bytes]]:
    """Returns the pieces of a memory with objects, a list of addresses with the type of each, and a list of instructions."""
    words = [word for address in addresses for word in (address, TYPE)]
    loading = [word for address in (INSTRUCTION, OTHER) for word in (address, COUNTING | NOT_COUNTING << 8)]
    listed = b"".join(MARK) + struct.pack(f"<I{len(words)}I", len(words), *words)
    listed += struct.pack(f"<I{len(loading)}I", len(loading), *loading)
    return [
        *((address, struct.pack("<II", *header)) for address, header in objects.items()),
        (INSTRUCTION, bytes([COUNTING, 3, NOT_COUNTING - 2, 4])),
        (0x200, listed),
    ]


def counts(pieces: list[tuple[int, bytes]]) -> list[int]:
    ((offset, image),) = make_immortal(pieces)
    assert (offset, image[0x200:].strip(b"\0")) == (0, b"")
    return [struct.unpack_from("<I", image, address)[0] for address in OBJECTS]


def test_what_is_listed_is_immortal() -> None:
    assert counts(memory([*OBJECTS, 0x1_0000])) == [7 << 28, IMMORTAL, 1 << 30, 0, 1 << 20, 3]


def test_constants_are_loaded_without_counting() -> None:
    """Only instructions that are still there change, and they keep their operands."""
    ((_, image),) = make_immortal(memory([NONE]))
    assert image[INSTRUCTION : INSTRUCTION + 4] == bytes([NOT_COUNTING, 3, NOT_COUNTING - 2, 4])


def test_what_is_not_listed_is_as_it_was() -> None:
    assert counts(memory([NONE])) == [count for count, _ in OBJECTS.values()]


def test_without_a_list() -> None:
    pieces = memory([])[:-1]
    assert make_immortal(pieces) == pieces


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ([*memory([NONE]), (0x400, b"".join(MARK))], "it has more than one list of immortal objects"),
        ([*memory([NONE])[:-1], (0x200, memory([NONE])[-1][1][:-1])], "its list of immortal objects is cut short"),
        ([*memory([])[:-1], (0x200, b"".join(MARK) + b"\x01\0\0\0abcd")], "its list of immortal objects is cut short"),
        ([*memory([])[:-1], (0x200, b"".join(MARK))], "its list of immortal objects is cut short"),
        (memory([NONE], {NONE: (1, TYPE)}), "its None is not laid out as in CPython 3.14"),
        (memory([NONE], {NONE: (7 << 28, 9)}), "its None is not laid out as in CPython 3.14"),
    ],
)
def test_what_is_not_known_is_refused(pieces: list[tuple[int, bytes]], why: str) -> None:
    with pytest.raises(BadComponent) as caught:
        make_immortal(pieces)
    assert str(caught.value) == why
