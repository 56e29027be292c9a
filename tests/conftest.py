"""What all tests share: the repository's own routes.yaml, built once."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from fanroute.build import build
from fanroute.surroundings import Surroundings
from fanroute.workspace import Workspace, runtime_sources

REPOSITORY = Path(__file__).parent.parent
# What tests/cases/ know of the environment.
ENVIRONMENT = {"ORIGIN_HOST": "origin.example.net", "EMPTY": "", "NEWLINE": "a\nb", "NOT_TEXT": "\udcff"}
SURROUNDINGS = Surroundings(runtime_sources(), ENVIRONMENT)


def surroundings_of(case: Path) -> Surroundings:
    """What a folder of tests/cases/ is compiled with: the files that it names are in it, in `files/`."""
    return replace(SURROUNDINGS, read=Workspace(case / "routes.yaml").read)


OWN_HOST = "fanroute-starter.edgecompute.app"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite what the golden cases expect, and the docs that are made")


@pytest.fixture(scope="session")
def own_project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A folder with the repository's routes.yaml, built."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(REPOSITORY / "routes.yaml", folder)
    workspace = Workspace(folder / "routes.yaml")
    build(workspace, print)
    return workspace
