"""What all tests share: the repository's own routes.yaml, built once; how much is generated, and how much was."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic

import jwt
import pytest
from hypothesis import settings

from fanroute.bundle import toolchain
from fanroute.bundle.builder import app_files, build
from fanroute.pipeline import compile_routes
from fanroute.project.package_files import wit_sources
from fanroute.project.workspace import Workspace
from fanroute.spec.inputs import Inputs
from tests.support.budget import Budget

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

# What was generated and asked, by what it is; how long the tests took that did so, in seconds, and how many of them failed.
# Told in the end.
COUNTS: Counter[str] = Counter()
SECONDS: Counter[str] = Counter()
FAILURES: Counter[str] = Counter()


def times(factor: float) -> settings:
    """As many examples as the profile has, times a factor."""
    return settings(max_examples=round(settings.default.max_examples * factor))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    before, start, failed = COUNTS.copy(), monotonic(), True
    try:
        yield
        failed = False
    finally:
        for what in COUNTS - before:
            SECONDS[what] += round(monotonic() - start)
            FAILURES[what] += failed


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, count in sorted(COUNTS.items()):
        terminalreporter.write_line(f"{count:8} {what}, in {SECONDS[what]} s; findings: {FAILURES[what]}")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update", action="store_true", help="rewrite what golden cases expect, the docs that are made, and the budget"
    )


@pytest.fixture
def budget(request: pytest.FixtureRequest) -> Budget:
    """What things may cost."""
    return Budget(request.config.getoption("--update"))


@pytest.fixture(scope="session")
def own_project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A folder with the repository's routes.yaml, built."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(REPOSITORY / "routes.yaml", folder)
    workspace = Workspace(folder / "routes.yaml")
    build(workspace, print)
    return workspace


def copied(project: Workspace, folder: Path) -> Workspace:
    """Copies a folder that was built, as if it had been built there too."""
    shutil.copytree(project.routes.parent, folder, dirs_exist_ok=True)
    copy = Workspace(folder / "routes.yaml")
    files = app_files(compile_routes(copy.read_routes(), copy.inputs()).plan)
    copy.keep_component(copy.good.read_bytes(), toolchain.build_key(files, wit_sources(), flattened=True))
    return copy
