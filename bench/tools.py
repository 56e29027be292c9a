"""The programs that the bench needs: each found, or installed by its name. ProgramFailed says which is missing."""

import re
from collections.abc import Sequence
from pathlib import Path

from fanroute.devserver import install
from fanroute.project import processes
from fanroute.project.cache import cache_folder
from fanroute.project.errors import ProgramFailed

VEGETA = "v12.13.0"
# The oldest Python that Fastly's SDK takes.
SDK_PYTHON = (3, 12)

# Debian's packages for which a program on PATH will do, too.
PROGRAMS = {"wrk": "wrk", "linux-perf": "perf", "npm": "npm", "golang-go": "go"}


def cache() -> Path:
    """Where the bench keeps what it builds, outside the checkout."""
    return cache_folder() / "bench"


def need(*packages: str) -> None:
    """Have some of Debian's packages, or their programs. Raises ProgramFailed."""
    missing = [package for package in packages if not _is_there(package)]
    if missing:
        apt = processes.find("apt-get")
        if apt is None:
            raise ProgramFailed("bench", f"These are missing: {', '.join(missing)}.")
        say(f"Installing {', '.join(missing)} with apt-get")
        install.from_debian(apt, *missing)


def _is_there(package: str) -> bool:
    if package in PROGRAMS and processes.find(PROGRAMS[package]):
        return True
    try:
        return "ok installed" in processes.run(["dpkg-query", "-W", "-f", "${Status}", package])
    except ProgramFailed:
        return False


def vegeta() -> Path:
    """The driver of the open loop, built once with Go. Raises ProgramFailed."""
    folder = cache() / f"vegeta-{VEGETA}"
    if not (folder / "vegeta").exists():
        need("golang-go")
        say(f"Building vegeta {VEGETA} with Go, once")
        processes.run(["go", "install", f"github.com/tsenart/vegeta/v12@{VEGETA}"], {"GOBIN": str(folder)})
    return folder / "vegeta"


def python_for_sdk() -> str:
    """A Python that is new enough for Fastly's SDK. Raises ProgramFailed."""
    places = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"), reverse=True)
    for candidate in ("python3", *(f"python3.{minor}" for minor in range(20, SDK_PYTHON[1] - 1, -1)), *places):
        try:
            found = processes.run([candidate, "-c", "import ensurepip, sys; print(*sys.version_info[:2])"])
        except ProgramFailed:
            continue
        if tuple(map(int, found.split())) >= SDK_PYTHON:
            return str(candidate)
    raise ProgramFailed("fastly-compute", f"It needs Python {'.'.join(map(str, SDK_PYTHON))} or later, and there is none.")


def version(command: Sequence[str | Path]) -> str:
    """The first number of the kind 1.2.3 that a program tells of itself, or "" where it tells none."""
    try:
        said = processes.run(command)
    except ProgramFailed as failed:
        said = failed.output
    found = re.search(r"\d+(\.\d+)+", said)
    return found[0] if found else ""


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
