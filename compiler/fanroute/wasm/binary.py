"""Reads and writes the parts of WebAssembly's binary format: numbers, names, sections.

Sources: WebAssembly 2.0, chapter 5, and the component model's design/mvp/Binary.md.
"""

from collections.abc import Iterable, Iterator

# What a core module and a component begin with: magic bytes, version, layer.
MODULE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"
# Longest number in LEB128 of 32 bits, in bytes.
_MAX_NUMBER = 5
# How many bits of a number are in each byte.
_BITS = 7


class BadComponent(Exception):
    """These bytes are no component, or one that we know too little of."""


class Reader:
    """The parts of some bytes, one after the other. All raise BadComponent where the bytes end before."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        """Whether there is more."""
        return self.at < len(self.data)

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        part = self.data[self.at : self.at + size]
        if len(part) < size:
            raise BadComponent("it ends too early")
        self.at += size
        return part

    def number(self) -> int:
        """A number of 32 bits in LEB128."""
        number = 0
        for index in range(_MAX_NUMBER):
            byte = self.byte()
            number |= (byte & 0x7F) << (_BITS * index)
            if byte < 0x80 and number < 1 << 32:
                return number
        raise BadComponent("a number is too long")

    def signed(self, bits: int = 33) -> int:
        """A signed number in LEB128."""
        number = 0
        for shift in range(0, bits, _BITS):
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number - (1 << shift + _BITS) if byte & 0x40 else number
        raise BadComponent("a number is too long")

    def name(self) -> str:
        try:
            return self.take(self.number()).decode()
        except UnicodeDecodeError as error:
            raise BadComponent("a name is not UTF-8") from error

    def since(self, start: int) -> bytes:
        """The bytes from `start` to here."""
        return self.data[start : self.at]


def sections(data: bytes, preamble: bytes) -> Iterator[tuple[int, bytes]]:
    """The number and the content of each section that is not within another. Raises BadComponent."""
    if not data.startswith(preamble):
        raise BadComponent(f"it does not begin as a {'component' if preamble == COMPONENT else 'core module'} does")
    reader = Reader(data)
    reader.take(len(preamble))
    while reader:
        yield reader.byte(), reader.take(reader.number())


def number(value: int) -> bytes:
    """A number in LEB128."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def signed(value: int) -> bytes:
    """A signed number in LEB128."""
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value & 0x7F])


def sized(content: bytes) -> bytes:
    """Some content after its size in bytes."""
    return number(len(content)) + content


def name(text: str) -> bytes:
    return sized(text.encode())


def vector(items: Iterable[bytes]) -> bytes:
    """Some items after how many they are."""
    listed = list(items)
    return number(len(listed)) + b"".join(listed)


def section(kind: int, content: bytes) -> bytes:
    return bytes([kind]) + sized(content)
