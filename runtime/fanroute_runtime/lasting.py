"""Which objects a snapshot keeps for good. The build gives them no reference counts (`fanroute.flatten.lasting`).

To count references to an object is to write to its page of memory, which each sandbox then has to copy: more pages than by all
else that a request does.
"""

import gc
from array import array
from collections.abc import Iterable
from types import CodeType
from typing import Any

# What the list of such objects begins with, in two parts, so that in the memory it stands there alone.
MARK = (b"objects that ", b"last\0")


def lasting() -> bytes:
    """All objects that there are: MARK, how many words follow, and for each object its address and that of its type.

    Words are of 32 bits. The first object is None. One that is gone when the snapshot is taken is told by its type.
    """
    words = array("I")
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
            waiting += _referred(each)
    return b"".join([*MARK, len(words).to_bytes(4, "little"), words])


def _referred(each: Any) -> Iterable[Any]:
    """What an object refers to, also where the collector is not told."""
    if isinstance(each, CodeType):
        return (each.co_consts, each.co_names)
    if isinstance(each, type):
        return (*gc.get_referents(each), *vars(each), *vars(each).values())
    return gc.get_referents(each)
