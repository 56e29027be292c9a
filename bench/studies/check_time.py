"""What `fanroute check` takes for many routes, beside a file of four: the best of five of each, in this run; and its stages.

All in seconds of the processor, so that others who use it count little.

.venv/bin/python -m bench.studies.check_time [ROUTES]
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

from bench.generate import routes
from fanroute.diagnostics.text_report import render
from fanroute.lowering.lower import lower_plan
from fanroute.rules.checks import check
from fanroute.rules.warnings import advise
from fanroute.syntax.source import decode, load

Made = TypeVar("Made")


def seconds(command: list[str]) -> float:
    started = sum(os.times()[2:4])
    subprocess.run(command, check=True, capture_output=True)
    return sum(os.times()[2:4]) - started


def compare(count: int) -> None:
    with TemporaryDirectory() as folder:
        took = {}
        for size in (4, count):
            file = Path(folder) / f"{size}.yaml"
            file.write_text(routes(size))
            took[size] = min(seconds([sys.executable, "-P", "-m", "fanroute", "check", str(file)]) for _ in range(5))
            print(f"{size:7} routes: {took[size]:.2f} s")  # noqa: T201
        print(f"ratio: {took[count] / took[4]:.1f}")  # noqa: T201


def stages(count: int) -> None:
    """The seconds of each stage, as `fanroute check` has them one after the other, without the start of Python and imports."""

    def stage(name: str, make: Callable[[], Made]) -> Made:
        started = process_time()
        made = make()
        print(f"{name:>14}: {process_time() - started:.3f} s")  # noqa: T201
        return made

    text = routes(count)
    gc.disable()
    source = stage("read", lambda: load(decode(text.encode())))
    spec = stage("check", lambda: check(source))
    plan = stage("lower", lambda: lower_plan(spec, {}))
    told = stage("advise", lambda: advise(source, plan, ""))
    stage("render", lambda: render(told, "routes.yaml", text))


if __name__ == "__main__":
    ROUTES = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    compare(ROUTES)
    stages(ROUTES)
