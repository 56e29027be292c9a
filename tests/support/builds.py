"""Builds each component that tests need once. The user's cache keeps the components, by a key of their sources."""

import fcntl
import os
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fanroute.bundle import toolchain
from fanroute.bundle.builder import Built, app_files, build
from fanroute.pipeline import compile_routes
from fanroute.project.cache import Cache
from fanroute.project.workspace import Workspace
from tests.conftest import REPOSITORY

# A run of all tests needs about 60 components, of 6 MB each.
_KIND = "tests"
MAX_FILES = {_KIND: 100}
# The variable of the commands, too. Without flattening, components do without the native module.
FLATTEN = os.environ.get("FANROUTE_FLATTEN", "1") != "0"


def build_once(workspace: Workspace) -> Built:
    """Builds a folder's component, or copies one that was built from the same sources, also by another run."""
    key = key_of(workspace)
    with locked(key, workspace.routes.parent) as cache:
        component = cache.get(_KIND, key)
        if component is not None:
            workspace.keep_component(zlib.decompress(component), key)
        built = build(workspace, print, FLATTEN)
        if built.rebuilt and not built.warnings:
            cache.put(_KIND, key, zlib.compress(workspace.good.read_bytes(), 1))
    return built


def made_once(folder: Path, key: str, make: Callable[[], bytes]) -> bytes:
    """Makes a component of a test's own, or returns one that was made with the same key."""
    with locked(key, folder) as cache:
        component = cache.get(_KIND, key)
        if component is not None:
            return zlib.decompress(component)
        made = make()
        cache.put(_KIND, key, zlib.compress(made, 1))
        return made


@contextmanager
def locked(key: str, folder: Path) -> Iterator[Cache]:
    """Gives the cache to the first process that needs a component. Others that need the same one wait for it."""
    cache = Cache(folder, MAX_FILES)
    with (cache.folder / "tests.lock").open("ab") as lock:
        # A byte of the file for each key: processes that need another component do not wait.
        fcntl.lockf(lock, fcntl.LOCK_EX, 1, int(key[:8], 16))
        yield cache


def key_of(workspace: Workspace) -> str:
    """Returns the key of what a folder's component is made from."""
    plan = compile_routes(workspace.read_routes(), workspace.inputs()).plan
    files = app_files(plan)
    return toolchain.build_key(files, toolchain.wit_for(files), FLATTEN)


@pytest.fixture(scope="session")
def own_project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Builds a folder with the repository's routes.yaml."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(REPOSITORY / "routes.yaml", folder)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return workspace


def copied(project: Workspace, folder: Path) -> Workspace:
    """Copies a built folder, so that the copy counts as built too."""
    shutil.copytree(project.routes.parent, folder, dirs_exist_ok=True)
    copy = Workspace(folder / "routes.yaml")
    copy.keep_component(copy.good.read_bytes(), key_of(copy))
    return copy
