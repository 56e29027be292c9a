"""Measures how the build, the component, `fanroute check` and the latency grow with the number of routes.

Fills two fields of RunData. `routes` has a cell for each number of `routes` and `mode` of sandboxes: the seconds of each `build`,
the size in bytes, and the rounds of a closed loop on one connection, with requests spread over the routes. `checks` has the
seconds of each `fanroute check`, by CHECKED.

Has no command; bench.run uses it (`--routes N ...` chooses the numbers of routes).
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from bench import tools
from bench.contestants import KEYS, build, fanroute_recipe
from bench.generate import KINDS, PATTERN_KINDS, routes_yaml, stream_paths
from bench.measuring.comparison import FAILURES, Comparison, component_sizes
from bench.measuring.viceroy import Viceroy
from fanroute.project import processes

COUNTS = (4, 10, 100, 1_000, 10_000)
# The numbers that the goals compare: these are built and checked in each round.
COMPARED = (10, 10_000)
# The files that are checked in each round: their numbers and kinds of routes, by name.
CHECKED = {
    **{f"{count:,} routes": (count, KINDS) for count in COMPARED},
    "5,000 routes with patterns": (5_000, PATTERN_KINDS),
}
# At most so many builds and checks of each.
ROUNDS = 3
# Requests are spread over at most so many routes.
PATHS = 50
# Lines to add to the file, by the mode of sandboxes.
MODES = {"reused": KEYS, "fresh": KEYS + "sandbox: {max_requests: 1}\n"}
HOLD = {"grip-hold": "stream", "grip-channel": "room-lobby"}


def measure_many_routes(comparison: Comparison, counts: Sequence[int]) -> None:
    """Measures files with these numbers of routes. A failure is recorded in its cell."""
    run = comparison.run
    tools.log(f"Files of {', '.join(map(str, counts))} routes")
    cells: list[dict[str, Any]] = [{"routes": count, "mode": mode} for count in counts for mode in MODES]
    run.routes = cells
    servers: list[tuple[dict[str, Any], Viceroy]] = []
    try:
        for number in range(min(ROUNDS, run.rounds)):
            for cell in cells:
                if number == 0 or (cell["routes"] in COMPARED and cell["mode"] == "reused"):
                    wasm = _build(comparison, cell, number)
                    if number == 0 and wasm:
                        servers.append((cell, comparison.serve(f"routes-{cell['routes']}-{cell['mode']}", wasm)))
                        servers[-1][1].pause()
            _time_checks(comparison)
        for _ in range(run.rounds):
            for cell, server in servers:
                # For a proxy of one's own, the edge looks for the route on the second pass, too.
                paths = stream_paths(cell["routes"], PATHS)
                workload = replace(comparison.workload("stream-keys"), paths=paths, answer_headers=HOLD)
                comparison.run_closed_loop(cell, server, workload, 1)
    finally:
        for _, server in servers:
            server.stop()


def _build(comparison: Comparison, cell: dict[str, Any], number: int) -> Path | None:
    """Builds a cell's file, and adds the seconds and sizes to the cell. Returns the component, or None if the build fails."""
    name = f"routes-{cell['routes']}-{cell['mode']}-{number}"
    try:
        recipe = fanroute_recipe(routes_yaml(cell["routes"]) + MODES[cell["mode"]], comparison.key)
        built = build(name, recipe, comparison.folder)
    except FAILURES as failed:
        cell["failed"] = str(getattr(failed, "output", failed)).replace(str(comparison.folder), ".")[-300:]
        return None
    cell.setdefault("build", []).append(round(built.seconds, 2))
    cell |= component_sizes(built.wasm.read_bytes())
    return built.wasm


def _time_checks(comparison: Comparison) -> None:
    """Times `fanroute check` once for each file in CHECKED."""
    for name, (count, kinds) in CHECKED.items():
        file = comparison.folder / "check.yaml"
        file.write_text(routes_yaml(count, kinds))
        started = perf_counter()
        processes.run([sys.executable, "-P", "-m", "fanroute", "check", file])
        comparison.run.checks.setdefault(name, []).append(round(perf_counter() - started, 3))
