"""Where the time of a request and the bytes of a component are: what bounds a goal that is missed.

`take` has Viceroy profiled by Linux's perf while it is asked for the GRIP answer on one connection. `processor` and `faults` are
µs of processor time and page faults a request; `shares` are percent of that time, the kernel's by what it was entered for; `top`
are the functions with the most. `sections` are bytes of all core modules, packed by gzip -9 too.
"""

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import driver, tools
from bench.measuring import FAILURES, Field
from bench.perf import rows, shares
from bench.sections import sections
from bench.work import check
from fanroute import programs

PROFILED = (
    "floor",
    "rust-shipped",
    "javascript-shipped",
    "empty-python",
    "fanroute-unflattened",
    "fanroute-fresh",
    "rust",
    "javascript",
    "fanroute",
)
SECONDS = 2
TOP = 12


def take(field: Field, components: Mapping[str, Path]) -> dict[str, Any]:
    """The profiles of some contestants, by name; under `missing` why there is none."""
    found: dict[str, Any] = {"sections": {name: sections(path.read_bytes()) for name, path in components.items()}, "requests": {}}
    for name in PROFILED:
        if name in components:
            try:
                found["requests"][name] = _profiled(field, name, components[name])
            except FAILURES as failed:
                found["missing"] = f"{failed}: {getattr(failed, 'output', '')[-300:]}"
    return found


def _profiled(field: Field, name: str, wasm: Path) -> dict[str, Any]:
    tools.need("linux-perf")
    server = field.serve(f"profile-{name}", wasm, "--profile=perfmap")
    try:
        work, script, data = field.asked_of(name, "stream"), field.folder / "profile.lua", field.folder / "perf.data"
        check(work, server.port)
        script.write_bytes(driver.lua(work))
        asked = ["wrk", "-t1", "-c1", f"-d{SECONDS}s", "-s", str(script), f"http://127.0.0.1:{server.port}"]
        counted = ["perf", "stat", "-x;", "-e", "task-clock,page-faults", "-p", str(server.process.pid), "--", *asked]
        said = programs.run(counted)
        requests = json.loads(re.findall(r"^\{.*\}$", said, re.MULTILINE)[0])["requests"]
        counts = {
            event: float(value) for value, event in re.findall(r"^([\d.]+);[^;]*;(task-clock|page-faults)", said, re.MULTILINE)
        }
        sampled = ["perf", "record", "-q", "-F", "2000", "-e", "cpu-clock", "-g", "-p", str(server.process.pid), "-o", str(data)]
        programs.run([*sampled, "--", *asked])
    finally:
        server.end()
    return {
        "processor": round(counts["task-clock"] * 1000 / requests, 1),
        "faults": round(counts["page-faults"] / requests, 1),
        "shares": shares(_report(data, "--no-children", "dso"), _report(data, "--children", "symbol")),
        "top": [[share, symbol] for share, symbol in rows(_report(data, "--no-children", "dso,symbol"))[:TOP]],
    }


def _report(data: Path, children: str, sort: str) -> str:
    command = ["perf", "report", "-i", str(data), "--stdio", children, "-g", "none", "--sort", sort, "-t;"]
    # What it says of itself goes to its standard error.
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
