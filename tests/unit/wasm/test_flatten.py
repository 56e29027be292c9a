"""Tests flattening: small components that work, each kind that is refused, damaged ones, and a real one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st
from wasmtime.component import Component, Linker

from fanroute.bundle import toolchain
from fanroute.project import processes
from fanroute.wasm.binary import COMPONENT, MODULE, BadComponent, section, signed
from fanroute.wasm.flatten import flatten
from fanroute.wasm.flatten.base import finish, make_base
from fanroute.wasm.flatten.image import ALWAYS_MAPPED, clear, is_mapped, memories_are_mapped, sort_pieces, without_zeros
from fanroute.wasm.flatten.module import read_module
from fanroute.wasm.flatten.native import Native
from tests.conftest import times
from tests.support.counts import COUNTS

ENGINE = wasmtime.Engine()
LOG = "test:host/log@1.0.0"
# A component as wit-component makes it if a module calls a host function that needs the memory. The modules share a memory, a
# table and globals, and one of them calls the host through the shim.
WAT = """
(component
  (import "test:host/log@1.0.0" (instance $host
    (export "put" (func (param "text" string)))
    (export "add" (func (param "a" u32) (result u32)))))
  (core module $shim
    (type $put (func (param i32 i32)))
    (table (export "$imports") 1 1 funcref)
    (func (export "0") (type $put) local.get 0 local.get 1 i32.const 0 call_indirect (type $put)))
  (core module $env
    (memory (export "memory") 2)
    (table (export "table") 3 funcref)
    (global (export "base") i32 (i32.const 1024))
    (global (export "first") i32 (i32.const 1))
    (global (export "counter") (mut i32) (i32.const 7))
    (global (export "never") (mut i32) (i32.const 30))
    (data (i32.const 1024) "hello"))
  (core module $library
    (type $unary (func (param i32) (result i32)))
    (import "env" "memory" (memory 1))
    (import "env" "table" (table 3 funcref))
    (import "env" "first" (global $first i32))
    (import "env" "counter" (global $counter (mut i32)))
    (import "test:host/log@1.0.0" "add" (func $add (type $unary)))
    (func $unused (result i32) i32.const 99)
    (func $square (type $unary) (i32.mul (local.get 0) (local.get 0)))
    (func $next (export "next") (result i32)
      (global.set $counter (i32.add (global.get $counter) (i32.const 1)))
      (global.get $counter))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
    (elem (global.get $first) func $square $add))
  (core module $main
    (type $unary (func (param i32) (result i32)))
    (import "env" "memory" (memory 1))
    (import "env" "table" (table 3 funcref))
    (import "env" "base" (global $base i32))
    (import "env" "never" (global $never (mut i32)))
    (import "test:host/log@1.0.0" "put" (func $put (param i32 i32)))
    (import "library" "next" (func $next (result i32)))
    (func (export "run") (param $n i32) (result i32)
      (call $put (global.get $base) (i32.const 5))
      (call $put (i32.add (i32.const 1) (global.get $base)) (i32.const 4))
      (i32.store (i32.const 2048) (i32.add (global.get $base) (i32.const 2)))
      (i32.store (i32.const 2052) (i32.const 3))
      (i32.store8 (global.get $base)
        (i32.add (global.get $never) (call_indirect (type $unary) (local.get $n)
          (i32.add (i32.rem_u (local.get $n) (i32.const 2)) (i32.const 1)))))
      (if (call $next) (then nop))
      i32.const 2048)
    (func (export "count") (result i32) (call $next))
    (func (export "post") (param i32) (drop (call $next)))
    (func (export "init") (result i32) i32.const 1))
  (core instance $shim (instantiate $shim))
  (core instance $env (instantiate $env))
  (alias core export $env "memory" (core memory $memory))
  (core func $add (canon lower (func $host "add")))
  (core instance $host-of-library (export "add" (func $add)))
  (core instance $library (instantiate $library
    (with "env" (instance $env)) (with "test:host/log@1.0.0" (instance $host-of-library))))
  (alias core export $library "realloc" (core func $realloc))
  (alias core export $shim "0" (core func $shim0))
  (core instance $host-of-main (export "put" (func $shim0)))
  (core instance $main (instantiate $main (with "env" (instance $env))
    (with "test:host/log@1.0.0" (instance $host-of-main)) (with "library" (instance $library))))
  (core func $put (canon lower (func $host "put") (memory $memory) string-encoding=utf8))
  (alias core export $shim "$imports" (core table $imports))
  (core instance $real (export "$imports" (table $imports)) (export "0" (func $put)))
  (core module $fix-up
    (import "" "$imports" (table 1 1 funcref))
    (import "" "0" (func (param i32 i32)))
    (elem (i32.const 0) func 0))
  (core instance $fix-up (instantiate $fix-up (with "" (instance $real))))
  (alias core export $main "post" (core func $post))
  (func (export "run") (param "n" u32) (result string)
    (canon lift (core func $main "run") (memory $memory) (realloc $realloc) (post-return $post)))
  (func (export "count") (result u32) (canon lift (core func $main "count")))
  (func (export "init") (result u32) (canon lift (core func $main "init"))))
"""
WIT = """
package test:host@1.0.0;
interface log { put: func(text: string); add: func(a: u32) -> u32; }
world host { import log; export run: func(n: u32) -> string; export count: func() -> u32; }
"""


def component(*changes: tuple[str, str], wat: str = WAT) -> bytes:
    """Returns the component above with parts of its text replaced."""
    for old, new in changes:
        assert old in wat
        wat = wat.replace(old, new)
    return bytes(wasmtime.wat2wasm(wat))


def answers(data: bytes, with_calls: bool = True, arguments: Sequence[int] = (3, 4, 5, 1 << 31)) -> list[Any]:
    """Returns what a component answers, and the calls that its host gets."""
    store = wasmtime.Store(ENGINE)
    linker = Linker(ENGINE)
    seen: list[Any] = []
    calls = seen if with_calls else []

    def add(_: object, a: int) -> int:
        calls.append(a)
        return a + 1000

    with linker.root() as root, root.add_instance(LOG) as log:
        log.add_func("put", lambda _, text: calls.append(text))
        log.add_func("add", add)
    instance = linker.instantiate(store, Component(ENGINE, data))
    for argument in arguments:
        for name, values in (("run", [argument]), ("count", [])):
            function = instance.get_func(store, name)
            assert function is not None
            seen.append(function(store, *values))
    return seen


def finished(core: bytes, folder: Path) -> bytes:
    """Returns the component of a core module."""
    (folder / "core.wasm").write_bytes(core)
    (folder / "host.wit").write_text(WIT)
    tools = toolchain.installed_program(toolchain.WASM_TOOLS)
    processes.run([tools, "component", "embed", folder / "host.wit", folder / "core.wasm", "-o", folder / "core.wasm"])
    processes.run([tools, "component", "new", folder / "core.wasm", "-o", folder / "component.wasm"])
    return (folder / "component.wasm").read_bytes()


def test_joined_they_do_the_same(tmp_path: Path) -> None:
    before = component()
    expected = answers(before)
    assert expected[:5] == ["hello", "ello", 3, "llo", 10]
    assert answers(finished(flatten(before, ["init"]), tmp_path)) == expected
    # The name of the post-return function does not matter.
    other_name = component(('"post"', '"ending"'))
    assert flatten(other_name, ["init"]) == flatten(before, ["init"])


# A native module that adds as the host of `answers` does, by numbers in its memory, and stores there what it is asked to put.
NATIVE = """
(module
  (import "python" "memory" (memory 0))
  (func (export "add") (param i32) (result i32) (i32.add (local.get 0) (i32.load (i32.const {base}))))
  (func (export "put") (param i32 i32) (i32.store (i32.const {end}) (local.get 0)))
  (data (i32.const {base}) "\\e8\\03"))
"""


def native(*changes: tuple[str, str], pages: int = 1) -> Native:
    """Returns the module, whose memory has some pages, with parts of its text replaced."""

    def write(base: int) -> tuple[bytes, int]:
        end = base + (pages << 16)
        text = NATIVE.format(base=base, end=end - 4)
        for old, new in changes:
            text = text.replace(old, new)
        return bytes(wasmtime.wat2wasm(text)), end

    return Native(LOG, write)


def test_a_native_module_takes_the_hosts_place(tmp_path: Path) -> None:
    """The results are the same, but the host is not called. The memory has the native module's pages at its end."""
    before = component()
    core = flatten(before, ["init"], [native(pages=3)])
    module = read_module(core)
    assert (module.imports, module.memories) == ([], [b"\0\5"])
    assert (2 << 16,) in [offset for offset, _ in module.data_segments]
    assert answers(finished(core, tmp_path)) == answers(before, with_calls=False)


def test_a_native_module_replaces_an_export(tmp_path: Path) -> None:
    """The replaced function can be called from the module. Its post-return function is not called, because it would not fit."""
    # It shortens the answer, whose length is at 2052.
    calling = "(param i32) (result i32) (call $run (local.get 0)) (i32.store (i32.const 2052) (i32.const 2))"
    added = native(
        ("(memory 0))", '(memory 0))\n  (import "python" "run" (func $run (param i32) (result i32)))'),
        ("(data (i32", f'(func (export "run") {calling})\n  (data (i32'),
    )
    core = flatten(component(), ["init"], [added._replace(replaced=("run",))])
    assert sorted(read_module(core).exports) == ["cabi_realloc", "count", "memory", "run"]
    before, after = (answers(each, False, [3])[0] for each in (component(), finished(core, tmp_path)))
    assert (before, after) == ("llo", "ll")


# Another memory of the component above, which has grown by a page.
CHANGED = b"\0" * 1024 + b"HELLO" + b"\0" * ((3 << 16) - 1029)


def test_a_base_gets_its_memory_later(tmp_path: Path) -> None:
    """It has the memory and the values of globals that it is finished with, and the native module is behind that memory."""
    base = make_base(component(), ["init"], native())
    core = finish(base, native(pages=2), CHANGED, [20])
    module = read_module(core)
    assert (module.memories, [one.value for one in module.globals]) == ([b"\0\5"], [(20,)])
    assert list(module.exports) == list(read_module(flatten(component(), ["init"], [native()])).exports)
    assert answers(finished(core, tmp_path), arguments=[5]) == ["LLO", 23]


def test_a_base_with_the_memory_of_its_component_is_that_component(tmp_path: Path) -> None:
    before = component()
    memory = b"\0" * 1024 + b"hello" + b"\0" * ((2 << 16) - 1029)
    core = finish(make_base(before, ["init"], native()), native(), memory, [7])
    assert answers(finished(core, tmp_path)) == answers(before, with_calls=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([('"add"', '"sub"')], "its native module does not fit"),
        ([('(func (export "add")', '(func (export "first")) (func (export "add")')], "its native module has other functions"),
        (
            [("(memory 0))", '(memory 0)) (import "python" "count" (func (param i32) (result i32)))')],
            "its native module imports count with another type",
        ),
        (
            [("(memory 0))", '(memory 0)) (import "python" "nothing" (func (param i32) (result i32)))')],
            "its native module does not fit",
        ),
        (
            [
                ("(i32.store", "(drop (memory.grow (i32.const 0))) (global.set 0 (i32.const 1)) (i32.store"),
                ("(data", "(global (mut i32) (i32.const 0)) (data"),
            ],
            "its native module has the instruction 0x24",
        ),
    ],
    ids=["another name", "another order", "another type", "another import", "a global"],
)
def test_a_base_takes_no_other_native_module(changes: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(BadComponent, match=message):
        finish(make_base(component(), ["init"], native()), native(*changes), CHANGED, [7])


def test_a_component_without_a_native_module_is_no_base() -> None:
    other = native()._replace(prefix="test:host/other@1.0.0")
    with pytest.raises(BadComponent, match="it does not import the native module"):
        make_base(component(), ["init"], other)


def test_a_native_module_that_nothing_imports_is_left_out() -> None:
    other = native()._replace(prefix="test:host/other@1.0.0")
    assert flatten(component(), ["init"], [other]) == flatten(component(), ["init"])


@pytest.mark.parametrize(
    ("added", "changes", "message"),
    [
        (native(('"add"', '"sub"')), [], "it refers to something that does not exist"),
        (native(('"memory"', '"other"')), [], "it refers to something that does not exist"),
        (native(), [('(memory (export "memory") 2)', '(memory (export "memory") 2 9)')], "its memory has a limit"),
        (native(), [('(memory (export "memory") 2)', '(memory (export "memory") 2) (memory 1)')], "it has 2 memories, not one"),
    ],
    ids=["another name", "another import", "a limit", "two memories"],
)
def test_a_native_module_that_does_not_fit_is_refused(added: Native, changes: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(BadComponent, match=message):
        flatten(component(*changes), ["init"], [added])


def test_what_is_left_is_one_module_of_what_is_needed() -> None:
    module = read_module(flatten(component(), ["init"]))
    assert [(one.module, one.name) for one in module.imports] == [("test:host/log@1.0.0", name) for name in ("add", "put")]
    assert list(module.exports) == ["run", "cabi_post_run", "count", "memory", "cabi_realloc"]
    # $square, $next, realloc, run, count and post are left, without $unused, init and the functions of the shim and the fix-up.
    assert len(module.functions) == 6
    assert [one.value for one in module.globals] == [(7,)]
    assert [(table, offset) for table, offset, _ in module.element_segments] == [(0, (1,))]
    assert module.data_segments == [((1024,), b"hello")]
    assert len(module.tables) == len(module.memories) == 1


def test_constants_are_added_up() -> None:
    """Addresses relative to the place of a library become absolute."""
    module = read_module(flatten(component(), ["init"]))
    run = module.bodies[module.exports["run"][1] - 2]
    assert b"\x41" + signed(1026) + b"\x36" in run  # i32.const, i32.store
    assert b"\x41\x01\x41" + signed(1024) + b"\x6a" in run  # the other way round it stays


def test_the_same_component_gives_the_same_module() -> None:
    assert flatten(component(), ["init"]) == flatten(component(), ["init"])


def of_module(content: bytes) -> bytes:
    """Returns a component of one module with these sections."""
    return COMPONENT + section(1, MODULE + content)


def is_valid(data: bytes) -> bool:
    try:
        Component(ENGINE, data)
    except wasmtime.WasmtimeError:
        return False
    return True


NEXT = '(func $next (export "next") (result i32)'
SHIM = "local.get 0 local.get 1 i32.const 0 call_indirect (type $put)"
FIX_UP = "(elem (i32.const 0) func 0)"
POST = '(func (export "post") (param i32) (drop (call $next)))'
ONE_COUNT = '(func (export "count") (result u32) (canon lift (core func $main "count")))'
NEW_FUNCTION = "(func $unused (result i32) i32.const 99)"
REFUSED: dict[str, tuple[list[tuple[str, str]], str]] = {
    "a start function": ([(NEXT, f"(func $start) (start $start) {NEXT}")], "a core module has a start function"),
    "exceptions": ([(NEXT, f"(tag) {NEXT}")], "a core module has section 13, which is not supported"),
    "a structure": ([(NEW_FUNCTION, "(type (struct))")], "a core module has a type that is not a function type"),
    "a reference": ([(NEW_FUNCTION, "(type (func (param anyref)))")], "a core module has an unknown value type"),
    "an imported exception": (
        [('(import "env" "first"', '(import "env" "tag" (tag)) (import "env" "first"')],
        "a core module has an import of the unknown kind 4",
    ),
    "a table of others": (
        [("3 funcref)\n    (global", "3 externref)\n    (global")],
        "a core module has a table whose elements are not of type funcref",
    ),
    "a shared memory": (
        [('(memory (export "memory") 2)', '(memory (export "memory") 2 2 shared)')],
        "a core module has a shared or 64-bit table or memory",
    ),
    "a large memory": (
        [('(memory (export "memory") 2)', '(memory (export "memory") i64 2)')],
        "a core module has a shared or 64-bit table or memory",
    ),
    "a strange global": (
        [('"first") i32 (i32.const 1)', '"first") anyref (ref.null any)')],
        "a core module has an unknown global type",
    ),
    "passive elements": (
        [("(elem (global.get $first)", "(elem")],
        "a core module has an element segment of the unsupported form 1",
    ),
    "passive data": (
        [("(data (i32.const 1024)", "(data")],
        "a core module has a data segment that is not active, or for another memory",
    ),
    "a constant of another kind": (
        [('(global (export "first") i32 (i32.const 1))', '(global (export "first") funcref (ref.null func))')],
        "a constant expression has the unsupported instruction 0xd0",
    ),
    "a strange local": ([(NEXT, f"{NEXT} (local anyref)")], "a function has a local of an unknown type"),
    "a strange block": (
        [(NEXT, f"{NEXT} (drop (block (result anyref) unreachable))")],
        "a function has a block of an unknown type",
    ),
    "a strange choice": (
        [(NEXT, f"{NEXT} unreachable select (result anyref) drop")],
        "a function has a value of an unknown type",
    ),
    "data put later": (
        [(NEXT, f"{NEXT} (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 0))")],
        "a function has the unknown instruction 0xfc08",
    ),
    "a tail call": ([(NEXT, f"{NEXT} (return_call $next)")], "a function has the unknown instruction 0x12"),
    "atomics": ([(NEXT, f"{NEXT} atomic.fence")], "a function has the unknown instruction 0xfe"),
    "a core type": (
        [("(core module $shim", "(core type (module)) (core module $shim")],
        "it has section 3, which is not supported",
    ),
    "modules within": (
        [("(core module $shim", "(component (core module)) (core module $shim")],
        "it has a nested component with core modules",
    ),
    "an outer core type": (
        [("(core module $shim", "(component (alias outer 1 0 (core type))) (core type (func)) (core module $shim")],
        "it has section 3, which is not supported",
    ),
    "another encoding": (
        [("string-encoding=utf8", "string-encoding=utf16")],
        "a function has the unsupported canonical option 1",
    ),
    "an asynchronous call": (
        [("(memory $memory) string-encoding=utf8", "(memory $memory) async")],
        "a function has the unsupported canonical option 6",
    ),
    "an asynchronous built-in": (
        [("(core instance $shim", "(core func (canon backpressure.inc)) (core instance $shim")],
        "it has the unsupported canonical definition 36",
    ),
    "two fix-ups": (
        [("(core instance $fix-up", '(core instance (instantiate $fix-up (with "" (instance $real)))) (core instance $fix-up')],
        "it has more than one fix-up",
    ),
    "a shim with more to do": ([(SHIM, f"nop {SHIM}")], "its shim's function 0 does more than call its entry of the table"),
    "a shim that calls another entry": (
        [(SHIM, SHIM.replace("i32.const 0", "i32.const 1"))],
        "its shim's function 0 does more than call its entry of the table",
    ),
    "a shim's other name": (
        [('(func (export "0") (type $put) local', '(func (export "x") (type $put) local'), ('$shim "0"', '$shim "x"')],
        "its shim's function x does more than call its entry of the table",
    ),
    "a shim that calls itself": (
        [('(export "0" (func $put))', '(export "0" (func $shim0))')],
        "its shim calls itself",
    ),
    "a function of the host's that is exported": (
        [(ONE_COUNT, '(func (export "count") (param "a" u32) (result u32) (canon lift (core func $add)))')],
        "it exports a host function",
    ),
    "two that are called the same": (
        [
            (ONE_COUNT, f'{ONE_COUNT} (func (export "again") (result u32) (canon lift (core func $library "count")))'),
            (NEXT, f'(func (export "count") (result i32) (call $next)) {NEXT}'),
        ],
        "it exports two things as count",
    ),
    "two allocators": (
        [
            ("(memory $memory) string-encoding=utf8", '(memory $memory) (realloc (func $main "other"))'),
            (POST, f'(func (export "other") (param i32 i32 i32 i32) (result i32) i32.const 0) {POST}'),
        ],
        "it exports two things as cabi_realloc",
    ),
    "two memories": ([(NEW_FUNCTION, "(memory 1)")], "it has 2 memories, not one"),
    "a function for a global": (
        [('(global (export "first") i32 (i32.const 1))', '(func (export "first"))')],
        "the export first of a core module is of another kind than its import",
    ),
    "circles": (
        [(POST, f'(export "again" (func $put)) {POST}'), ('(export "0" (func $put))', '(export "0" (func $main "again"))')],
        "core modules import from each other in a circle",
    ),
    "a function of another type": (
        [('(import "library" "next" (func $next (result i32)))', '(import "library" "next" (func $next (result i64)))')],
        "an import of a core module is of another type than the export that it gets",
    ),
    "the same name for different things": (
        [
            (
                '(core instance $host-of-library (export "add" (func $add)))',
                '(core instance $host-of-library (export "add" (func $add)) (export "put" (func $add)))',
            ),
            (
                '"add" (func $add (type $unary)))',
                '"add" (func $add (type $unary))) (import "test:host/log@1.0.0" "put" (func (type $unary)))',
            ),
        ],
        "core modules import different things as put of test:host/log@1.0.0",
    ),
    "what is not exported": (
        [('(global (export "first") i32', '(global (export "others") i32')],
        "it refers to something that does not exist",
    ),
    "data on data": (
        [("(elem (global.get $first)", '(data (i32.const 1028) "x") (elem (global.get $first)')],
        "it has data that overlap",
    ),
    "a sum of others": (
        [
            ("(elem (global.get $first)", "(elem (i32.add (global.get $first) (global.get 2))"),
            ('(import "test:host/log@1.0.0" "add"', '(import "env" "long" (global i64)) (import "test:host/log@1.0.0" "add"'),
            ('(global (export "first")', '(global (export "long") i64 (i64.const 1)) (global (export "first")'),
        ],
        "a constant expression has an operator on values that are not i32",
    ),
    "an offset of another kind": ([("(elem (global.get $first)", "(elem (i64.const 1)")], "an offset is not an i32"),
    "two constants": (
        [("(elem (global.get $first)", "(elem (offset i32.const 1 i32.const 1)")],
        "a constant expression does not have exactly one value",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_known_is_refused(kind: str) -> None:
    changes, message = REFUSED[kind]
    with pytest.raises(BadComponent) as refused:
        flatten(component(*changes), ["init"])
    assert str(refused.value) == message


BYTES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "it does not begin as a component does"),
    "a module": (MODULE, "it does not begin as a component does"),
    "no module within": (COMPONENT + section(1, COMPONENT), "it does not begin as a core module does"),
    "an end within a section": (COMPONENT + b"\x01\x09" + MODULE, "it ends too early"),
    "a long number": (COMPONENT + b"\x01" + b"\x80" * 5, "a number is too long"),
    "a name that is no text": (COMPONENT + section(2, b"\x01\x01\x01\x01\xff"), "a name is not UTF-8"),
    "more in a section": (COMPONENT + section(2, b"\0\0"), "section 2 is longer than its contents"),
    "more in a module's section": (of_module(section(1, b"\0\0")), "section 1 of a core module is longer than its contents"),
    "no bodies": (
        of_module(section(1, b"\x01\x60\0\0") + section(3, b"\x01\0")),
        "a core module does not have one body for each function",
    ),
    "an export twice": (of_module(section(7, b"\x02\x01a\x02\0\x01a\x02\0")), "a core module exports a twice"),
    "elements of other kinds": (
        of_module(section(9, b"\x01\x02\0\x41\0\x0b\x01\0")),
        "a core module has an element segment of something other than functions",
    ),
    "another form of instance": (COMPONENT + section(2, b"\x01\x02"), "a core instance has the unknown form 2"),
    "an argument twice": (
        of_module(b"") + section(2, b"\x02\0\0\0\0\0\x02\x01a\x12\0\x01a\x12\0"),
        "a core instance has the name a twice",
    ),
    "an argument that is no instance": (
        of_module(b"") + section(2, b"\x01\0\0\x01\x01a\0\0"),
        "a core instance is made with an argument that is not an instance",
    ),
    "an instance that comes later": (
        of_module(b"") + section(2, b"\x01\0\0\x01\x01a\x12\0"),
        "core instance 0 is used before it is defined",
    ),
    "a module in an instance": (
        COMPONENT + section(2, b"\x01\x01\x01\x01a\x11\0"),
        "a core instance has an export of the unknown kind 17",
    ),
    "an alias of a core type": (COMPONENT + section(6, b"\x01\0\x10\x02\0\0"), "it has an unknown alias"),
    "an unknown lift": (COMPONENT + section(8, b"\x01\0\x01"), "it has an unknown canonical definition"),
    "a function without an end": (
        of_module(
            section(1, b"\x01\x60\0\0")
            + section(3, b"\x01\0")
            + section(5, b"\x01\0\x01")
            + section(7, b"\x01\x01a\0\0")
            + section(10, b"\x01\x02\0\x01")
        )
        + section(2, b"\x01\0\0\0")
        + section(6, b"\x01\0\0\x01\0\x01a")
        + section(8, b"\x01\0\0\0\0\0"),
        "a function does not end with the instruction 'end'",
    ),
}


@pytest.mark.parametrize("kind", BYTES)
def test_what_is_no_component_is_refused(kind: str) -> None:
    data, message = BYTES[kind]
    with pytest.raises(BadComponent) as refused:
        flatten(data)
    assert str(refused.value) == message


WHOLE = component()


@times(20)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.integers(0, 4))
def test_a_changed_component_is_told_or_joined(place: int, byte: int, more: int) -> None:
    """A component with changed or missing bytes is refused or flattened, and a valid one gives a valid module."""
    changed = WHOLE[:place] + bytes([byte]) + WHOLE[place + more :]
    COUNTS["changed components"] += 1
    try:
        core = flatten(changed, ["init"])
    except BadComponent:
        return
    if is_valid(changed):
        wasmtime.Module.validate(ENGINE, core)


@given(st.one_of(st.binary(), st.binary().map(COMPONENT.__add__), st.binary().map(of_module)))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadComponent):
        flatten(data)


def test_a_wide_memory_is_filled_so_that_it_is_mapped() -> None:
    """Zeros between data make a memory dense, so hosts map it instead of copying it."""
    wide = component(
        ('(memory (export "memory") 2)', '(memory (export "memory") 400)'),
        (
            "(data (i32.const 1024)",
            '(data (i32.const 20000000) "far") (data (i32.const 4000000) "between") (data (i32.const 1024)',
        ),
    )
    assert not memories_are_mapped(wide)
    module = read_module(flatten(wide, ["init"]))
    pieces = [(offset[0], content) for offset, content in module.data_segments if isinstance(offset[0], int)]
    assert is_mapped(pieces)
    assert [bytes(content).strip(b"\0") for _, content in pieces] == [
        b"hello" + bytes(3_998_971) + b"between" + bytes(15_999_993) + b"far"
    ]
    assert memories_are_mapped(component())


@pytest.mark.parametrize("of_another", ["(data (global.get $first)", "(data (i32.const 1)"])
def test_what_is_put_into_anothers_memory_is_not_mapped(of_another: str) -> None:
    assert not memories_are_mapped(component(("(elem (global.get $first)", f'{of_another} "x") (elem (global.get $first)')))


@pytest.mark.parametrize(
    ("pieces", "mapped"),
    [
        ([], True),
        ([(0, b""), (ALWAYS_MAPPED * 4, b"")], True),
        ([(5, b"x"), (5 + ALWAYS_MAPPED - 2, b"x")], True),
        ([(5, b"x"), (5 + ALWAYS_MAPPED - 1, b"x")], False),
        ([(0, bytes(ALWAYS_MAPPED // 2)), (ALWAYS_MAPPED - 1, b"x")], True),
        ([(0, bytes(ALWAYS_MAPPED // 2 - 1)), (ALWAYS_MAPPED - 1, b"x")], False),
    ],
)
def test_what_is_mapped(pieces: list[tuple[int, bytes]], mapped: bool) -> None:
    assert is_mapped(pieces) == mapped


@given(st.lists(st.tuples(st.integers(0, 2000), st.binary(max_size=40) | st.integers(0, 900).map(bytes)), max_size=12))
def test_a_memory_begins_with_the_same(pieces: list[tuple[int, bytes]]) -> None:
    lying, end = [], 0
    for gap, content in pieces:
        lying.append((end + gap, content))
        end += gap + len(content)
    assert image(without_zeros(sort_pieces(lying)), end) == image(lying, end)


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 90))), st.integers(0, 60))
def test_stretches_are_cleared(stretches: list[tuple[int, int]], gap: int) -> None:
    pieces = [(10, b"first" * 4), (30 + gap, b"second")]
    cleared = {address for start, end in stretches for address in range(start, end)}
    expected = bytes(0 if address in cleared else byte for address, byte in enumerate(image(pieces, 100)))
    assert image(clear(pieces, stretches), 100) == expected


def image(pieces: list[tuple[int, bytes]], size: int) -> bytes:
    memory = bytearray(size)
    for offset, content in pieces:
        memory[offset : offset + len(content)] = content
    return bytes(memory)
