"""Splits flattening in two: a base, which is made once for many contents of its memory, and what is made for each of them.

A base has all functions of a component. Its exports say where the native module's functions begin, which come last. They are
replaced when the base gets its final memory, because they contain addresses behind that memory.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from fanroute.wasm import binary
from fanroute.wasm.binary import MODULE, BadComponent, section, sections, signed, sized, u32, vector
from fanroute.wasm.flatten.code import CALL, I32_CONST, indexed_instructions
from fanroute.wasm.flatten.graph import PYTHON, Graph, NodeExport, read_graph
from fanroute.wasm.flatten.image import Piece
from fanroute.wasm.flatten.immortal import make_immortal
from fanroute.wasm.flatten.joining import FIRST_NATIVE, GLOBALS, data_segments, join_unfinished
from fanroute.wasm.flatten.module import FUNCTION, DataSegment, Import, Module, read_module
from fanroute.wasm.flatten.native import PAGE, Native, add_native

# What the names of a base's further exports begin with: a function that the component exported, a function of the native module,
# and one of these that the component calls.
_PYTHON, _NATIVE, _CALLED = "python ", "native ", "called "
_FURTHER = (_PYTHON, _NATIVE, _CALLED, FIRST_NATIVE, GLOBALS)
_DATA_SECTION = 11
# By value type (5.3.1): the opcode of a constant. The globals of a component are integers.
_CONST = {0x7F: b"\x41", 0x7E: b"\x42"}
_END = b"\x0b"


def make_base(component: bytes, unused: Collection[str], native: Native) -> bytes:
    """Returns the base of a component, a core module whose memory is that of the component.

    Args:
        component: has one memory and no start functions. It imports functions of the native module.
        unused: the names of exported functions that are not needed.
        native: the native module, for any memory.

    Raises:
        BadComponent: if the component is not of that kind.
    """
    try:
        graph = read_graph(component, unused)
        linked = add_native(graph, native._replace(write=lambda base: (_without_data(native.write(base)[0]), base)))
        if len(linked.nodes) == len(graph.nodes):
            raise BadComponent("it does not import the native module")
        exports = linked.exports | {f"{_PYTHON}{name}": export for name, export in graph.exports.items()}
        return join_unfinished(replace(linked, exports=exports | dict(_native_exports(linked))))
    except (IndexError, KeyError) as error:
        raise BadComponent("it refers to something that does not exist") from error


def python_export(name: str) -> str:
    """Returns the name under which a base exports what its component exported."""
    return f"{_PYTHON}{name}"


def finish(base: bytes, native: Native, memory: bytes, values: Sequence[int]) -> bytes:
    """Returns the flattened core module of a base with other contents of its memory. Raises BadComponent.

    Args:
        base: the base.
        native: the native module. It exports and imports the same as that of the base, but may have more functions.
        memory: the contents of the whole memory, whose objects are made immortal.
        values: the values of the base's globals.
    """
    try:
        return _Finisher(base, native, len(memory)).module(memory, values)
    except (IndexError, KeyError) as error:
        raise BadComponent("its native module does not fit") from error


def _without_data(module: bytes) -> bytes:
    return MODULE + b"".join(section(id_, contents) for id_, contents in sections(module, MODULE) if id_ != _DATA_SECTION)


def _native_exports(graph: Graph) -> Iterator[tuple[str, tuple[int, NodeExport]]]:
    """Yields exports for all functions of the native module, the last node, and for those that the others import."""
    last = len(graph.nodes) - 1
    for name in graph.nodes[last].module.exports:
        yield f"{_NATIVE}{name}", (FUNCTION, NodeExport(last, name))
    for node in graph.nodes[:last]:
        for provider in node.providers:
            if isinstance(provider, NodeExport) and provider.node == last:
                yield f"{_CALLED}{provider.name}", (FUNCTION, provider)


class _Finisher:
    """Replaces the native module of a base by one for a memory of this size. Raises BadComponent, IndexError and KeyError."""

    def __init__(self, base: bytes, native: Native, memory_size: int) -> None:
        self._sections = dict(sections(base, MODULE))
        self._base = read_module(base)
        encoded, self._end_of_memory = native.write(memory_size)
        self._native = read_module(encoded)
        self._first = self._base.exports[FIRST_NATIVE][1]
        # How many of the base's own functions stay.
        self._kept = self._first - len(self._base.imports)
        # For each function that the native module imports or has, its index in the new module.
        self._new_index: list[int] = [*self._imported(), *range(self._first, self._first + len(self._native.functions))]
        for name, (_, index) in self._base.exports.items():
            if name.startswith(_CALLED) and self._index_of(name.removeprefix(_CALLED)) != index:
                raise BadComponent("its native module has other functions than that of the base")

    def module(self, memory: bytes, values: Sequence[int]) -> bytes:
        base, native = self._base, self._native
        types = list(dict.fromkeys([*base.types, *native.types]))
        # By section id: types, functions, memories, globals, exports, code, data. The others stay.
        contents = self._sections | {
            1: vector(types),
            3: vector(
                [
                    *map(u32, base.functions[: self._kept]),
                    *(u32(types.index(native.types[type_])) for type_ in native.functions),
                ]
            ),
            5: vector([b"\0" + u32(-(-self._end_of_memory // PAGE))]),
            6: vector(_global(each.type, value) for each, value in zip(base.globals, values, strict=True)),
            7: vector(self._exports()),
            10: vector(map(sized, [*base.bodies[: self._kept], *map(self._body, native.bodies)])),
            11: vector(data_segments(make_immortal([(0, memory), *map(_piece, native.data_segments)]))),
        }
        return MODULE + b"".join(section(id_, contents[id_]) for id_ in self._sections)

    def _imported(self) -> Iterator[int]:
        """Yields the index of each function that the native module imports. Raises BadComponent if it has another type."""
        of_host = {(each.module, each.name): index for index, each in enumerate(self._base.imports)}
        for each in self._native.imported(FUNCTION):
            python = each.module == PYTHON
            index = self._base.exports[python_export(each.name)][1] if python else of_host[each.module, each.name]
            if _type_of(self._base, index) != self._native.types[_number(each)]:
                raise BadComponent(f"its native module imports {each.name} with another type")
            yield index

    def _index_of(self, name: str) -> int:
        """Returns the new index of a function that the native module exports."""
        return self._new_index[self._native.exports[name][1]]

    def _exports(self) -> Iterator[bytes]:
        """Yields the encoded exports that are not for the build only."""
        for name, (kind, index) in self._base.exports.items():
            if not name.startswith(_FURTHER):
                is_native = kind == FUNCTION and index >= self._first
                yield binary.name(name) + bytes([kind]) + u32(self._index_of(name) if is_native else index)

    def _body(self, body: bytes) -> bytes:
        """Returns the code of a native function with the new indices of what it calls."""
        encoded, done = [], 0
        for opcode, index, _, start, end in indexed_instructions(body):
            if opcode == I32_CONST:
                continue
            if opcode != CALL:
                raise BadComponent(f"its native module has the instruction {opcode:#x}")
            encoded += [body[done:start], bytes([CALL]), u32(self._new_index[index])]
            done = end
        return b"".join([*encoded, body[done:]])


def _global(type_: bytes, value: int) -> bytes:
    return type_ + _CONST[type_[0]] + signed(value) + _END


def _type_of(module: Module, index: int) -> bytes:
    """Returns the type of a function, by its index."""
    imports = len(module.imports)
    return module.types[_number(module.imports[index]) if index < imports else module.functions[index - imports]]


def _number(imported: Import) -> int:
    """Returns the number of an imported function's type."""
    assert isinstance(imported.type, int)
    return imported.type


def _piece(segment: DataSegment) -> Piece:
    """Returns a segment of the native module, whose address is a constant."""
    (address,) = segment.offset
    assert isinstance(address, int)
    return address, segment.content
