"""Defines the data of a run, and reads and writes bench/results/run.json.

Has no command; bench.run writes the file, and bench.report reads it.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RUN_FILE = Path(__file__).parent / "results" / "run.json"

# A run's data as JSON, with the fields of RunData.
Data = Mapping[str, Any]


@dataclass
class RunData:
    """Represents what one run has measured.

    A cell is a dict for one figure, such as a contestant's latency with a workload. It has its `rounds`, or why it has `failed`.

    Attributes:
        rounds: how often each thing is measured.
        seconds: how long a closed loop lasts.
        machine: processor, cores, memory, kernel; see bench/machine.py.
        rate: requests per second of the open loop.
        minutes: how long the whole run took.
        workloads: the title of each workload, by its name.
        contestants: by name: the `kit`, the `mode` of its sandboxes and its `description`; why it is `missing`, or the seconds
            of its `build`, its size in bytes (`raw`, `gzip` with -9, `brotli` with 11), the seconds until its Viceroy listens
            (`start`, measured twice), and the linear memory of a sandbox in MiB (`heap`).
        requests: cells of a closed loop: a contestant, a workload, a number of connections. Each round has the `rate` per
            second, the `latency` in µs by percentile, and the page `faults` of Viceroy per request.
        open: cells of an open loop: a contestant and a workload. Each round has the `latency` in µs by percentile; `curve` has it
            by percent, over all rounds.
        routes: cells of a file with many routes; see bench/measuring/many_routes.py.
        checks: the seconds of each `fanroute check`, by the name of the file; see bench/measuring/many_routes.py.
        profile: see bench/profiling/profiles.py.
    """

    date: str
    rounds: int
    seconds: int
    machine: dict[str, str | int]
    rate: int
    minutes: float = 0
    versions: dict[str, str] = field(default_factory=dict)
    workloads: dict[str, str] = field(default_factory=dict)
    contestants: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    open: list[dict[str, Any]] = field(default_factory=list)
    routes: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, list[float]] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)

    def failures(self) -> list[str]:
        """Returns a line for each cell that failed: which one, and why."""
        cells = [("requests", self.requests), ("open", self.open), ("routes", self.routes)]
        return [
            f"{kind}, {cell.get('contestant', cell.get('routes'))}, {cell.get('workload', cell.get('mode'))}: {cell['failed']}"
            for kind, found in cells
            for cell in found
            if "failed" in cell
        ]


def read_run() -> Data:
    """Reads the data of the last run."""
    data: Data = json.loads(RUN_FILE.read_text(encoding="utf-8"))
    return data


def write_run(run: RunData) -> None:
    RUN_FILE.parent.mkdir(exist_ok=True)
    RUN_FILE.write_text(json.dumps(asdict(run), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
