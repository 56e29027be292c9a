"""Tests the user's cache: only the user can write there, and nothing in a project's folder counts."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Thread

import pytest
import wasmtime
from wasmtime.component import Component

from fanroute.devserver.load import load_component
from fanroute.project.cache import MAX_FILES, NAME, Cache, cache_folder
from tests.conftest import names

TINY = wasmtime.wat2wasm("(component)")
OTHER = wasmtime.wat2wasm('(component (core module (func (export "a"))))')


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the folder that XDG_CACHE_HOME names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def test_what_is_kept_is_found_again(base: Path, project: Path) -> None:
    """Only the user can read or write the files."""
    Cache(project).put("built", "a", b"one")
    assert (Cache(project).get("built", "a"), Cache(project).get("built", "b")) == (b"one", None)
    assert [mode(base / NAME), mode(base / NAME / "built"), mode(base / NAME / "built/a")] == [0o700, 0o700, 0o600]
    assert (Cache(project).reason, names(base / NAME)) == ("", sorted(MAX_FILES))


def test_a_folder_that_others_can_read_is_closed_to_them(base: Path, project: Path) -> None:
    """Former versions of `make` and `fanroute install` made such a folder."""
    (base / NAME).mkdir(parents=True, mode=0o755)
    assert (Cache(project).reason, mode(base / NAME)) == ("", 0o700)


def linked(base: Path, project: Path) -> None:
    base.mkdir()
    (base / NAME).symlink_to(project)


def a_kind_linked(base: Path, project: Path) -> None:
    (base / NAME).mkdir(parents=True)
    (base / NAME / "compiled").symlink_to(project)


def writable(base: Path, project: Path) -> None:
    (base / NAME).mkdir(parents=True)
    (base / NAME).chmod(0o770)


def a_kind_writable(base: Path, project: Path) -> None:
    (base / NAME / "compiled").mkdir(parents=True)
    (base / NAME / "compiled").chmod(0o702)


def a_file(base: Path, project: Path) -> None:
    base.mkdir()
    (base / NAME).write_bytes(b"")


UNUSABLE: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "a link": (linked, "lies in the project's folder"),
    "a link in it": (a_kind_linked, "is a link, and Fanroute writes a folder of its own there"),
    "others may write": (writable, "others may write to"),
    "others may write in it": (a_kind_writable, "others may write to"),
    "a file": (a_file, "is a file, and Fanroute writes a folder of its own there"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_cache_that_others_may_have_written_is_not_used(base: Path, project: Path, kind: str) -> None:
    prepare, told = UNUSABLE[kind]
    prepare(base, project)
    cache = Cache(project)
    cache.put("compiled", "a", b"one")
    assert told in cache.reason
    assert (cache.get("compiled", "a"), list(project.iterdir())) == (None, [])


def test_a_cache_of_another_user_is_not_used(base: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """sudo causes this, because it keeps HOME."""
    Cache(project).put("built", "a", b"one")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert "belongs to another user" in Cache(project).reason


def test_a_cache_in_the_projects_folder_is_not_used(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link of the project that leads to a cache is not followed either, and programs are not kept there."""
    (project / "out").symlink_to(tmp_path)
    (tmp_path / "in").symlink_to(project)
    for place in (project / ".cache", project / "out" / "cache", tmp_path / "in" / "cache", project.parent / "project/x/../c"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(place))
        assert "lies in the project's folder" in Cache(project).reason
        with pytest.raises(OSError, match="lies in the project's folder"):
            Cache(project).trusted_folder()
    assert sorted(path.name for path in project.iterdir()) == ["out"]


def test_a_relative_path_is_none(project: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for value in ("cache", "./cache", ""):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_folder() == tmp_path / "home" / ".cache" / NAME
    Cache(project)
    assert list(project.iterdir()) == []
    monkeypatch.setenv("HOME", "home")
    assert Cache(project).reason == "HOME is not an absolute path"


def test_without_a_home_there_is_none(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", nobody)
    assert "there is no home folder" in Cache(project).reason
    assert Cache(project).get("built", "a") is None


def test_a_cache_that_cannot_be_written_is_not_used(base: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/cache")
    assert Cache(project).reason == "/proc/cache: no such file or directory"
    monkeypatch.setenv("XDG_CACHE_HOME", str(base))
    monkeypatch.setattr(os, "access", lambda path, asked: False)  # as of a file system that is mounted so
    assert Cache(project).reason == f"{base / NAME} is not writable"


def truncated(kept: Path, other: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:-1])


def changed(kept: Path, other: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")


def empty(kept: Path, other: Path) -> None:
    kept.write_bytes(b"")


def a_link(kept: Path, other: Path) -> None:
    kept.rename(other)
    kept.symlink_to(other)


def a_fifo(kept: Path, other: Path) -> None:
    kept.unlink()
    os.mkfifo(kept)


def of_a_checkout(kept: Path, other: Path) -> None:
    """Makes files readable for others, as git does."""
    kept.chmod(0o644)


@pytest.mark.parametrize("change", [truncated, changed, empty, a_link, a_fifo, of_a_checkout])
def test_what_cannot_be_trusted_is_not_there(
    base: Path, project: Path, tmp_path: Path, change: Callable[[Path, Path], None]
) -> None:
    cache = Cache(project)
    cache.put("compiled", "a", b"one")
    change(base / NAME / "compiled" / "a", tmp_path / "other")
    assert (Cache(project).get("compiled", "a"), cache.reason) == (None, "")


def test_the_last_used_are_kept(base: Path, project: Path) -> None:
    cache, most = Cache(project), MAX_FILES["compiled"]
    for number in range(most):
        cache.put("compiled", str(number), b"")
        os.utime(base / NAME / "compiled" / str(number), (number, number))
    assert cache.get("compiled", "0") == b""  # used now
    cache.put("compiled", "new", b"")
    assert names(base / NAME / "compiled") == sorted(["0", *map(str, range(2, most)), "new"])


def test_two_processes_keep_the_same(base: Path, project: Path) -> None:
    contents = [bytes([number]) * 100_000 for number in range(8)]
    threads = [Thread(target=Cache(project).put, args=("compiled", "a", content)) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Cache(project).get("compiled", "a") in contents
    assert names(base / NAME / "compiled") == ["a"]


def test_a_component_is_compiled_once(base: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "tiny.wasm").write_bytes(TINY)
    load_component(project / "tiny.wasm", Cache(project))
    (kept,) = (base / NAME / "compiled").iterdir()

    def compiled(*_: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(Component, "__init__", compiled)
    load_component(project / "tiny.wasm", Cache(project))
    with pytest.raises(AssertionError, match="compiled again"):
        (project / "other.wasm").write_bytes(OTHER)
        load_component(project / "other.wasm", Cache(project))
    assert list((base / NAME / "compiled").iterdir()) == [kept]


def test_what_does_not_load_is_compiled(base: Path, project: Path) -> None:
    """The compiled form may come from another version or another machine."""
    (project / "tiny.wasm").write_bytes(TINY)
    load_component(project / "tiny.wasm", Cache(project))
    (kept,) = (base / NAME / "compiled").iterdir()
    before = kept.read_bytes()
    Cache(project).put("compiled", kept.name, b"\x7fELF of another version")
    load_component(project / "tiny.wasm", Cache(project))
    assert kept.read_bytes() == before


def test_another_version_has_another_name(base: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "tiny.wasm").write_bytes(TINY)
    load_component(project / "tiny.wasm", Cache(project))
    monkeypatch.setattr("fanroute.devserver.load._COMPILER", "another version")
    load_component(project / "tiny.wasm", Cache(project))
    assert len(names(base / NAME / "compiled")) == 2


def test_compiled_code_in_the_folder_is_not_loaded(base: Path, project: Path) -> None:
    """No file in the project's folder is loaded, whatever its name, and none is written there."""
    (project / "tiny.wasm").write_bytes(TINY)
    load_component(project / "tiny.wasm", Cache(project))
    (kept,) = (base / NAME / "compiled").iterdir()
    evil = Component(wasmtime.Engine(), OTHER).serialize()
    for name in (
        f"{kept.name[:16]}.cwasm",
        f"{kept.name}.cwasm",
        kept.name,
        f"compiled/{kept.name}",
        f"{NAME}/compiled/{kept.name}",
    ):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes(evil)
    files = sorted(project.rglob("*"))
    engine, component = load_component(project / "tiny.wasm", Cache(project))
    assert component.serialize() == Component(engine, TINY).serialize()
    assert sorted(project.rglob("*")) == files
