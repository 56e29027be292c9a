"""Tests renaming an import of a component, and bytes that are not a component."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.bundle import toolchain
from fanroute.project import processes
from fanroute.project.folder import write
from fanroute.project.package_files import wit_folder
from fanroute.project.processes import ProgramFailed
from fanroute.project.workspace import Workspace
from fanroute.wasm.component import WALL_CLOCK, BadComponent, import_names, rename_import

PREAMBLE = b"\0asm\x0d\0\x01\0"
OLD, NEW = "a:b/c@1.0.0", "wasi:clocks/wall-clock@0.2.6"


def sized(content: bytes) -> bytes:
    """Encodes contents of less than 16 KiB with their size in LEB128 before them."""
    size = len(content)
    return (bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])) + content


def section(number: int, content: bytes) -> bytes:
    return bytes([number]) + sized(content)


def imports(*names: str, kind: int = 0) -> bytes:
    """Encodes an import section with these names, each with a type of its own."""
    entries = [bytes([kind]) + sized(name.encode()) + bytes([5, index]) for index, name in enumerate(names)]
    return section(10, bytes([len(names)]) + b"".join(entries))


# Other sections of a component: a nested component with the same import, a custom section with its bytes, and a long one.
INNER = section(4, PREAMBLE + imports(OLD))
CUSTOM = section(0, sized(b"name") + imports(OLD))
LONG = section(1, b"\x0a" * 10_000)


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize("names", [[OLD], ["x", OLD], [OLD, "x", "y"], [OLD, f"{OLD}x", OLD[:-1]]])
def test_one_import_gets_another_name(names: list[str], kind: int) -> None:
    before, after = PREAMBLE + CUSTOM + imports("d"), INNER + LONG + imports("e") + CUSTOM
    renamed = rename_import(before + imports(*names, kind=kind) + after, OLD, NEW)
    assert renamed == before + imports(*(NEW if name == OLD else name for name in names), kind=kind) + after
    assert import_names(renamed) == ["d", *(NEW if name == OLD else name for name in names), "e"]


def test_a_name_may_be_long() -> None:
    """The sizes of the name and of its section then take more bytes."""
    renamed = rename_import(PREAMBLE + imports("x"), "x", "y" * 300)
    assert renamed == PREAMBLE + imports("y" * 300)
    assert rename_import(renamed, "y" * 300, "x") == PREAMBLE + imports("x")


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (b"", "it does not begin as a component does"),
        (b"\0asm", "it does not begin as a component does"),
        (b"\0asm\x01\0\0\0" + imports(OLD), "it does not begin as a component does"),  # a module
        (PREAMBLE, f"it imports {OLD} 0 times, not once"),
        (PREAMBLE + INNER + CUSTOM + imports("x"), f"it imports {OLD} 0 times, not once"),
        (PREAMBLE + imports(OLD, OLD), f"it imports {OLD} 2 times, not once"),
        (PREAMBLE + imports(OLD) + imports(OLD), f"it imports {OLD} 2 times, not once"),
        (PREAMBLE + imports(OLD)[:-1], "it ends too early"),
        (PREAMBLE + imports(OLD) + b"\x0a", "it ends too early"),
        (PREAMBLE + b"\x0a" + b"\x80" * 5, "a number is too long"),
        (PREAMBLE + b"\x0a" + b"\xff\xff\xff\xff\x1f", "a number is too long"),
        (PREAMBLE + imports(OLD, kind=2), "the name of an import begins with 2"),
        (PREAMBLE + section(10, b"\x01\0\x01\xff\x05\0"), "a name is not UTF-8"),
        (PREAMBLE + section(10, b"\x01\0\x01f\x01\0"), "the import f is not an instance"),
        (PREAMBLE + section(10, b"\x01\0\x01x\x05\0\0"), "there is something after the imports of a section"),
        (PREAMBLE + section(10, b"\x02\0\x01x\x05\0"), "it ends too early"),
        (PREAMBLE + section(10, b""), "it ends too early"),
    ],
)
def test_what_is_no_such_component_is_told(component: bytes, message: str) -> None:
    with pytest.raises(BadComponent) as raised:
        rename_import(component, OLD, NEW)
    assert str(raised.value) == message


COMPONENT = PREAMBLE + CUSTOM + imports("x", OLD) + INNER


@given(st.one_of(st.binary(), st.binary().map(PREAMBLE.__add__), st.integers(0, len(COMPONENT)).map(lambda end: COMPONENT[:end])))
def test_any_bytes_are_a_component_or_told(data: bytes) -> None:
    try:
        renamed = rename_import(data, OLD, NEW)
    except BadComponent:
        return
    assert rename_import(renamed, NEW, OLD) == data


@given(st.integers(0, len(COMPONENT) - 1), st.integers(0, 255))
def test_a_changed_byte_is_told_or_carried_on(place: int, byte: int) -> None:
    changed = bytearray(COMPONENT)
    changed[place] = byte
    try:
        renamed = rename_import(bytes(changed), OLD, NEW)
    except BadComponent:
        return
    assert NEW in import_names(renamed)


def test_a_real_component_has_the_clocks_own_name(own_project: Workspace) -> None:
    names = import_names(own_project.wasm.read_bytes())
    ours, wasi = WALL_CLOCK
    assert (names.count(ours), names.count(wasi)) == (0, 1)
    assert [name for name in names if not name.startswith("fastly:compute/")] == [wasi]


def test_a_component_that_cannot_be_finished_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of componentize-py may make such a component."""
    new = tmp_path / "new.wasm"
    monkeypatch.setattr(processes, "run", lambda command, environment: write(new, PREAMBLE))
    with pytest.raises(ProgramFailed) as failed:
        toolchain.componentize(tmp_path, wit_folder(), new)
    assert failed.value.output.endswith(f": it imports {WALL_CLOCK[0]} 0 times, not once.")


def test_the_clocks_name_is_part_of_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    key = toolchain.build_key({}, {})
    monkeypatch.setattr(toolchain, "WALL_CLOCK", (WALL_CLOCK[0], "wasi:clocks/wall-clock@0.3.0"))
    assert toolchain.build_key({}, {}) != key
