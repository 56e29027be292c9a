"""Lists the objects of a snapshot for the build, which makes them immortal (`fanroute.wasm.flatten.immortal`).

Counting references to an object writes to its page of memory, and each sandbox then has to copy the page. That would write to
more pages than everything else that a request does.
"""

import gc
import opcode
from array import array
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

# The beginning of the lists. It is in two parts, so that the whole occurs only once in memory.
MARK = (b"objects that ", b"last\0")


def object_table() -> bytes:
    """Returns a table of all objects, and of all instructions that count references to constants.

    The table has MARK, the number of words that follow, and for each object its address and that of its type. Then it has the
    number of words that follow, and for each instruction that loads a constant and counts the reference: its address, its opcode,
    and the opcode that does not count.

    Words have 32 bits. The first object is None. If an object is gone when the snapshot is taken, its type shows that.
    """
    words, loading = array("I"), array("I")
    # A bit for every eight bytes, because sets would leave larger holes in the heap.
    seen = bytearray()
    waiting = [*gc.get_objects(), None]
    while waiting:
        each = waiting.pop()
        place, bit = divmod(id(each) >> 3, 8)
        seen.extend(bytes(max(0, place + 1 - len(seen))))
        if not seen[place] >> bit & 1:
            seen[place] |= 1 << bit
            words.extend((id(each), id(type(each))))
            waiting += _referents(each)
            if type(each) is CodeType:
                loading.extend(_constant_loads(each))
    return b"".join([*MARK, *(part for one in (words, loading) for part in (len(one).to_bytes(4, "little"), one))])


def _referents(each: Any) -> Iterable[Any]:
    """Returns the objects to which an object refers, including those that the garbage collector does not know."""
    kind = type(each)
    # `isinstance` is not used, because it would fill the type cache with entries that no request needs.
    if kind is CodeType:
        return (each.co_consts, each.co_names)
    if issubclass(kind, type):
        return (*gc.get_referents(each), *vars(each), *vars(each).values())
    return gc.get_referents(each)


def _constant_loads(code: Any) -> Iterator[int]:
    """Yields address and opcodes of each instruction that is specialized to load a constant that is not immortal."""
    special_opmap: dict[str, int] = opcode._specialized_opmap  # type: ignore[attr-defined]
    counting, not_counting = special_opmap["LOAD_CONST_MORTAL"], special_opmap["LOAD_CONST_IMMORTAL"]
    special = code._co_code_adaptive
    # `co_code` is read from a copy, because a code object keeps the value.
    general = code.replace().co_code if counting in special[::2] else b""
    for at in range(0, len(general), 2):
        if special[at] == counting and general[at] == opcode.opmap["LOAD_CONST"]:
            yield from (id(code) + CodeType.__basicsize__ + at, counting | not_counting << 8)
