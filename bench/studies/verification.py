"""Measures the cost of verification: of a Grip-Sig by algorithm, and of a client's token by algorithm and source of the key.

    .venv/bin/python -m bench.studies.verification [ROUNDS]

Sends requests to built components: in this process, warm (one sandbox for all requests of a kind) and cold (a new sandbox for
each); and on Viceroy, where each request gets a new sandbox. The kinds of requests take turns. Prints for each kind the median in
ms, and how much that is above the first kind of its table. ROUNDS is 100 unless given.
"""

import asyncio
import http.client
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bench.studies.in_process import load_optimized
from fanroute.bundle.builder import build
from fanroute.devserver import install, viceroy
from fanroute.devserver.config import LocalBackend, Stores
from fanroute.devserver.events import Event
from fanroute.devserver.visits import Reporter
from fanroute.host.exchange import Exchange
from fanroute.plan.signing import LOCAL_ENTRIES, grip_sig
from fanroute.project.cache import cache_folder
from fanroute.project.workspace import Workspace
from fanroute_runtime.local import LOCAL_STORE

# How often each kind is sent before it is timed.
WARM_UP = 5
ROUTES = """\
version: 1
service: {{name: bench}}
backends:
  self: {{loopback: true}}
fanout:
  grip_sig: {grip_sig}
  keys: {{issuer: proxy, algorithm: ES256, file: es256.pem}}
routes:
  - match: {{path: /stream}}
    stream: {{channel: news}}
  - match: {{path: /open}}
    respond: {{status: 200, body: "hello\\n"}}
"""
ROUTE_WITH_AUTH = """\
  - match: {{path: /{name}}}
    auth: {{keys: {{algorithm: {algorithm}, {source}}}}}
    respond: {{status: 200, body: "hello\\n"}}
"""
P256, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
SECRET = "a secret of the benchmark, of thirty-two bytes or more"
# Keys of clients' tokens: the algorithm, how routes.yaml names the key's source, and what signs.
CLIENT_KEYS: dict[str, tuple[str, str, str | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey]] = {
    "hs256-secret": ("HS256", "secret_store: keys, name: hs256", SECRET),
    "rs256-file": ("RS256", "file: rs256.pem", RSA),
    "es256-file": ("ES256", "file: es256.pem", P256),
    "es256-store": ("ES256", "config_store: keys, name: es256", P256),
}


def public_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


STORES = Stores({"keys": {"es256": public_pem(P256).decode()}, LOCAL_STORE: LOCAL_ENTRIES}, {"keys": {"hs256": SECRET.encode()}})

# Sends a request and raises AssertionError if the answer is not a 200.
Send = Callable[[], None]


@dataclass(frozen=True)
class Request:
    """Represents a kind of request. `component` is the component that gets it, by the value of its `grip_sig`."""

    component: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)


def tables() -> list[dict[str, Request]]:
    """Returns the requests of each table by their titles: those with a Grip-Sig, and those of clients."""
    expiry = int(time()) + 3600
    from_fanout = {
        "Grip-Sig not verified": Request("present", "/stream", {"Grip-Sig": "present"}),
        "Grip-Sig by HS256": Request("verify", "/stream", {"Grip-Sig": grip_sig(int(time())).decode()}),
        "Grip-Sig by ES256": Request(
            "verify", "/stream", {"Grip-Sig": jwt.encode({"iss": "proxy", "exp": expiry}, P256, "ES256")}
        ),
    }
    from_clients = {"no token needed": Request("verify", "/open")}
    for name, (algorithm, _, key) in CLIENT_KEYS.items():
        token = jwt.encode({"sub": "ann", "exp": expiry}, key, algorithm)
        title = f"token by {name.replace('-', ', key in a ')}"
        from_clients[title] = Request("verify", f"/{name}", {"Authorization": f"Bearer {token}"})
    return [from_fanout, from_clients]


def build_component(folder: Path, check: str) -> Workspace:
    """Builds a component with a value of `grip_sig`: "verify" or "present"."""
    (folder / check).mkdir()
    with_auth = (
        ROUTE_WITH_AUTH.format(name=name, algorithm=algorithm, source=source)
        for name, (algorithm, source, _) in CLIENT_KEYS.items()
    )
    (folder / check / "routes.yaml").write_text(ROUTES.format(grip_sig=check) + "".join(with_auth))
    (folder / check / "es256.pem").write_bytes(public_pem(P256))
    (folder / check / "rs256.pem").write_bytes(public_pem(RSA))
    workspace = Workspace(folder / check / "routes.yaml")
    build(workspace, lambda line: None)
    return workspace


def in_process(handle: Callable[[Exchange], bool], request: Request) -> Send:
    """Returns a function that sends a request to a component in this process."""

    def send() -> None:
        headers = [(name, value.encode()) for name, value in request.headers.items()]
        backends = frozenset({"self"})
        exchange = Exchange(
            f"http://bench{request.path}", headers, backends, config_stores=STORES.config, secret_stores=STORES.secret
        )
        assert handle(exchange)
        assert exchange.answer is not None and exchange.answer.status == 200, exchange.answer

    return send


def over_http(connection: http.client.HTTPConnection, request: Request) -> Send:
    """Returns a function that sends a request on a persistent connection."""

    def send() -> None:
        connection.request("GET", request.path, headers=request.headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    return send


def print_comparison(title: str, kinds: Mapping[str, Send], rounds: int) -> None:
    """Sends each kind once per round, and prints a table of the medians in ms."""
    seconds: dict[str, list[float]] = {name: [] for name in kinds}
    for number in range(WARM_UP + rounds):
        for name, send in kinds.items():
            started = perf_counter()
            send()
            if number >= WARM_UP:
                seconds[name].append(perf_counter() - started)
    print(title)  # noqa: T201
    first = median(next(iter(seconds.values())))
    for name, times in seconds.items():
        print(f"  {name:34} {median(times) * 1000:7.2f} {(median(times) - first) * 1000:+7.2f}")  # noqa: T201


def measure_in_process(workspaces: Mapping[str, Workspace], rounds: int) -> None:
    components = {name: load_optimized(found.wasm) for name, found in workspaces.items()}
    for table in tables():
        warm = {title: in_process(components[request.component].sandbox(), request) for title, request in table.items()}
        print_comparison("in process, warm", warm, rounds)
        cold = {title: in_process(components[request.component].handle, request) for title, request in table.items()}
        print_comparison("in process, cold", cold, rounds)


async def measure_on_viceroy(workspaces: Mapping[str, Workspace], rounds: int) -> None:
    programs = install.ensure_viceroy(cache_folder(), print), install.ensure_pushpin(cache_folder(), print).program
    connections: dict[str, http.client.HTTPConnection] = {}

    async def serve(waiting: list[tuple[str, Workspace]]) -> None:
        """Starts a Viceroy for each component, then measures."""
        if not waiting:
            await asyncio.to_thread(measure)
            return
        (name, found), *others = waiting
        events: list[Event] = []
        backends = {"self": LocalBackend("", "bench")}
        async with viceroy.serve(
            *programs, found.wasm, found.logs, backends, "self", 0, 0, Reporter(events.append), STORES
        ) as urls:
            connections[name] = http.client.HTTPConnection(urls.edge.removeprefix("http://"))
            await serve(others)

    def measure() -> None:
        for table in tables():
            kinds = {title: over_http(connections[request.component], request) for title, request in table.items()}
            print_comparison("on Viceroy, one sandbox per request", kinds, rounds)

    await serve(list(workspaces.items()))


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with TemporaryDirectory() as folder:
        workspaces = {name: build_component(Path(folder), name) for name in ("verify", "present")}
        measure_in_process(workspaces, rounds)
        asyncio.run(measure_on_viceroy(workspaces, rounds))


if __name__ == "__main__":
    main()
