"""Quotes the parts of printed commands: whatever a part is, a shell takes it as one word and obeys nothing in it. Pure."""

import os
import shlex
from pathlib import PurePath


def word(value: str | bytes) -> str:
    """Returns a text or bytes as one word. Bytes that are not ASCII, and control characters, are written as bash and zsh do."""
    if isinstance(value, str) and value.isprintable():
        return shlex.quote(value)
    raw = value if isinstance(value, bytes) else os.fsencode(value)
    if all(0x20 <= byte < 0x7F for byte in raw):
        return shlex.quote(raw.decode())
    return "$'" + "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}" for byte in raw) + "'"


def path_word(path: PurePath) -> str:
    """Returns a path as one word that no program takes for an option."""
    return word(argument(path))


def argument(path: PurePath) -> str:
    """Returns a path as an argument of a program: it does not begin with '-'."""
    return f"./{path}" if str(path).startswith("-") else str(path)
