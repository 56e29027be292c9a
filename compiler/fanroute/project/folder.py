"""Reads, writes and removes files below a folder without following links: the folder may be somebody else's clone."""

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from secrets import token_hex
from typing import BinaryIO

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.diagnostics.rule import Rule

FR517 = Rule(
    "FR517",
    "error",
    "no link or other file is where Fanroute writes",
    "A build writes and removes files in `bin/` and `build/` and writes `fastly.toml`, and `init` writes into a new "
    "folder. If one of these were a link, files elsewhere would be overwritten or removed, and a link can come with a "
    "repository that you cloned. So no link below the folder is followed, and a file is not replaced by a folder. `fmt` "
    "follows a link only within the folder.",
    None,
    "Look at what is in that place, and move it away.",
)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A FIFO does not block then, and a terminal does not become ours.
_FILE = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_OTHERS, _OTHERS_WRITE = 0o077, 0o022

# Most bytes that are read of a file, and of a component or its compiled form. 10,000 routes are 1 MiB, and a component is 15 MiB.
MAX_TEXT, MAX_COMPONENT = 4 << 20, 128 << 20


@dataclass(frozen=True, slots=True)
class Folder:
    """Reads, writes and removes files below a folder. Its own path may contain links; below it no link is followed.

    Every method takes a path relative to the folder. It raises OSError, and Invalid (FR517) if a link or something else is in the
    file's place. With `private`, a file that others could have read or written raises PermissionError.
    """

    path: Path
    private: bool = False

    def read(self, name: str, limit: int = MAX_TEXT) -> bytes:
        """Returns a file's content. Marks a private one as used. Raises OSError, also for one that is larger than `limit`."""
        with self._holding(name) as (folder, last), _opened(folder, last, os.O_RDONLY, self.path / name) as file:
            if self.private:
                self._check(os.fstat(file), name, _OTHERS)
                os.utime(file)
            with os.fdopen(file, "rb", closefd=False) as content:
                return bounded(content, limit)

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole or not at all, and the folders on the way. A file that is there keeps its permissions."""
        with self._holding(name, make=True) as (folder, last):
            former = self._former(folder, last, name)
            partial = f".{last}.{token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(partial, flags, 0o600 if self.private else 0o666, dir_fd=folder), "wb") as file:
                    file.write(content)
                    if former is not None and not self.private:
                        os.fchmod(file.fileno(), former)
                os.replace(partial, last, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with suppress(OSError):
                    os.unlink(partial, dir_fd=folder)
                raise

    def remove(self, name: str) -> None:
        """Remove a file, or a folder with all that is in it, if there is one."""
        with suppress(FileNotFoundError), self._holding(name) as (folder, last):
            mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                shutil.rmtree(last, dir_fd=folder)
            elif stat.S_ISREG(mode):
                os.unlink(last, dir_fd=folder)
            else:
                raise in_the_way(self.path / name, mode, "folder")

    def newest_first(self, name: str) -> list[str]:
        """Returns the names in a subfolder, the most recently changed or used ones first."""
        times = {}
        with self._holding(f"{name}/.") as (folder, _), os.scandir(folder) as found:
            for entry in found:
                with suppress(FileNotFoundError):  # another process has removed it
                    times[entry.name] = entry.stat(follow_symlinks=False).st_mtime_ns
        return sorted(times, key=lambda one: -times[one])

    def make(self, name: str) -> None:
        """Makes a subfolder and its parents, if they are missing."""
        with self._holding(f"{name}/.", make=True):
            pass

    @contextmanager
    def opened(self, name: str) -> Iterator[int]:
        """Opens a file to lock it, and makes it if it is missing. Does not change its content."""
        flags = os.O_RDWR | os.O_CREAT
        with self._holding(name, make=True) as (folder, last), _opened(folder, last, flags, self.path / name) as file:
            yield file

    def wrong(self, folders: list[str], files: list[str]) -> list[Diagnostic]:
        """Returns FR517 for each of these places at which there is something else, such as a link."""
        found = []
        for name in [*folders, *files]:
            kind = "folder" if name in folders else "file"
            try:
                with self._holding(name) as (folder, last):
                    mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
            except (FileNotFoundError, Invalid):  # what is around it is told itself
                continue
            if not (stat.S_ISDIR(mode) if kind == "folder" else stat.S_ISREG(mode)):
                found += in_the_way(self.path / name, mode, kind).diagnostics
        return found

    @contextmanager
    def _holding(self, name: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """Opens the folder of a path's last part, by opening one part after the other. Errors name the whole path."""
        *folders, last = name.split("/")
        if make:
            self.path.mkdir(parents=True, exist_ok=True)
        way, current = self.path, -1
        try:
            current = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
            for part in folders:
                way /= part
                below = _opened_folder(current, part, way, 0o700 if self.private else 0o777, make)
                os.close(current)
                current = below
                if self.private:
                    self._keep_private(current, str(way.relative_to(self.path)))
            yield current, last
        except OSError as error:
            if error.filename is not None:
                error.filename, error.filename2 = str(self.path / name), None
            raise
        finally:
            if current >= 0:
                os.close(current)

    def _keep_private(self, folder: int, name: str) -> None:
        found = os.fstat(folder)
        self._check(found, name, _OTHERS_WRITE)
        if found.st_mode & _OTHERS:
            os.fchmod(folder, 0o700)

    def _check(self, found: os.stat_result, name: str, forbidden: int) -> None:
        """Raises PermissionError for a file or folder that others can use."""
        if found.st_uid != os.geteuid():
            raise PermissionError(f"{self.path / name} belongs to another user")
        if found.st_mode & forbidden:
            raise PermissionError(f"others may write to {self.path / name}; forbid it with chmod go= {self.path / name}")

    def _former(self, folder: int, last: str, name: str) -> int | None:
        """Returns the permissions of the file that is to be replaced, None if there is none."""
        try:
            mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(mode):
            raise in_the_way(self.path / name, mode, "file")
        return stat.S_IMODE(mode)


def read(path: Path, limit: int = MAX_TEXT) -> bytes:
    """Returns a file's content. Raises OSError, also for a larger one, and for what is no file, such as a pipe or a device."""
    descriptor = os.open(path, os.O_RDONLY | _FILE)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(f"it is {_kind(mode)}, not a file")
        return bounded(file, limit)


def bounded(content: BinaryIO, limit: int = MAX_TEXT) -> bytes:
    """Reads to the end. Raises OSError (EFBIG) if there is more than `limit`: it could be endless, or fill the memory."""
    found = content.read(limit + 1)
    if len(found) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes")
    return found


def write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all; a link in its place is not followed."""
    Folder(path.parent).write(path.name, content)


def scratch() -> AbstractContextManager[str]:
    """Makes a temporary folder, and removes it at the end."""
    return tempfile.TemporaryDirectory(prefix="fanroute-")


def in_the_way(path: PurePath, mode: int, wanted: str) -> Invalid:
    """Returns FR517: a link or something else is at the place of a file or folder that Fanroute writes."""
    message = f"'{path}' is {_kind(mode)}, and Fanroute writes a {wanted} of its own there"
    return Invalid([Diagnostic(FR517, message, Span(file=str(path)), "move it away")])


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_ISREG(mode):
        return "a file"
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"


def _opened_folder(within: int, name: str, path: PurePath, mode: int, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=within)
    try:
        return os.open(name, _FOLDER, dir_fd=within)
    except NotADirectoryError:
        raise in_the_way(path, os.stat(name, dir_fd=within, follow_symlinks=False).st_mode, "folder") from None
    except OSError:
        found = os.stat(name, dir_fd=within, follow_symlinks=False).st_mode
        if stat.S_ISLNK(found):  # some systems say ELOOP
            raise in_the_way(path, found, "folder") from None
        raise


@contextmanager
def _opened(folder: int, last: str, flags: int, path: PurePath) -> Iterator[int]:
    """Opens a file. Raises Invalid if it is not a regular file."""
    with suppress(FileNotFoundError):
        mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            raise in_the_way(path, mode, "file")
    descriptor = os.open(last, flags | _FILE | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise in_the_way(path, os.fstat(descriptor).st_mode, "file")
        yield descriptor
    finally:
        os.close(descriptor)
