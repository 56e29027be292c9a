"""Quotes the words of printed commands, so that a shell takes each as one word and runs nothing in it. Pure."""

import os
import shlex
from pathlib import PurePath


def shell_word(value: str | bytes) -> str:
    """Quotes a value as one word. Control characters, and bytes beyond ASCII, are written as `$'\\x1b'`, for bash and zsh."""
    if isinstance(value, str) and value.isprintable():
        return shlex.quote(value)
    raw = value if isinstance(value, bytes) else os.fsencode(value)
    if all(0x20 <= byte < 0x7F for byte in raw):
        return shlex.quote(raw.decode())
    return "$'" + "".join(chr(byte) if 0x20 <= byte < 0x7F and byte not in b"'\\" else f"\\x{byte:02x}" for byte in raw) + "'"


def path_word(path: PurePath) -> str:
    """Quotes a path as one word that no program takes for an option."""
    return shell_word(path_argument(path))


def path_argument(path: PurePath) -> str:
    """Returns a path as an argument that does not begin with '-', so that no program takes it for an option."""
    return f"./{path}" if str(path).startswith("-") else str(path)
