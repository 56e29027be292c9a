"""`fanroute --version`: names the tools that Fanroute uses. It starts no program and needs no network."""

import platform
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from fanroute import __version__
from fanroute.project.cache import cache_folder

# The packages with which components are built and run.
_PACKAGES = ("componentize-py", "wasmtime")
# What `fanroute install` puts into the cache: the name, and where its program is. The first folder's name ends with the version.
_INSTALLED = {"Viceroy": "viceroy-*/bin/viceroy", "Pushpin": "pushpin-*/pushpin"}


def version_lines() -> Iterator[str]:
    """Yields the version of Fanroute, and then of each tool that is installed."""
    yield f"fanroute, version {__version__}"
    yield f"Python {platform.python_version()}"
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"
    with suppress(OSError):
        cache = cache_folder()
        for name, pattern in _INSTALLED.items():
            for program in sorted(cache.glob(pattern)):
                yield f"{name} {program.relative_to(cache).parts[0].partition('-')[2]}"
