"""Checks and tests each example as its user would."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanroute.cli import main
from fanroute.diagnostics.diagnostic import fails
from fanroute.pipeline import compile_routes
from tests.conftest import EXAMPLES, REPOSITORY, inputs_of

ALL = [pytest.param(folder, id=name) for name, folder in EXAMPLES.items()]


@pytest.mark.parametrize("folder", ALL)
def test_an_example_has_nothing_to_be_warned_of(folder: Path) -> None:
    compiled = compile_routes((folder / "routes.yaml").read_bytes(), inputs_of(folder))
    assert not fails(compiled.diagnostics, deny_warnings=True), compiled.diagnostics


@pytest.mark.parametrize("folder", ALL)
def test_an_examples_tests_pass_and_leave_nothing_out(folder: Path) -> None:
    done = CliRunner().invoke(main, ["test", str(folder / "routes.yaml"), "--coverage", "--fail-under", "100"])
    assert (done.exit_code, "100 %" in done.stdout) == (0, True), done.output


def test_every_example_is_listed() -> None:
    listed = re.findall(r"^\| \[(\S+)\]\((\S+)\)", (REPOSITORY / "examples" / "README.md").read_text(), re.MULTILINE)
    assert [(name, (REPOSITORY / "examples" / link).resolve()) for name, link in listed] == [*EXAMPLES.items()]
