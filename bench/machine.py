"""What the bench runs on, without names of hosts and places."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from bench import tools
from fanroute import __version__
from fanroute.project.errors import ProgramFailed


def machine() -> dict[str, str | int]:
    """The machine: its processor, how many cores, its memory in GiB, its kernel."""
    cpu = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory": round(int(memory[1]) / 2**20) if memory else 0,
        "kernel": f"{platform.system()} {platform.release()}",
    }


def versions(viceroy: Path) -> dict[str, str]:
    """The versions of what takes part, by name; "" where a program tells none."""
    asked: dict[str, list[str | Path]] = {
        "Viceroy": [viceroy, "--version"],
        "wrk": ["wrk", "--version"],
        "Go": ["go", "version"],
        "Node.js": ["node", "--version"],
        "Rust": ["/usr/bin/rustc", "--version"],
    }
    found = {name: tools.version(command) for name, command in asked.items()}
    try:
        found["Python of the SDK"] = tools.version([tools.python_for_sdk(), "--version"])
    except ProgramFailed:
        found["Python of the SDK"] = ""
    return {
        "Fanroute": __version__,
        "componentize-py": version("componentize-py"),
        **found,
        "vegeta": tools.VEGETA.removeprefix("v"),
        "Python": platform.python_version(),
    }
