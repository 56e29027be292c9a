"""Measures how long `fanroute check` takes with many routes and with four (the best of five each), and how long its stages take.

    .venv/bin/python -m bench.studies.check_time [ROUTES]

All times are CPU seconds, so other programs on the machine matter little. ROUTES is 10,000 unless given.
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

from bench.generate import routes_yaml
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


def compare_sizes(count: int) -> None:
    """Prints the time of `fanroute check` with few routes and with `count`, and their ratio."""
    with TemporaryDirectory() as folder:
        best = {}
        for size in (FEW, count):
            file = Path(folder) / f"{size}.yaml"
            file.write_text(routes_yaml(size))
            best[size] = min(cpu_seconds([sys.executable, "-P", "-m", "fanroute", "check", str(file)]) for _ in range(5))
            print(f"{size:7} routes: {best[size]:.2f} s")  # noqa: T201
        print(f"ratio: {best[count] / best[FEW]:.1f}")  # noqa: T201


def time_stages(count: int) -> None:
    """Prints the time of each stage of `fanroute check`, without the start of Python and without imports."""

    def time_stage(name: str, function: Callable[[], Result]) -> Result:
        started = process_time()
        result = function()
        print(f"{name:>14}: {process_time() - started:.3f} s")  # noqa: T201
        return result

    text = routes_yaml(count)
    gc.disable()
    source = time_stage("parse", lambda: parse_yaml(decode(text.encode())))
    spec = time_stage("validate", lambda: validate_routes(source))
    plan = time_stage("lower", lambda: lower_plan(spec, {}))
    warnings = time_stage("warn", lambda: find_warnings(source, plan, ""))
    time_stage("render", lambda: render(warnings, "routes.yaml", text))


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    compare_sizes(count)
    time_stages(count)


if __name__ == "__main__":
    main()
