"""What trust costs: Fanout's requests by how their Grip-Sig is checked, and clients' by which token they need.

.venv/bin/python -m bench.studies.verification [ROUNDS]

The real component is asked: in this process, warm (one sandbox for all requests of a kind) and cold (a new one for each); and on
Viceroy, which gives each request a new one. The kinds take turns. Told are medians in ms, and how much more each kind takes than
the first one of its table.
"""

import asyncio
import http.client
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from fanroute.bundle.builder import build
from fanroute.devserver import install, viceroy
from fanroute.devserver.config import Backend, Stores
from fanroute.devserver.load import load
from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange
from fanroute.plan.signing import LOCAL_ENTRIES, grip_sig
from fanroute.project.cache import cache_folder
from fanroute.project.workspace import Workspace
from fanroute_runtime.local import LOCAL_STORE

Ask = Callable[[], None]

ROUTES = """\
version: 1
service: {{name: bench}}
backends:
  self: {{loopback: true}}
fanout:
  grip_sig: {check}
  keys: {{issuer: proxy, algorithm: ES256, file: es256.pem}}
routes:
  - match: {{path: /stream}}
    stream: {{channel: news}}
  - match: {{path: /open}}
    respond: {{status: 200, body: "hello\\n"}}
"""
GUARDED = """\
  - match: {{path: /{name}}}
    auth: {{keys: {{algorithm: {algorithm}, {place}}}}}
    respond: {{status: 200, body: "hello\\n"}}
"""
P256, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
SECRET = "a secret of the bench, of thirty-two bytes or more"
PLACES = {
    "hs256-secret": ("HS256", "secret_store: keys, name: hs256", SECRET),
    "rs256-file": ("RS256", "file: rs256.pem", RSA),
    "es256-file": ("ES256", "file: es256.pem", P256),
    "es256-store": ("ES256", "config_store: keys, name: es256", P256),
}


def pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


STORES = Stores({"keys": {"es256": pem(P256).decode()}, LOCAL_STORE: LOCAL_ENTRIES}, {"keys": {"hs256": SECRET.encode()}})


def requests() -> list[dict[str, tuple[str, str, dict[str, str]]]]:
    """The tables: for each kind how Grip-Sig is checked, the path and the headers."""
    end = int(time()) + 3600
    signed = {
        "Grip-Sig by HS256": grip_sig(int(time())).decode(),
        "Grip-Sig by ES256": jwt.encode({"iss": "proxy", "exp": end}, P256, "ES256"),
    }
    fanouts = {"Grip-Sig not verified": ("present", "/stream", {"Grip-Sig": "present"})}
    fanouts |= {name: ("verify", "/stream", {"Grip-Sig": value}) for name, value in signed.items()}
    clients = {"no token asked for": ("verify", "/open", dict[str, str]())}
    for name, (algorithm, _, key) in PLACES.items():
        token = jwt.encode({"sub": "ann", "exp": end}, key, algorithm)
        clients[f"token by {name.replace('-', ', key in a ')}"] = ("verify", f"/{name}", {"Authorization": f"Bearer {token}"})
    return [fanouts, clients]


def built(folder: Path, check: str) -> Workspace:
    """A component that checks a Grip-Sig in one of the ways."""
    (folder / check).mkdir()
    guarded = (GUARDED.format(name=name, algorithm=algorithm, place=place) for name, (algorithm, place, _) in PLACES.items())
    (folder / check / "routes.yaml").write_text(ROUTES.format(check=check) + "".join(guarded))
    (folder / check / "es256.pem").write_bytes(pem(P256))
    (folder / check / "rs256.pem").write_bytes(pem(RSA))
    workspace = Workspace(folder / check / "routes.yaml")
    build(workspace, lambda line: None)
    return workspace


def within(handle: Callable[[Exchange], bool], path: str, headers: Mapping[str, str]) -> Ask:
    """A request to the component in this process."""

    def ask() -> None:
        pairs = [(name, value.encode()) for name, value in headers.items()]
        backends = frozenset({"self"})
        exchange = Exchange(f"http://bench{path}", pairs, backends, config_stores=STORES.config, secret_stores=STORES.secret)
        assert handle(exchange)
        assert exchange.answer is not None and exchange.answer.status == 200, exchange.answer

    return ask


def over_http(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> Ask:
    """A request on a connection that is kept."""

    def ask() -> None:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status

    return ask


def compare(title: str, asks: Mapping[str, Ask], rounds: int) -> None:
    took: dict[str, list[float]] = {name: [] for name in asks}
    for number in range(rounds + 5):
        for name, ask in asks.items():
            started = perf_counter()
            ask()
            if number >= 5:  # warmed up
                took[name].append(perf_counter() - started)
    print(title)  # noqa: T201
    first = median(next(iter(took.values())))
    for name, times in took.items():
        print(f"  {name:34} {median(times) * 1000:7.2f} {(median(times) - first) * 1000:+7.2f}")  # noqa: T201


def in_process(workspaces: Mapping[str, Workspace], rounds: int) -> None:
    components = {check: EmbeddedComponent(*load(found.wasm, found.compiled())) for check, found in workspaces.items()}
    for table in requests():
        warm = {name: within(components[check].sandbox(), *asked) for name, (check, *asked) in table.items()}  # type: ignore[arg-type]
        compare("in process, warm", warm, rounds)
        cold = {name: within(components[check].handle, *asked) for name, (check, *asked) in table.items()}  # type: ignore[arg-type]
        compare("in process, cold", cold, rounds)


async def on_viceroy(workspaces: Mapping[str, Workspace], rounds: int) -> None:
    programs = install.viceroy(cache_folder(), print), install.pushpin(cache_folder(), print).program
    connections: dict[str, http.client.HTTPConnection] = {}

    async def serve(waiting: list[tuple[str, Workspace]]) -> None:
        if not waiting:
            await asyncio.to_thread(ask_all)
            return
        (check, found), *others = waiting
        log: list[str] = []
        backends = {"self": Backend("", "bench")}
        async with viceroy.listening(*programs, found.wasm, found.logs, backends, "self", 0, 0, log.append, STORES) as urls:
            connections[check] = http.client.HTTPConnection(urls.edge.removeprefix("http://"))
            await serve(others)

    def ask_all() -> None:
        for table in requests():
            asks = {name: over_http(connections[check], path, headers) for name, (check, path, headers) in table.items()}
            compare("on Viceroy, a sandbox a request", asks, rounds)

    await serve(list(workspaces.items()))


def main(rounds: int) -> None:
    with TemporaryDirectory() as folder:
        workspaces = {check: built(Path(folder), check) for check in ("verify", "present")}
        in_process(workspaces, rounds)
        asyncio.run(on_viceroy(workspaces, rounds))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
