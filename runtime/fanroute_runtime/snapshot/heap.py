"""Arranges the snapshot's memory: objects that requests use lie together, and free space for new objects is at the end.

A sandbox copies each page that it writes to, and loads pages in groups of sixteen when it reads one.
"""

import gc
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import TypeGuard

from fanroute_runtime.snapshot.immortal import object_table
from fanroute_runtime.snapshot.left_out import end_imports

# CPython's CO_HAS_DOCSTRING: the first constant of the code is a docstring. CPython's Py_TPFLAGS_IMMUTABLETYPE.
HAS_DOCSTRING = 0x4000000
IMMUTABLE_TYPE = 1 << 8
# The size of the largest hole that the heap may have, and of a page of memory, in bytes.
MAX_HOLE, PAGE = 1 << 20, 4096

# These objects fill the holes in the heap, mostly with zeros, which take no space in the component.
_FILLINGS: list[object] = []
# What the build reads in the memory.
_LISTS: list[bytes] = []


def record_code(call: Callable[[], None]) -> set[CodeType]:
    """Calls a function, and returns the code objects that ran."""
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
    """Copies the code of all functions, so that the given code lies together.

    Docstrings, line numbers and the functions that evaluate annotations are left out.

    Code that runs is written to, because Python keeps counters for its specialization in the code itself.
    """
    for each in gc.get_objects():
        if isinstance(each, FunctionType | ModuleType | property) or _is_class(each):
            each.__doc__ = None
        if isinstance(each, FunctionType) or _is_class(each):
            each.__annotate__ = None  # type: ignore[union-attr]
    functions = [each for each in gc.get_objects() if isinstance(each, FunctionType)]
    used = [each for each in functions if each.__code__ in codes]
    for each in functions:
        if each.__code__ not in codes:
            each.__code__ = _without_debug_info(each.__code__)
    _fill_holes()
    for each in used:
        each.__code__ = _without_debug_info(each.__code__)
    _FILLINGS.clear()


def _is_class(each: object) -> TypeGuard[type]:
    """Returns True for a class that was made by Python code, whose attributes can be set."""
    return isinstance(each, type) and not each.__flags__ & IMMUTABLE_TYPE


def _without_debug_info(code: CodeType) -> CodeType:
    constants = [_without_debug_info(each) if isinstance(each, CodeType) else each for each in code.co_consts]
    if code.co_flags & HAS_DOCSTRING:
        constants[0] = None
    return code.replace(co_consts=tuple(constants), co_linetable=b"")


def settle_heap_last() -> None:
    """Arranges that the heap is settled last of all, when componentize-py reads `random.seed` before it takes the snapshot."""
    sys.modules["random"] = _SettlesHeap("random")
    # All imports are done, so nobody needs the names of the files in the folders that they searched.
    sys.path_importer_cache.clear()
    # componentize-py empties this, too, and keeps the names until then.
    os.environ.clear()


def end_imports_last() -> None:
    """Arranges that imports end when componentize-py reads `random.seed`. The heap is settled later, with `settle_heap`."""
    sys.modules["random"] = _EndsImports("random")


class _EndsImports(ModuleType):
    @property
    def seed(self) -> None:
        _LISTS.append(end_imports())


class _SettlesHeap(ModuleType):
    @property
    def seed(self) -> None:
        settle_heap()


def settle_heap() -> None:
    """Collects garbage and fills the holes of the heap, so that new objects lie together at its end.

    Otherwise an object of a request would fill each hole, and every sandbox would write to the page of that hole.
    """
    gc.collect()
    if not _LISTS:  # imports may have ended before
        _LISTS.append(end_imports())
    _LISTS.append(object_table())
    _fill_holes()
    gc.freeze()


def _fill_holes() -> None:
    # Twice, because Python keeps free memory for objects of a few types in several places, and frees it with the garbage.
    for _ in range(2):
        gc.collect()
        end = id(bytes(MAX_HOLE))
        for size in (*range(MAX_HOLE, PAGE, -PAGE), *range(PAGE, 0, -8)):
            while id(filling := bytes(size)) < end:
                _FILLINGS.append(filling)
        # A hole may be too small for a bytes object.
        while id(tiny := object()) < end:
            _FILLINGS.append(tiny)
