"""Which objects a snapshot keeps for good. The build gives them no reference counts (`fanroute.wasm.flatten.immortal`).

To count references to an object is to write to its page of memory, which each sandbox then has to copy: more pages than by all
else that a request does.
"""

import gc
import opcode
from array import array
from collections.abc import Iterable, Iterator
from types import CodeType
from typing import Any

# What the lists begin with, in two parts, so that in the memory it stands there alone.
MARK = (b"objects that ", b"last\0")


def object_table() -> bytes:
    """All objects that there are, and where code counts references to constants.

    MARK, how many words follow, and for each object its address and that of its type; then how many words follow, and for each
    instruction that loads a constant and counts that, its address, and what it is and what it is without counting.

    Words are of 32 bits. The first object is None. One that is gone when the snapshot is taken is told by its type.
    """
    words, loading = array("I"), array("I")
    # A bit for every eight bytes: sets leave larger holes in the heap.
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
    """What an object refers to, also where the collector is not told."""
    kind = type(each)
    # Not by isinstance: it fills the cache of what types have with what no request asks for.
    if kind is CodeType:
        return (each.co_consts, each.co_names)
    if issubclass(kind, type):
        return (*gc.get_referents(each), *vars(each), *vars(each).values())
    return gc.get_referents(each)


def _constant_loads(code: Any) -> Iterator[int]:
    """Of each instruction of a code that has found a constant that is not immortal: its address, and what it is and would be."""
    special_opmap: dict[str, int] = opcode._specialized_opmap  # type: ignore[attr-defined]
    counting, not_counting = special_opmap["LOAD_CONST_MORTAL"], special_opmap["LOAD_CONST_IMMORTAL"]
    special = code._co_code_adaptive
    # Asked of a copy, as a code keeps the answer.
    general = code.replace().co_code if counting in special[::2] else b""
    for at in range(0, len(general), 2):
        if special[at] == counting and general[at] == opcode.opmap["LOAD_CONST"]:
            yield from (id(code) + CodeType.__basicsize__ + at, counting | not_counting << 8)
