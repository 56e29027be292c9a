"""Reads and renames a component's imports.

Source: the component model's design/mvp/Binary.md, "Import and Export Definitions".
"""

from collections.abc import Iterator

from fanroute.wasm.binary import COMPONENT, BadComponent, Reader, section, sections, sized, u32, vector

# The interface of WASI's clock, as the WIT names it and as hosts name it. componentize-py's option --stub-wasi makes every import
# from WASI trap. Without the option, a component imports files and sockets, which Compute does not have. So the WIT has the clock
# under another name, and the built component gets the real one.
WALL_CLOCK = ("fastly:compute/wall-clock@0.1.0", "wasi:clocks/wall-clock@0.2.6")

# The id of the import section.
_IMPORT_SECTION = 10
# The bytes before the name of an import, and the byte that says that the import is an instance.
_NAME_PREFIXES = (0x00, 0x01)
_INSTANCE = 0x05


def rename_import(component: bytes, old: str, new: str) -> bytes:
    """Returns the component with one of its imports renamed. Raises BadComponent unless exactly one import has the old name."""
    found = 0
    encoded = [COMPONENT]
    for id_, contents in sections(component, COMPONENT):
        if id_ == _IMPORT_SECTION:
            imports = list(_imports(contents))
            found += sum(name == old for _, name, _ in imports)
            contents = vector(
                bytes([prefix]) + sized((new if name == old else name).encode()) + bytes([_INSTANCE]) + u32(index)
                for prefix, name, index in imports
            )
        encoded.append(section(id_, contents))
    if found != 1:
        raise BadComponent(f"it imports {old} {found} times, not once")
    return b"".join(encoded)


def import_names(component: bytes) -> list[str]:
    """Returns the names of a component's imports. Raises BadComponent."""
    found = sections(component, COMPONENT)
    return [name for id_, contents in found if id_ == _IMPORT_SECTION for _, name, _ in _imports(contents)]


def _imports(contents: bytes) -> Iterator[tuple[int, str, int]]:
    """Yields each import of a section: the byte before its name, the name, and the index of its type."""
    reader = Reader(contents)
    for _ in range(reader.u32()):
        prefix = reader.byte()
        if prefix not in _NAME_PREFIXES:
            raise BadComponent(f"the name of an import begins with {prefix}")
        name = reader.name()
        if reader.byte() != _INSTANCE:
            raise BadComponent(f"the import {name} is not an instance")
        yield prefix, name, reader.u32()
    if reader:
        raise BadComponent("there is something after the imports of a section")
