"""What goes to a backend without Fanout, and what rules do with headers."""

import json
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests.e2e.conftest import Edge, edge_of

forward_edge = edge_of("forward")

CLAIMED = [("X-Set", "client"), ("X-Set", "twice"), ("X-Add", "client"), ("X-Remove", "client"), ("X-Other", "client")]


def seen(answer: httpx.Response) -> dict[str, Any]:
    """What the origin was asked."""
    assert answer.status_code == 200, answer.text
    request: dict[str, Any] = json.loads(answer.text)
    return request


def values(request: dict[str, Any], name: str) -> list[str]:
    return [value for key, value in request["headers"] if key == name]


@pytest.mark.parametrize("path", ["/ruled/handoff"])
def test_rules_change_the_request(forward_edge: Edge, path: str) -> None:
    request = seen(forward_edge.request("GET", path, headers=CLAIMED))
    assert {name: values(request, name) for name in ("x-set", "x-add", "x-remove", "x-other")} == {
        "x-set": ["edge"],
        "x-add": ["client", "edge"],
        "x-remove": [],
        "x-other": ["client"],
    }


def test_rules_change_an_answer_through_fanout(forward_edge: Edge) -> None:
    with forward_edge.client.stream("GET", "/ruled/events") as answer:
        assert (answer.headers["x-set"], answer.headers["vary"]) == ("edge", "Cookie")
        assert "x-remove" not in answer.headers
        forward_edge.publish("ruled", http_stream={"content": "data: held\n\n"})
        assert next(answer.iter_lines()) == "data: held"


def test_rules_change_a_sockets_answer(forward_edge: Edge) -> None:
    with connect(f"{forward_edge.url.replace('http', 'ws', 1)}/ruled/socket", proxy=None) as client:
        assert client.response is not None
        assert client.response.headers["x-set"] == "edge"


def test_a_header_may_have_two_values(forward_edge: Edge) -> None:
    answer = forward_edge.request("GET", "/ruled/page")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
