"""`limit` on the wire. The embedded edge refuses whoever asks too often. Viceroy counts nothing, so all are served there."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from fanroute.devserver import embedded
from fanroute.devserver.load import load_component
from fanroute.devserver.visits import Reporter
from fanroute.host.component import EmbeddedComponent
from fanroute.host.rate_limits import RateLimits
from fanroute.plan.request import TIME
from fanroute.project.workspace import Workspace
from tests.e2e.conftest import Edge, edge_of, open_websocket, wait_until, write_routes
from tests.e2e.origin import Origin
from tests.support.builds import build_once
from tests.support.tokens import SECRET, by_pyjwt

MANIFEST = f"""\
manifest_version = 3
[[local_server.secret_stores.edge]]
key = "login"
data = "{SECRET.decode()}"
[[local_server.secret_stores.edge]]
key = "token"
data = "nobody asks for it locally"
"""
limited_edge = edge_of("rate_limits", {"fastly.toml": MANIFEST.encode()})

# A limit of one a second over a minute lets in so many at once.
LET_IN = 60
TOO_MANY = LET_IN + 5
# Each test is a client of its own.
CLIENTS = count()
FAR = 4_102_444_800


@pytest.fixture
def client() -> str:
    return f"client-{next(CLIENTS)}"


def statuses(edge: Edge, ask: Callable[[], int], let_in: int = LET_IN) -> list[int]:
    """Returns the statuses of TOO_MANY requests, after the expected ones have been checked."""
    found = [ask() for _ in range(TOO_MANY)]
    refused = TOO_MANY - let_in if edge.name == "embedded" else 0
    assert Counter(found) == Counter({200: TOO_MANY - refused, 429: refused})
    assert found == sorted(found), "whoever is refused stays so"
    return found


def get(edge: Edge, path: str, *headers: tuple[str, str], **options: httpx.Client) -> Callable[[], int]:
    """Returns a function that asks once, does not wait for the end of a stream, and returns the status."""

    def ask() -> int:
        with options.get("client", edge.client).stream("GET", path, headers=list(headers)) as answer:
            return answer.status_code

    return ask


def embedded_only(edge: Edge) -> None:
    if edge.name != "embedded":
        pytest.skip("Viceroy counts nothing")


@pytest.mark.parametrize("path", ["/forward/echo", "/handoff/echo", "/events/blue"])
def test_a_client_of_any_action_is_counted(limited_edge: Edge, client: str, path: str) -> None:
    statuses(limited_edge, get(limited_edge, path, ("X-Client", client)))
    assert get(limited_edge, path, ("X-Client", f"{client}-other"))() == 200


def test_viceroy_refuses_nobody(limited_edge: Edge, client: str) -> None:
    """The same requests, of which the embedded edge refuses the last, are all answered under Viceroy."""
    found = statuses(limited_edge, get(limited_edge, "/forward/echo", ("X-Client", client)))
    assert (429 in found) == (limited_edge.name == "embedded")


def test_a_page_of_another_origin_can_read_the_refusal(limited_edge: Edge, client: str) -> None:
    embedded_only(limited_edge)
    headers = [("X-Client", client), ("Origin", "https://page.example.com")]
    statuses(limited_edge, get(limited_edge, "/events/red", *headers))
    refused = limited_edge.client.get("/events/red", headers=headers)
    assert (refused.status_code, refused.text) == (429, "Too many requests.\n")
    assert refused.headers["retry-after"] == "300"
    assert refused.headers["access-control-allow-origin"] == "https://page.example.com"
    assert refused.headers["access-control-expose-headers"] == "Retry-After"
    preflight = [*headers[1:], ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "x-client")]
    assert limited_edge.client.options("/events/red", headers=preflight).status_code == 204
    reason = "The client uses the route 'events' more than 1 times a second."
    wait_until(lambda: any(reason in line and "429" in line for line in limited_edge.output))
    assert any("`limit.rate` allows more" in line for line in limited_edge.output)


def test_websockets_are_counted_when_they_open(limited_edge: Edge, client: str) -> None:
    headers = {"X-Client": client}
    with open_websocket(limited_edge, "/socket", additional_headers=headers) as socket:
        for number in range(TOO_MANY):
            socket.send(f"message {number}")
            assert socket.recv(timeout=15) == f"message {number}"
        for _ in range(LET_IN - 1):
            with open_websocket(limited_edge, "/socket", additional_headers=headers):
                pass
        if limited_edge.name == "embedded":
            with pytest.raises(InvalidStatus) as refused, open_websocket(limited_edge, "/socket", additional_headers=headers):
                pass
            assert refused.value.response.status_code == 429
            assert refused.value.response.headers["retry-after"] == "120"
        socket.send("still here")
        assert socket.recv(timeout=15) == "still here", "an open connection stays"


def test_each_message_that_a_websocket_publishes_is_counted(limited_edge: Edge) -> None:
    """By the address of the client, which the second pass has from the first: another client may go on."""
    opened = partial(open_websocket, limited_edge, "/say")
    with opened(source_address=("127.0.0.3", 0)) as socket, opened(source_address=("127.0.0.4", 0)) as other:
        told = []
        for number in range(TOO_MANY):
            socket.send(f"message {number}")
            told.append(socket.recv(timeout=15))
            if "429" not in str(told[-1]):
                assert other.recv(timeout=15) == told[-1]
        # Opening the WebSocket has counted, too.
        published = LET_IN - 1 if limited_edge.name == "embedded" else TOO_MANY
        assert told[:published] == [f"message {number}" for number in range(published)]
        assert len(told[published:]) == TOO_MANY - published
        assert all("429" in str(answer) for answer in told[published:])
        other.send("goes on")
        assert [one.recv(timeout=15) for one in (socket, other)] == ["goes on", "goes on"]


def test_the_holder_of_a_token_is_counted(limited_edge: Edge, client: str) -> None:
    def bearer(sub: str) -> tuple[str, str]:
        return "Authorization", f"Bearer {by_pyjwt({'sub': sub, 'exp': FAR}, 'HS256').decode()}"

    forged = ("Authorization", bearer(client)[1][:-2] + "AA")
    assert [get(limited_edge, "/user", forged)() for _ in range(TOO_MANY)] == [401] * TOO_MANY
    statuses(limited_edge, get(limited_edge, "/user", bearer(client)))
    assert get(limited_edge, "/user", bearer(f"{client}-other"))() == 200


@pytest.fixture
def second(limited_edge: Edge) -> Iterator[httpx.Client]:
    """A client with another address of this machine."""
    transport = httpx.HTTPTransport(local_address="127.0.0.2")
    with httpx.Client(base_url=limited_edge.url, transport=transport, timeout=15) as client:
        yield client


def test_an_address_is_counted_whatever_a_client_claims(limited_edge: Edge, second: httpx.Client) -> None:
    names = iter(f"198.51.100.{number}" for number in range(200))

    def ask() -> int:
        name = next(names)
        return get(limited_edge, "/address", ("X-Forwarded-For", name), ("Fastly-Client-IP", name))()

    statuses(limited_edge, ask)
    assert get(limited_edge, "/address", client=second)() == 200


def test_a_flood_is_refused_until_the_penalty_is_over(origin: Origin, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fifty connections at once, at a time that the test sets. A client of another address is served all the time."""
    folder = tmp_path_factory.mktemp("flood")
    write_routes("rate_limits", origin, folder)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    engine, loaded = load_component(workspace.wasm, workspace.cache)
    now = float(TIME)

    async def flood() -> None:
        nonlocal now
        limits = RateLimits(lambda: now)
        component = EmbeddedComponent(engine, loaded)
        async with (
            embedded.serve(component, {"origin": None, "self": None}, "self", 0, 0, Reporter(print), rate_limits=limits) as urls,
            httpx.AsyncClient(base_url=urls.edge, limits=httpx.Limits(max_connections=50), timeout=60, trust_env=False) as client,
            httpx.AsyncClient(
                base_url=urls.edge, timeout=60, transport=httpx.AsyncHTTPTransport(local_address="127.0.0.2")
            ) as other,
        ):

            async def statuses(times: int) -> Counter[int]:
                answers = await asyncio.gather(*(client.get("/flood") for _ in range(times)))
                return Counter(answer.status_code for answer in answers)

            assert await statuses(100) == {200: 100}
            assert await statuses(100) == {429: 100}
            assert (await other.get("/flood")).status_code == 200
            for _ in range(119):
                now += 1
                assert await statuses(1) == {429: 1}
            assert (await other.get("/flood")).status_code == 200
            now += 1
            assert await statuses(100) == {200: 100}
            assert await statuses(1) == {429: 1}

    asyncio.run(flood())
