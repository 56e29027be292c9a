"""Measures how long `fanroute check` takes: with few routes, with many, and with many patterns; and how long its stages take.

    .venv/bin/python -m bench.studies.check_time [ROUTES]

All times are CPU seconds, so other programs on the machine matter little. ROUTES is 10,000 unless given. Files of patterns have
half as many routes.
"""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time
from typing import TypeVar

from bench.generate import HARD_KINDS, PATTERN_KINDS, routes_yaml
from fanroute.diagnostics.text_report import render
from fanroute.lowering.lower import lower_plan
from fanroute.rules.run import find_warnings, validate_routes
from fanroute.syntax.source import decode, parse_yaml

Result = TypeVar("Result")

FEW = 4


def cpu_seconds(command: list[str]) -> float:
    """Runs a command and returns the CPU seconds that it took."""
    started = sum(os.times()[2:4])
    subprocess.run(command, check=True, capture_output=True)
    return sum(os.times()[2:4]) - started


def time_check(text: str, repeats: int) -> float:
    """Returns the shortest time that `fanroute check` takes for a routes.yaml."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "routes.yaml"
        file.write_text(text)
        return min(cpu_seconds([sys.executable, "-P", "-m", "fanroute", "check", str(file)]) for _ in range(repeats))


def time_files(count: int) -> None:
    """Prints the time of `fanroute check` for each kind of file."""
    half = count // 2
    files = {f"{size} routes": (routes_yaml(size), 5) for size in (FEW, count)}
    files[f"{half} routes, with patterns"] = routes_yaml(half, PATTERN_KINDS), 5
    files |= {f"{half} patterns, {name}": (routes_yaml(half, (kind,)), 1) for name, kind in HARD_KINDS.items()}
    for name, (text, repeats) in files.items():
        print(f"{name:>38}: {time_check(text, repeats):.2f} s")  # noqa: T201


def time_stages(text: str) -> None:
    """Prints the time of each stage of `fanroute check`, without the start of Python and without imports."""

    def time_stage(name: str, function: Callable[[], Result]) -> Result:
        started = process_time()
        result = function()
        print(f"{name:>14}: {process_time() - started:.3f} s")  # noqa: T201
        return result

    gc.disable()
    source = time_stage("parse", lambda: parse_yaml(decode(text.encode())))
    spec = time_stage("validate", lambda: validate_routes(source))
    plan = time_stage("lower", lambda: lower_plan(spec, {}))
    warnings = time_stage("warn", lambda: find_warnings(source, plan, ""))
    time_stage("render", lambda: render(warnings, "routes.yaml", text))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    time_files(count)
    time_stages(routes_yaml(count))


if __name__ == "__main__":
    main()
