"""Many routes: how the build, the component, `fanroute check` and the latency grow with them.

Results.routes has, by the number of `routes` and the `mode` of sandboxes, the seconds of each `build`, the size in bytes, and
what a closed loop on one connection saw, with requests spread over the routes. Results.checks has the seconds of each
`fanroute check`.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from bench import tools
from bench.contestants import build, fanroute
from bench.generate import routes
from bench.measuring import viceroy as serving
from bench.measuring.comparison import FAILURES, Field, sizes
from fanroute.project import processes

COUNTS = (4, 10, 100, 1_000, 10_000)
# What the goals compare: builds and checks of these are made in each round.
COMPARED = (10, 10_000)
# At most so many builds and checks of each, and so many routes that are asked for.
ROUNDS = 3
ASKED = 50
MODES = {"reused": "", "fresh": "sandbox: {max_requests: 1}\n"}


def measure(field: Field, counts: Sequence[int]) -> None:
    """All of it. Failures are told in the cells."""
    tools.say(f"Files of {', '.join(map(str, counts))} routes")
    rounds = min(ROUNDS, field.results.rounds)
    cells = [{"routes": count, "mode": mode} for count in counts for mode in MODES]
    servers: list[tuple[dict[str, Any], serving.Viceroy]] = []
    try:
        for number in range(rounds):
            for cell in cells:
                if number == 0 or (cell["routes"] in COMPARED and cell["mode"] == "reused"):
                    wasm = _build(field, cell, number)
                    if number == 0 and wasm:
                        servers.append((cell, field.serve(f"routes-{cell['routes']}-{cell['mode']}", wasm)))
                        servers[-1][1].pause()
            _check(field)
        for _ in range(field.results.rounds):
            for cell, server in servers:
                field.ask(cell, server, replace(field.work("sse"), paths=_paths(cell["routes"]), answer_headers=HOLD), 1)
    finally:
        for _, server in servers:
            server.end()
    field.results.routes = cells


HOLD = {"grip-hold": "stream", "grip-channel": "room-lobby"}


def _paths(count: int) -> tuple[str, ...]:
    """Some of the paths of a file's streams, from its first to its last."""
    streams = -(-count // 4)
    return tuple(f"/events{number * streams // min(streams, ASKED)}/lobby" for number in range(min(streams, ASKED)))


def _build(field: Field, cell: dict[str, Any], number: int) -> Path | None:
    name = f"routes-{cell['routes']}-{cell['mode']}-{number}"
    try:
        built = build(name, fanroute(routes(cell["routes"]) + MODES[cell["mode"]]), field.folder)
    except FAILURES as failed:
        cell["failed"] = str(getattr(failed, "output", failed)).replace(str(field.folder), ".")[-300:]
        return None
    cell.setdefault("build", []).append(round(built.seconds, 2))
    cell |= sizes(built.wasm.read_bytes())
    return built.wasm


def _check(field: Field) -> None:
    for count in COMPARED:
        file = field.folder / f"check-{count}.yaml"
        file.write_text(routes(count))
        started = perf_counter()
        processes.run([sys.executable, "-P", "-m", "fanroute", "check", file])
        field.results.checks.setdefault(str(count), []).append(round(perf_counter() - started, 3))
