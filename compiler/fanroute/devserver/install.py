"""Viceroy and Pushpin, installed where they are missing."""

from collections.abc import Callable
from pathlib import Path

from fanroute.devserver import pushpin as pushpins
from fanroute.devserver.pushpin import Pushpin
from fanroute.project import processes
from fanroute.project.processes import ProgramFailed

VICEROY_VERSION = "0.22.0"

Say = Callable[[str], None]


def pushpin(cache: Path, say: Say) -> Pushpin:
    """Returns a current Pushpin, installed under `cache` if there is none, or else the system's. Raises ProgramFailed."""
    found = pushpins.newest(cache)
    if found and found.is_current:
        return found
    try:
        return pushpins.from_unstable(cache, say)
    except ProgramFailed as failed:
        say(f"No Pushpin of version {pushpins.TEXT} or later can be installed here: {_reason(failed)}")
    mend = "brew install pushpin, or see pushpin.org"
    found = found or pushpins.at(_installed("pushpin", pushpins.SYSTEM, "pushpin", mend, say))
    say(f"Using the system's, {found.version}")
    return found


def viceroy(cache: Path, say: Say) -> Path:
    """Viceroy: the one on PATH, the Fastly CLI's, or one that is built once and kept under `cache`. Raises ProgramFailed."""
    ours = cache / f"viceroy-{VICEROY_VERSION}"
    found = processes.find("viceroy", Path.home() / ".config" / "fastly" / "viceroy", ours / "bin" / "viceroy")
    if found:
        return found
    cargo = _installed("cargo", Path.home() / ".cargo" / "bin" / "cargo", "cargo-web", "install Rust (rustup.rs)", say)
    say(f"Building Viceroy {VICEROY_VERSION} with cargo, once: about 15 minutes on 2 cores")
    processes.run([cargo, "install", "viceroy", "--locked", "--version", VICEROY_VERSION, "--root", ours])
    return ours / "bin" / "viceroy"


def _reason(failed: ProgramFailed) -> str:
    """Returns the line in which a program says why it failed: apt's first error, or else the last line."""
    lines = failed.output.strip().splitlines()
    errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
    return next(iter([*errors, *lines[-1:]]), f"{failed.program} failed")


def _installed(name: str, place: Path, package: str, mend: str, say: Say) -> Path:
    """A program: on PATH, in its place, or else installed there from Debian's package."""
    found = processes.find(name, place)
    apt = processes.find("apt-get")
    if found is None and apt is not None:
        say(f"Installing {package} with apt-get")
        try:
            from_debian(apt, package)
        except ProgramFailed as failed:
            raise ProgramFailed(name, f"{failed.output}\n{name} is missing: {mend}") from failed
        found = processes.find(name, place)
    if found is None:
        raise ProgramFailed(name, f"{name} is missing: {mend}")
    return found


def from_debian(apt: Path, *packages: str) -> None:
    """Install packages of Debian's. Raises ProgramFailed."""
    as_root = [] if processes.run(["id", "-u"]).strip() == "0" else ["sudo", "-n"]
    processes.run([*as_root, str(apt), "update"])
    command = [*as_root, str(apt), "install", "-y", "--no-install-recommends", *packages]
    processes.run(command, {"DEBIAN_FRONTEND": "noninteractive"})
