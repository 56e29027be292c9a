"""Tests configurations of public projects, each in a shape of our own: that routes.yaml can say them, and what it cannot."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fanroute.cli import main
from fanroute.diagnostics.diagnostic import fails
from fanroute.formatting.formatter import format_routes
from fanroute.pipeline import compile_routes
from tests.conftest import inputs_of

FOLDERS = sorted(path.parent for path in Path(__file__).with_name("configurations").glob("*/routes.yaml"))
ALL = [pytest.param(folder, id=folder.name) for folder in FOLDERS]


@pytest.mark.parametrize("folder", ALL)
def test_it_has_nothing_to_be_warned_of(folder: Path) -> None:
    raw = (folder / "routes.yaml").read_bytes()
    compiled = compile_routes(raw, inputs_of(folder))
    assert not fails(compiled.diagnostics, deny_warnings=True), compiled.diagnostics
    assert format_routes(raw, inputs_of(folder)) == raw.decode()


@pytest.mark.parametrize("folder", ALL)
def test_its_tests_pass_and_leave_nothing_out(folder: Path) -> None:
    done = CliRunner().invoke(main, ["test", str(folder / "routes.yaml"), "--coverage", "--fail-under", "100"])
    assert (done.exit_code, "100 %" in done.stdout) == (0, True), done.output


@pytest.mark.parametrize("folder", ALL)
def test_what_it_cannot_say_is_named(folder: Path) -> None:
    comments = [line for line in (folder / "routes.yaml").read_text().splitlines() if line.startswith("#")]
    assert any(line.startswith("# Not here:") for line in comments)


def test_there_are_nine() -> None:
    assert len(FOLDERS) == 9
