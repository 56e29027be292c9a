"""Reads a core module, and refuses features that flattening does not support. Source: WebAssembly 2.0, 5.5 (modules)."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from fanroute.wasm.binary import MODULE, BadComponent, Reader, sections

# The kinds of imports and exports, by their numbers in the format (5.5.5, 5.5.10).
FUNCTION, TABLE, MEMORY, GLOBAL = KINDS = range(4)

# The value types (5.3.4): i32, i64, f32, f64, v128, funcref, externref.
VALUE_TYPES = frozenset(b"\x7f\x7e\x7d\x7c\x7b\x70\x6f")
FUNCREF = 0x70
_FUNCTION_TYPE = 0x60
# The ids of sections that are not read (5.5.2).
CUSTOM, START, DATA_COUNT = 0, 8, 12


class GlobalGet(NamedTuple):
    """Represents `global.get` in a constant expression, with the index of the global."""

    global_index: int


class Operator(NamedTuple):
    """Represents an operator on two i32 in a constant expression, such as i32.add."""

    opcode: int


# A constant expression: an `int` is an i32.const, and `bytes` are another constant instruction, encoded.
Expression = tuple[int | bytes | GlobalGet | Operator, ...]


class Import(NamedTuple):
    """Represents an import (5.5.5). `type` is the index of a function's type, or the encoded type of anything else."""

    module: str
    name: str
    kind: int
    type: int | bytes


class Global(NamedTuple):
    """Represents a global (5.5.9): its encoded type, which includes its mutability, and its initial value."""

    type: bytes
    value: Expression


class ElementSegment(NamedTuple):
    """Represents an active element segment (5.5.12): the functions that a table gets, beginning at `offset`."""

    table: int
    offset: Expression
    functions: list[int]


class DataSegment(NamedTuple):
    """Represents an active data segment (5.5.14): the bytes that the memory gets, beginning at `offset`."""

    offset: Expression
    content: bytes


@dataclass(slots=True)
class Module:
    """Represents a core module.

    Types, tables and memories are encoded. Indices are those of the module's index spaces, in which imports come first (2.5.1).
    `functions` has the index of each function's type, and `bodies` its locals and its code.
    """

    types: list[bytes] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tables: list[bytes] = field(default_factory=list)
    memories: list[bytes] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: dict[str, tuple[int, int]] = field(default_factory=dict)
    element_segments: list[ElementSegment] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    data_segments: list[DataSegment] = field(default_factory=list)

    def imported(self, kind: int) -> list[Import]:
        """Returns the imports of one kind, in the order of their indices."""
        return [one for one in self.imports if one.kind == kind]

    def defined_count(self, kind: int) -> int:
        """Returns how many functions, tables, memories or globals the module itself defines."""
        return len((self.functions, self.tables, self.memories, self.globals)[kind])


def read_module(data: bytes) -> Module:
    """Reads a core module. Raises BadComponent."""
    module = Module()
    for id_, contents in sections(data, MODULE):
        if id_ in (CUSTOM, DATA_COUNT):
            continue
        if id_ == START:
            raise BadComponent("a core module has a start function")
        if id_ not in _READ:
            raise BadComponent(f"a core module has section {id_}, which is not supported")
        reader = Reader(contents)
        for _ in range(reader.u32()):
            _READ[id_](module, reader)
        if reader:
            raise BadComponent(f"section {id_} of a core module is longer than its contents")
    if len(module.functions) != len(module.bodies):
        raise BadComponent("a core module does not have one body for each function")
    return module


def _type(module: Module, reader: Reader) -> None:
    start = reader.at
    if reader.byte() != _FUNCTION_TYPE:
        raise BadComponent("a core module has a type that is not a function type")
    for _ in ("parameters", "results"):
        if not VALUE_TYPES.issuperset(reader.take(reader.u32())):
            raise BadComponent("a core module has an unknown value type")
    module.types.append(reader.since(start))


def _import(module: Module, reader: Reader) -> None:
    source, name, kind = reader.name(), reader.name(), reader.byte()
    if kind not in KINDS:
        raise BadComponent(f"a core module has an import of the unknown kind {kind}")
    type_ = reader.u32() if kind == FUNCTION else _TYPE_READERS[kind](reader)
    module.imports.append(Import(source, name, kind, type_))


def _table_type(reader: Reader) -> bytes:
    start = reader.at
    if reader.byte() != FUNCREF:
        raise BadComponent("a core module has a table whose elements are not of type funcref")
    return reader.data[start : start + 1] + _limits(reader)


def _limits(reader: Reader) -> bytes:
    """Reads the limits of a table or memory (5.3.7), and returns them encoded."""
    start = reader.at
    flags = reader.byte()
    if flags not in (0, 1):
        raise BadComponent("a core module has a shared or 64-bit table or memory")
    for _ in range(1 + flags):
        reader.u32()
    return reader.since(start)


def _global_type(reader: Reader) -> bytes:
    type_ = reader.take(2)
    if type_[0] not in VALUE_TYPES or type_[1] not in (0, 1):
        raise BadComponent("a core module has an unknown global type")
    return type_


def _export(module: Module, reader: Reader) -> None:
    name = reader.name()
    if name in module.exports:
        raise BadComponent(f"a core module exports {name} twice")
    module.exports[name] = reader.byte(), reader.u32()


def _element_segment(module: Module, reader: Reader) -> None:
    form = reader.u32()
    if form not in (0, 2):
        raise BadComponent(f"a core module has an element segment of the unsupported form {form}")
    table = reader.u32() if form else 0
    offset = read_expression(reader)
    if form and reader.byte() != 0:
        raise BadComponent("a core module has an element segment of something other than functions")
    module.element_segments.append(ElementSegment(table, offset, [reader.u32() for _ in range(reader.u32())]))


def _data_segment(module: Module, reader: Reader) -> None:
    if reader.u32() != 0:
        raise BadComponent("a core module has a data segment that is not active, or for another memory")
    module.data_segments.append(DataSegment(read_expression(reader), reader.take(reader.u32())))


def read_expression(reader: Reader) -> Expression:
    """Reads a constant expression (3.3.10, with the i32 operators of WebAssembly 3.0). Raises BadComponent."""
    instructions: list[int | bytes | GlobalGet | Operator] = []
    while True:
        start, opcode = reader.at, reader.byte()
        match opcode:
            case 0x0B:
                return tuple(instructions)
            case 0x41:
                instructions.append(reader.signed())
            case 0x23:
                instructions.append(GlobalGet(reader.u32()))
            case 0x42 | 0x43 | 0x44:
                _CONSTANTS[opcode](reader)
                instructions.append(reader.since(start))
            case 0x6A | 0x6B | 0x6C:
                instructions.append(Operator(opcode))
            case _:
                raise BadComponent(f"a constant expression has the unsupported instruction {opcode:#x}")


_TYPE_READERS: dict[int, Callable[[Reader], bytes]] = {TABLE: _table_type, MEMORY: _limits, GLOBAL: _global_type}
# Reads the immediate of i64.const, f32.const and f64.const.
_CONSTANTS: dict[int, Callable[[Reader], object]] = {
    0x42: lambda reader: reader.signed(64),
    0x43: lambda reader: reader.take(4),
    0x44: lambda reader: reader.take(8),
}
# Reads one entry of each section that modules may have, by the section's id.
_READ: dict[int, Callable[[Module, Reader], None]] = {
    1: _type,
    2: _import,
    3: lambda module, reader: module.functions.append(reader.u32()),
    4: lambda module, reader: module.tables.append(_table_type(reader)),
    5: lambda module, reader: module.memories.append(_limits(reader)),
    6: lambda module, reader: module.globals.append(Global(_global_type(reader), read_expression(reader))),
    7: _export,
    9: _element_segment,
    10: lambda module, reader: module.bodies.append(reader.take(reader.u32())),
    11: _data_segment,
}
