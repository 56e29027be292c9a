"""Tests which commands make runs, in a clone and in a copy of it. The Python there only records its calls."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

# Does as much of `python -m venv` as make needs. Records its other calls with the folder that it is called in.
PYTHON = """\
#!/bin/sh
case "$*" in
-c*) exit 0 ;;
*"-m venv"*)
    for folder; do :; done
    rm -rf "$folder" && mkdir -p "$folder/bin" && cp "$0" "$folder/bin/python" ;;
esac
echo "$(pwd)|$0|$*" >> "$CALLS"
"""
NEEDED = ["Makefile", "pyproject.toml", "requirements.lock", "requirements-dev.lock"]


class Clone:
    """Represents a folder with a Makefile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, *arguments: str, variables: dict[str, str] | None = None) -> list[str]:
        """Runs make and returns the arguments of each call of the clone's Python. Only the environment is made by another one."""
        calls = self.folder / "calls"
        calls.unlink(missing_ok=True)
        environment = {"PATH": f"{self.folder}:/usr/bin:/bin", "CALLS": str(calls), "HOME": str(self.folder)} | (variables or {})
        command = ["make", "PYTHON=python", *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        found = []
        for line in calls.read_text().splitlines():
            where, program, command_line = line.split("|")
            assert where == str(self.folder)
            assert program == ".venv/bin/python" or "-m venv" in command_line
            found.append(command_line)
        return found

    def copy(self, to: Path) -> "Clone":
        shutil.copytree(self.folder, to, symlinks=True)
        return Clone(to)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    folder = tmp_path / "a clone"
    folder.mkdir()
    for name in NEEDED:
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "python").write_text(PYTHON)
    (folder / "python").chmod(0o755)
    return Clone(folder)


def test_an_environment_is_made_once(clone: Clone) -> None:
    first = clone.make("build")
    assert [given for given in first if "-m venv" in given] == ["-P -m venv --clear .venv"]
    assert sum("-m pip" in given for given in first) == 2
    assert first[-1] == "-P -m fanroute build"
    assert clone.make("build") == ["-P -m fanroute build"]


def test_an_environment_of_routes_yaml_is_chosen(clone: Clone) -> None:
    """A variable of the shell, which other programs use too, chooses nothing."""
    clone.make("build")
    assert clone.make("build", "ENV=staging") == ["-P -m fanroute build --env staging"]
    assert clone.make("serve", "ENV=staging", "PORT=1")[0] == "-P -m fanroute serve --env staging --edge embedded --port 1"
    assert clone.make("build", variables={"ENV": "/etc/shrc"}) == ["-P -m fanroute build"]


def test_a_copied_clone_has_an_environment_of_its_own(clone: Clone, tmp_path: Path) -> None:
    """Make neither installs into the original clone nor runs anything from it."""
    expected = clone.make("build")
    before = sorted((path, path.stat().st_mtime_ns) for path in clone.folder.rglob("*"))
    assert clone.copy(tmp_path / "copy").make("build") == expected
    assert sorted((path, path.stat().st_mtime_ns) for path in clone.folder.rglob("*")) == before


def test_a_moved_clone_makes_its_environment_anew(clone: Clone, tmp_path: Path) -> None:
    expected = clone.make("build")
    moved = Clone(clone.folder.rename(tmp_path / "moved"))
    assert moved.make("build") == expected


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ([], ""),
        (["PORT=8080"], " --port 8080"),
        (["PUBLISH_PORT=8081", "EDGE=viceroy"], " --publish-port 8081"),
        (["PORT=8080", "PUBLISH_PORT=8081"], " --port 8080 --publish-port 8081"),
    ],
)
def test_serve_takes_ports(clone: Clone, given: list[str], options: str) -> None:
    edge = "viceroy" if "EDGE=viceroy" in given else "embedded"
    assert clone.make("serve", *given)[-1] == f"-P -m fanroute serve --edge {edge}{options}"


@pytest.mark.parametrize("given", ["PORT=abc", "PORT=80 80", "PUBLISH_PORT=-1", "EDGE=vicroy", "EDGE=", "PORT=80.5"])
def test_a_wrong_use_of_make_is_told_in_its_own_words(clone: Clone, given: str) -> None:
    """The message does not name options that the user has not written."""
    clone.make("build")
    environment = {"PATH": f"{clone.folder}:/usr/bin:/bin", "CALLS": str(clone.folder / "calls"), "HOME": str(clone.folder)}
    done = subprocess.run(
        ["make", "serve", given], cwd=clone.folder, env=environment, capture_output=True, text=True, check=False
    )
    usage = "Usage: make serve [ENV=NAME] [EDGE=embedded|viceroy] [PORT=0-65535] [PUBLISH_PORT=0-65535]\n"
    assert (done.returncode, done.stdout, done.stderr.partition("make: ")[0]) == (2, "", usage)
    assert "serve" not in (clone.folder / "calls").read_text()
