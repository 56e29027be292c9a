"""Describes the machine of a run and the versions of its tools, without names of hosts or folders.

Has no command; bench.run imports it.
"""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

from bench import tools
from fanroute import __version__
from fanroute.project.processes import ProgramFailed


def describe_machine() -> dict[str, str | int]:
    """Returns the processor's name, the number of cores, the memory in GiB and the kernel."""
    cpu = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = re.search(r"^MemTotal: +(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count() or 0,
        "memory": round(int(memory[1]) / 2**20) if memory else 0,
        "kernel": f"{platform.system()} {platform.release()}",
    }


def versions(viceroy: Path) -> dict[str, str]:
    """Returns the version of each tool that a run uses, by its name; "" if the tool is missing or prints no version."""
    commands: dict[str, list[str | Path]] = {
        "Viceroy": [viceroy, "--version"],
        "wrk": ["wrk", "--version"],
        "Go": ["go", "version"],
        "Node.js": ["node", "--version"],
        "Rust": ["/usr/bin/rustc", "--version"],
    }
    found = {name: tools.program_version(command) for name, command in commands.items()}
    try:
        found["Python of the SDK"] = tools.program_version([tools.find_sdk_python(), "--version"])
    except ProgramFailed:
        found["Python of the SDK"] = ""
    return {
        "Fanroute": __version__,
        "componentize-py": version("componentize-py"),
        **found,
        "vegeta": tools.VEGETA.removeprefix("v"),
        "Python": platform.python_version(),
    }
