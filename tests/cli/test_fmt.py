"""Tests `fanroute fmt` and `fanroute schema` as a user runs them."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from fanroute.cli import fmt, main
from fanroute.formatting.formatter import MeaningChanged
from tests.conftest import REPOSITORY

OWN = (REPOSITORY / "routes.yaml").read_text()
UNTIDY = OWN.replace("{channel: test, echo: true}", "{ echo: true, 'channel': test }  # both ways")
TIDY = OWN.replace("{channel: test, echo: true}", "{channel: test, echo: true}  # both ways")


def fanroute(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "fanroute", *arguments]
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def test_a_file_is_formatted(tmp_path: Path) -> None:
    """Tests that a file is formatted in place: it keeps its permissions, and a link is followed."""
    (tmp_path / "real.yaml").write_text(UNTIDY)
    (tmp_path / "real.yaml").chmod(0o640)
    (tmp_path / "routes.yaml").symlink_to("real.yaml")
    done = fanroute(tmp_path, "fmt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "routes.yaml: formatted\n", "")
    assert (tmp_path / "real.yaml").read_text() == TIDY
    assert stat.S_IMODE((tmp_path / "real.yaml").stat().st_mode) == 0o640
    assert (tmp_path / "routes.yaml").is_symlink()
    before = (tmp_path / "real.yaml").stat()
    done = fanroute(tmp_path, "fmt")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "real.yaml").stat() == before


def test_what_would_change_is_named(tmp_path: Path) -> None:
    for name, text in {"a.yaml": UNTIDY, "b.yaml": OWN, "c.yaml": OWN + "\n\n"}.items():
        (tmp_path / name).write_text(text)
    done = fanroute(tmp_path, "fmt", "--check", "a.yaml", "b.yaml", "c.yaml")
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "a.yaml: would be formatted\nc.yaml: would be formatted\n"
    assert (tmp_path / "a.yaml").read_text() == UNTIDY
    assert fanroute(tmp_path, "fmt", "--check", "b.yaml").returncode == 0


@pytest.mark.parametrize("arguments", [["fmt"], ["fmt", "--check"]])
def test_what_cannot_be_read_is_left(tmp_path: Path, arguments: list[str]) -> None:
    """Tests that its error is reported, and that the other files are formatted."""
    broken = UNTIDY.replace("{host", "{{host")
    (tmp_path / "a.yaml").write_text(broken)
    (tmp_path / "b.yaml").write_text(UNTIDY)
    done = fanroute(tmp_path, *arguments, "missing.yaml", "a.yaml", "b.yaml")
    assert done.returncode == 1
    assert "missing.yaml:1:1: error[FR101]" in done.stderr and "a.yaml:13:12: error[FR103]" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "a.yaml").read_text() == broken
    assert done.stdout.startswith("b.yaml: ")


def test_a_file_with_other_mistakes_is_formatted(tmp_path: Path) -> None:
    """Tests that a file with errors is formatted if it is well-formed YAML."""
    (tmp_path / "routes.yaml").write_text(UNTIDY.replace("handoff: origin", "handoff: 'orgin'"))
    assert fanroute(tmp_path, "fmt").returncode == 0
    assert (tmp_path / "routes.yaml").read_text() == TIDY.replace("handoff: origin", "handoff: orgin")


def test_what_would_change_its_meaning_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(*_: object) -> str:
        raise MeaningChanged

    monkeypatch.setattr(fmt, "format_routes", changed)
    (tmp_path / "routes.yaml").write_text(UNTIDY)
    done = CliRunner().invoke(main, ["fmt", str(tmp_path / "routes.yaml")])
    assert done.exit_code == 1
    assert "so the file stays as it is" in done.stderr
    assert (tmp_path / "routes.yaml").read_text() == UNTIDY


def test_included_files_are_formatted(tmp_path: Path) -> None:
    """A file outside of the folder is left alone, even if a link leads there."""
    folder = tmp_path / "edge"
    (folder / "teams").mkdir(parents=True)
    outside, badly = tmp_path / "outside.yaml", "routes:\n    - {match: {path: /b},   forward: origin}\n"
    outside.write_text(badly)
    (folder / "teams/link.yaml").symlink_to(outside)
    (folder / "teams/a.yaml").write_text("# of a team\nroutes:\n    - {forward: origin,   match: {path: /a}}\n")
    includes = "  - include: teams/a.yaml\n  - include: teams/link.yaml\n  - include: teams/missing.yaml\n"
    (folder / "routes.yaml").write_text(
        f'version: 1\nservice: {{name: a}}\nbackends:\n  origin: {{url: "https://a.example.com"}}\nroutes:\n{includes}'
    )
    assert fanroute(folder, "fmt", "--check").stdout == "teams/a.yaml: would be formatted\n"
    assert fanroute(folder, "fmt").stdout == "teams/a.yaml: formatted\n"
    assert (folder / "teams/a.yaml").read_text() == "# of a team\nroutes:\n  - {match: {path: /a}, forward: origin}\n"
    assert outside.read_text() == badly
