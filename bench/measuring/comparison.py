"""Builds the contestants, starts them and measures them in turn: the data of docs/performance.md, except for many routes.

Has no command; bench.run uses it, and so do many_routes.py and bench.profiling.
"""

import gzip
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from bench import tools
from bench.contestants import Contestant, build
from bench.measuring.load import PERCENTILES, LoadFailed, closed_loop, name_percentiles, open_loop
from bench.measuring.viceroy import Viceroy, start_viceroy
from bench.measuring.workloads import UnexpectedAnswer, Workload, check_answers, workloads
from bench.run_data import RunData
from bench.statistics import percentiles
from fanroute.project.processes import ProgramFailed

CONNECTIONS = (1, 4, 16)
# The workloads that are measured on more than one connection.
PARALLEL = ("stream", "stream-python")
# The open loop lasts so many times as long as a closed loop.
OPEN_LOOP_FACTOR = 2
# The points of a latency plot, in percent.
CURVE = (0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 100)
# How often each path is requested before anything is timed.
WARM_UP = 10

# Exceptions that make one cell fail, but not the whole run.
FAILURES = (LoadFailed, ProgramFailed, UnexpectedAnswer)


def component_sizes(wasm: bytes) -> dict[str, int]:
    """Returns the bytes of a component as it is, and compressed by gzip -9."""
    return {"raw": len(wasm), "gzip": len(gzip.compress(wasm, 9, mtime=0))}


def brotli_size(wasm: bytes) -> int:
    """Returns the bytes of a component compressed by brotli at its best. The cache keeps the size: it takes a minute."""
    import brotli  # late: only `make bench` installs it

    kept = tools.bench_cache() / "brotli" / sha256(wasm).hexdigest()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(str(len(brotli.compress(wasm))))
    return int(kept.read_text())


class Comparison:
    """Measures the contestants of one run, and adds the results to the run's data.

    `fanout` is the port of the stand-in for Fanout. `key` signs Grip-Sigs with ES256. `folder` is for temporary files.
    """

    def __init__(
        self, run: RunData, key: EllipticCurvePrivateKey, viceroy: Path, vegeta: Path, fanout: int, folder: Path
    ) -> None:
        self.run, self.viceroy, self.vegeta, self.fanout, self.folder = run, viceroy, vegeta, fanout, folder
        self.key = key
        self.components: dict[str, Path] = {}
        self._servers: dict[str, Viceroy] = {}
        self._fixed: set[str] = set()
        # The latencies of an open loop over all rounds, in ns, by the server's port.
        self._latencies: dict[int, list[int]] = {}
        run.workloads = {name: workload.title for name, workload in workloads(key).items()}

    def workload(self, name: str) -> Workload:
        """Returns a workload whose Grip-Sig is signed now."""
        return workloads(self.key)[name]

    def workload_for(self, contestant: str, name: str) -> Workload:
        """Returns a workload for a contestant. If the contestant always gives the same answer, only the status is checked."""
        workload = self.workload(name)
        return replace(workload, answer_headers={}, body_part=b"") if contestant in self._fixed else workload

    def build(self, contestant: Contestant) -> None:
        """Builds a contestant. If that fails, the run goes on without it, and its data says why it is missing."""
        record = self.run.contestants[contestant.name] = {
            "kit": contestant.kit,
            "mode": contestant.mode,
            "description": contestant.description,
        }
        if contestant.fixed:
            self._fixed.add(contestant.name)
        try:
            built = build(contestant.name, contestant.recipe, self.folder)
        except ProgramFailed as failed:
            # The last lines have the reason. Folders of this run and this user are left out.
            lines = failed.output.replace(str(self.folder), ".").replace(str(Path.home()), "~").strip().splitlines()
            record["missing"] = "; ".join(lines[-3:])
            tools.log(f"{contestant.name} cannot be built: {record['missing']}")
            return
        self.components[contestant.name] = built.wasm
        record |= {"build": round(built.seconds, 2), **component_sizes(built.wasm.read_bytes())}

    def compress(self, chosen: Sequence[Contestant]) -> None:
        """Compresses the contestants that have more than one workload with brotli, on two cores."""
        names = [one.name for one in chosen if one.name in self.components and one.workloads[1:]]
        with ThreadPoolExecutor(2) as pool:
            sizes = pool.map(lambda name: brotli_size(self.components[name].read_bytes()), names)
            for name, size in zip(names, sizes, strict=True):
                self.run.contestants[name]["brotli"] = size

    def start(self, contestant: Contestant, stack: ExitStack) -> None:
        """Starts a contestant's Viceroy twice: first with a verbose log, to read a sandbox's memory, then to be measured."""
        if contestant.name not in self.components:
            return
        verbose = self.serve(contestant.name, self.components[contestant.name], "-v")
        try:
            # More requests than Viceroy gives to one sandbox, so that a sandbox ends.
            for _ in range(WARM_UP):
                check_answers(self.workload_for(contestant.name, contestant.workloads[0]), verbose.port)
            record = self.run.contestants[contestant.name]
            record["heap"] = verbose.heap()
        finally:
            verbose.stop()
        server = self._servers[contestant.name] = self.serve(contestant.name, self.components[contestant.name])
        stack.callback(server.stop)
        server.pause()
        record["start"] = [round(one.start_seconds, 2) for one in (verbose, server)]

    def serve(self, name: str, wasm: Path, *options: str) -> Viceroy:
        """Starts a Viceroy for a component, with a folder called `name`. Raises ProgramFailed."""
        folder = self.folder / "viceroy" / name
        folder.mkdir(parents=True, exist_ok=True)
        return start_viceroy(self.viceroy, wasm, folder, self.fanout, *options)

    def run_closed_loops(self, chosen: Sequence[Contestant], connections: int, names: Sequence[str]) -> None:
        """Runs one round of a closed loop: for each workload, one contestant after the other."""
        for name in names:
            for contestant in chosen:
                if name in contestant.workloads and contestant.name in self._servers:
                    cell = _cell(self.run.requests, contestant=contestant.name, workload=name, connections=connections)
                    workload = self.workload_for(contestant.name, name)
                    self.run_closed_loop(cell, self._servers[contestant.name], workload, connections)

    def run_closed_loop(self, cell: dict[str, Any], server: Viceroy, workload: Workload, connections: int) -> None:
        """Adds a round to a cell, unless the cell has failed before."""
        if "failed" in cell:
            return
        with _resumed(cell, server):
            _warm_up(workload, server)
            before = server.page_faults()
            result = closed_loop(workload, server.port, connections, self.run.seconds, self.folder)
            faults = round((server.page_faults() - before) / result["requests"], 1)
            cell.setdefault("rounds", []).append({**result, "faults": faults})

    def run_open_loops(self, chosen: Sequence[Contestant]) -> None:
        """Runs one round of an open loop: the GRIP answer, one contestant after the other."""
        for contestant in chosen:
            name = next(name for name in contestant.workloads if name.startswith("stream"))
            if contestant.name in self._servers:
                cell = _cell(self.run.open, contestant=contestant.name, workload=name)
                self._run_open_loop(cell, self._servers[contestant.name], self.workload_for(contestant.name, name))

    def _run_open_loop(self, cell: dict[str, Any], server: Viceroy, workload: Workload) -> None:
        """Adds a round to a cell, unless it has failed before, and draws the cell's curve anew from all rounds."""
        if "failed" in cell:
            return
        with _resumed(cell, server):
            _warm_up(workload, server)
            seconds = OPEN_LOOP_FACTOR * self.run.seconds
            latencies = open_loop(self.vegeta, workload, server.port, self.run.rate, seconds, self.folder)
            of_all_rounds = self._latencies.setdefault(server.port, [])
            of_all_rounds += latencies
            microseconds = [value / 1000 for value in percentiles(latencies, PERCENTILES)]
            cell.setdefault("rounds", []).append({"latency": name_percentiles(microseconds)})
            curve = zip(CURVE, percentiles(of_all_rounds, CURVE), strict=True)
            cell["curve"] = {f"{percent:g}": round(value / 1000, 1) for percent, value in curve}


@contextmanager
def _resumed(cell: dict[str, Any], server: Viceroy) -> Iterator[None]:
    """Lets a server run, and pauses it again. Records a failure in the cell."""
    server.resume()
    try:
        yield
    except FAILURES as failed:
        cell["failed"] = f"{failed} {getattr(failed, 'output', '')}".strip()
    finally:
        server.pause()


def _warm_up(workload: Workload, server: Viceroy) -> None:
    """Requests each path several times. Raises UnexpectedAnswer."""
    for _ in range(WARM_UP):
        check_answers(workload, server.port)


def _cell(cells: list[dict[str, Any]], **coordinates: Any) -> dict[str, Any]:
    """Returns the cell with these coordinates, and adds it if it is missing."""
    for cell in cells:
        if all(cell.get(name) == value for name, value in coordinates.items()):
            return cell
    cells.append(coordinates)
    return coordinates
