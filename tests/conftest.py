"""Gives all tests what they share: the repository's paths, an environment, and how many examples hypothesis generates."""

from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from hypothesis import settings

from fanroute.project.workspace import Workspace
from fanroute.spec.inputs import Inputs
from tests.support.budget import Budget

pytest_plugins = ["tests.support.builds", "tests.support.counts", "tests.support.reports", "tests.support.scheduling"]

REPOSITORY = Path(__file__).parent.parent
# The environment variables that tests/golden/cases/ are compiled with.
ENVIRONMENT = {"ORIGIN_HOST": "origin.example.net", "EMPTY": "", "NEWLINE": "a\nb", "NOT_TEXT": "\udcff"}
INPUTS = Inputs(ENVIRONMENT)


def inputs_of(case: Path) -> Inputs:
    """Returns the inputs for a folder of tests/golden/cases/. The files that its routes.yaml names are in its `files/`."""
    return replace(INPUTS, read=Workspace(case / "routes.yaml").read)


def names(folder: Path) -> list[str]:
    """Returns the sorted names of a folder's files and subfolders."""
    return sorted(path.name for path in folder.iterdir())


# Folders with a complete service, by name: the examples, and the templates of `fanroute init`.
EXAMPLES = {
    path.parent.name: path.parent
    for folder in ("examples", "examples/origins", "compiler/fanroute/templates/init")
    for path in sorted((REPOSITORY / folder).glob("*/routes.yaml"))
}
# A Grip-Sig as a local edge's Fanout signs it, valid until the year 2100.
GRIP_SIG = jwt.encode(
    {"exp": 4_102_444_800, "iss": "viceroy"}, "viceroy_dev_signing_key_dont_use_in_production", "HS256", sort_headers=False
)
OWN_HOST = "fanroute-starter.edgecompute.app"

# `make test` generates few examples, always the same ones. `make fuzz` generates many, and others each time.
settings.register_profile("test", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("fuzz", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("test")


def times(factor: float) -> settings:
    """Returns settings with the number of examples of the profile, times a factor."""
    return settings(max_examples=round(settings.default.max_examples * factor))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="rewrite the outputs of golden cases, the generated docs and the budget"
    )


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> Budget:
    """Gives a test the budget in tests/support/budget.json."""
    return Budget(request.config.getoption("--update"))
