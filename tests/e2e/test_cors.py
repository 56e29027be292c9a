"""Pages of other origins, on the wire: preflight requests, and answers through Fanout and without it."""

import json
import threading

import httpx
import pytest

from tests.e2e.conftest import Edge, edge_of

cors_edge = edge_of("cors")

CHAT = "https://chat.example.com"
FOREIGN = "https://evil.example"
GRIP = ("grip-hold", "grip-channel")


def sharing(answer: httpx.Response) -> dict[str, str]:
    """What an answer says of pages of other origins."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


def preflight(edge: Edge, target: str, method: str, origin: str, *headers: str) -> httpx.Response:
    asked = [("Origin", origin), ("Access-Control-Request-Method", method)]
    asked += [("Access-Control-Request-Headers", ",".join(headers))] if headers else []
    return edge.request("OPTIONS", target, headers=asked)


@pytest.mark.parametrize("page", [CHAT, "https://a.example.org"])
def test_a_preflight_is_answered_at_the_edge(cors_edge: Edge, page: str) -> None:
    answer = preflight(cors_edge, "/rooms/blue", "GET", page, "x-client")
    assert (answer.status_code, answer.content, answer.headers["vary"]) == (204, b"", "Origin")
    assert sharing(answer) == {
        "access-control-allow-methods": "GET",
        "access-control-allow-origin": page,
        "access-control-allow-credentials": "true",
        "access-control-allow-headers": "X-Client",
        "access-control-max-age": "3600",
    }


def test_each_route_answers_for_its_own_methods(cors_edge: Edge) -> None:
    assert "access-control-allow-origin" not in sharing(preflight(cors_edge, "/rooms/blue", "POST", CHAT))
    answer = preflight(cors_edge, "/rooms/blue", "POST", "https://other.example.com")
    assert sharing(answer)["access-control-allow-origin"] == "https://other.example.com"


def test_any_page_and_any_method(cors_edge: Edge) -> None:
    answer = preflight(cors_edge, "/stream", "DELETE", "null")
    assert sharing(answer) == {"access-control-allow-methods": "DELETE", "access-control-allow-origin": "*"}
    assert "vary" not in answer.headers


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/rooms/blue", {"Origin": CHAT}),
        ("/rooms/blue", {"Access-Control-Request-Method": "GET"}),
        ("/rooms/blue", {"Origin": CHAT, "Access-Control-Request-Method": "DELETE"}),
        ("/rooms/a/b", {"Origin": CHAT, "Access-Control-Request-Method": "GET"}),
        ("/other", {"Origin": CHAT, "Access-Control-Request-Method": "GET"}),
    ],
)
def test_other_options_requests_go_on(cors_edge: Edge, target: str, headers: dict[str, str]) -> None:
    """To the origin here, with all that they say."""
    answer = cors_edge.request("OPTIONS", target, headers=headers)
    seen = json.loads(answer.text)
    assert (seen["method"], seen["target"]) == ("OPTIONS", target)
    assert {name.lower(): value for name, value in headers.items()}.items() <= dict(seen["headers"]).items()


def test_events_through_fanout_are_for_the_page_that_asks(cors_edge: Edge) -> None:
    """Origin reaches the second pass, and the headers the client."""
    with cors_edge.client.stream("GET", "/rooms/blue", headers={"Origin": CHAT}) as answer:
        assert answer.headers["vary"] == "X-Client, Origin"
        assert sharing(answer) == {
            "access-control-allow-origin": CHAT,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "X-Request-Id",
        }
        cors_edge.publish("room-blue", http_stream={"content": "data: hello\n\n"})
        assert next(answer.iter_lines()) == "data: hello"


@pytest.mark.parametrize("page", [FOREIGN, "null", "https://example.org", None])
def test_a_foreign_page_gets_nothing_to_read_it_by(cors_edge: Edge, page: str | None) -> None:
    headers = {"Origin": page} if page else {}
    with cors_edge.client.stream("GET", "/rooms/blue", headers=headers) as answer:
        assert (answer.status_code, answer.headers["vary"], sharing(answer)) == (200, "X-Client, Origin", {})


def test_a_stream_for_any_page(cors_edge: Edge) -> None:
    with cors_edge.client.stream("GET", "/stream", headers={"Origin": FOREIGN}) as answer:
        assert sharing(answer) == {"access-control-allow-origin": "*"}
        assert next(answer.iter_lines()) == "first"


def test_a_published_response_is_shared_too(cors_edge: Edge) -> None:
    answers: list[httpx.Response] = []

    def poll() -> None:
        answers.append(cors_edge.request("GET", "/poll?id=ann", headers={"Origin": CHAT}))

    thread = threading.Thread(target=poll)
    thread.start()
    while thread.is_alive():
        cors_edge.publish("ann", http_response={"body": "published\n"})
        thread.join(0.1)
    (answer,) = answers
    assert (answer.text, sharing(answer)) == ("published\n", {"access-control-allow-origin": CHAT})


def test_a_refusal_can_be_read(cors_edge: Edge) -> None:
    answer = cors_edge.request("GET", "/poll?id=a,b", headers={"Origin": CHAT})
    assert (answer.status_code, answer.text) == (400, "The request names no channel.\n")
    assert sharing(answer) == {"access-control-allow-origin": CHAT}


def test_a_head_is_shared(cors_edge: Edge) -> None:
    answer = cors_edge.request("HEAD", "/rooms/blue", headers={"Origin": CHAT})
    assert sharing(answer)["access-control-allow-origin"] == CHAT
    assert not [name for name in answer.headers if name in GRIP]


def test_an_answer_without_fanout(cors_edge: Edge) -> None:
    answer = cors_edge.request("POST", "/rooms/blue", headers={"Origin": "https://other.example.com"}, content=b"hello")
    assert (answer.status_code, answer.text) == (202, "posted\n")
    assert sharing(answer) == {"access-control-allow-origin": "https://other.example.com"}


def test_a_file_is_answered_byte_by_byte(cors_edge: Edge) -> None:
    answer = cors_edge.request("GET", "/image", headers={"Origin": FOREIGN})
    assert (answer.headers["content-type"], answer.content) == ("image/png", bytes(range(256)))
    assert sharing(answer) == {"access-control-allow-origin": "*"}
