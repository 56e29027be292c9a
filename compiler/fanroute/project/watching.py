"""Waits for changes of files, so that `fanroute serve` can serve what was saved."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path

from watchfiles import awatch
from watchfiles.main import FileChange

# For how long changes are gathered at most, in milliseconds. If no more come, they are told after 50 ms.
GATHER = 200
# How often the files are looked at without being told of a change, in milliseconds: some file systems tell of none.
LOOK_AGAIN = 5000


class CannotWatch(Exception):
    """Raised if the system cannot watch folders. The message says why."""


async def changes(files: Callable[[], Collection[Path]]) -> AsyncGenerator[None, None]:
    """Yields as soon as some files are watched, when one of them may have changed, and every few seconds.

    Args:
        files: returns their paths. It is called again after each change, because a change can name other files.

    Raises CannotWatch.
    """
    while True:
        places = watched_places(files())
        folders = _folders(places)
        found = _folder_changes(places)
        telling = asyncio.create_task(anext(found))
        try:
            await asyncio.sleep(0)  # lets the task begin to watch
            while True:
                yield
                if (places, folders) != (now := watched_places(files()), _folders(now)):
                    break
                try:
                    await telling
                except (OSError, RuntimeError) as error:
                    raise CannotWatch(str(error)) from error
                telling = asyncio.create_task(anext(found))
        finally:
            telling.cancel()  # that ends `found`, too
            await asyncio.wait([telling])


def _folder_changes(places: Collection[Path]) -> AsyncGenerator[set[FileChange], None]:
    """Yields changes at some paths. Watches their folders, because an editor may replace a file by a new one."""
    names = {str(each) for place in places for each in (place, place.parent)}
    return awatch(
        *{place.parent for place in places},
        watch_filter=lambda change, path: path in names,
        debounce=GATHER,
        rust_timeout=LOOK_AGAIN,
        yield_on_timeout=True,
        recursive=False,
    )


def watched_places(files: Iterable[Path]) -> frozenset[Path]:
    """Returns the absolute paths at which changes matter to some files.

    For a file in a missing folder, that is the folder. For a link, it is both the link and the file that it leads to.
    """
    places = set()
    for file in files:
        for path in (file, Path(os.path.realpath(file))):
            place = Path(os.path.realpath(path.parent)) / path.name
            while not place.parent.is_dir():
                place = place.parent
            places.add(place)
    return frozenset(places)


def _folders(places: Iterable[Path]) -> frozenset[tuple[Path, int]]:
    """Returns the folders of some paths, each with its number: a new folder at the same path has another one."""
    folders = set()
    for place in places:
        with suppress(OSError):  # it was removed this moment
            folders.add((place.parent, place.parent.stat().st_ino))
    return frozenset(folders)
