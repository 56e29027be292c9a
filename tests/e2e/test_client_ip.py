"""`client_ip` on the wire: clients with two addresses of this machine."""

from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.e2e.conftest import ANSWER_TIMEOUT, FROM_FANOUT, Edge, edge_of

language_edge = edge_of("language")

SECOND = "127.0.0.2"
CLAIMED = ["X-Forwarded-For", "Fastly-Client-IP", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP"]


@pytest.fixture
def second(language_edge: Edge) -> Iterator[httpx.Client]:
    """A client with the second address."""
    transport = httpx.HTTPTransport(local_address=SECOND)
    with httpx.Client(base_url=language_edge.url, transport=transport, timeout=ANSWER_TIMEOUT) as client:
        yield client


def test_a_client_of_another_address(language_edge: Edge, second: httpx.Client) -> None:
    """Each client gets the route for its address, also after Fanout has sent the request back."""
    refused = language_edge.client.get("/addresses/blue")
    assert (refused.status_code, refused.text) == (403, "Not from there\n")
    with second.stream("GET", "/addresses/blue") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
        language_edge.publish("address-blue", http_stream={"content": "data: news\n\n"})
        assert next(answer.iter_lines()) == "data: news"
    assert [client.get("/addresses/blue/page").status_code for client in (language_edge.client, second)] == [200, 200]


def test_a_websocket_of_another_address(language_edge: Edge) -> None:
    url = f"{language_edge.url.replace('http', 'ws', 1)}/address-sockets/red"
    with connect(url, proxy=None, source_address=(SECOND, 0)) as socket:
        language_edge.publish("address-red", ws_message={"content": "news"})
        assert socket.recv(timeout=10) == "news"
    with pytest.raises(InvalidStatus), connect(url, proxy=None):
        pass


@pytest.mark.parametrize("name", CLAIMED)
def test_no_header_is_an_address(language_edge: Edge, name: str) -> None:
    value = f"for={SECOND}" if name == "Forwarded" else SECOND
    assert language_edge.client.get("/addresses/blue", headers={name: value}).status_code == 403


def test_fanouts_requests_have_no_address(second: httpx.Client) -> None:
    """A request from Fanout without a pin, as for a link, is not from its connection's address."""
    headers = [*FROM_FANOUT, ("X-Forwarded-For", SECOND)]
    answers = [second.get(path, headers=headers) for path in ("/addresses/blue", "/addresses/blue/page")]
    assert [answer.status_code for answer in answers] == [403, 403]
