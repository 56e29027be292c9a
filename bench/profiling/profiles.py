"""Profiles requests, `fanroute check`, `fanroute build` and the bytes of components, to explain the goals that are missed.

Fills the field `profile` of RunData with:
    requests: GRIP answers of Viceroy under Linux's perf. `processor` is the CPU time in µs and `faults` the number of page
        faults, both per request. `shares` are the percentages of the CPU time, `faulting` those of the page faults, and `top`
        has the functions with the largest percentages.
    commands: the functions that take most seconds themselves, under Python's cProfile, with 10,000 routes.
    sections: the sizes of a component's sections; see sections.py.
    missing: why there are not all profiles of requests, if there are not.

Has no command; bench.run uses it.
"""

import pstats
import sys
from pathlib import Path
from typing import Any

from bench import tools
from bench.generate import routes_yaml
from bench.measuring.comparison import FAILURES, Comparison
from bench.measuring.load import wrk_script
from bench.measuring.workloads import check_answers
from bench.profiling.perf import TOP, profile_process
from bench.profiling.sections import section_sizes
from fanroute.devserver.embedded import ADDRESS
from fanroute.project import processes
from fanroute.project.processes import ProgramFailed

# The contestants and workloads that are profiled, and the numbers of connections.
PROFILED = {
    ("fanroute", "stream"): (1, 16),
    ("fanroute", "stream-python"): (1, 16),
    ("fanroute-fresh", "stream"): (1, 16),
    ("fanroute-fresh", "stream-python"): (1, 16),
    ("fanroute-unflattened", "stream"): (1,),
    ("rust", "stream"): (1, 16),
    ("rust-shipped", "stream"): (1, 16),
    ("go", "stream"): (1, 16),
    ("javascript", "stream"): (1, 16),
    ("javascript-shipped", "stream"): (1, 16),
    ("empty-python", "stream"): (1,),
    ("floor", "stream"): (1,),
}
# How long wrk sends requests for each of perf's measurements.
SECONDS = 2


def collect_profiles(comparison: Comparison) -> dict[str, Any]:
    components = comparison.components
    found: dict[str, Any] = {"sections": {name: section_sizes(path.read_bytes()) for name, path in components.items()}}
    found["commands"] = {command: _profile_command(comparison.folder, command) for command in ("check", "build")}
    found["requests"] = []
    for name, workload in PROFILED:
        if name not in components:
            continue
        try:
            found["requests"] += _profile_requests(comparison, name, workload)
        except (*FAILURES, LookupError) as failed:
            found["missing"] = f"{failed}: {getattr(failed, 'output', '')[-300:]}"
    return found


def _profile_command(parent: Path, command: str) -> list[list[Any]]:
    """Returns the functions that take most of a command with 10,000 routes. `fanroute build` mostly waits for componentize-py."""
    folder, stats = parent / "command", parent / "command.stats"
    folder.mkdir(exist_ok=True)
    (folder / "routes.yaml").write_text(routes_yaml(10_000))
    try:
        processes.run([sys.executable, "-m", "cProfile", "-o", stats, "-m", "fanroute", command, folder / "routes.yaml"])
    except ProgramFailed as failed:
        return [[0, failed.output.strip()[-300:]]]
    entries = pstats.Stats(str(stats)).stats.items()  # type: ignore[attr-defined]
    own_seconds = sorted(((figures[2], function) for function, figures in entries), reverse=True)[:TOP]
    return [[round(seconds, 2), f"{Path(file).name}:{name}"] for seconds, (file, _, name) in own_seconds]


def _profile_requests(comparison: Comparison, name: str, kind: str) -> list[dict[str, Any]]:
    tools.require_packages("linux-perf")
    server = comparison.serve(f"profile-{name}", comparison.components[name], "--profile=perfmap")
    try:
        workload, script = comparison.workload_for(name, kind), comparison.folder / "profile.lua"
        check_answers(workload, server.port)
        script.write_bytes(wrk_script(workload))
        wrk = ["wrk", "-t1", f"-d{SECONDS}s", "-s", str(script), f"http://{ADDRESS}:{server.port}"]
        profiles = []
        for connections in PROFILED[name, kind]:
            profile = profile_process(comparison.folder, server.process.pid, [*wrk, f"-c{connections}"])
            profiles.append({"contestant": name, "workload": kind, "connections": connections, **profile})
        return profiles
    finally:
        server.stop()
