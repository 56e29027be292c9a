"""Assembles functions of WebAssembly from Python expressions.

Source: WebAssembly 2.0, chapter 5 (the binary format).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby

from fanroute.wasm import binary
from fanroute.wasm.binary import MODULE, section, signed, sized, u32, vector
from fanroute.wasm.flatten.graph import MEMORY_NAME, PYTHON
from fanroute.wasm.flatten.module import FUNCTION, MEMORY

# The value types (5.3.1).
I32, I64 = 0x7F, 0x7E

# The opcodes of operators on two i32 (5.4.6), and how far those on two i64 are from them.
_ADD, _SUB, _MUL, _DIV_S, _AND, _OR, _XOR = 0x6A, 0x6B, 0x6C, 0x6D, 0x71, 0x72, 0x73
_SHL, _SHR_S, _SHR_U, _ROTR = 0x74, 0x75, 0x76, 0x78
_I64_OPERATOR = 0x7C - _ADD
# The same for comparisons, whose result is an i32.
_EQZ, _LT_S, _GT_U = 0x45, 0x48, 0x4B
_I64_COMPARISON = 0x50 - _EQZ
_CTZ, _WRAP, _EXTEND_S = 0x68, 0xA7, 0xAC
_CONST = {I32: 0x41, I64: 0x42}
# Control (5.4.1), locals (5.4.4), and the block type of blocks without a result.
_LOOP, _IF, _END, _BR_IF, _RETURN, _CALL = 0x03, 0x04, 0x0B, 0x0D, 0x0F, 0x10
_GET, _SET = 0x20, 0x21
_EMPTY = 0x40
# Loads and stores (5.4.5), each with the logarithm of the alignment that is assumed.
_LOAD_I32, _LOAD_LIMB, _LOAD_BYTE = b"\x28\x02", b"\x34\x02", b"\x2d\x00"
_STORE_I32, _STORE_LIMB, _STORE_BYTE, _STORE_I64 = b"\x36\x02", b"\x3e\x02", b"\x3a\x00", b"\x37\x00"
_LOAD_I64 = b"\x29\x00"
_MEMORY_COPY, _MEMORY_FILL = b"\xfc\x0a\x00\x00", b"\xfc\x0b\x00"
_FUNCTION_TYPE = b"\x60"


@dataclass(frozen=True)
class Value:
    """Represents code that leaves one integer on the stack. Python's operators combine values as WebAssembly's do."""

    type: int
    code: bytes

    def __add__(self, other: "Value | int") -> "Value":
        return self._operator(_ADD, other)

    def __sub__(self, other: "Value | int") -> "Value":
        return self._operator(_SUB, other)

    def __mul__(self, other: "Value | int") -> "Value":
        return self._operator(_MUL, other)

    def __floordiv__(self, other: "Value | int") -> "Value":
        """Divides, and rounds towards zero."""
        return self._operator(_DIV_S, other)

    def __and__(self, other: "Value | int") -> "Value":
        return self._operator(_AND, other)

    def __or__(self, other: "Value | int") -> "Value":
        return self._operator(_OR, other)

    def __xor__(self, other: "Value | int") -> "Value":
        return self._operator(_XOR, other)

    def __lshift__(self, other: "Value | int") -> "Value":
        return self._operator(_SHL, other)

    def __rshift__(self, other: "Value | int") -> "Value":
        """Shifts right, and keeps the sign."""
        return self._operator(_SHR_S, other)

    def shift_right(self, bits: "Value | int") -> "Value":
        """Shifts right, and fills up with zeros."""
        return self._operator(_SHR_U, bits)

    def rotate_right(self, bits: int) -> "Value":
        return self._operator(_ROTR, bits)

    def is_zero(self) -> "Value":
        return Value(I32, self.code + bytes([_EQZ + self._wide(_I64_COMPARISON)]))

    def is_below(self, other: "Value | int") -> "Value":
        """Compares signed numbers."""
        return Value(I32, self._operator(_LT_S, other, _I64_COMPARISON).code)

    def exceeds(self, other: "Value | int") -> "Value":
        """Compares numbers without a sign."""
        return Value(I32, self._operator(_GT_U, other, _I64_COMPARISON).code)

    def trailing_zeros(self) -> "Value":
        """Counts the zeros below the lowest 1 of an i32."""
        return Value(I32, self.code + bytes([_CTZ]))

    def narrowed(self) -> "Value":
        """Converts an i64 to an i32."""
        return Value(I32, self.code + bytes([_WRAP]))

    def widened(self) -> "Value":
        """Converts an i32 to an i64, with its sign."""
        return Value(I64, self.code + bytes([_EXTEND_S]))

    def _operator(self, opcode: int, other: "Value | int", if_wide: int = _I64_OPERATOR) -> "Value":
        second = constant(other, self.type) if isinstance(other, int) else other
        return Value(self.type, self.code + second.code + bytes([opcode + self._wide(if_wide)]))

    def _wide(self, distance: int) -> int:
        return distance if self.type == I64 else 0


@dataclass(frozen=True)
class Local(Value):
    """Represents a parameter or a local of a function, as the value that it has."""

    index: int


# An address in memory: known when the module is made, or computed.
Address = Value | int


def constant(value: int, type_: int = I32) -> Value:
    return Value(type_, bytes([_CONST[type_]]) + signed(value))


def load(address: Address, offset: int = 0) -> Value:
    """Loads an i32."""
    return _load(I32, _LOAD_I32, address, offset)


def load_byte(address: Address, offset: int = 0) -> Value:
    """Loads a byte, as an i32."""
    return _load(I32, _LOAD_BYTE, address, offset)


def load_long(address: Address, offset: int = 0) -> Value:
    """Loads an i64."""
    return _load(I64, _LOAD_I64, address, offset)


def load_limb(address: Address, offset: int = 0) -> Value:
    """Loads 32 bits with a sign, as an i64."""
    return _load(I64, _LOAD_LIMB, address, offset)


def _load(type_: int, load_: bytes, address: Address, offset: int) -> Value:
    return Value(type_, _code(address) + load_ + u32(offset))


def _code(value: Value | int) -> bytes:
    return constant(value).code if isinstance(value, int) else value.code


@dataclass
class Function:
    """Represents a function that is being written. Each method appends code.

    `parameters` and `results` are value types, and `index` is that of the function in its module.
    """

    index: int
    parameters: tuple[int, ...]
    results: tuple[int, ...] = ()
    _locals: list[int] = field(default_factory=list)
    _code: bytearray = field(default_factory=bytearray)

    def parameter(self, index: int) -> Local:
        return Local(self.parameters[index], bytes([_GET]) + u32(index), index)

    def local(self, value: Value) -> Local:
        """Adds a local that begins with a value."""
        index = len(self.parameters) + len(self._locals)
        self._locals.append(value.type)
        local = Local(value.type, bytes([_GET]) + u32(index), index)
        self.set(local, value)
        return local

    def set(self, local: Local, value: Value) -> None:
        self._code += value.code + bytes([_SET]) + u32(local.index)

    def store(self, address: Address, value: Value | int, offset: int = 0) -> None:
        """Stores an i32."""
        self._code += _code(address) + _code(value) + _STORE_I32 + u32(offset)

    def store_limb(self, address: Address, value: Value, offset: int = 0) -> None:
        """Stores the low 32 bits of an i64."""
        self._code += _code(address) + value.code + _STORE_LIMB + u32(offset)

    def store_byte(self, address: Address, value: Value | int, offset: int = 0) -> None:
        """Stores the low 8 bits of an i32."""
        self._code += _code(address) + _code(value) + _STORE_BYTE + u32(offset)

    def store_long(self, address: Address, value: Value, offset: int = 0) -> None:
        """Stores an i64."""
        self._code += _code(address) + value.code + _STORE_I64 + u32(offset)

    def copy(self, target: Address, source: Address, size: Value | int) -> None:
        """Copies bytes in memory."""
        self._code += _code(target) + _code(source) + _code(size) + _MEMORY_COPY

    def fill(self, target: Address, byte: int, size: int) -> None:
        """Sets some bytes in memory."""
        self._code += _code(target) + constant(byte).code + constant(size).code + _MEMORY_FILL

    def call(self, function: "Function", *arguments: Address) -> None:
        """Calls a function without a result."""
        assert not function.results
        self._code += result_of(function, *arguments).code

    def give(self, value: Value | int) -> None:
        """Returns a result."""
        self._code += _code(value) + bytes([_RETURN])

    def give_if(self, condition: Value, value: Value | int) -> None:
        """Returns a result if an i32 is not 0."""
        with self.when(condition):
            self.give(value)

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        """Runs the code of the context only if an i32 is not 0."""
        self._code += condition.code + bytes([_IF, _EMPTY])
        yield
        self._code.append(_END)

    @contextmanager
    def count_down(self, count: Value | int) -> Iterator[Local]:
        """Repeats the code of the context, at least once. The context gets a local that counts from `count - 1` to 0."""
        left = self.local(constant(count) if isinstance(count, int) else count)
        self._code += bytes([_LOOP, _EMPTY])
        self.set(left, left - 1)
        yield left
        self._code += left.code + bytes([_BR_IF, 0, _END])

    @contextmanager
    def repeat_while(self, condition: Value) -> Iterator[None]:
        """Repeats the code of the context as long as an i32 is not 0."""
        with self.when(condition), self.repeat_until(condition.is_zero()):
            yield

    @contextmanager
    def repeat_until(self, condition: Value) -> Iterator[None]:
        """Repeats the code of the context, at least once, until an i32 is not 0."""
        self._code += bytes([_LOOP, _EMPTY])
        yield
        self._code += condition.is_zero().code + bytes([_BR_IF, 0, _END])

    def type(self) -> bytes:
        """Returns the encoded type (5.3.6)."""
        return _FUNCTION_TYPE + sized(bytes(self.parameters)) + sized(bytes(self.results))

    def body(self) -> bytes:
        """Returns the encoded locals and code (5.5.13)."""
        groups = [u32(len(list(group))) + bytes([type_]) for type_, group in groupby(self._locals)]
        return vector(groups) + bytes(self._code) + bytes([_END])


def result_of(function: Function, *arguments: Address) -> Value:
    """Calls a function and takes its result."""
    code = b"".join(map(_code, arguments)) + bytes([_CALL]) + u32(function.index)
    return Value(function.results[0] if function.results else I32, code)


@dataclass
class Memory:
    """Gives out memory from an address on, and keeps what it contains at the beginning."""

    end: int
    _contents: list[tuple[int, bytes]] = field(default_factory=list)

    def reserve(self, size: int) -> int:
        """Returns the address of memory that begins as zeros, for `size` bytes."""
        address = self.end
        self.end += -(-size // 8) * 8
        return address

    def place(self, content: bytes) -> int:
        """Returns the address of memory that begins with a content."""
        address = self.reserve(len(content))
        self._contents.append((address, content))
        return address

    def segments(self) -> list[bytes]:
        """Returns the encoded data segments (5.5.14)."""
        return [b"\0" + constant(address).code + bytes([_END]) + sized(content) for address, content in self._contents]


class Program:
    """Represents a core module that is being written. It imports its memory, and exports all its functions."""

    def __init__(self) -> None:
        self._imports: dict[tuple[str, str], Function] = {}
        self._functions: dict[str, Function] = {}

    def imported(self, module: str, name: str, parameters: Sequence[int], results: Sequence[int] = ()) -> Function:
        """Imports a function. All imports come before the first function of the module's own, as their indices do."""
        assert not self._functions
        self._imports[module, name] = function = Function(len(self._imports), tuple(parameters), tuple(results))
        return function

    def function(self, name: str, parameters: Sequence[int], results: Sequence[int] = ()) -> Function:
        """Adds a function, whose code is written next."""
        assert name not in self._functions
        index = len(self._imports) + len(self._functions)
        self._functions[name] = function = Function(index, tuple(parameters), tuple(results))
        return function

    def encode(self, memory: Memory) -> bytes:
        """Returns the module."""
        functions = self._functions.values()
        types = list(dict.fromkeys(function.type() for function in (*self._imports.values(), *functions)))
        imports = [
            binary.name(module) + binary.name(name) + bytes([FUNCTION]) + u32(types.index(function.type()))
            for (module, name), function in self._imports.items()
        ]
        # By section id: types, imports, functions, exports, code, data.
        contents = {
            1: types,
            2: [binary.name(PYTHON) + binary.name(MEMORY_NAME) + bytes([MEMORY, 0]) + u32(0), *imports],
            3: [u32(types.index(function.type())) for function in functions],
            7: [binary.name(name) + bytes([FUNCTION]) + u32(function.index) for name, function in self._functions.items()],
            10: [sized(function.body()) for function in functions],
            11: memory.segments(),
        }
        return MODULE + b"".join(section(id_, vector(items)) for id_, items in contents.items())
