"""What is measured of the contestants, and where it goes: one Field for a run, whose contestants take turns."""

import gzip
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from bench import tools
from bench.contestants import Contestant, build
from bench.measuring import load as driver
from bench.measuring import viceroy as serving
from bench.measuring.load import DriverFailed
from bench.measuring.workloads import Work, WrongAnswer, check, works
from bench.statistics import percentiles
from fanroute.project.errors import ProgramFailed

CONNECTIONS = (1, 4, 16)
# The open loop: requests a second, and for how many times as long as a closed loop.
RATE = 200
OPEN_TIMES = 2
# What a page draws of a distribution, in percent.
CURVE = (0, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.75, 99.9, 99.95, 100)
# How often a server is asked before it is timed.
WARM_UP = 10

FAILURES = (DriverFailed, ProgramFailed, WrongAnswer)


@dataclass
class Results:
    """A run's data, as it is in the JSON.

    `contestants` by name: its `kit`, `mode`, `what`; why it is `missing`, or how many seconds its `build` took, its size in bytes
    `raw`, in `gzip` (-9) and in `brotli` (11), Viceroy's `start` in seconds, the linear memory of a sandbox in MiB (`heap`).
    `requests`: what a closed loop saw of a work at some connections, each round, with the page `faults` of Viceroy a request.
    `open`: what an open loop saw at `rate` requests a second, each round, and the `curve` in µs by percent of all rounds.
    `routes`, `checks`: see many_routes.py. `profile`: see bench/profiling/profiles.py. `minutes` is how long it all took.
    """

    date: str
    rounds: int
    seconds: int
    machine: dict[str, str | int]
    rate: int = RATE
    minutes: float = 0
    versions: dict[str, str] = field(default_factory=dict)
    works: dict[str, str] = field(default_factory=dict)
    contestants: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    open: list[dict[str, Any]] = field(default_factory=list)
    routes: list[dict[str, Any]] = field(default_factory=list)
    checks: dict[str, list[float]] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)

    def told(self) -> dict[str, Any]:
        return asdict(self)

    def failed(self) -> list[str]:
        """What was to be measured and was not, with why."""
        cells = [("requests", self.requests), ("open", self.open), ("routes", self.routes)]
        return [
            f"{kind}, {cell.get('contestant', cell.get('routes'))}, {cell.get('work', cell.get('mode'))}: {cell['failed']}"
            for kind, found in cells
            for cell in found
            if "failed" in cell
        ]


def sizes(wasm: bytes) -> dict[str, int]:
    """The bytes of a component as it is, and packed by gzip -9."""
    return {"raw": len(wasm), "gzip": len(gzip.compress(wasm, 9, mtime=0))}


def brotli_size(wasm: bytes) -> int:
    """The bytes of a component packed by brotli at its best, which takes a minute for one of CPython: kept in the cache."""
    import brotli  # late: only `make bench` has it

    kept = tools.cache() / "brotli" / sha256(wasm).hexdigest()
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(str(len(brotli.compress(wasm))))
    return int(kept.read_text())


class Field:
    """The contestants of a run: built, each with a Viceroy of its own, and asked in turn."""

    def __init__(
        self, results: Results, key: EllipticCurvePrivateKey, viceroy: Path, vegeta: Path, fanout: int, folder: Path
    ) -> None:
        self.results, self.viceroy, self.vegeta, self.fanout, self.folder = results, viceroy, vegeta, fanout, folder
        self._key = key
        self.components: dict[str, Path] = {}
        self._servers: dict[str, serving.Viceroy] = {}
        self._fixed: set[str] = set()
        self._seen: dict[int, list[int]] = {}
        results.works = {name: work.title for name, work in works(key).items()}

    def works(self) -> list[str]:
        return list(self.results.works)

    def work(self, name: str) -> Work:
        """A work whose signatures are of now."""
        return works(self._key)[name]

    def build(self, contestant: Contestant) -> None:
        told = self.results.contestants[contestant.name] = {
            "kit": contestant.kit,
            "mode": contestant.mode,
            "what": contestant.what,
        }
        if contestant.fixed:
            self._fixed.add(contestant.name)
        try:
            built = build(contestant.name, contestant.recipe, self.folder)
        except ProgramFailed as failed:
            # The last lines say it, without the folders that are this run's.
            lines = failed.output.replace(str(self.folder), ".").replace(str(Path.home()), "~").strip().splitlines()
            told["missing"] = "; ".join(lines[-3:])
            tools.say(f"{contestant.name} cannot be built: {told['missing']}")
            return
        self.components[contestant.name] = built.wasm
        told |= {"build": round(built.seconds, 2), **sizes(built.wasm.read_bytes())}

    def pack(self, chosen: Sequence[Contestant]) -> None:
        """Pack those that are asked for more than one work with brotli, on two cores."""
        names = [one.name for one in chosen if one.name in self.components and one.does[1:]]
        with ThreadPoolExecutor(2) as pool:
            sizes = pool.map(lambda name: brotli_size(self.components[name].read_bytes()), names)
            for name, size in zip(names, sizes, strict=True):
                self.results.contestants[name]["brotli"] = size

    def start(self, contestant: Contestant, stack: ExitStack) -> None:
        """Start its Viceroy twice: once to see the memory of a sandbox, which it tells where it tells each request, too."""
        if contestant.name not in self.components:
            return
        talking = self.serve(contestant.name, self.components[contestant.name], "-v")
        try:
            # As many as Viceroy lends a sandbox, and more, so that one ends.
            for _ in range(WARM_UP):
                check(self.asked_of(contestant.name, contestant.does[0]), talking.port)
            told = self.results.contestants[contestant.name]
            told["heap"] = talking.heap()
        finally:
            talking.end()
        server = self._servers[contestant.name] = self.serve(contestant.name, self.components[contestant.name])
        stack.callback(server.end)
        server.pause()
        told["start"] = [round(one.started_in, 2) for one in (talking, server)]

    def serve(self, name: str, wasm: Path, *options: str) -> serving.Viceroy:
        """A Viceroy of its own for a component. Raises ProgramFailed."""
        folder = self.folder / "viceroy" / name
        folder.mkdir(parents=True, exist_ok=True)
        return serving.start(self.viceroy, wasm, folder, self.fanout, *options)

    def ask_all(self, chosen: Sequence[Contestant], connections: int, names: Sequence[str]) -> None:
        """A closed loop: each work, one contestant after the other."""
        for name in names:
            for contestant in chosen:
                if name in contestant.does and contestant.name in self._servers:
                    cell = _cell(self.results.requests, contestant=contestant.name, work=name, connections=connections)
                    self.ask(cell, self._servers[contestant.name], self.asked_of(contestant.name, name), connections)

    def ask(self, cell: dict[str, Any], server: serving.Viceroy, work: Work, connections: int) -> None:
        """One round of a cell, unless it has failed before."""
        if "failed" in cell:
            return
        with _awake(cell, server):
            _warm_up(work, server)
            before = server.faults()
            figures = driver.closed(work, server.port, connections, self.results.seconds, self.folder)
            faults = round((server.faults() - before) / figures["requests"], 1)
            cell.setdefault("rounds", []).append({**figures, "faults": faults})

    def ask_at_a_rate(self, chosen: Sequence[Contestant]) -> None:
        """An open loop: the GRIP answer, one contestant after the other. What all rounds saw is put together in the last."""
        for contestant in chosen:
            name = next(name for name in contestant.does if name.startswith("stream"))
            if contestant.name in self._servers:
                cell = _cell(self.results.open, contestant=contestant.name, work=name)
                self._ask_at_a_rate(cell, self._servers[contestant.name], self.asked_of(contestant.name, name))

    def _ask_at_a_rate(self, cell: dict[str, Any], server: serving.Viceroy, work: Work) -> None:
        if "failed" in cell:
            return
        with _awake(cell, server):
            _warm_up(work, server)
            seconds = OPEN_TIMES * self.results.seconds
            seen = driver.open_loop(self.vegeta, work, server.port, RATE, seconds, self.folder)
            pooled = self._seen.setdefault(server.port, [])
            pooled += seen
            in_us = [value / 1000 for value in percentiles(seen, driver.PERCENTILES)]
            cell.setdefault("rounds", []).append({"latency": driver.named(in_us)})
            cell["curve"] = {
                f"{percent:g}": round(value / 1000, 1) for percent, value in zip(CURVE, percentiles(pooled, CURVE), strict=True)
            }

    def asked_of(self, contestant: str, name: str) -> Work:
        """What a contestant is asked for a work: of one that always answers the same, no more than a status is wanted."""
        work = self.work(name)
        return replace(work, answer_headers={}, answer_part=b"") if contestant in self._fixed else work


@contextmanager
def _awake(cell: dict[str, Any], server: serving.Viceroy) -> Iterator[None]:
    """A server that goes on, to be paused again. What fails meanwhile is told in the cell."""
    server.resume()
    try:
        yield
    except FAILURES as failed:
        cell["failed"] = f"{failed} {getattr(failed, 'output', '')}".strip()
    finally:
        server.pause()


def _warm_up(work: Work, server: serving.Viceroy) -> None:
    """Raises WrongAnswer."""
    for _ in range(WARM_UP):
        check(work, server.port)


def _cell(cells: list[dict[str, Any]], **where: Any) -> dict[str, Any]:
    """The cell of these coordinates, a new one if there is none yet."""
    for cell in cells:
        if all(cell.get(name) == value for name, value in where.items()):
            return cell
    cells.append(where)
    return where
