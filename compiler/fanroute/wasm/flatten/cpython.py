"""Reads the tables that CPython has of the modules that are part of it.

Sources: CPython 3.14, Include/cpython/import.h (`struct _inittab`, `struct _frozen`), Python/frozen.c and Python/marshal.c.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import itemgetter

from fanroute.wasm.binary import BadComponent
from fanroute.wasm.flatten.image import Piece
from fanroute.wasm.flatten.references import Library

# The variables with the address of each table.
BUILTIN = "PyImport_Inittab"
_FROZEN = ("_PyImport_FrozenBootstrap", "_PyImport_FrozenStdlib", "_PyImport_FrozenTest")
# The type of a code object, with which the code of a module begins.
_CODE = b"c"
_WORD = 4
# More bytes than the name of a module has.
_LONGEST_NAME = 64


class ModuleTables:
    """Reads the tables of builtin and of frozen modules, from the first values of CPython's data and from the memory.

    An entry begins with the address of a name. After the last entry, there is none.
    """

    def __init__(self, library: Library, pieces: Sequence[Piece]) -> None:
        self._library, self._pieces = library, pieces

    def initialising(self) -> dict[bytes, int]:
        """Returns the address of the word with the initialising function of each builtin module, by the module's name."""
        return {name: entry + _WORD for name, entry in self._entries(BUILTIN, 2)}

    def frozen(self) -> dict[bytes, tuple[int, int]]:
        """Returns the first address and the end of the code of each frozen module, by the module's name. Raises BadComponent."""
        found = {}
        for table in _FROZEN:
            for name, entry in self._entries(table, 4):
                start = self._library.words[entry + _WORD]
                size = int.from_bytes(self._read(entry + 2 * _WORD, _WORD), "little")
                if self._read(start, 1) != _CODE:
                    raise BadComponent("a frozen module does not begin as code")
                found[name] = start, start + size
        return found

    def _entries(self, table: str, words: int) -> Iterator[tuple[bytes, int]]:
        """Yields the name and the address of each entry of a table. An entry has this number of words."""
        entry = self._library.words[self._library.exported[table]]
        while entry in self._library.words:
            yield self._read(self._library.words[entry], _LONGEST_NAME).partition(b"\0")[0], entry
            entry += words * _WORD

    def _read(self, address: int, size: int) -> bytes:
        """Returns so many bytes of the memory, or fewer if others are zero."""
        offset, content = self._pieces[bisect_right(self._pieces, address, key=itemgetter(0)) - 1]
        return content[address - offset : address - offset + size]
