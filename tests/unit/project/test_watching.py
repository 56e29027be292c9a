"""Tests that changed files are found, and that whoever watches is told of them."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from fanroute.project import watching
from fanroute.project.used_files import UsedFiles
from fanroute.project.watching import CannotWatch, changes, watched_places

Step = Callable[[Path], None]
# In seconds.
TIMEOUT = 20


def reader(path: Path) -> Callable[[], bytes]:
    return lambda: path.read_bytes()


def test_only_another_content_is_a_change(tmp_path: Path) -> None:
    files, path = UsedFiles(), tmp_path / "a"
    path.write_text("1")
    assert files.read(path, reader(path)) == b"1"
    path.write_text("1")
    assert not files.have_changed()
    path.write_text("2")
    assert files.have_changed()
    assert files.paths == {path}


def test_a_file_that_cannot_be_read_may_come(tmp_path: Path) -> None:
    files, path = UsedFiles(), tmp_path / "a"
    with pytest.raises(FileNotFoundError):
        files.read(path, reader(path))
    assert files.paths == {path}
    assert not files.have_changed()
    path.write_text("")
    assert files.have_changed()


def test_places(tmp_path: Path) -> None:
    """A link counts with the file that it leads to, and a file in a missing folder is waited for at the folder."""
    real, linked = tmp_path / "real", tmp_path / "linked"
    real.mkdir()
    linked.symlink_to("real")
    (real / "a").touch()
    (tmp_path / "b").symlink_to("real/a")
    assert watched_places([real / "a", linked / "a"]) == {real / "a"}
    assert watched_places([tmp_path / "b"]) == {tmp_path / "b", real / "a"}
    assert watched_places([tmp_path / "no" / "such" / "c"]) == {tmp_path / "no"}


def written(path: Path) -> None:
    path.write_text("2")


def replaced(path: Path) -> None:
    new = path.parent.parent / "new"
    new.write_text("2")
    new.replace(path)


def removed(path: Path) -> None:
    path.unlink()


def without_folder(path: Path) -> None:
    path.parent.rmdir()


def with_folder(path: Path) -> None:
    path.parent.mkdir()


@pytest.mark.parametrize(
    "steps",
    [(written, written), (replaced, written), (removed, written), (removed, without_folder, with_folder, replaced, written)],
)
@pytest.mark.parametrize("is_link", [False, True])
def test_a_change_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: Sequence[Step], is_link: bool) -> None:
    """Long before the files would be looked at again anyway."""
    monkeypatch.setattr(watching, "LOOK_AGAIN", 60_000)
    path = tmp_path / "folder" / "a"
    path.parent.mkdir()
    path.write_text("1")
    link = tmp_path / "links" / "link"
    link.parent.mkdir()
    link.symlink_to(path)

    async def watch() -> None:
        async with aclosing(changes(lambda: [link if is_link else path])) as found:
            await anext(found)  # now it watches
            for step in steps:
                telling = asyncio.create_task(anext(found))
                await asyncio.sleep(0)
                step(path)
                await asyncio.wait_for(telling, TIMEOUT)

    asyncio.run(watch())


def test_files_are_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any change."""
    monkeypatch.setattr(watching, "LOOK_AGAIN", 100)

    async def watch() -> None:
        async with aclosing(changes(lambda: [tmp_path / "a"])) as found:
            for _ in range(3):
                await asyncio.wait_for(anext(found), TIMEOUT)

    asyncio.run(watch())


@pytest.mark.parametrize("steps", range(5))
def test_watching_can_be_cancelled_at_any_moment(tmp_path: Path, steps: int) -> None:
    async def watch() -> None:
        async with aclosing(changes(lambda: [tmp_path / "a"])) as found:
            async for _ in found:
                pass

    async def cancel() -> None:
        watching = asyncio.create_task(watch())
        for _ in range(steps):
            await asyncio.sleep(0)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(watching, TIMEOUT)

    asyncio.run(cancel())


def test_a_system_that_cannot_watch_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*folders: Path, **options: object) -> AsyncGenerator[None, None]:
        raise OSError("no space left on device")
        yield

    monkeypatch.setattr(watching, "awatch", full)

    async def watch() -> None:
        async with aclosing(changes(lambda: [tmp_path / "a"])) as found:
            async for _ in found:
                pass

    with pytest.raises(CannotWatch, match="no space left on device"):
        asyncio.run(watch())
