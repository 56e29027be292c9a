"""A component's sections, as far as one import gets another name. Source: the component model's design/mvp/Binary.md."""

from collections.abc import Iterator

from fanroute.wasm.binary import COMPONENT, BadComponent, Reader, number, section, sections, sized, vector

# WASI's clock, as the WIT has it and as hosts have it. With --stub-wasi all that is WASI's traps, and without it a component asks
# for files and sockets, which Compute does not have: so the clock gets its own name afterwards.
WALL_CLOCK = ("fastly:compute/wall-clock@0.1.0", "wasi:clocks/wall-clock@0.2.6")

_IMPORTS = 10
# How an import's name begins, plain or of an interface, and how its description does where it is an instance.
_NAMES = (0x00, 0x01)
_INSTANCE = 0x05


def rename_import(component: bytes, old: str, new: str) -> bytes:
    """The component with one import of its own under another name. Raises BadComponent unless there is one of that name."""
    found = 0
    parts = [COMPONENT]
    for kind, content in sections(component, COMPONENT):
        if kind == _IMPORTS:
            imports = list(_imports(content))
            found += sum(name == old for _, name, _ in imports)
            content = vector(
                bytes([prefix]) + sized((new if name == old else name).encode()) + bytes([_INSTANCE]) + number(index)
                for prefix, name, index in imports
            )
        parts.append(section(kind, content))
    if found != 1:
        raise BadComponent(f"it imports {old} {found} times, not once")
    return b"".join(parts)


def import_names(component: bytes) -> list[str]:
    """The names of what a component imports. Raises BadComponent."""
    found = sections(component, COMPONENT)
    return [name for kind, content in found if kind == _IMPORTS for _, name, _ in _imports(content)]


def _imports(content: bytes) -> Iterator[tuple[int, str, int]]:
    """Of each import of a section: how its name begins, the name, and the number of the instance's type."""
    reader = Reader(content)
    for _ in range(reader.number()):
        prefix = reader.byte()
        if prefix not in _NAMES:
            raise BadComponent(f"the name of an import begins with {prefix}")
        name = reader.name()
        if reader.byte() != _INSTANCE:
            raise BadComponent(f"the import {name} is no instance")
        yield prefix, name, reader.number()
    if reader:
        raise BadComponent("there is something after the imports of a section")
