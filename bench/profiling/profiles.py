"""Where the time of a request is, of a check and of a build, and the bytes of a component: what bounds a goal that is missed.

`requests`: Viceroy under Linux's perf, asked for the GRIP answer on one connection. `processor` and `faults` are µs
of processor time and page faults a request; `shares` are percent of it, by whose it is and what the kernel is for; `top` are the
functions with the most; `faulting` are percent of the faults by whose code touched the page. `commands`: functions with the most
seconds of their own, under Python's cProfile, with 10,000 routes. `sections`: see sections.py.
"""

import json
import pstats
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import tools
from bench.generate import routes
from bench.measuring import load as driver
from bench.measuring.comparison import FAILURES, Field
from bench.measuring.workloads import check
from bench.profiling.perf import by_program, rows, shares
from bench.profiling.sections import sections
from fanroute.devserver.embedded import ADDRESS
from fanroute.project import processes
from fanroute.project.errors import ProgramFailed

# Whose requests, and on how many connections.
PROFILED = {
    "floor": (1,),
    "rust-shipped": (1, 16),
    "javascript-shipped": (1, 16),
    "empty-python": (1,),
    "fanroute-unflattened": (1,),
    "fanroute-fresh": (1, 16),
    "rust": (1, 16),
    "javascript": (1, 16),
    "fanroute": (1, 16),
}
SECONDS = 2
TOP = 12


def take(field: Field, components: Mapping[str, Path]) -> dict[str, Any]:
    """The profiles; under `missing` why there are not all of those of requests."""
    found: dict[str, Any] = {"sections": {name: sections(path.read_bytes()) for name, path in components.items()}}
    found["commands"] = {command: _command(field, command) for command in ("check", "build")}
    found["requests"] = []
    for name in filter(components.get, PROFILED):
        try:
            found["requests"] += _profiled(field, name, components[name])
        except (*FAILURES, LookupError) as failed:
            found["missing"] = f"{failed}: {getattr(failed, 'output', '')[-300:]}"
    return found


def _command(field: Field, command: str) -> list[list[Any]]:
    """The functions that take most of a command with 10,000 routes. Of a build most is componentize-py's, for which it waits."""
    folder, stats = field.folder / "command", field.folder / "command.stats"
    folder.mkdir(exist_ok=True)
    (folder / "routes.yaml").write_text(routes(10_000))
    try:
        processes.run([sys.executable, "-m", "cProfile", "-o", stats, "-m", "fanroute", command, folder / "routes.yaml"])
    except ProgramFailed as failed:
        return [[0, failed.output.strip()[-300:]]]
    entries = pstats.Stats(str(stats)).stats.items()  # type: ignore[attr-defined]
    own = sorted(((told[2], place) for place, told in entries), reverse=True)[:TOP]
    return [[round(seconds, 2), f"{Path(file).name}:{name}"] for seconds, (file, _, name) in own]


def _profiled(field: Field, name: str, wasm: Path) -> list[dict[str, Any]]:
    tools.need("linux-perf")
    server = field.serve(f"profile-{name}", wasm, "--profile=perfmap")
    try:
        work, script = field.asked_of(name, "stream"), field.folder / "profile.lua"
        check(work, server.port)
        script.write_bytes(driver.lua(work))
        asked = ["wrk", "-t1", f"-d{SECONDS}s", "-s", str(script), f"http://{ADDRESS}:{server.port}"]
        profiles = []
        for connections in PROFILED[name]:
            told = {"contestant": name, "connections": connections}
            profiles.append(told | _asked(field.folder, str(server.process.pid), [*asked, f"-c{connections}"]))
        return profiles
    finally:
        server.end()


def _asked(folder: Path, process: str, asked: list[str]) -> dict[str, Any]:
    """What perf tells of a process while a program runs."""
    said = processes.run(["perf", "stat", "-x;", "-e", "task-clock,page-faults", "-p", process, "--", *asked])
    requests = json.loads(re.findall(r"^\{.*\}$", said, re.MULTILINE)[0])["requests"]
    counts = dict(reversed(one) for one in re.findall(r"^([\d.]+);[^;]*;(task-clock|page-faults)", said, re.MULTILINE))
    samples, faults = folder / "samples.data", folder / "faults.data"
    processes.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "2000", "-g", "-p", process, "-o", samples, "--", *asked])
    processes.run(["perf", "record", "-q", "-e", "page-faults", "-c", "7", "-p", process, "-o", faults, "--", *asked])
    return {
        "processor": round(float(counts["task-clock"]) * 1000 / requests, 1),
        "faults": round(float(counts["page-faults"]) / requests, 1),
        "faulting": by_program(_report(faults, "--no-children", "dso")),
        "shares": shares(_report(samples, "--no-children", "dso"), _report(samples, "--children", "symbol")),
        "top": [[share, symbol] for share, symbol in rows(_report(samples, "--no-children", "dso,symbol"))[:TOP]],
    }


def _report(data: Path, children: str, sort: str) -> str:
    # What it says of itself besides is no row of a table.
    return processes.run(["perf", "report", "-i", data, "--stdio", children, "-g", "none", "--sort", sort, "-t;"])
