"""Compressed bodies: their bytes do not change in either direction, whatever the headers about their encoding say."""

import base64
import gzip
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from websockets.sync.client import connect

from tests.e2e.conftest import Edge
from tests.e2e.origin import COMPRESSED, Origin

BODIES = {
    "gzip": gzip.compress(b"body", mtime=0),
    "deflate": zlib.compress(b"body"),
    "br": b"\x0b\x01\x80body\x03",
    "zstd": b"\x28\xb5\x2f\xfd\x04\x00\x21\x00\x00body",
    "GZIP, x-unknown": b"body",
    "identity": b"body",
}
NO_CODING = b"\x00not that coding\xff"


def posted(edge: Edge, target: str, coding: str, body: bytes) -> tuple[bytes, dict[str, str]]:
    """Returns the body and the headers that the origin gets for a request."""
    answer = edge.client.post(target, content=body, headers={"Content-Encoding": coding, "Accept-Encoding": "gzip;q=0.5, br"})
    assert answer.status_code == 200, answer.text
    seen = answer.json()
    return base64.b64decode(seen["body"]), dict(seen["headers"])


@contextmanager
def raw(edge: Edge, target: str) -> Iterator[tuple[httpx.Response, Iterator[bytes]]]:
    """Returns an answer and its body, not decoded."""
    with edge.client.stream("GET", target, headers={"Accept-Encoding": "gzip"}) as answer:
        yield answer, answer.iter_raw()


@pytest.mark.parametrize("body", ["valid", "no such coding"])
@pytest.mark.parametrize("coding", BODIES)
def test_a_compressed_request_goes_on(hostile_edge: Edge, coding: str, body: str) -> None:
    sent = BODIES[coding] if body == "valid" else NO_CODING
    got, headers = posted(hostile_edge, "/forward/x", coding, sent)
    assert got == sent
    assert (headers["content-encoding"], headers["accept-encoding"]) == (coding, "gzip;q=0.5, br")


@pytest.mark.parametrize("body", ["valid", "no such coding"])
@pytest.mark.parametrize("coding", BODIES)
def test_fanout_takes_the_codings_away(hostile_edge: Edge, coding: str, body: str) -> None:
    """The bytes arrive, but not the headers that name their coding or the codings that the client accepts."""
    sent = BODIES[coding] if body == "valid" else NO_CODING
    got, headers = posted(hostile_edge, "/origin/x", coding, sent)
    assert got == sent
    assert "content-encoding" not in headers
    if not hostile_edge.has_old_pushpin:
        assert "accept-encoding" not in headers


def test_an_endpoint_takes_a_compressed_request(hostile_edge: Edge) -> None:
    with hostile_edge.client.stream("POST", "/events", content=NO_CODING, headers={"Content-Encoding": "gzip"}) as answer:
        assert answer.status_code == 200


def test_a_forwarded_answer_stays_compressed(hostile_edge: Edge) -> None:
    with raw(hostile_edge, "/forward/compressed") as (answer, body):
        assert (answer.headers["content-encoding"], b"".join(body)) == ("gzip", COMPRESSED)


@pytest.mark.parametrize("query", ["", "?hold=response", "?link"])
def test_fanout_does_not_say_that_an_answer_is_compressed(hostile_edge: Edge, query: str) -> None:
    """It does not decode the answer either. An origin must not compress what nobody asked it to."""
    if hostile_edge.has_old_pushpin:
        pytest.skip("docs/differences.md: this Pushpin decodes it")
    with raw(hostile_edge, f"/origin/compressed{query}") as (answer, body):
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, None)
        assert b"".join(body) == COMPRESSED * (2 if query == "?link" else 1)


def test_what_is_published_is_not_called_compressed(hostile_edge: Edge) -> None:
    with raw(hostile_edge, "/origin/compressed?hold=stream") as (answer, body):
        assert "content-encoding" not in answer.headers
        next(body)
        hostile_edge.publish("compressed", http_stream={"content": "plain\n"})
        assert next(body) == b"plain\n"
    answers: list[httpx.Response] = []
    poll = threading.Thread(target=lambda: answers.append(hostile_edge.client.get("/origin/compressed?hold=response")))
    poll.start()
    while poll.is_alive():
        hostile_edge.publish("compressed", http_response={"body": "plain\n"})
        poll.join(0.1)
    assert [(answer.text, answer.headers.get("content-encoding")) for answer in answers] == [("plain\n", None)]


def test_a_socket_opens_without_codings(hostile_edge: Edge, origin: Origin) -> None:
    """The backend of a WebSocket does not get the codings that the client accepts either."""
    headers = {"Accept-Encoding": "br", "Content-Encoding": "gzip"}
    with connect(hostile_edge.url.replace("http", "ws", 1) + "/origin/socket", additional_headers=headers, proxy=None):
        told = dict(origin.opened)
    assert "content-encoding" not in told
    assert told.get("accept-encoding") != "br"
    assert hostile_edge.has_old_pushpin or "accept-encoding" not in told


@pytest.mark.parametrize("coding", ["gzip", "br", "x"])
def test_a_compressed_publish_request_is_taken_as_it_is(hostile_edge: Edge, coding: str) -> None:
    """As in Pushpin: compressed JSON is not JSON, and JSON is JSON whatever its Content-Encoding."""
    items = b'{"items": []}'
    for body, status in ((items, 200), (gzip.compress(items), 400)):
        headers = {"Content-Encoding": coding}
        answer = httpx.post(hostile_edge.publish_url, content=body, headers=headers, trust_env=False)
        assert answer.status_code == status, answer.text
