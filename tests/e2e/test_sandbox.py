"""One request after another in a sandbox, on both edges: each is answered as in a sandbox of its own, even after failures."""

import random
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any

import httpx
import pytest

from fanroute.cli.edges import EdgeOptions
from fanroute.cli.edges import running_edge as running_here
from fanroute.project.workspace import Workspace
from tests.e2e.conftest import ANSWER_TIMEOUT, EDGES, ROUTES, Edge, running
from tests.e2e.origin import Origin
from tests.e2e.test_auth import CHAT, EVENTS, GRIP, MANIFEST, Headers, claims
from tests.e2e.test_facts import event_loop
from tests.e2e.test_signature import FORGED
from tests.support.builds import build_once
from tests.support.series import build_series
from tests.support.tokens import EC, ED25519, P384, RSA, by_joserfc, by_pyjwt, public

pytestmark = pytest.mark.slow

CONNECTIONS = 16
# The number of requests that Viceroy gives a sandbox, and of sandboxes that wait in it.
LENT, WAITING = 6, 5


@dataclass(frozen=True)
class Asked:
    """Holds a request, and what its answer must have: a status, and a text in its content or headers."""

    target: str
    status: int
    text: str
    headers: Headers
    content: bytes | None = None


def asked_by(user: str, other: str) -> list[Asked]:
    """Returns requests that a user may make, and requests that the user may not make."""
    bearer = ("Authorization", b"Bearer " + by_pyjwt(claims(user), "HS256"))
    cookie = ("Cookie", b"session=" + by_joserfc(claims(user), "ES256"))
    es256 = ("Authorization", b"Bearer " + by_joserfc(claims(user), "ES256"))
    page, name, forged = ("Origin", CHAT), ("X-User", user), ("Grip-Sig", FORGED["another secret"])
    own, refused = f"user-{user}", "The Grip-Sig is refused: "
    return [
        Asked("/own/stream", 200, own, [GRIP, bearer]),
        Asked("/own/poll", 200, own, [GRIP, cookie]),
        Asked("/own/sse?token=" + by_pyjwt(claims(user), "RS256").decode(), 200, own, [GRIP]),
        Asked(f"/rooms/{user}/sse", 200, f"room-{user}", [GRIP, es256]),
        Asked("/own/socket", 200, own, [GRIP, EVENTS, bearer, page], b"OPEN\r\n"),
        Asked(f"/forward/{user}", 200, f'"{user}"', [bearer, name]),
        Asked(f"/{user}", 200, f'"{user}"', [cookie, name]),
        Asked("/own/stream", 401, "", [GRIP, name]),
        Asked(f"/rooms/{other}/sse", 403, "", [GRIP, es256]),
        Asked("/own/stream", 403, refused, [forged, bearer]),
        Asked(f"/{user}", 403, refused, [forged, cookie]),
        Asked("/own/socket", 403, "Only Fanout", [EVENTS, bearer, page], b"OPEN\r\n"),
        Asked("/own/socket", 400, "", [GRIP, EVENTS, bearer, page], b"OPEN\r\nTEXT zz\r\n"),
        Asked("/own/socket", 400, "", [GRIP, EVENTS, bearer, page], b"OPEN\r\nTEXT 99\r\ncut"),
        Asked("/unready", 500, "", [GRIP, bearer]),
    ]


USERS = [f"user{letter}" for letter in "abcdefghijklmnop"[:CONNECTIONS]]
# All requests of each user, mixed: good ones next to bad ones.
SERIES = [
    (user, asked)
    for number, user in enumerate(USERS)
    for asked in random.Random(number).sample(asked_by(user, USERS[number - 1]), 15)
]


def ask(edge: Edge, client: httpx.Client, user: str, asked: Asked) -> None:
    """Sends a request, and asserts that the answer is the expected one, and nobody else's."""
    method = "GET" if asked.content is None else "POST"
    pinned = edge.pin(asked.target, websocket=EVENTS in asked.headers) if GRIP in asked.headers else []
    answer = client.request(method, asked.target, headers=[*asked.headers, *pinned], content=asked.content)
    told = f"{answer.text}\n{answer.headers}"
    assert (answer.status_code, asked.text in told) == (asked.status, True), (asked, told)
    assert [name for name in USERS if name != user and name in told] == [], told


@pytest.fixture(scope="module", params=["reused", "one a request"])
def folder(request: pytest.FixtureRequest, origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tests/e2e/routes/auth.yaml, built: with the default sandboxes, or a sandbox for each request."""
    folder = tmp_path_factory.mktemp("sandbox")
    routes = (ROUTES / "auth.yaml").read_text().replace("ORIGIN", origin.url)
    alone = "" if request.param == "reused" else "sandbox: {max_requests: 1}\n"
    files = {
        "routes.yaml": (routes + alone).encode(),
        "fastly.toml": MANIFEST.encode(),
        "ec.pem": public(EC),
        "rsa.pem": public(RSA),
        "ed25519.pem": public(ED25519),
        "p384.pem": public(P384),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    build_once(Workspace(folder / "routes.yaml"))
    return folder


@pytest.fixture(scope="module", params=EDGES)
def sandbox_edge(request: pytest.FixtureRequest, folder: Path) -> Iterator[Edge]:
    """Each local edge in turn, serving that folder."""
    with running(request.param, folder) as edge:
        yield edge


def client_of(edge: Edge) -> httpx.Client:
    """Yields a client with a connection of its own."""
    return httpx.Client(base_url=edge.url, timeout=ANSWER_TIMEOUT, trust_env=False, limits=httpx.Limits(max_connections=1))


def test_a_series_on_one_connection(sandbox_edge: Edge) -> None:
    with client_of(sandbox_edge) as client:
        for user, asked in random.Random(1).sample(SERIES, len(SERIES)):
            ask(sandbox_edge, client, user, asked)


def test_a_series_on_many_connections(sandbox_edge: Edge) -> None:
    """Each connection has a user of its own."""

    def ask_all(number: int) -> None:
        with client_of(sandbox_edge) as client:
            for asked in random.Random(number).sample(asked_by(USERS[number], USERS[number - 1]) * 3, 45):
                ask(sandbox_edge, client, USERS[number], asked)

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(ask_all, range(CONNECTIONS)))


def test_a_body_cut_short_is_nobody_elses(sandbox_edge: Edge) -> None:
    """A body of events, which the edge reads, and one that is forwarded to the origin."""
    headers = [GRIP, EVENTS, *sandbox_edge.pin("/own/socket", websocket=True)]
    with client_of(sandbox_edge) as client:
        for number, (user, asked) in enumerate(SERIES[:30]):
            path, *fields = ["/own/socket", *map(": ".join, headers)] if number % 2 else ["/forward/echo"]
            head = [
                f"POST {path} HTTP/1.1",
                "Host: cut",
                "Content-Length: 99",
                f"Authorization: Bearer {token(USERS[-1])}",
                *fields,
            ]
            with socket.create_connection(("127.0.0.1", sandbox_edge.port), ANSWER_TIMEOUT) as cut:
                cut.sendall("\r\n".join([*head, "", "OPEN\r\ncut"]).encode())
            ask(sandbox_edge, client, user, asked)


def token(user: str) -> str:
    return by_pyjwt(claims(user), "HS256").decode()


@pytest.mark.parametrize("sandbox_edge", EDGES[1:], indirect=True)
def test_sandboxes_are_as_many_as_said(sandbox_edge: Edge, request: pytest.FixtureRequest) -> None:
    """Viceroy logs the request for which it makes a sandbox. Sandboxes that wait already take some of the requests."""
    with client_of(sandbox_edge) as client:
        for _ in range(20 * LENT):
            ask(sandbox_edge, client, USERS[0], Asked("/own/stream?counted", 401, "", [GRIP]))
    told = -1
    while told < len(sandbox_edge.output):
        told = len(sandbox_edge.output)
        sleep(0.5)
    made = sum("handling request" in line and "/own/stream?counted" in line for line in sandbox_edge.output)
    expected = range(20 * LENT, 20 * LENT + 1) if "one a request" in request.node.name else range(20 - WAITING, 40)
    assert made in expected


@pytest.fixture(scope="module")
def series_workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return build_series(tmp_path_factory.mktemp("series"))


@pytest.fixture(scope="module", params=EDGES)
def series(request: pytest.FixtureRequest, series_workspace: Workspace) -> Iterator[httpx.Client]:
    """A client of each local edge in turn, which serves the component of tests/support/series."""
    with event_loop() as run:
        edge = running_here(EdgeOptions(request.param), series_workspace, {}, "", print, print)
        urls = run(edge.__aenter__())
        with httpx.Client(base_url=urls.edge, timeout=ANSWER_TIMEOUT, trust_env=False) as client:
            yield client
        run(edge.__aexit__(None, None, None))


def numbers(client: httpx.Client, *paths: str) -> list[Any]:
    """Returns each request's number in its sandbox, or its status if that is not 200. The first request has a new sandbox."""
    for _ in range(CONNECTIONS):
        if client.get("/").text == "1":
            break
        client.get("/trap")
    answers = [client.get(path) for path in paths]
    return [1, *(int(answer.text) if answer.status_code == 200 else answer.status_code for answer in answers)]


def is_viceroy(request: pytest.FixtureRequest) -> bool:
    return "viceroy" in request.node.name


def test_a_sandbox_takes_one_after_the_other(series: httpx.Client, request: pytest.FixtureRequest) -> None:
    assert numbers(series, *["/"] * 12) == (
        [*range(1, LENT + 1), *range(1, LENT + 1), 1] if is_viceroy(request) else [*range(1, 14)]
    )


def test_an_exception_leaves_the_sandbox_as_it_was(series: httpx.Client) -> None:
    assert numbers(series, "/raise", "/", "/raise", "/") == [1, 500, 3, 500, 5]


def test_after_a_trap_there_is_another_sandbox(series: httpx.Client) -> None:
    """The request that trapped gets a 500, and the next one is answered."""
    assert numbers(series, "/", "/trap", "/", "/trap", "/trap", "/", "/") == [1, 2, 500, 1, 500, 500, 1, 2]


def test_a_sandbox_out_of_memory(series: httpx.Client, request: pytest.FixtureRequest) -> None:
    """Viceroy gives it 128 MiB, as Fastly does. A request for more gets a 500, and the next one is answered."""
    full = 500 if is_viceroy(request) else 4
    assert numbers(series, "/keep", "/keep", "/keep", "/") == [1, 2, 3, full, 5]


def test_one_of_many_traps(series: httpx.Client) -> None:
    """Of requests on many connections, those that trap get a 500, and no others."""
    paths = ["/", "/trap", "/", "/raise", "/"] * 40
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        statuses = list(pool.map(lambda path: series.get(path).status_code, paths))
    assert statuses == [200 if path == "/" else 500 for path in paths]
