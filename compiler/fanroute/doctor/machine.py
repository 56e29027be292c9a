"""Checks Python and its packages, the cache, and the ports of a local edge."""

import asyncio
import os
import re
import socket
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from fanroute.doctor.finding import Examined, Finding, Findings
from fanroute.project.folder import read

# A requirement's name, and its condition on the system if it has one (PEP 508).
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*(;.*)?")
_PROCESSES = Path("/proc")
# The state of a socket that listens. Source: proc(5), /proc/net/tcp.
_LISTENS = "0A"


async def check_python(examined: Examined) -> Findings:
    """Reports Python's version, and the packages that Fanroute needs and that are missing."""
    version = ".".join(map(str, sys.version_info[:3]))
    missing = [name for name in required_packages(metadata.requires("fanroute") or []) if not _is_installed(name)]
    if missing:
        fix = "Install Fanroute again in this environment; in a clone, `make` does it."
        yield Finding("Python", "error", f"{version}, without the package {', '.join(missing)}", fix)
    else:
        yield Finding("Python", "ok", f"{version}, with all packages")


def required_packages(requirements: list[str]) -> list[str]:
    """Returns the names of the packages that are required on every system. `requirements` are as in the package's metadata."""
    found = (_REQUIREMENT.match(requirement) for requirement in requirements)
    return [match[1] for match in found if match and match[2] is None]


def _is_installed(name: str) -> bool:
    with suppress(metadata.PackageNotFoundError):
        return bool(metadata.version(name))
    return False


async def check_cache(examined: Examined) -> Findings:
    """Reports if builds cannot be kept in the user's cache."""
    if reason := examined.workspace.cache.reason:
        fix = "Correct that, or set XDG_CACHE_HOME to a folder of your own."
        yield Finding("cache", "warning", f"it is not used, so every start compiles the component: {reason}", fix)
    else:
        yield Finding("cache", "ok", str(examined.cache))


async def check_ports(examined: Examined) -> Findings:
    """Reports the ports of a local edge that another process has."""
    for port in examined.ports:
        subject = f"port {port}"
        try:
            with socket.socket() as listener:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", port))
                listener.listen()
        except OSError:
            owner = await asyncio.to_thread(port_owner, port)
            fix = "End that process, or choose others with --port and --publish-port of `fanroute serve`."
            yield Finding(subject, "warning", f"taken by {owner or 'another program'}", fix)
        else:
            yield Finding(subject, "ok", "free")


def port_owner(port: int) -> str:
    """Returns who listens on a port, such as "process 4711 (fanroute serve)", or "" if that cannot be seen."""
    with suppress(OSError):
        sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _listeners(table, port)}
        for process in _PROCESSES.glob("[0-9]*"):
            with suppress(OSError):  # it is another user's, or has just ended
                if any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                    return f"process {process.name} ({_program(process)})"
    return ""


def _listeners(table: str, port: int) -> list[str]:
    """Returns the inodes of the sockets that listen on a port."""
    rows = [line.split() for line in read(_PROCESSES / "net" / table).decode().splitlines()[1:]]
    return [row[9] for row in rows if row[3] == _LISTENS and row[1].endswith(f":{port:04X}")]


def _program(process: Path) -> str:
    """Returns a process's program. Its other arguments can be secret."""
    words = [os.fsdecode(word) for word in read(process / "cmdline").split(b"\0")]
    is_ours = "serve" in words and any(Path(word).name == "fanroute" for word in words)
    return "fanroute serve" if is_ours else Path(words[0]).name
