"""Options of backends: the Host that a server gets on both edges, and the time-outs to which the embedded edge keeps."""

import json

import httpx
import pytest

from tests.e2e.conftest import Edge, edge_of, open_websocket, wait_until
from tests.e2e.origin import Origin, seen, values

options_edge = edge_of("backend_options")
HOST = "www.example.com"


@pytest.mark.parametrize("path", ["/forward/x", "/handoff/x"])
def test_a_server_gets_the_host_of_its_own(options_edge: Edge, path: str) -> None:
    request = seen(options_edge.request("GET", path, HOST))
    assert (values(request, "host"), values(request, "x-forwarded-host")) == (["api.example.com"], [HOST])


def test_a_server_of_a_tunnel_gets_it_too(options_edge: Edge) -> None:
    with open_websocket(options_edge, "/tunnel/echo") as client:
        client.send("seen")
        headers = json.loads(client.recv())
    assert [value for name, value in headers if name == "host"] == ["api.example.com"]


@pytest.mark.parametrize("path", ["/forward/passed", "/forward/cached"])
def test_an_answer_comes_however_it_is_cached(options_edge: Edge, path: str) -> None:
    """No local edge caches: both ask the origin each time."""
    for content in (b"one", b"two"):
        assert seen(options_edge.request("POST", path, HOST, content=content))["body"] == content


def test_an_answer_that_does_not_begin_in_time(options_edge: Edge, origin: Origin) -> None:
    if options_edge.name == "viceroy":
        pytest.skip("docs/differences.md: Viceroy waits as long as a backend does")
    answer = options_edge.request("GET", "/forward/wait?head", HOST, [("X-Quick", "1")])
    assert (answer.status_code, answer.text) == (504, "The backend 'quick' does not answer in time.\n")
    _go_on(options_edge, origin)


def test_an_answer_that_pauses_for_too_long(options_edge: Edge, origin: Origin) -> None:
    """It is cut, as the client can see."""
    if options_edge.name == "viceroy":
        pytest.skip("docs/differences.md: Viceroy waits as long as a backend does")
    with pytest.raises(httpx.RemoteProtocolError):
        options_edge.request("GET", "/forward/wait", HOST, [("X-Quick", "1")])
    _go_on(options_edge, origin)


def _go_on(edge: Edge, origin: Origin) -> None:
    """Lets the origin end the request that waits there, if it does not know yet that nobody wants its answer."""
    edge.request("GET", "/forward/go", HOST)
    wait_until(lambda: origin.waiting() == 0)
