"""Finds the instructions of a function that refer to something outside it by an index or by a relocated constant.

Sources: WebAssembly 2.0, 5.4 (instructions) and 5.5.13 (code section); the tool conventions' Linking.md (relocations).
"""

import re
from collections.abc import Iterator

from fanroute.wasm.binary import BadComponent, Reader
from fanroute.wasm.flatten.module import VALUE_TYPES

CALL, CALL_INDIRECT, REF_FUNC, GLOBAL_GET, GLOBAL_SET = 0x10, 0x11, 0xD2, 0x23, 0x24
I32_CONST = 0x41
BLOCKS = (0x02, 0x03, 0x04)  # block, loop, if
TABLE_GET, TABLE_SET = 0x25, 0x26
# Instructions with the prefix 0xfc that refer to one table: table.grow, table.size, table.fill.
TABLE_PREFIXED = (0xFC0F, 0xFC10, 0xFC11)
_PREFIX, _BR_TABLE, _SELECT, _END = 0xFC, 0x0E, 0x1C, 0x0B

# An instruction with an index: its opcode, the index, the index of a table (or 0), and where it begins and ends in the body. An
# i32.const has its value instead of the index.
IndexedInstruction = tuple[int, int, int, int, int]

_LEB128 = rb"[\x80-\xff]*[\x00-\x7f]"
_MEMORY_ARGUMENT = rb"[\x00-\x3f]" + _LEB128
# The longest run of instructions that flattening does not change: they refer to nothing outside the function but the memory.
_UNCHANGED = re.compile(
    b"(?:"
    + b"|".join(
        [
            rb"[\x00\x01\x05\x0b\x0f\x1a\x1b\x45-\xc4\xd1]",  # without immediates
            rb"[\x0c\x0d\x20-\x22\x42]" + _LEB128,  # branches, locals, constants
            rb"\x41[\x80-\xff]{0,3}[\x00-\x7f]",  # constants that are not relocated
            rb"\x43.{4}|\x44.{8}",  # constants
            rb"[\x28-\x3e]" + _MEMORY_ARGUMENT,  # loads and stores
            rb"[\x02-\x04][\x40\x6f\x70\x7b-\x7f]",  # blocks with one result or none
            rb"[\x3f\x40]\x00|\xd0[\x6f\x70]",  # memory.size, memory.grow, ref.null
            rb"\xfc(?:[\x00-\x07]|\x0a\x00\x00|\x0b\x00)",  # conversions, memory.copy, memory.fill
            rb"\xfd[\x00-\x0b\x5c\x5d]" + _MEMORY_ARGUMENT,  # vectors: loads and stores
            rb"\xfd[\x0c\x0d].{16}|\xfd[\x15-\x22].|\xfd[\x54-\x5b]" + _MEMORY_ARGUMENT + rb".",  # vectors: constants, lanes
            rb"\xfd(?:[\x0e-\x14\x23-\x53\x5e-\x7f]|[\x80-\xff]\x01)",  # vectors: without immediates
        ]
    )
    + b")*+",
    re.DOTALL,
)


def indexed_instructions(body: bytes) -> Iterator[IndexedInstruction]:
    """Yields the instructions of a function's body that refer to something by an index, in order.

    An i32.const of five bytes is yielded, too: linkers write addresses in this way. Raises BadComponent.
    """
    reader = Reader(body)
    for _ in range(reader.u32()):
        reader.u32()
        if reader.byte() not in VALUE_TYPES:
            raise BadComponent("a function has a local of an unknown type")
    while True:
        found = _UNCHANGED.match(body, reader.at)
        assert found is not None  # it can match the empty string
        start = reader.at = found.end()
        if not reader:
            break
        opcode = reader.byte()
        if opcode in (_BR_TABLE, _SELECT):
            _skip_immediates(reader, opcode)
            continue
        if opcode == _PREFIX:
            opcode = opcode << 8 | reader.byte()
        yield opcode, *_indices(reader, opcode), start, reader.at
    if body[-1:] != bytes([_END]):
        raise BadComponent("a function does not end with the instruction 'end'")


def _skip_immediates(reader: Reader, opcode: int) -> None:
    """Reads the labels of a br_table, or the types of a select."""
    if opcode == _SELECT:
        if not VALUE_TYPES.issuperset(reader.take(reader.u32())):
            raise BadComponent("a function has a value of an unknown type")
        return
    for _ in range(reader.u32() + 1):
        reader.u32()


def _indices(reader: Reader, opcode: int) -> tuple[int, int]:
    """Reads the index in an instruction, and the index of a table, or 0 if the instruction has none."""
    if opcode in (CALL, GLOBAL_GET, GLOBAL_SET, REF_FUNC):
        return reader.u32(), 0
    if opcode == CALL_INDIRECT:
        return reader.u32(), reader.u32()
    if opcode in BLOCKS:
        kind = reader.signed()
        if kind < 0:
            raise BadComponent("a function has a block of an unknown type")
        return kind, 0
    if opcode in (TABLE_GET, TABLE_SET, *TABLE_PREFIXED):
        return 0, reader.u32()
    if opcode == I32_CONST:
        return reader.signed(), 0
    raise BadComponent(f"a function has the unknown instruction {opcode:#x}")
