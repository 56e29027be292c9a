"""A component's sections, as far as one import gets another name. Source: the component model's design/mvp/Binary.md."""

from collections.abc import Iterator

# What a component begins with: magic bytes, version 13, layer 1.
_PREAMBLE = b"\0asm\x0d\0\x01\0"
_IMPORTS = 10
# How an import's name begins, plain or of an interface, and how its description does where it is an instance.
_NAMES = (0x00, 0x01)
_INSTANCE = 0x05
# Longest number in LEB128 of 32 bits, in bytes.
_MAX_NUMBER = 5


class BadComponent(Exception):
    """These bytes are no component, or one that we know too little of."""


class _Reader:
    """The parts of some bytes, one after the other. All raise BadComponent where the bytes end before."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether there is more."""
        return self._at < len(self._data)

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise BadComponent("it ends too early")
        self._at += size
        return part

    def number(self) -> int:
        """A number of 32 bits in LEB128."""
        number = 0
        for index in range(_MAX_NUMBER):
            byte = self.byte()
            number |= (byte & 0x7F) << (7 * index)
            if byte < 0x80 and number < 1 << 32:
                return number
        raise BadComponent("a number is too long")

    def name(self) -> str:
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError as error:
            raise BadComponent("a name is not UTF-8") from error


def rename_import(component: bytes, old: str, new: str) -> bytes:
    """The component with one import of its own under another name. Raises BadComponent unless there is one of that name."""
    found = 0
    parts = [_PREAMBLE]
    for number, content in _sections(component):
        if number == _IMPORTS:
            imports = list(_imports(content))
            found += sum(name == old for _, name, _ in imports)
            content = _number(len(imports)) + b"".join(
                bytes([kind]) + _sized((new if name == old else name).encode()) + bytes([_INSTANCE]) + _number(index)
                for kind, name, index in imports
            )
        parts += [bytes([number]), _sized(content)]
    if found != 1:
        raise BadComponent(f"it imports {old} {found} times, not once")
    return b"".join(parts)


def import_names(component: bytes) -> list[str]:
    """The names of what a component imports. Raises BadComponent."""
    return [name for number, content in _sections(component) if number == _IMPORTS for _, name, _ in _imports(content)]


def _sections(component: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the content of each section that is not within another."""
    reader = _Reader(component)
    if not component.startswith(_PREAMBLE):
        raise BadComponent("it does not begin as a component does")
    reader.take(len(_PREAMBLE))
    while reader:
        yield reader.byte(), reader.take(reader.number())


def _imports(content: bytes) -> Iterator[tuple[int, str, int]]:
    """Of each import of a section: how its name begins, the name, and the number of the instance's type."""
    reader = _Reader(content)
    for _ in range(reader.number()):
        kind = reader.byte()
        if kind not in _NAMES:
            raise BadComponent(f"the name of an import begins with {kind}")
        name = reader.name()
        if reader.byte() != _INSTANCE:
            raise BadComponent(f"the import {name} is no instance")
        yield kind, name, reader.number()
    if reader:
        raise BadComponent("there is something after the imports of a section")


def _sized(content: bytes) -> bytes:
    return _number(len(content)) + content


def _number(number: int) -> bytes:
    """A number in LEB128."""
    encoded = bytearray()
    while number >= 0x80:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])
