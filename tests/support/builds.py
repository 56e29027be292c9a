"""Builds each component that tests need once. The user's cache keeps the components, by a key of their sources."""

import os
import shutil
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import BinaryIO

import pytest

from fanroute.bundle import toolchain
from fanroute.bundle.builder import Built, app_files, build
from fanroute.pipeline import compile_routes
from fanroute.project.cache import cache_folder
from fanroute.project.package_files import wit_sources
from fanroute.project.workspace import Workspace
from tests.conftest import REPOSITORY

# How many components are kept, by latest use. A run of all tests needs about 60, of 6 MB each.
KEPT = 100


def build_once(workspace: Workspace) -> Built:
    """Builds a folder's component, or copies one that was built from the same sources, also by another run."""
    key = key_of(workspace)
    with _alone(key) as file:
        with suppress(zlib.error):  # no component is cached yet, or only a part of one
            workspace.keep_component(zlib.decompress(file.read()), key)
        built = build(workspace, print)
        if built.rebuilt and not built.warnings:
            file.truncate(0)
            file.write(zlib.compress(workspace.good.read_bytes(), 1))
    return built


def key_of(workspace: Workspace) -> str:
    """Returns the key of what a folder's component is made from."""
    plan = compile_routes(workspace.read_routes(), workspace.inputs()).plan
    return toolchain.build_key(app_files(plan), wit_sources(), flattened=True)


@contextmanager
def _alone(key: str) -> Iterator[BinaryIO]:
    """Opens the file of a key in the cache. Waits until no other process has it open."""
    folder = cache_folder() / "tests"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / key).open("a+b") as file:
        flock(file, LOCK_EX)
        file.seek(0)
        os.utime(file.fileno())
        yield file
    for former in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-KEPT]:
        former.unlink(missing_ok=True)


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
