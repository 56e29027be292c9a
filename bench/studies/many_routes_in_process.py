"""Measures what many routes cost compared with ten: a request in this process, the build and the component's size.

    .venv/bin/python -m bench.studies.many_routes_in_process [ROUNDS]

Sends requests to built components in this process. Warm is one sandbox for all requests, each for another route or all for the
same one. Cold is a new sandbox and another route each time. The components take turns. Prints medians, and in brackets the
ratio to the first column; each build is timed once. "tested" is the number of routes whose conditions are tested for a request:
those that the matcher's tables do not rule out. ROUNDS is 200 unless given.
"""

import gzip
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, repeat
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.studies.in_process import load_optimized
from fanroute.bundle.builder import build
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange
from fanroute.plan.request import RequestData
from fanroute.project.workspace import Workspace
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.matching.decision_tree import Matcher

SIZES = (10, 100, 1_000, 10_000)
HEAD = """\
version: 1
service: {name: bench}
backends:
  self: {loopback: true}
fanout: {grip_sig: present}
routes:
"""
# The kinds of routes in turn, each with the path of a request for it; "" if the host decides.
KINDS = {
    """\
  - match: {{host: "*.edgecompute.app", path: "/events{0}/{{room}}", where: {{room: "[a-z0-9-]{{1,64}}"}}}}
    sse: {{channel: "room-{{room}}", keep_alive: 25s}}
""": "/events{0}/blue",
    """\
  - match: {{path: /app{0}/*}}
    respond: {{status: 200, body: "An app\\n"}}
""": "/app{0}/x/y",
    """\
  - match: {{path: "/users/{{user}}/things{0}"}}
    respond: {{status: 200, body: "A thing\\n"}}
""": "/users/ann/things{0}",
    """\
  - match: {{path: /api/v1/items{0}, method: [GET, HEAD]}}
    respond: {{status: 200, body: "An item\\n"}}
""": "/api/v1/items{0}",
    """\
  - match: {{host: "tenant{0}.example.com"}}
    stream: {{channel: "tenant-{0}"}}
""": "",
}


def routes_yaml(count: int) -> str:
    """Returns a routes.yaml with `count` routes, a multiple of the number of kinds."""
    return HEAD + "".join(kind.format(number) for number in range(count // len(KINDS)) for kind in KINDS)


def url_for(route: int) -> str:
    """Returns the URL of a request for a route, by the route's number."""
    number, kind = divmod(route, len(KINDS))
    path = list(KINDS.values())[kind].format(number)
    return f"http://a.edgecompute.app{path}" if path else f"http://tenant{number}.example.com/"


def shuffled_routes(count: int) -> Iterator[int]:
    """Yields the numbers of the routes again and again, neighbours far apart from each other."""
    return (number * 7919 % count for number in cycle(range(count)))


@dataclass
class Service:
    """Represents a component with `count` routes. `tested` is a mean, `build` is in seconds, `raw` and `gzip` are bytes."""

    count: int
    tested: float
    build: float
    raw: int
    gzip: int
    component: EmbeddedComponent


def build_service(folder: Path, count: int) -> Service:
    (folder / str(count)).mkdir()
    file = folder / str(count) / "routes.yaml"
    file.write_text(routes_yaml(count))
    workspace = Workspace(file)
    started = perf_counter()
    plan = build(workspace, lambda line: None).compiled.plan
    seconds = perf_counter() - started
    wasm = workspace.wasm.read_bytes()
    matcher = Matcher(plan.routes)
    tested = mean(count_tested(matcher, route) for route in range(count))
    component = load_optimized(workspace.wasm)
    return Service(count, tested, seconds, len(wasm), len(gzip.compress(wasm)), component)


def count_tested(matcher: Matcher, route: int) -> int:
    """Returns how many routes are tested for a request until its own is found."""
    client = ClientRequest(RequestData("GET", url_for(route)), through_fanout=False)
    return next(tested for tested, candidate in enumerate(matcher.candidates(client), 1) if candidate == route)


def sender(handle: Callable[[Exchange], bool], routes: Iterator[int]) -> Callable[[], None]:
    """Returns a function that sends a request for the next route."""

    def send() -> None:
        exchange = Exchange(url_for(next(routes)), [], frozenset({"self"}))
        assert handle(exchange)
        assert exchange.handoff or (exchange.answer and exchange.answer.status == 200)

    return send


def measure(senders: dict[int, Callable[[], None]], rounds: int) -> dict[int, float]:
    """Calls the functions in turn. Returns the median of each in ms, without the first tenth of the rounds."""
    times: dict[int, list[float]] = {count: [] for count in senders}
    for _ in range(rounds):
        for count, send in senders.items():
            started = perf_counter()
            send()
            times[count].append((perf_counter() - started) * 1000)
    return {count: median(values[rounds // 10 :]) for count, values in times.items()}


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    with TemporaryDirectory() as folder:
        services = [build_service(Path(folder), count) for count in SIZES]
    rows = {
        "tested": {service.count: service.tested for service in services},
        "warm, another route, ms": measure(
            {s.count: sender(s.component.sandbox(), shuffled_routes(s.count)) for s in services}, rounds
        ),
        "warm, the same route, ms": measure({s.count: sender(s.component.sandbox(), repeat(3)) for s in services}, rounds),
        "cold, ms": measure({s.count: sender(s.component.handle, shuffled_routes(s.count)) for s in services}, rounds),
        "build, s": {service.count: service.build for service in services},
        ".wasm, MB": {service.count: service.raw / 1e6 for service in services},
        "gzip, MB": {service.count: service.gzip / 1e6 for service in services},
    }
    print(f"{'routes':26}", *(f"{count:>16,}" for count in SIZES))  # noqa: T201
    for name, row in rows.items():
        print(f"{name:26}", *(f"{value:8.2f} ({value / row[SIZES[0]]:.2f})".rjust(16) for value in row.values()))  # noqa: T201


if __name__ == "__main__":
    main()
