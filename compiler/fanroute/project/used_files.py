"""Remembers what was in the files that something was made from, to tell whether it has to be made again."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Content = TypeVar("Content")


class UsedFiles:
    """Reads files, and remembers what was in them. A file that could not be read counts too, because it may come later."""

    def __init__(self) -> None:
        self._found: dict[Path, tuple[Callable[[], object], object]] = {}

    @property
    def paths(self) -> frozenset[Path]:
        """Returns the paths of the files that were read."""
        return frozenset(self._found)

    def read(self, path: Path, read: Callable[[], Content]) -> Content:
        """Returns what `read` returns, which reads the file at this path. Raises what `read` raises."""
        try:
            content = read()
        except Exception as error:
            self._found[path] = read, _failure(error)
            raise
        self._found[path] = read, content
        return content

    def have_changed(self) -> bool:
        """Returns True if reading one of the files again gives something else."""
        return any(_content(read) != before for read, before in self._found.values())


def _content(read: Callable[[], object]) -> object:
    try:
        return read()
    except Exception as error:
        return _failure(error)


def _failure(error: Exception) -> tuple[type[Exception], str]:
    return type(error), str(error)
