"""Tests files below a folder: no link is followed, and a write that fails leaves nothing behind."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.project.folder import Folder, read, write
from fanroute.project.workspace import Workspace
from tests.conftest import names


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Makes a folder outside the project, which must not change."""
    folder = tmp_path / "victim"
    (folder / "kept").mkdir(parents=True)
    (folder / "file").write_bytes(b"precious")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    return tmp_path / "project"


def untouched(victim: Path) -> bool:
    found = sorted(path.relative_to(victim).as_posix() for path in victim.rglob("*"))
    return found == ["file", "kept"] and (victim / "file").read_bytes() == b"precious"


def test_a_file_is_written_whole_and_keeps_its_permissions(folder: Path) -> None:
    Folder(folder).write("a/b/file", b"one")
    (folder / "a/b/file").chmod(0o604)
    Folder(folder).write("a/b/file", b"two")
    assert Folder(folder).read("a/b/file") == b"two"
    assert ((folder / "a/b/file").stat().st_mode & 0o777, names(folder / "a/b")) == (0o604, ["file"])


def test_the_way_to_the_folder_may_be_a_link(folder: Path, tmp_path: Path) -> None:
    """On some systems /tmp is a link."""
    (tmp_path / "link").symlink_to(folder)
    Folder(tmp_path / "link").write("a/file", b"one")
    write(tmp_path / "link" / "b", b"two")
    assert (Folder(tmp_path / "link").read("a/file"), read(folder / "b")) == (b"one", b"two")


USES: dict[str, Callable[[Folder, str], object]] = {
    "read": lambda folder, name: folder.read(name),
    "write": lambda folder, name: folder.write(name, b"evil"),
    "remove": lambda folder, name: folder.remove(name),
    "make": lambda folder, name: folder.make_folder(name),
    "lock": lambda folder, name: folder.open_for_lock(name).__enter__(),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    ("link", "target", "name"), [("a", ".", "a/file"), ("a", "file", "a"), ("a", "kept", "a"), ("a", "no", "a")]
)
def test_no_link_is_followed(folder: Path, victim: Path, use: str, link: str, target: str, name: str) -> None:
    (folder / link).symlink_to(victim / target)
    with pytest.raises(Invalid) as told:
        USES[use](Folder(folder), name)
    (diagnostic,) = told.value.diagnostics
    assert (diagnostic.code, diagnostic.span.file) == ("FR517", str(folder / link))
    assert f"'{folder / link}' is a link, and" in diagnostic.message
    assert untouched(victim)


@pytest.mark.parametrize("use", ["read", "write", "lock"])
@pytest.mark.parametrize("kind", ["a pipe", "a folder"])
def test_what_is_no_file_is_told(folder: Path, use: str, kind: str) -> None:
    """Reading a pipe does not wait for its other end."""
    os.mkfifo(folder / "a") if kind == "a pipe" else (folder / "a").mkdir()
    with pytest.raises(Invalid, match=f"is {kind}, and Fanroute writes a file of its own there"):
        USES[use](Folder(folder), "a")


def test_a_file_is_no_folder(folder: Path) -> None:
    (folder / "a").write_bytes(b"")
    for use in ("write", "make"):
        with pytest.raises(Invalid, match="is a file, and Fanroute writes a folder of its own there"):
            USES[use](Folder(folder), "a/b")
    assert (folder / "a").read_bytes() == b""


def test_a_link_that_takes_a_partial_files_name_is_not_followed(
    folder: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name cannot be guessed. If somebody did guess it, the write would fail."""
    monkeypatch.setattr("fanroute.project.folder.token_hex", lambda size: "known")
    (folder / ".a.known").symlink_to(victim / "file")
    with pytest.raises(FileExistsError):
        write(folder / "a", b"evil")
    assert untouched(victim)


@pytest.mark.parametrize("step", ["fchmod", "replace"])
def test_a_write_that_fails_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), ".partial")

    (folder / "file").write_bytes(b"before")
    monkeypatch.setattr(os, step, full)
    with pytest.raises(OSError, match=rf"No space left on device: '{folder}/file'"):
        Folder(folder).write("file", b"after")
    assert (names(folder), (folder / "file").read_bytes()) == (["file"], b"before")


def test_what_is_removed_is_removed_with_its_links_only(folder: Path, victim: Path) -> None:
    (folder / "a/b").mkdir(parents=True)
    (folder / "a/b/link").symlink_to(victim)
    (folder / "a/file").symlink_to(victim / "file")
    Folder(folder).remove("a")
    Folder(folder).remove("a")
    assert (names(folder), untouched(victim)) == ([], True)


def test_what_cannot_be_removed_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the file would ship."""
    workspace = Workspace(folder / "routes.yaml")
    workspace.write_app({"evil.py": ""})

    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM), "evil.py")

    monkeypatch.setattr(os, "unlink", forbidden)
    with pytest.raises(PermissionError):
        workspace.write_app({"app.py": ""})
    assert names(workspace.app) == ["evil.py"]


def test_what_is_staged_is_all_there_is(folder: Path, victim: Path) -> None:
    workspace = Workspace(folder / "routes.yaml")
    workspace.write_app({"evil.py": "", "package/__init__.py": ""})
    (workspace.app / "linked").symlink_to(victim)
    (workspace.app / "componentize-py.toml").touch()
    workspace.write_app({"app.py": "", "package/new.py": ""})
    found = [path.relative_to(workspace.app).as_posix() for path in workspace.app.rglob("*")]
    assert sorted(found) == ["app.py", "package", "package/new.py"]
    assert untouched(victim)


def test_only_files_are_read(folder: Path) -> None:
    """A device has no end, and a pipe may never be written to."""
    os.mkfifo(folder / "pipe")
    for path, told in {
        folder / "pipe": "it is a pipe, not a file",
        Path("/dev/zero"): "it is a device or socket, not a file",
        folder: "Is a directory",
    }.items():
        with pytest.raises(OSError, match=told):
            read(path)
