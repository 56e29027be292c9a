"""The endpoints that the edge answers itself, on both passes."""

import threading

import httpx
import pytest

from tests.conftest import GRIP_SIG, OWN_HOST
from tests.e2e.conftest import Edge, on_an_older_one_too

pytestmark = on_an_older_one_too

# The header of Fanout's requests.
FROM_FANOUT = {"Grip-Sig": GRIP_SIG}
HOSTS = [OWN_HOST, "TEST.EdgeCompute.App", "a.b.edgecompute.app:8080"]
STREAMS = [("/test/stream", "text/plain"), ("/test/sse", "text/event-stream")]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("path", "content_type", "hold"),
    [*((path, content_type, "stream") for path, content_type in STREAMS), ("/test/long-poll", "text/plain", "response")],
)
def test_fanout_is_told_to_hold(edge: Edge, host: str, path: str, content_type: str, hold: str) -> None:
    """On the second pass, with a Grip-Sig, the edge answers itself."""
    answer = edge.request("GET", path, host, headers=FROM_FANOUT | dict(edge.pin(path, host)))
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == content_type
    assert answer.headers["grip-hold"] == hold
    assert answer.headers["grip-channel"] == "test"


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("path", "content_type"), STREAMS)
def test_a_stream_is_held(edge: Edge, host: str, path: str, content_type: str) -> None:
    """From the first pass through Fanout to the second: two subscribers get what is published."""
    headers = {"Host": host}
    with edge.client.stream("GET", path, headers=headers) as one, edge.client.stream("GET", path, headers=headers) as two:
        for answer in (one, two):
            assert answer.status_code == 200
            assert answer.headers["content-type"] == content_type
            assert not [name for name in answer.headers if name.startswith("grip-")]
        lines = [one.iter_lines(), two.iter_lines()]
        for message in ("data: 1", "data: ünï"):
            edge.publish("test", http_stream={"content": f"{message}\n"})
            assert [next(each) for each in lines] == [message] * 2


def test_a_long_poll_is_held(edge: Edge) -> None:
    answers: list[httpx.Response] = []
    polls = [threading.Thread(target=lambda: answers.append(edge.request("GET", "/test/long-poll"))) for _ in range(2)]
    for poll in polls:
        poll.start()
    while any(poll.is_alive() for poll in polls):
        edge.publish("test", http_response={"body": "hello\n"})
        for poll in polls:
            poll.join(0.1)
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "hello\n")] * 2


def test_other_channels_are_not_heard(edge: Edge) -> None:
    with edge.client.stream("GET", "/test/stream", headers={"Host": OWN_HOST}) as answer:
        edge.publish("other", http_stream={"content": "other\n"})
        edge.publish("test", http_stream={"content": "test\n"})
        assert next(answer.iter_lines()) == "test"


def test_the_client_cannot_choose_the_channel(edge: Edge) -> None:
    claimed = {"Host": OWN_HOST, "Grip-Hold": "stream", "Grip-Channel": "other"}
    with edge.client.stream("GET", "/test/stream", headers=claimed) as answer:
        edge.publish("other", http_stream={"content": "other\n"})
        edge.publish("test", http_stream={"content": "test\n"})
        assert next(answer.iter_lines()) == "test"


@pytest.mark.parametrize("headers", [{}, FROM_FANOUT], ids=["client", "fanout"])
@pytest.mark.parametrize("path", ["/test/", "/test/other", "/test/stream/more", "/test/stream/", "/test/STREAM", "/test//stream"])
def test_there_are_no_others(edge: Edge, path: str, headers: dict[str, str]) -> None:
    answer = edge.request("GET", path, headers=headers)
    assert (answer.status_code, answer.text) == (404, "No such test endpoint\n")
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_second_pass_serves_the_clients_host(edge: Edge) -> None:
    """By its pin. A request without one is Fanout's own, and X-Forwarded-Host, which Fanout does not set, has no effect."""
    headers = FROM_FANOUT | dict(edge.pin("/test/stream", OWN_HOST))
    assert edge.request("GET", "/test/stream", "www.example.com", headers=headers).headers["grip-hold"] == "stream"
    headers = FROM_FANOUT | {"X-Forwarded-Host": OWN_HOST}
    assert edge.request("GET", "/test/stream", "www.example.com", headers=headers).status_code == 403
    headers = FROM_FANOUT | {"X-Forwarded-Host": "www.example.com"}
    assert edge.request("GET", "/test/stream", OWN_HOST, headers=headers).headers["grip-hold"] == "stream"


@pytest.mark.parametrize("host", [OWN_HOST, "www.example.com"])
def test_there_is_no_second_handoff(edge: Edge, host: str) -> None:
    answer = edge.request("GET", "/anything", host, headers=FROM_FANOUT)
    assert answer.status_code == 403


@pytest.mark.parametrize("query", ["?", "?a=1", "?x=/test/other"])
def test_a_query_is_no_part_of_the_path(edge: Edge, query: str) -> None:
    target = f"/test/stream{query}"
    headers = FROM_FANOUT | dict(edge.pin(target, OWN_HOST))
    assert edge.request("GET", target, headers=headers).headers["grip-hold"] == "stream"
