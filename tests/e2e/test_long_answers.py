"""Fanout reads answers with instructions whole, up to a limit."""

import json
from urllib.parse import quote

import pytest
from websockets.exceptions import InvalidStatus

from fanroute.devserver.forwarding import MAX_EVENTS_BODY, MAX_INSTRUCTIONS_BODY, MAX_STREAM_BODY
from tests.e2e.conftest import ANSWER_TIMEOUT, Edge, wait_until
from tests.e2e.test_grip import closed
from tests.e2e.test_instructions import CHANNEL, HELD, INSTRUCT, SITE, websocket

REFUSED = (502, "Error while proxying to origin.")
STREAM = [["Grip-Hold", "stream"], ["Grip-Channel", "of-origin"]]
EVENTS = ["Content-Type", "application/websocket-events"]


def padded(body: str, length: int, *headers: list[str]) -> str:
    """Returns the path of an answer with spaces after its body, up to a length."""
    answer = {"headers": headers, "body": body, "padding": length - len(body)}
    return f"/origin/say?answer={quote(json.dumps(answer))}"


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps({"response": {"body": "x"}}), [INSTRUCT]),
        (json.dumps({"hold": {"mode": "response", "timeout": 1, "channels": [CHANNEL]}, "response": {"body": "x"}}), [INSTRUCT]),
        ("x", [*HELD, ["Grip-Timeout", "1"]]),
        ("x", [["Grip-Status", "200 OK"]]),
    ],
)
def test_an_answer_with_instructions_has_a_longest(edge: Edge, body: str, headers: list[list[str]]) -> None:
    assert status_and_body(edge, padded(body, MAX_INSTRUCTIONS_BODY, *headers)) == (200, "x")
    assert status_and_body(edge, padded(body, MAX_INSTRUCTIONS_BODY + 10_000, *headers)) == REFUSED
    is_logged(edge, MAX_INSTRUCTIONS_BODY)


def test_a_stream_may_begin_with_more(edge: Edge) -> None:
    """docs/differences.md: Pushpin forwards the beginning of a stream as it arrives, but not with the filter `build-id`."""
    filtered = [STREAM[0], ["Grip-Channel", "of-origin; filter=build-id"]]
    assert status_and_body(edge, padded("x", MAX_INSTRUCTIONS_BODY + 10_000, *filtered)) == REFUSED
    for headers in (STREAM, [["Grip-Link", f"<{padded('y', 1_200_000, *STREAM)}>; rel=next"]]):
        assert status_of_long_answer(edge, padded("x", 1_200_000, *headers), 1_200_000 * (2 - (headers is STREAM))) == 200
    assert status_of_long_answer(edge, padded("x", MAX_STREAM_BODY + 1, *STREAM), 0) == (200 if edge.name == "viceroy" else 502)


def test_a_link_that_answers_too_much_ends_the_stream(edge: Edge) -> None:
    link = ["Grip-Link", f"<{padded('y', MAX_STREAM_BODY + 1, *STREAM)}>; rel=next"]
    if edge.name == "viceroy":
        assert status_of_long_answer(edge, padded("x", 1, link), MAX_STREAM_BODY) == 200
        return
    with edge.client.stream("GET", padded("x", 1, link), headers={"Host": SITE}) as answer:
        assert answer.read() == b"x"
    is_logged(edge, MAX_STREAM_BODY)


def is_logged(edge: Edge, most: int, times: int = 1) -> None:
    """Waits until the embedded edge has logged each answer that is too long, which can be a moment after it is refused."""
    line = f"the answer of origin has more than {most} bytes"
    wait_until(lambda: edge.name == "viceroy" or edge.full_log().count(line) >= times)


def status_and_body(edge: Edge, path: str) -> tuple[int, str]:
    """Returns the status of an answer, and its body without the spaces."""
    answer = edge.request("GET", path, SITE)
    return answer.status_code, answer.text.rstrip()


def status_of_long_answer(edge: Edge, path: str, length: int) -> int:
    """Returns the status of an answer that has at least so many bytes."""
    with edge.client.stream("GET", path, headers={"Host": SITE}) as answer:
        got = 0
        for part in answer.iter_raw():
            got += len(part)
            if got >= length:
                break
        assert got >= length
        return answer.status_code


def test_a_websockets_answer_has_a_longest(edge: Edge) -> None:
    with websocket(edge, "/origin/socket") as client:
        for length in (MAX_INSTRUCTIONS_BODY + 1, MAX_EVENTS_BODY):
            client.send(str(length))
            assert len(client.recv(timeout=ANSWER_TIMEOUT)) > length - 20
        client.send(str(MAX_EVENTS_BODY + 1))
        assert closed(client) == (1006, "")
    with pytest.raises(InvalidStatus) as refused, websocket(edge, padded("OPEN\r\n", MAX_EVENTS_BODY + 1, EVENTS)):
        pass
    assert refused.value.response.status_code == 502
    is_logged(edge, MAX_EVENTS_BODY, times=2)


def test_a_websocket_breaks_at_an_answer_without_events(edge: Edge) -> None:
    with websocket(edge, "/origin/socket") as client:
        client.send("no events")
        assert closed(client) == (1006, "")
