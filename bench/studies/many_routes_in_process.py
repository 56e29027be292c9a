"""What many routes cost beside ten: a request, the build and the component.

.venv/bin/python -m bench.studies.many_routes_in_process [ROUNDS]

The real component is asked in this process: warm (one sandbox for all requests), each time for another route or always for the
same one, and cold (a new sandbox and another route for each). Components take turns. Told are medians, and in brackets the ratio
to the first row; builds are timed once each. A route is tested where the tables that are made when building leave it in question.
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

from fanroute.bundle.builder import build
from fanroute.devserver.load import load
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange
from fanroute.plan.trace import Asked
from fanroute.project.workspace import Workspace
from fanroute_runtime.client import Client
from fanroute_runtime.matcher import Matcher

SIZES = (10, 100, 1_000, 10_000)
START = """\
version: 1
service: {name: bench}
backends:
  self: {loopback: true}
fanout: {grip_sig: present}
routes:
"""
# The kinds of routes, and a request for each.
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


def routes(count: int) -> str:
    """A routes.yaml with `count` routes, a multiple of the number of kinds."""
    return START + "".join(kind.format(number) for number in range(count // len(KINDS)) for kind in KINDS)


def url(number: int) -> str:
    """A request's for a route."""
    tenant, kind = divmod(number, len(KINDS))
    path = list(KINDS.values())[kind].format(tenant)
    return f"http://a.edgecompute.app{path}" if path else f"http://tenant{tenant}.example.com/"


def order(count: int) -> Iterator[int]:
    """The routes, those beside each other far apart."""
    return (number * 7919 % count for number in cycle(range(count)))


@dataclass
class Service:
    """A component with `count` routes, and what it has cost."""

    count: int
    tested: float
    build: float
    raw: int
    gzip: int
    component: EmbeddedComponent


def made(folder: Path, count: int) -> Service:
    (folder / str(count)).mkdir()
    file = folder / str(count) / "routes.yaml"
    file.write_text(routes(count))
    workspace = Workspace(file)
    started = perf_counter()
    plan = build(workspace, lambda line: None).compiled.plan
    took = perf_counter() - started
    wasm = workspace.wasm.read_bytes()
    matcher = Matcher(plan.routes)
    tested = mean(places(matcher, number) for number in range(count))
    component = EmbeddedComponent(*load(workspace.wasm, workspace.compiled()))
    return Service(count, tested, took, len(wasm), len(gzip.compress(wasm)), component)


def places(matcher: Matcher, number: int) -> int:
    """How many routes are tested for a request that gets one."""
    client = Client(Asked("GET", url(number)), through_fanout=False)
    return next(tested for tested, candidate in enumerate(matcher.candidates(client), 1) if candidate == number)


def ask(handle: Callable[[Exchange], bool], number: int) -> None:
    exchange = Exchange(url(number), [], frozenset({"self"}))
    assert handle(exchange)
    assert exchange.handoff or (exchange.answer and exchange.answer.status == 200)


def times(asks: dict[int, Callable[[], None]], rounds: int) -> dict[int, float]:
    """The median of each, which take turns, in ms."""
    took: dict[int, list[float]] = {count: [] for count in asks}
    for _ in range(rounds):
        for count, each in asks.items():
            started = perf_counter()
            each()
            took[count].append((perf_counter() - started) * 1000)
    return {count: median(of_one[rounds // 10 :]) for count, of_one in took.items()}


def asking(handle: Callable[[Exchange], bool], numbers: Iterator[int]) -> Callable[[], None]:
    return lambda: ask(handle, next(numbers))


def compare(rounds: int) -> None:
    with TemporaryDirectory() as folder:
        services = [made(Path(folder), count) for count in SIZES]
    columns = {
        "tested": {service.count: service.tested for service in services},
        "warm, another route, ms": times({s.count: asking(s.component.sandbox(), order(s.count)) for s in services}, rounds),
        "warm, the same route, ms": times({s.count: asking(s.component.sandbox(), repeat(3)) for s in services}, rounds),
        "cold, ms": times({s.count: asking(s.component.handle, order(s.count)) for s in services}, rounds),
        "build, s": {service.count: service.build for service in services},
        ".wasm, MB": {service.count: service.raw / 1e6 for service in services},
        "gzip, MB": {service.count: service.gzip / 1e6 for service in services},
    }
    print(f"{'routes':26}", *(f"{count:>16,}" for count in SIZES))  # noqa: T201
    for name, of_each in columns.items():
        print(f"{name:26}", *(f"{value:8.2f} ({value / of_each[SIZES[0]]:.2f})".rjust(16) for value in of_each.values()))  # noqa: T201


if __name__ == "__main__":
    compare(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
