"""The code of functions: where it names what is beyond the function, by an index."""

import re
from collections.abc import Iterator

from fanroute.wasm.binary import BadComponent, Reader
from fanroute.wasm.flatten.module import VALUE_TYPES

CALL, CALL_INDIRECT, REF_FUNC, GLOBAL_GET, GLOBAL_SET = 0x10, 0x11, 0xD2, 0x23, 0x24
BLOCKS = (0x02, 0x03, 0x04)  # block, loop, if
TABLE_GET, TABLE_SET = 0x25, 0x26
# What begins with 0xfc, and names one table: table.grow, table.size, table.fill.
TABLE_MORE = (0xFC0F, 0xFC10, 0xFC11)
_MORE, _BR_TABLE, _SELECT, _END = 0xFC, 0x0E, 0x1C, 0x0B

# What names something: its operation, the index, a table's index where there is one, and where it begins and ends.
Use = tuple[int, int, int, int, int]

_NUMBER = rb"[\x80-\xff]*[\x00-\x7f]"
_ADDRESS = rb"[\x00-\x3f]" + _NUMBER
# As many operations as possible that stay as they are: those that name nothing beyond the function but the one memory there is.
_PLAIN = re.compile(
    b"(?:"
    + b"|".join(
        [
            rb"[\x00\x01\x05\x0b\x0f\x1a\x1b\x45-\xc4\xd1]",  # without operands
            rb"[\x0c\x0d\x20-\x22\x41\x42]" + _NUMBER,  # branches, locals, constants
            rb"\x43.{4}|\x44.{8}",  # constants
            rb"[\x28-\x3e]" + _ADDRESS,  # loads and stores
            rb"[\x02-\x04][\x40\x6f\x70\x7b-\x7f]",  # blocks with a result at most
            rb"[\x3f\x40]\x00|\xd0[\x6f\x70]",  # memory.size, memory.grow, ref.null
            rb"\xfc(?:[\x00-\x07]|\x0a\x00\x00|\x0b\x00)",  # conversions, memory.copy, memory.fill
            rb"\xfd[\x00-\x0b\x5c\x5d]" + _ADDRESS,  # of vectors: loads and stores
            rb"\xfd[\x0c\x0d].{16}|\xfd[\x15-\x22].|\xfd[\x54-\x5b]" + _ADDRESS + rb".",  # constants, lanes
            rb"\xfd(?:[\x0e-\x14\x23-\x53\x5e-\x7f]|[\x80-\xff]\x01)",  # and those without operands
        ]
    )
    + b")*+",
    re.DOTALL,
)


def uses(body: bytes) -> Iterator[Use]:
    """What a function's body names beyond the function, in order. Raises BadComponent."""
    reader = Reader(body)
    for _ in range(reader.number()):
        reader.number()
        if reader.byte() not in VALUE_TYPES:
            raise BadComponent("a function has a local of an unknown type")
    while True:
        found = _PLAIN.match(body, reader.at)
        assert found is not None  # it matches nothing, too
        start = reader.at = found.end()
        if not reader:
            break
        opcode = reader.byte()
        if opcode in (_BR_TABLE, _SELECT):
            _pass(reader, opcode)
            continue
        if opcode == _MORE:
            opcode = opcode << 8 | reader.byte()
        yield opcode, *_operands(reader, opcode), start, reader.at
    if body[-1:] != bytes([_END]):
        raise BadComponent("a function does not end as functions do")


def _pass(reader: Reader, opcode: int) -> None:
    """Pass over the labels of a br_table, or the types of a select."""
    if opcode == _SELECT:
        if not VALUE_TYPES.issuperset(reader.take(reader.number())):
            raise BadComponent("a function has a value of an unknown type")
        return
    for _ in range(reader.number() + 1):
        reader.number()


def _operands(reader: Reader, opcode: int) -> tuple[int, int]:
    """The index that an operation has, and a table's, 0 where there is none."""
    if opcode in (CALL, GLOBAL_GET, GLOBAL_SET, REF_FUNC):
        return reader.number(), 0
    if opcode == CALL_INDIRECT:
        return reader.number(), reader.number()
    if opcode in BLOCKS:
        kind = reader.signed()
        if kind < 0:
            raise BadComponent("a function has a block of an unknown type")
        return kind, 0
    if opcode in (TABLE_GET, TABLE_SET, *TABLE_MORE):
        return 0, reader.number()
    raise BadComponent(f"a function has the operation {opcode:#x}, which is not known")
