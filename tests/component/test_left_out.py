"""Tests leaving out builtin and frozen modules that nothing imports, in a component that imports a module when it is asked to."""

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import wasmtime
from wasmtime.component import Component, Linker

from fanroute.bundle import toolchain
from fanroute.project import processes
from fanroute.project.package_files import runtime_sources
from fanroute.wasm.binary import MODULE as MODULE_PREAMBLE
from fanroute.wasm.binary import Reader, sections
from fanroute.wasm.flatten import flatten
from fanroute.wasm.flatten.graph import read_graph
from fanroute.wasm.flatten.image import sort_pieces
from fanroute.wasm.flatten.index_spaces import IndexSpaces
from fanroute.wasm.flatten.linking import read_core_definitions
from fanroute.wasm.flatten.module import FUNCTION, read_module
from fanroute.wasm.flatten.unused import Unused, find_unused
from fanroute_runtime.snapshot.left_out import MARK
from tests.conftest import REPOSITORY
from tests.support.builds import made_once

pytestmark = pytest.mark.slow

WIT = "package fanroute:test; world test { export find: func(name: string) -> string; }"
APP = """\
import json

import wit_world

from fanroute_runtime.snapshot.heap import settle_heap_last


class WitWorld(wit_world.WitWorld):
    def find(self, name):
        try:
            return f"module {__import__(name).__name__}"
        except ImportError as error:
            return type(error).__name__


settle_heap_last()
"""
MARKED = b"".join(MARK)
LEFT_OUT = ("_sqlite3", "_codecs_jp", "_decimal", "pyexpat", "select", "unicodedata", "zlib")
# Frozen ones, one in a file, and one that does not exist.
OTHERS = ("runpy", "importlib.util", "__hello__", "calendar", "fanroute_missing")
NEEDED = ("_json", "_sre", "builtins", "posix", "sys", "os", "zipimport")
UNUSED = ["exports#init"]


@pytest.fixture(scope="module")
def as_made(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Builds the component as componentize-py makes it."""
    folder = tmp_path_factory.mktemp("modules")
    return made_once(folder, toolchain.build_key({"app": APP, **runtime_sources()}, {"wit": WIT}), partial(build, folder))


def build(folder: Path) -> bytes:
    app, wit, made = folder / "app", folder / "test.wit", folder / "made.wasm"
    shutil.copytree(REPOSITORY / "runtime" / "fanroute_runtime", app / "fanroute_runtime")
    (app / "app.py").write_text(APP)
    wit.write_text(WIT)
    command = [toolchain.installed_program(toolchain.COMPONENTIZE), "-q", "-d", wit, "-w", "test"]
    processes.run([*command, "componentize", "--stub-wasi", "-p", app, "app", "-o", made], {"VIRTUAL_ENV": str(app)})
    return made.read_bytes()


@pytest.fixture(scope="module")
def flattened(as_made: bytes, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("flattened")
    wit, made = folder / "test.wit", folder / "made.wasm"
    wit.write_text(WIT)
    made.write_bytes(flatten(as_made, UNUSED))
    tool = [toolchain.installed_program(toolchain.WASM_TOOLS), "component"]
    processes.run([*tool, "embed", wit, "-w", "test", made, "-o", made])
    processes.run([*tool, "new", made, "-o", made])
    return made.read_bytes()


@pytest.mark.parametrize("kind", ["as_made", "flattened"])
def test_a_module_that_is_left_out_cannot_be_imported(kind: str, request: pytest.FixtureRequest) -> None:
    """Importing it raises ModuleNotFoundError, as for each module that nothing has imported. What is needed is there."""
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    instance = Linker(engine).instantiate(store, Component(engine, request.getfixturevalue(kind)))
    find = instance.get_func(store, "find")
    assert find is not None
    found = {}
    for name in (*LEFT_OUT, *OTHERS, *NEEDED):
        found[name] = find(store, name)
        find.post_return(store)
    assert found == dict.fromkeys([*LEFT_OUT, *OTHERS], "ModuleNotFoundError") | {name: f"module {name}" for name in NEEDED}


def unused(component: bytes) -> Unused:
    graph = read_graph(component, UNUSED)
    spaces = IndexSpaces(graph)
    return find_unused(graph, spaces, sort_pieces(spaces.data()))


def function_names(module: bytes) -> dict[int, str]:
    """Returns the names of a core module's functions, by index. Source: WebAssembly 2.0, 7.4.1 (the name section)."""
    names = {}
    for id_, contents in sections(module, MODULE_PREAMBLE):
        reader = Reader(contents)
        if id_ != 0 or reader.name() != "name":
            continue
        while reader:
            is_functions, part = reader.byte() == 1, Reader(reader.take(reader.u32()))
            names.update((part.u32(), part.name()) for _ in range(part.u32() if is_functions else 0))
    return names


def test_only_their_code_and_data_is_left_out(as_made: bytes, flattened: bytes) -> None:
    """CPython initialises a module in a function of its name. The data are mostly tables of characters and frozen modules."""
    ((names, imported),) = [
        (function_names(each), len(module.imported(FUNCTION)))
        for each in read_core_definitions(as_made).modules
        if "PyImport_Inittab" in (module := read_module(each)).exports
    ]
    found = unused(as_made)
    left_out = {names[function.number + imported] for function in found.functions}
    assert {f"PyInit_{name}" for name in LEFT_OUT} <= left_out
    assert {"sqlite3_open_v2", "inflate", "mpd_qadd"} <= left_out
    assert not {f"PyInit_{name}" for name in NEEDED} & left_out
    kept = {"_PyEval_EvalFrameDefault", "PyImport_ImportModule", "PyUnicode_FromString", "_PyLong_Add", "PyDict_New", "malloc"}
    assert not kept & left_out
    assert 3_000 < len(left_out) < 4_500
    assert 1_800_000 < sum(end - start for start, end in found.stretches) < 2_100_000


# The instruction with which CPython reads where its memory begins, and one that puts it into a local variable.
READS_BASE, SETS_LOCAL = b"\x23\x81\x80\x80\x80\0", b"\x21"
# Another instruction for a value, with as many bytes.
CONSTANT = b"\x41\x80\x80\x80\0\x01"
# A constant that is added to it, as the linker writes it, and as short as possible.
ADDS_CONSTANT, ADDS_SHORT = re.compile(READS_BASE + rb"\x41[\x80-\xff]{4}[\0-\x7f]\x6a"), b"\x41\0\x6a\x01\x01\x01\x01"
# A text in CPython's data.
TEXT = b"maximum recursion depth exceeded"
CHANGES: dict[str, Callable[[bytes], bytes]] = {
    "no list": lambda component: component.replace(MARKED, MARKED.upper()),
    "a text like a list": lambda component: component.replace(TEXT, MARKED + TEXT[len(MARKED) :]),
    "an unknown module in the list": lambda component: component.replace(b"\0zlib\0\0", b"\0zlub\0\0"),
    "another table of modules": lambda component: component.replace(b"PyImport_Inittab", b"PyImport_Inittax"),
    "another table of frozen modules": lambda component: component.replace(
        b"_PyImport_FrozenTest", b"_PyImport_FrozenTexts"[:20]
    ),
    "frozen modules that are no code": lambda component: component.replace(b"c" + bytes(12), b"d" + bytes(12)),
    "no function that completes data": lambda component: component.replace(
        b"__wasm_apply_data_relocs", b"__wasm_apply_data_relics"
    ),
    "another way to complete data": lambda component: component.replace(b"\x6a\x36\x02\0\x0b", b"\x6a\x36\x01\0\x0b"),
    "constants without a base": lambda component: component.replace(READS_BASE + SETS_LOCAL, CONSTANT + SETS_LOCAL),
    "short constants": lambda component: ADDS_CONSTANT.sub(READS_BASE + ADDS_SHORT, component),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_not_known_stays(as_made: bytes, kind: str) -> None:
    changed = CHANGES[kind](as_made)
    assert changed != as_made
    assert unused(changed) == Unused()
