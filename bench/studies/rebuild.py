"""Measures what a build of a component takes, step by step: the first one, and those after a change of the routes.

    .venv/bin/python -m bench.studies.rebuild [REBUILDS]

Prints the CPU seconds of each step, with those of the programs that it runs, and the least of all rebuilds. REBUILDS is 5 unless
given. The cache is an empty one.
"""

import os
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory

from bench.generate import routes_yaml
from fanroute.bundle.builder import build
from fanroute.project.workspace import Workspace

ROUTES = 10


class Clock:
    """Adds up the CPU time of each step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self._step, self._began = "", self._now()

    def begin(self, step: str) -> None:
        now = self._now()
        if self._step:
            self.steps[self._step] = self.steps.get(self._step, 0) + now - self._began
        self._step, self._began = step, now

    def _now(self) -> float:
        return sum(used.ru_utime + used.ru_stime for used in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN)))


def steps_of(workspace: Workspace, text: str) -> dict[str, float]:
    """Returns the CPU seconds of each step of a build, in which a route answers with a text."""
    route = f"  - match: {{path: /text}}\n    respond: {{status: 200, body: '{text}'}}\n"
    workspace.routes.write_text(routes_yaml(ROUTES - 1) + route)
    clock = Clock()
    assert build(workspace, lambda line: None, begin=clock.begin).rebuilt
    clock.begin("")
    return clock.steps


def main() -> None:
    rebuilds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = f"{folder}/cache"
        (Path(folder) / "project").mkdir()
        workspace = Workspace(Path(folder) / "project" / "routes.yaml")
        first = steps_of(workspace, "first")
        others = [steps_of(workspace, str(number)) for number in range(rebuilds)]
    for step, seconds in first.items():
        again = min(each.get(step, 0) for each in others)
        print(f"{step:65} first {seconds:5.2f} s, again {again:5.2f} s")  # noqa: T201
    least = min(sum(each.values()) for each in others)
    print(f"{'all':65} first {sum(first.values()):5.2f} s, again {least:5.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
