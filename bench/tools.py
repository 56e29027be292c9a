"""Finds or installs the programs that the benchmarks need, and prints progress. Has no command; most of bench imports it."""

import re
from collections.abc import Sequence
from pathlib import Path

from fanroute.devserver import install
from fanroute.project import processes
from fanroute.project.cache import cache_folder
from fanroute.project.processes import ProgramFailed

VEGETA = "v12.13.0"
# The oldest Python that Fastly's SDK supports.
SDK_PYTHON = (3, 12)

# Debian packages that are not needed if a program of this name is on PATH.
PROGRAMS = {"wrk": "wrk", "linux-perf": "perf", "npm": "npm", "golang-go": "go"}


def bench_cache() -> Path:
    """Returns the folder where the benchmarks keep what they build, outside the checkout."""
    return cache_folder() / "bench"


def require_packages(*packages: str) -> None:
    """Installs the Debian packages that are missing. Raises ProgramFailed if that is impossible."""
    missing = [package for package in packages if not _is_installed(package)]
    if missing:
        apt = processes.find("apt-get")
        if apt is None:
            raise ProgramFailed("bench", f"these packages are missing: {', '.join(missing)}")
        log(f"Installing {', '.join(missing)} with apt-get")
        install.install_debian_packages(apt, *missing)


def _is_installed(package: str) -> bool:
    if package in PROGRAMS and processes.find(PROGRAMS[package]):
        return True
    try:
        return "ok installed" in processes.run(["dpkg-query", "-W", "-f", "${Status}", package])
    except ProgramFailed:
        return False


def require_vegeta() -> Path:
    """Returns the program vegeta, which is built with Go if the cache does not have it. Raises ProgramFailed."""
    folder = bench_cache() / f"vegeta-{VEGETA}"
    if not (folder / "vegeta").exists():
        require_packages("golang-go")
        log(f"Building vegeta {VEGETA} with Go; later runs find it in the cache")
        processes.run(["go", "install", f"github.com/tsenart/vegeta/v12@{VEGETA}"], {"GOBIN": str(folder)})
    return folder / "vegeta"


def find_sdk_python() -> str:
    """Returns a Python that is new enough for Fastly's SDK: on PATH, or installed by pyenv. Raises ProgramFailed."""
    installed = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"), reverse=True)
    for candidate in ("python3", *(f"python3.{minor}" for minor in range(20, SDK_PYTHON[1] - 1, -1)), *map(str, installed)):
        try:
            found = processes.run([candidate, "-c", "import ensurepip, sys; print(*sys.version_info[:2])"])
        except ProgramFailed:
            continue
        if tuple(map(int, found.split())) >= SDK_PYTHON:
            return candidate
    raise ProgramFailed("fastly-compute", f"it needs Python {'.'.join(map(str, SDK_PYTHON))} or later, and none was found")


def program_version(command: Sequence[str | Path]) -> str:
    """Runs a command and returns the first version number of the form 1.2.3 in its output, or "" if there is none."""
    try:
        output = processes.run(command)
    except ProgramFailed as failed:
        output = failed.output
    found = re.search(r"\d+(\.\d+)+", output)
    return found[0] if found else ""


def log(line: str) -> None:
    """Prints a line of progress at once."""
    print(line, flush=True)  # noqa: T201
