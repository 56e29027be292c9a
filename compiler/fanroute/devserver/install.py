"""Finds Viceroy and Pushpin, and installs the one that is missing."""

from pathlib import Path

from fanroute.devserver import pushpin as pushpins
from fanroute.devserver.pushpin import Pushpin, Say
from fanroute.project import processes
from fanroute.project.processes import ProgramFailed

VICEROY_VERSION = "0.22.0"


def ensure_pushpin(cache: Path, say: Say) -> Pushpin:
    """Returns a current Pushpin, installed under `cache` if there is none, or else the system's. Raises ProgramFailed."""
    found = pushpins.find_newest(cache)
    if found and found.is_current:
        return found
    try:
        return pushpins.install_from_unstable(cache, say)
    except ProgramFailed as failed:
        say(f"Cannot install Pushpin {pushpins.CURRENT_TEXT} or later here: {_failure_line(failed)}")
    suggestion = "brew install pushpin, or see pushpin.org"
    found = found or pushpins.identify(_ensure_program("pushpin", pushpins.SYSTEM_PROGRAM, "pushpin", suggestion, say))
    say(f"Using the system's Pushpin {found.version}")
    return found


def ensure_viceroy(cache: Path, say: Say) -> Path:
    """Returns Viceroy: the one on PATH, the Fastly CLI's, or one that cargo builds under `cache`. Raises ProgramFailed."""
    found = find_viceroy(cache)
    if found:
        return found
    cargo_path = Path.home() / ".cargo" / "bin" / "cargo"
    cargo = _ensure_program("cargo", cargo_path, "cargo-web", "install Rust (rustup.rs)", say)
    say(f"Building Viceroy {VICEROY_VERSION} with cargo, once: about 15 minutes on 2 cores")
    built = _own_viceroy(cache)
    processes.run([cargo, "install", "viceroy", "--locked", "--version", VICEROY_VERSION, "--root", built.parents[1]])
    return built


def find_viceroy(cache: Path) -> Path | None:
    """Returns Viceroy: the one on PATH, the Fastly CLI's, or the one under `cache`. Returns None if there is none."""
    return processes.find("viceroy", Path.home() / ".config" / "fastly" / "viceroy", _own_viceroy(cache))


def _own_viceroy(cache: Path) -> Path:
    return cache / f"viceroy-{VICEROY_VERSION}" / "bin" / "viceroy"


def _failure_line(failed: ProgramFailed) -> str:
    """Returns the line of a program's output that says why it failed: apt's first error, or else the last line."""
    lines = failed.output.strip().splitlines()
    errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
    return next(iter([*errors, *lines[-1:]]), f"{failed.program} failed")


def _ensure_program(name: str, path: Path, package: str, suggestion: str, say: Say) -> Path:
    """Returns a program that is on PATH or at a path, if necessary after installing its Debian package. Raises ProgramFailed."""
    found = processes.find(name, path)
    apt = processes.find("apt-get")
    if found is None and apt is not None:
        say(f"Installing {package} with apt-get")
        try:
            install_debian_packages(apt, package)
        except ProgramFailed as failed:
            raise ProgramFailed(name, f"{failed.output}\n{name} is missing: {suggestion}") from failed
        found = processes.find(name, path)
    if found is None:
        raise ProgramFailed(name, f"{name} is missing: {suggestion}")
    return found


def install_debian_packages(apt: Path, *packages: str) -> None:
    """Installs packages of Debian as root, with sudo if necessary. Raises ProgramFailed."""
    as_root = [] if processes.run(["id", "-u"]).strip() == "0" else ["sudo", "-n"]
    processes.run([*as_root, str(apt), "update"])
    command = [*as_root, str(apt), "install", "-y", "--no-install-recommends", *packages]
    processes.run(command, {"DEBIAN_FRONTEND": "noninteractive"})
