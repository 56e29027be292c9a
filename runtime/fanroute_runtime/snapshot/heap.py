"""Where in the snapshot's memory is what requests use, and where there is room for what they make.

A sandbox copies each page that it writes to, and gets those that it reads by the sixteen: what is used should lie together.
"""

import gc
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TypeGuard

from fanroute_runtime.snapshot.immortal import object_table

# CPython's CO_HAS_DOCSTRING: the first constant of the code is one. And its Py_TPFLAGS_IMMUTABLETYPE.
HAS_DOCSTRING = 0x4000000
IMMUTABLE_TYPE = 1 << 8
# No hole in the heap is larger; and a page of memory, in bytes.
MAX_HOLE, PAGE = 1 << 20, 4096

# What fills the holes, mostly with zeros, of which the component need not keep a copy.
_FILLINGS: list[object] = []
_OBJECT_TABLE: list[bytes] = []


def record_code(call: Callable[[], None]) -> set[CodeType]:
    """The code that a call runs."""
    codes: set[CodeType] = set()

    def profile(frame: FrameType, event: str, argument: object) -> None:
        codes.add(frame.f_code)

    sys.setprofile(profile)
    try:
        call()
    finally:
        sys.setprofile(None)
    return codes


def gather_code(codes: set[CodeType]) -> None:
    """Give all functions their code anew, and some of it together, without what nobody reads here: docstrings, and line numbers.

    Python counts in a code's own memory how often what it cannot specialize was done.
    """
    functions = [each for each in gc.get_objects() if isinstance(each, FunctionType)]
    used = [each for each in functions if each.__code__ in codes]
    for each in gc.get_objects():
        if isinstance(each, FunctionType | ModuleType | property) or _is_class(each):
            each.__doc__ = None
    for each in functions:
        if each.__code__ not in codes:
            each.__code__ = _without_debug_info(each.__code__)
    _fill_holes()
    for each in used:
        each.__code__ = _without_debug_info(each.__code__)
    _FILLINGS.clear()


def _is_class(each: object) -> TypeGuard[type]:
    """Whether it is a class made by Python code, whose attributes can be set."""
    return isinstance(each, type) and not each.__flags__ & IMMUTABLE_TYPE


def _without_debug_info(code: CodeType) -> CodeType:
    constants = [_without_debug_info(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    if code.co_flags & HAS_DOCSTRING:
        constants[0] = None
    return code.replace(co_consts=tuple(constants), co_linetable=b"")


def settle_heap_last() -> None:
    """Have the heap settled last of all: componentize-py asks for `random.seed` before it takes the snapshot, for nothing."""
    sys.modules["random"] = _SettlesHeap("random")
    # All imports are done, so nobody needs the names of the files in the folders that they searched.
    sys.path_importer_cache.clear()
    # It empties that, too, and keeps the names until then.
    os.environ.clear()


class _SettlesHeap(ModuleType):
    @property
    def seed(self) -> None:
        _settle_heap()


def _settle_heap() -> None:
    """Leave a heap in which a request's objects come to lie together, at its end, and no garbage.

    Each hole in it would otherwise be filled by some object of a request, and its page be written to in every sandbox.
    """
    gc.collect()
    _OBJECT_TABLE.append(object_table())
    _fill_holes()
    gc.freeze()


def _fill_holes() -> None:
    # Twice: Python keeps some room for objects of a few types, also here and there, and frees it with the garbage.
    for _ in range(2):
        gc.collect()
        end = id(bytes(MAX_HOLE))
        for size in (*range(MAX_HOLE, PAGE, -PAGE), *range(PAGE, 0, -8)):
            while id(filling := bytes(size)) < end:
                _FILLINGS.append(filling)
        # A hole may be too small for any bytes.
        while id(tiny := object()) < end:
            _FILLINGS.append(tiny)
