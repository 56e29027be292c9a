"""Defaults on the wire: they apply where a route does not say otherwise."""

import json

from tests.e2e.conftest import Edge

CHAT = {"Origin": "https://chat.example.com"}


def test_events_are_kept_alive_and_shared(defaults_edge: Edge) -> None:
    with defaults_edge.client.stream("GET", "/events", headers=CHAT) as answer:
        assert answer.headers["access-control-allow-origin"] == CHAT["Origin"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert next(answer.iter_lines()) == ":"


def test_what_a_route_says_itself_counts(defaults_edge: Edge) -> None:
    with defaults_edge.client.stream("GET", "/stream", headers=CHAT) as answer:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers.get_list("referrer-policy") == ["strict-origin"]
        assert answer.headers["x-own"] == "yes"
        assert next(answer.iter_lines()) == "", "what keeps it alive"


def test_an_answer_without_fanout(defaults_edge: Edge) -> None:
    answer = defaults_edge.request("GET", "/answer", headers=CHAT)
    assert (answer.text, answer.headers["referrer-policy"]) == ("hello\n", "no-referrer")
    assert answer.headers["access-control-allow-origin"] == CHAT["Origin"]


def test_a_preflight_by_default(defaults_edge: Edge) -> None:
    answer = defaults_edge.request("OPTIONS", "/answer", headers=CHAT | {"Access-Control-Request-Method": "PUT"})
    assert (answer.status_code, answer.headers["access-control-allow-methods"]) == (204, "PUT")


def test_requests_to_the_origin(defaults_edge: Edge) -> None:
    """The route's own rules win, header by header."""
    for path, zone, edge in (("/zone", ["b"], []), ("/other", ["a"], ["fanroute"])):
        answer = defaults_edge.request("GET", path, headers={"Cookie": "a=b", "X-Zone": "client", "X-Edge": "client"})
        sent = json.loads(answer.text)["headers"]
        values = {name: [value for key, value in sent if key == name] for name in ("x-zone", "x-edge", "cookie")}
        assert values == {"x-zone": zone, "x-edge": edge, "cookie": []}
        assert "referrer-policy" not in answer.headers, "that answer is Fanout's"
