"""Reads, writes and removes files below a folder without following links, because the folder may come from somebody else."""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from secrets import token_hex
from typing import BinaryIO

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.diagnostics.rule import Rule

FR517 = Rule(
    "FR517",
    "error",
    "a link or another file is where Fanroute writes",
    "A build writes and removes files in `bin/` and `build/` and writes `fastly.toml`, and `init` writes into a new "
    "folder. If one of these were a link, files elsewhere would be overwritten or removed, and a link can come with a "
    "repository that you cloned. So no link below the folder is followed, and a file is not replaced by a folder. `fmt` "
    "follows a link only within the folder.",
    None,
    "Look at what is there, and move it away.",
)


_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# With these flags, opening a FIFO does not block, and a terminal does not become the process's own.
_FILE = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_OTHERS, _OTHERS_WRITE = 0o077, 0o022

# The most bytes that are read of a text, and of a component or its compiled form. 10,000 routes take 1 MiB, a component 15 MiB.
MAX_TEXT, MAX_COMPONENT = 4 << 20, 128 << 20


@dataclass(frozen=True, slots=True)
class Folder:
    """Reads, writes and removes files below a folder. Its own path may contain links; below it no link is followed.

    Every method takes a path relative to the folder. It raises OSError, and Invalid (FR517) if a link or something else is in the
    place of the file or folder. With `private`, files that others could have read or written raise PermissionError.
    """

    path: Path
    private: bool = False

    def read(self, name: str, limit: int = MAX_TEXT) -> bytes:
        """Returns a file's content. Raises OSError, also if it has more than `limit` bytes. A private file is marked as used."""
        with self._open_parent(name) as (folder, last), _open_file(folder, last, os.O_RDONLY, self.path / name) as file:
            if self.private:
                self._check_private(os.fstat(file), name, _OTHERS)
                os.utime(file)
            with os.fdopen(file, "rb", closefd=False) as content:
                return read_bounded(content, limit)

    def write(self, name: str, content: bytes) -> None:
        """Writes a file whole or not at all, and creates missing folders. An existing file keeps its permissions."""
        with self._open_parent(name, make=True) as (folder, last):
            former = self._former_mode(folder, last, name)
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
        """Removes a file, or a folder with everything in it. Does nothing if it is missing."""
        with suppress(FileNotFoundError), self._open_parent(name) as (folder, last):
            mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISDIR(mode):
                shutil.rmtree(last, dir_fd=folder)
            elif stat.S_ISREG(mode):
                os.unlink(last, dir_fd=folder)
            else:
                raise obstacle_error(self.path / name, mode, "folder")

    def names_newest_first(self, name: str) -> list[str]:
        """Returns the names in a subfolder, the most recently changed or used first."""
        times = {}
        with self._open_parent(f"{name}/.") as (folder, _), os.scandir(folder) as found:
            for entry in found:
                with suppress(FileNotFoundError):  # another process has removed it
                    times[entry.name] = entry.stat(follow_symlinks=False).st_mtime_ns
        return sorted(times, key=lambda one: -times[one])

    def make_folder(self, name: str) -> None:
        """Creates a subfolder and its parents, if they are missing."""
        with self._open_parent(f"{name}/.", make=True):
            pass

    @contextmanager
    def open_for_lock(self, name: str) -> Iterator[int]:
        """Opens a file to lock it, and creates it if it is missing. Does not change its content."""
        flags = os.O_RDWR | os.O_CREAT
        with self._open_parent(name, make=True) as (folder, last), _open_file(folder, last, flags, self.path / name) as file:
            yield file

    @contextmanager
    def locked_file(self, name: str, content: bytes) -> Iterator[Callable[[bytes], None]]:
        """Keeps a file with this content as long as the context lasts, locked. It replaces one of the same name.

        Yields a function that gives it other content. If that is shorter, spaces follow it, because the file has to be whole for
        whoever reads it meanwhile.
        """
        with self._open_parent(name, make=True) as (folder, last):
            self._former_mode(folder, last, name)
            partial = f".{last}.{token_hex(8)}"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(partial, flags, 0o666, dir_fd=folder), "wb", buffering=0) as file:
                try:
                    with suppress(OSError):  # some file systems have no locks
                        fcntl.flock(file, fcntl.LOCK_EX)
                    file.write(content)
                    os.replace(partial, last, src_dir_fd=folder, dst_dir_fd=folder)
                    yield lambda other: _overwrite(file.fileno(), other)
                finally:
                    for one in (partial, last):  # another file may have replaced this one
                        with suppress(OSError):
                            if os.path.samestat(os.stat(one, dir_fd=folder, follow_symlinks=False), os.fstat(file.fileno())):
                                os.unlink(one, dir_fd=folder)

    def read_locked(self, name: str) -> bytes | None:
        """Returns the content of a file that another process has locked, or None if none has. Raises OSError."""
        with self._open_parent(name) as (folder, last), _open_file(folder, last, os.O_RDONLY, self.path / name) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                with os.fdopen(file, "rb", closefd=False) as content:
                    return read_bounded(content)
            return None

    def find_obstacles(self, folders: list[str], files: list[str]) -> list[Diagnostic]:
        """Returns FR517 for each of these paths at which there is something else, such as a link."""
        found = []
        for name in [*folders, *files]:
            kind = "folder" if name in folders else "file"
            try:
                with self._open_parent(name) as (folder, last):
                    mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
            except (FileNotFoundError, Invalid):  # a folder around it that is an obstacle is reported itself
                continue
            if not (stat.S_ISDIR(mode) if kind == "folder" else stat.S_ISREG(mode)):
                found += obstacle_error(self.path / name, mode, kind).diagnostics
        return found

    @contextmanager
    def _open_parent(self, name: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """Opens the folder that contains the last part of a path, one part after the other. Yields it and the last part.

        Errors name the whole path.
        """
        *folders, last = name.split("/")
        if make:
            self.path.mkdir(parents=True, exist_ok=True)
        so_far, current = self.path, -1
        try:
            current = os.open(self.path, _FOLDER & ~os.O_NOFOLLOW)
            for part in folders:
                so_far /= part
                below = _open_folder(current, part, so_far, 0o700 if self.private else 0o777, make)
                os.close(current)
                current = below
                if self.private:
                    self._keep_private(current, str(so_far.relative_to(self.path)))
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
        self._check_private(found, name, _OTHERS_WRITE)
        if found.st_mode & _OTHERS:
            os.fchmod(folder, 0o700)

    def _check_private(self, found: os.stat_result, name: str, forbidden: int) -> None:
        """Raises PermissionError for a file or folder that others can use."""
        if found.st_uid != os.geteuid():
            raise PermissionError(f"{self.path / name} belongs to another user")
        if found.st_mode & forbidden:
            raise PermissionError(f"others may write to {self.path / name}; forbid it with chmod go= {self.path / name}")

    def _former_mode(self, folder: int, last: str, name: str) -> int | None:
        """Returns the permissions of the file that will be replaced, or None if there is none."""
        try:
            mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(mode):
            raise obstacle_error(self.path / name, mode, "file")
        return stat.S_IMODE(mode)


def read(path: Path, limit: int = MAX_TEXT) -> bytes:
    """Returns a file's content. Raises OSError, also if it has more than `limit` bytes or is not a regular file."""
    descriptor = os.open(path, os.O_RDONLY | _FILE)
    with os.fdopen(descriptor, "rb") as file:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(f"it is {_kind(mode)}, not a file")
        return read_bounded(file, limit)


def read_bounded(content: BinaryIO, limit: int = MAX_TEXT) -> bytes:
    """Reads to the end. Raises OSError (EFBIG) after more than `limit` bytes, because the input could be endless."""
    found = content.read(limit + 1)
    if len(found) > limit:
        raise OSError(errno.EFBIG, f"it has more than {limit:,} bytes")
    return found


def write(path: Path, content: bytes) -> None:
    """Writes a file whole or not at all. Raises Invalid (FR517) if a link or something else is in its place."""
    Folder(path.parent).write(path.name, content)


def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """Creates a temporary folder, and removes it when the context ends."""
    return tempfile.TemporaryDirectory(prefix="fanroute-")


def obstacle_error(path: PurePath, mode: int, wanted: str) -> Invalid:
    """Returns the error FR517: something else, such as a link, is in the place of a file or folder that Fanroute writes."""
    message = f"'{path}' is {_kind(mode)}, and Fanroute writes a {wanted} of its own there"
    return Invalid([Diagnostic(FR517, message, Span(file=str(path)), "move it away")])


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_ISREG(mode):
        return "a file"
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"


def _open_folder(within: int, name: str, path: PurePath, mode: int, make: bool) -> int:
    """Opens a folder within an open one. Raises Invalid if it is a link or not a folder."""
    if make:
        with suppress(FileExistsError):
            os.mkdir(name, mode, dir_fd=within)
    try:
        return os.open(name, _FOLDER, dir_fd=within)
    except NotADirectoryError:
        raise obstacle_error(path, os.stat(name, dir_fd=within, follow_symlinks=False).st_mode, "folder") from None
    except OSError:
        found = os.stat(name, dir_fd=within, follow_symlinks=False).st_mode
        if stat.S_ISLNK(found):  # some systems say ELOOP
            raise obstacle_error(path, found, "folder") from None
        raise


@contextmanager
def _open_file(folder: int, last: str, flags: int, path: PurePath) -> Iterator[int]:
    """Opens a file within an open folder. Raises Invalid if it is not a regular file."""
    with suppress(FileNotFoundError):
        mode = os.stat(last, dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            raise obstacle_error(path, mode, "file")
    descriptor = os.open(last, flags | _FILE | os.O_NOFOLLOW, 0o666, dir_fd=folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise obstacle_error(path, os.fstat(descriptor).st_mode, "file")
        yield descriptor
    finally:
        os.close(descriptor)


def _overwrite(descriptor: int, content: bytes) -> None:
    """Gives a file this content in one write, with spaces after it if the former content was longer."""
    os.pwrite(descriptor, content.ljust(os.fstat(descriptor).st_size), 0)
