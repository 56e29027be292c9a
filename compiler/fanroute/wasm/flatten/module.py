"""A core module, read as far as joining it to others needs it. What it has beyond WebAssembly 2.0's common parts is refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from fanroute.wasm.binary import MODULE, BadComponent, Reader, sections

# Kinds of what modules import and export, by the format's numbers.
FUNCTION, TABLE, MEMORY, GLOBAL = KINDS = range(4)

# The types of values: i32, i64, f32, f64, v128, funcref, externref.
VALUE_TYPES = frozenset(b"\x7f\x7e\x7d\x7c\x7b\x70\x6f")
FUNCREF = 0x70
_FUNCTION_TYPE = 0x60
# Sections, by the format's numbers.
CUSTOM, START, DATA_COUNT = 0, 8, 12


class Read(NamedTuple):
    """The value of a global, by its index, in a constant expression."""

    of: int


class Operator(NamedTuple):
    """What is done with the two values before, in a constant expression."""

    opcode: int


# An `int` is an i32; `bytes` are another constant, as it is encoded.
Expression = tuple[int | bytes | Read | Operator, ...]


class Import(NamedTuple):
    """What a module imports: from where, what kind, and its type: a function's number, or as it is encoded."""

    module: str
    name: str
    kind: int
    type: int | bytes


class Global(NamedTuple):
    """A global: its type as it is encoded, with whether it may change, and its first value."""

    type: bytes
    value: Expression


class Elements(NamedTuple):
    """Functions that a table gets from `offset` on."""

    table: int
    offset: Expression
    functions: list[int]


class Segment(NamedTuple):
    """Bytes that the memory gets from `offset` on."""

    offset: Expression
    content: bytes


@dataclass(slots=True)
class Module:
    """A core module. Types, tables and memories are as they are encoded; indices are the module's own, imports first.

    `functions` are the numbers of their types, and `bodies` their code, without its size.
    """

    types: list[bytes] = field(default_factory=list)
    imports: list[Import] = field(default_factory=list)
    functions: list[int] = field(default_factory=list)
    tables: list[bytes] = field(default_factory=list)
    memories: list[bytes] = field(default_factory=list)
    globals: list[Global] = field(default_factory=list)
    exports: dict[str, tuple[int, int]] = field(default_factory=dict)
    elements: list[Elements] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)

    def imported(self, kind: int) -> list[Import]:
        """What it imports of one kind, in the order of their indices."""
        return [one for one in self.imports if one.kind == kind]

    def owned(self, kind: int) -> int:
        """How many of a kind it has itself."""
        return len((self.functions, self.tables, self.memories, self.globals)[kind])


def read_module(data: bytes) -> Module:
    """A core module. Raises BadComponent."""
    module = Module()
    for kind, content in sections(data, MODULE):
        if kind in (CUSTOM, DATA_COUNT):
            continue
        if kind == START:
            raise BadComponent("a core module has a start function")
        if kind not in _READ:
            raise BadComponent(f"a core module has a section {kind}")
        reader = Reader(content)
        for _ in range(reader.number()):
            _READ[kind](module, reader)
        if reader:
            raise BadComponent(f"section {kind} of a core module does not add up")
    if len(module.functions) != len(module.bodies):
        raise BadComponent("a core module has not as many bodies as functions")
    return module


def _type(module: Module, reader: Reader) -> None:
    start = reader.at
    if reader.byte() != _FUNCTION_TYPE:
        raise BadComponent("a core module has a type that is no function's")
    for _ in ("parameters", "results"):
        if not VALUE_TYPES.issuperset(reader.take(reader.number())):
            raise BadComponent("a core module has an unknown type of value")
    module.types.append(reader.since(start))


def _import(module: Module, reader: Reader) -> None:
    source, name, kind = reader.name(), reader.name(), reader.byte()
    if kind not in KINDS:
        raise BadComponent(f"a core module imports something of kind {kind}")
    described = reader.number() if kind == FUNCTION else _DESCRIPTIONS[kind](reader)
    module.imports.append(Import(source, name, kind, described))


def _table_type(reader: Reader) -> bytes:
    start = reader.at
    if reader.byte() != FUNCREF:
        raise BadComponent("a core module has a table of something else than functions")
    return reader.data[start : start + 1] + _limits(reader)


def _limits(reader: Reader) -> bytes:
    """How small and how large a table or memory may be, as it is encoded."""
    start = reader.at
    flags = reader.byte()
    if flags not in (0, 1):
        raise BadComponent("a core module has a shared or 64-bit table or memory")
    for _ in range(1 + flags):
        reader.number()
    return reader.since(start)


def _global_type(reader: Reader) -> bytes:
    described = reader.take(2)
    if described[0] not in VALUE_TYPES or described[1] not in (0, 1):
        raise BadComponent("a core module has an unknown type of global")
    return described


def _export(module: Module, reader: Reader) -> None:
    name = reader.name()
    if name in module.exports:
        raise BadComponent(f"a core module exports {name} twice")
    module.exports[name] = reader.byte(), reader.number()


def _elements(module: Module, reader: Reader) -> None:
    form = reader.number()
    if form not in (0, 2):
        raise BadComponent(f"a core module has elements of form {form}")
    table = reader.number() if form else 0
    offset = expression(reader)
    if form and reader.byte() != 0:
        raise BadComponent("a core module has elements that are no functions")
    module.elements.append(Elements(table, offset, [reader.number() for _ in range(reader.number())]))


def _segment(module: Module, reader: Reader) -> None:
    if reader.number() != 0:
        raise BadComponent("a core module has data that are not put into its memory at once")
    module.segments.append(Segment(expression(reader), reader.take(reader.number())))


def expression(reader: Reader) -> Expression:
    """A constant expression. Raises BadComponent."""
    terms: list[int | bytes | Read | Operator] = []
    while True:
        start, opcode = reader.at, reader.byte()
        match opcode:
            case 0x0B:
                return tuple(terms)
            case 0x41:
                terms.append(reader.signed())
            case 0x23:
                terms.append(Read(reader.number()))
            case 0x42 | 0x43 | 0x44:
                _CONSTANTS[opcode](reader)
                terms.append(reader.since(start))
            case 0x6A | 0x6B | 0x6C:
                terms.append(Operator(opcode))
            case _:
                raise BadComponent(f"a constant expression has the operation {opcode:#x}")


_DESCRIPTIONS: dict[int, Callable[[Reader], bytes]] = {TABLE: _table_type, MEMORY: _limits, GLOBAL: _global_type}
# How many bytes the constants that stay as they are have: i64's, f32's, f64's.
_CONSTANTS: dict[int, Callable[[Reader], object]] = {
    0x42: lambda reader: reader.signed(64),
    0x43: lambda reader: reader.take(4),
    0x44: lambda reader: reader.take(8),
}
# What reads an entry of each section that modules may have.
_READ: dict[int, Callable[[Module, Reader], None]] = {
    1: _type,
    2: _import,
    3: lambda module, reader: module.functions.append(reader.number()),
    4: lambda module, reader: module.tables.append(_table_type(reader)),
    5: lambda module, reader: module.memories.append(_limits(reader)),
    6: lambda module, reader: module.globals.append(Global(_global_type(reader), expression(reader))),
    7: _export,
    9: _elements,
    10: lambda module, reader: module.bodies.append(reader.take(reader.number())),
    11: _segment,
}
