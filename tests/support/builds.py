"""Builds each component once in a test run. Folders that need the same component share it, in all of the run's processes."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from fanroute.bundle import toolchain
from fanroute.bundle.builder import Built, app_files, build
from fanroute.pipeline import compile_routes
from fanroute.project.package_files import wit_sources
from fanroute.project.workspace import Workspace
from tests.conftest import REPOSITORY

# The environment variable with the folder of the run's components. The processes of pytest-xdist inherit it.
_FOLDER = "FANROUTE_TEST_BUILDS"


def pytest_configure(config: pytest.Config) -> None:
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="fanroute-builds-")
        config.add_cleanup(lambda: shutil.rmtree(os.environ.pop(_FOLDER)))


def build_once(workspace: Workspace) -> Built:
    """Builds a folder's component, or gives the folder the one that this run has built from the same."""
    key = key_of(workspace)
    kept = Path(os.environ[_FOLDER], f"{key}.wasm")
    with _alone(kept.with_suffix(".lock")):
        if kept.exists():
            workspace.keep_component(kept.read_bytes(), key)
        built = build(workspace, print)
        if not built.warnings:
            shutil.copy(workspace.good, kept)
        return built


def key_of(workspace: Workspace) -> str:
    """Returns the key of what a folder's component is made from."""
    plan = compile_routes(workspace.read_routes(), workspace.inputs()).plan
    return toolchain.build_key(app_files(plan), wit_sources(), flattened=True)


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Waits until no other process is in here with the same file."""
    with lock.open("w") as file:
        flock(file, LOCK_EX)
        yield


@pytest.fixture(scope="session")
def own_project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A folder with the repository's routes.yaml, built."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(REPOSITORY / "routes.yaml", folder)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return workspace


def copied(project: Workspace, folder: Path) -> Workspace:
    """Copies a folder that was built, as if it had been built there too."""
    shutil.copytree(project.routes.parent, folder, dirs_exist_ok=True)
    copy = Workspace(folder / "routes.yaml")
    copy.keep_component(copy.good.read_bytes(), key_of(copy))
    return copy
