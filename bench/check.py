"""What `fanroute check` takes for many routes, beside a file of four: the best of five of each, in this run; and its stages.

All in seconds of the processor, so that others who use it count little.

.venv/bin/python bench/check.py [ROUTES]
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

from fanroute.diagnostics.text_report import render
from fanroute.lowering.lower import lower_plan
from fanroute.rules.checks import check
from fanroute.rules.warnings import advise
from fanroute.syntax.source import decode, load

Made = TypeVar("Made")

START = """\
version: 1
service: {name: bench}
backends:
  origin: {url: "https://app.example.com"}
  self: {loopback: true}
routes:
"""
KINDS = (
    """\
  - name: events-{0}
    match: {{host: "*.edgecompute.app", path: "/events{0}/{{room}}", where: {{room: "[a-z0-9-]{{1,64}}"}}}}
    sse: {{channel: "room-{{room}}", keep_alive: 25s}}
""",
    """\
  - match: {{path: /app{0}/*}}
    handoff: origin
""",
    """\
  - match:
      path: /api{0}/users
      method: [GET, HEAD]
      header: {{x-plan: [pro, team]}}
    respond: {{status: 404, body: "No such user\\n"}}
""",
    """\
  - match: {{path: /socket{0}}}
    websocket: {{channel: "socket-{0}", echo: true}}
""",
)


def routes(count: int) -> str:
    """A routes.yaml with `count` routes."""
    return START + "".join(KINDS[number % 4].format(number // 4) for number in range(count))


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
