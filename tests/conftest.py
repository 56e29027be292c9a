"""Gives all tests what they share: the repository's paths, an environment, and how many examples hypothesis generates."""

from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from hypothesis import settings

from fanroute.project.workspace import Workspace
from fanroute.spec.inputs import Inputs
from tests.support.budget import Budget

pytest_plugins = ["tests.support.builds", "tests.support.counts", "tests.support.reports"]

REPOSITORY = Path(__file__).parent.parent
# What tests/golden/cases/ know of the environment.
ENVIRONMENT = {"ORIGIN_HOST": "origin.example.net", "EMPTY": "", "NEWLINE": "a\nb", "NOT_TEXT": "\udcff"}
INPUTS = Inputs(ENVIRONMENT)


def inputs_of(case: Path) -> Inputs:
    """What a folder of tests/golden/cases/ is compiled with: the files that it names are in it, in `files/`."""
    return replace(INPUTS, read=Workspace(case / "routes.yaml").read)


def names(folder: Path) -> list[str]:
    """The names of what is in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())


# Folders that show how a whole service is described, by name: the examples, and what `fanroute init` begins with.
EXAMPLES = {
    path.parent.name: path.parent
    for folder in ("examples", "compiler/fanroute/templates/init")
    for path in sorted((REPOSITORY / folder).glob("*/routes.yaml"))
}
# What a local edge's Fanout signs with, until the year 2100.
GRIP_SIG = jwt.encode({"iss": "viceroy", "exp": 4_102_444_800}, "viceroy_dev_signing_key_dont_use_in_production", "HS256")
OWN_HOST = "fanroute-starter.edgecompute.app"

# `make test` generates little, and always the same; `make fuzz` much, and something else each time.
settings.register_profile("test", max_examples=100, derandomize=True, deadline=None)
settings.register_profile("fuzz", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("test")


def times(factor: float) -> settings:
    """As many examples as the profile has, times a factor."""
    return settings(max_examples=round(settings.default.max_examples * factor))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="rewrite what golden cases expect, the docs that are made, and the budget"
    )


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> Budget:
    """What things may cost."""
    return Budget(request.config.getoption("--update"))
