"""Reads and writes the building blocks of WebAssembly's binary format: integers, names, vectors, sections.

Sources: WebAssembly 2.0, chapter 5, and the component model's design/mvp/Binary.md.
"""

from collections.abc import Iterable, Iterator

# The preamble of a core module (5.5.16) and that of a component: magic bytes, version, layer.
MODULE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"
# The most bytes of a u32 in LEB128.
_MAX_U32_BYTES = 5
# The number of an integer's bits in each byte of LEB128.
_BITS = 7


class BadComponent(Exception):
    """Raised if bytes are not a component, or one that Fanroute does not support."""


class Reader:
    """Reads values from bytes, one after the other. Each method raises BadComponent if the bytes end too early."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def __bool__(self) -> bool:
        """Returns True if there are more bytes."""
        return self.at < len(self.data)

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, size: int) -> bytes:
        """Reads `size` bytes."""
        taken = self.data[self.at : self.at + size]
        if len(taken) < size:
            raise BadComponent("it ends too early")
        self.at += size
        return taken

    def u32(self) -> int:
        """Reads an unsigned integer of 32 bits in LEB128 (5.2.2)."""
        value = 0
        for index in range(_MAX_U32_BYTES):
            byte = self.byte()
            value |= (byte & 0x7F) << (_BITS * index)
            if byte < 0x80 and value < 1 << 32:
                return value
        raise BadComponent("a number is too long")

    def signed(self, bits: int = 33) -> int:
        """Reads a signed integer in LEB128 (5.2.2). The default of 33 bits is the size of a block type (5.4.1)."""
        value = 0
        for shift in range(0, bits, _BITS):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value - (1 << shift + _BITS) if byte & 0x40 else value
        raise BadComponent("a number is too long")

    def name(self) -> str:
        """Reads a name (5.2.4)."""
        try:
            return self.take(self.u32()).decode()
        except UnicodeDecodeError as error:
            raise BadComponent("a name is not UTF-8") from error

    def since(self, start: int) -> bytes:
        """Returns the bytes from `start` up to the current position."""
        return self.data[start : self.at]


def sections(data: bytes, preamble: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the id and the contents of each section at the top level (5.5.2). Raises BadComponent."""
    if not data.startswith(preamble):
        raise BadComponent(f"it does not begin as a {'component' if preamble == COMPONENT else 'core module'} does")
    reader = Reader(data)
    reader.take(len(preamble))
    while reader:
        yield reader.byte(), reader.take(reader.u32())


def u32(value: int) -> bytes:
    """Encodes an unsigned integer in LEB128."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def signed(value: int) -> bytes:
    """Encodes a signed integer in LEB128."""
    encoded = bytearray()
    while not -0x40 <= value < 0x40:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value & 0x7F])


def sized(contents: bytes) -> bytes:
    """Encodes contents with their size in bytes before them."""
    return u32(len(contents)) + contents


def name(text: str) -> bytes:
    """Encodes a name."""
    return sized(text.encode())


def vector(items: Iterable[bytes]) -> bytes:
    """Encodes a vector of encoded items (5.1.3): their number, then the items."""
    encoded = list(items)
    return u32(len(encoded)) + b"".join(encoded)


def section(id_: int, contents: bytes) -> bytes:
    """Encodes a section."""
    return bytes([id_]) + sized(contents)
