"""Pages of other origins, on the wire: preflight requests, and answers with and without Fanout."""

import json
import threading

import httpx
import pytest

from tests.e2e.conftest import Edge, edge_of
from tests.e2e.origin import SHARED, Origin, seen, values
from tests.support.tokens import SECRET, by_pyjwt

# A JSON string is also a TOML string.
MANIFEST = f"""\
manifest_version = 3
[local_server.secret_stores]
edge = [{{ key = "login", data = {json.dumps(SECRET.decode())} }}]
"""
cors_edge = edge_of("cors", {"fastly.toml": MANIFEST.encode()})

CHAT = "https://chat.example.com"
FOREIGN = "https://evil.example"
GRIP = ("grip-hold", "grip-channel")


def sharing(answer: httpx.Response) -> dict[str, str]:
    """Returns the CORS headers of an answer."""
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


@pytest.mark.parametrize("page", ["http://127.0.0.1", "http://127.0.0.1:5173"])
def test_any_port_of_a_developers_machine(cors_edge: Edge, page: str) -> None:
    answers = [
        preflight(cors_edge, "/rooms/blue", "POST", page),
        cors_edge.request("POST", "/rooms/blue", headers={"Origin": page}),
    ]
    assert [sharing(answer).get("access-control-allow-origin") for answer in answers] == [page, page]
    for other in ("https://127.0.0.1:5173", "http://127.0.0.10", "http://127.0.0.1:", "http://127.0.0.1:80.evil.com"):
        assert "access-control-allow-origin" not in sharing(preflight(cors_edge, "/rooms/blue", "POST", other))


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
    """The origin gets them unchanged."""
    answer = cors_edge.request("OPTIONS", target, headers=headers)
    seen = json.loads(answer.text)
    assert (seen["method"], seen["target"]) == ("OPTIONS", target)
    assert {name.lower(): value for name, value in headers.items()}.items() <= dict(seen["headers"]).items()


def test_events_through_fanout_are_for_the_page_that_asks(cors_edge: Edge) -> None:
    """Origin reaches the second pass, and the CORS headers reach the client."""
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
    assert (answer.status_code, answer.text) == (400, "The request gives no valid channel: {query.id} has the character ','.\n")
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


MEMBER = by_pyjwt({"exp": 4_102_444_800, "role": "member"}, "HS256").decode()
GUEST = by_pyjwt({"exp": 4_102_444_800, "role": "guest"}, "HS256").decode()
# The headers that a proxy of one's own adds.
PROXY = by_pyjwt({"exp": 4_102_444_800, "iss": "pushpin"}, "HS256").decode()
BY_BACKEND = {name.lower(): value for name, value in SHARED if name.startswith("Access-")}


def by_page(token: str = "", page: str = CHAT) -> dict[str, str]:
    """Returns the headers of a page's request."""
    return {"Origin": page} | ({"Authorization": f"Bearer {token}"} if token else {})


@pytest.mark.parametrize(("path", "max_age"), [("/api/a", {"access-control-max-age": "3600"}), ("/app/a", {})])
@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
def test_a_preflight_to_what_a_backend_answers_needs_no_token(
    cors_edge: Edge, origin: Origin, path: str, max_age: dict[str, str], method: str
) -> None:
    origin.targets.clear()
    answer = preflight(cors_edge, path, method, CHAT, "authorization")
    allowed = {"access-control-allow-methods": method, "access-control-allow-headers": "Authorization"}
    assert (answer.status_code, answer.content, answer.headers["vary"]) == (204, b"", "Origin")
    assert sharing(answer) == {"access-control-allow-origin": CHAT} | allowed | max_age
    assert not origin.targets


@pytest.mark.parametrize("path", ["/api/a", "/app/a"])
def test_a_preflight_of_a_foreign_page_is_allowed_nothing(cors_edge: Edge, path: str) -> None:
    answer = preflight(cors_edge, path, "GET", FOREIGN, "authorization")
    assert (answer.status_code, sharing(answer)) == (204, {"access-control-allow-methods": "GET"})


@pytest.mark.parametrize("path", ["/locked/a", "/tunnel/a"])
def test_a_preflight_without_cors_needs_a_token(cors_edge: Edge, path: str) -> None:
    answer = preflight(cors_edge, path, "GET", CHAT, "authorization")
    assert (answer.status_code, answer.text, sharing(answer)) == (401, "This request needs a valid token.\n", {})


@pytest.mark.parametrize("path", ["/api/a", "/app/a"])
@pytest.mark.parametrize(("token", "status"), [("", 401), ("x", 401), (GUEST, 403)])
@pytest.mark.parametrize("page", [CHAT, FOREIGN])
def test_a_page_can_read_why_a_token_is_refused(cors_edge: Edge, path: str, token: str, status: int, page: str) -> None:
    answer = cors_edge.request("POST", path, headers=by_page(token, page), content=b"body")
    assert (answer.status_code, answer.headers["vary"]) == (status, "X-Edge, Origin" if path == "/api/a" else "Origin")
    exposed = {"access-control-expose-headers": "X-Origin"} if path == "/api/a" else {}
    assert sharing(answer) == ({"access-control-allow-origin": page} | exposed if page == CHAT else {})


def test_other_answers_of_the_edges_own_can_be_read(cors_edge: Edge) -> None:
    """A 400 for a handoff, and the 508 that Fanout gets instead of a second handoff."""
    headers = [("Authorization", f"Bearer {MEMBER}"), ("Origin", CHAT)]
    for status, further in ((400, ("Pushpin-Route", "x")), (508, ("Grip-Sig", PROXY))):
        answer = cors_edge.request("GET", "/app/a", headers=[*headers, further])
        assert (answer.status_code, sharing(answer)) == (status, {"access-control-allow-origin": CHAT})


@pytest.mark.parametrize(
    ("path", "status", "varies", "text"),
    [
        ("/nowhere", 502, "Origin", "The backend 'nowhere' cannot be reached.\n"),
        ("/fallen", 503, "Cookie, Origin", "Back soon\n"),
    ],
)
def test_that_a_backend_is_not_there_can_be_read(cors_edge: Edge, path: str, status: int, varies: str, text: str) -> None:
    answer = cors_edge.request("GET", path, headers=by_page())
    assert (answer.status_code, answer.headers["vary"], answer.text) == (status, varies, text)
    assert sharing(answer) == {"access-control-allow-origin": CHAT}
    assert sharing(cors_edge.request("GET", path, headers=by_page(page=FOREIGN))) == {}


def test_an_answer_that_is_for_fanout_is_a_readable_502(cors_edge: Edge) -> None:
    answer = cors_edge.request("GET", "/api/instructions", headers=by_page(MEMBER))
    assert (answer.status_code, answer.text) == (
        502,
        "The backend's answer is for Fanout, but Fanout did not send this request.\n",
    )
    assert sharing(answer)["access-control-allow-origin"] == CHAT


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("page", [CHAT, FOREIGN, None])
def test_a_backends_answer_is_shared_by_the_edge_if_it_says_so(cors_edge: Edge, method: str, page: str | None) -> None:
    """The edge's CORS headers replace the backend's. The backend's Vary stays."""
    headers = by_page(MEMBER, page or "")
    answer = cors_edge.request(method, "/api/shared", headers=headers if page else {"Authorization": headers["Authorization"]})
    assert (answer.status_code, answer.headers["x-origin"]) == (200, "yes")
    assert answer.headers.get_list("vary", split_commas=True) == ["Accept-Language", "X-Edge", "Origin"]
    by_edge = {"access-control-allow-origin": CHAT, "access-control-expose-headers": "X-Origin"}
    assert sharing(answer) == (by_edge if page == CHAT else {})


def test_a_backends_answer_for_any_page(cors_edge: Edge) -> None:
    answer = cors_edge.request("GET", "/any/shared", headers=by_page(page=FOREIGN))
    assert (sharing(answer), answer.headers["vary"]) == ({"access-control-allow-origin": "*"}, "Accept-Language")


@pytest.mark.parametrize(("path", "token"), [("/own/shared", ""), ("/app/shared", MEMBER)])
def test_a_backends_answer_is_its_own_otherwise(cors_edge: Edge, path: str, token: str) -> None:
    answer = cors_edge.request("GET", path, headers=by_page(token))
    assert (answer.text, sharing(answer), answer.headers["vary"]) == ("shared\n", BY_BACKEND, "Accept-Language")


def test_what_fanout_gets_of_a_forward_is_shared_too(cors_edge: Edge) -> None:
    """As with a Pushpin of one's own in front of the service."""
    headers = {**by_page(MEMBER), "Grip-Sig": PROXY}
    answer = cors_edge.request("GET", "/api/shared", headers=headers)
    assert sharing(answer)["access-control-allow-origin"] == CHAT
    answer = cors_edge.request("GET", "/api/shared", headers={**by_page(), "Grip-Sig": PROXY})
    assert (answer.status_code, sharing(answer)["access-control-allow-origin"]) == (401, CHAT)
    asked = [("Origin", CHAT), ("Access-Control-Request-Method", "GET"), ("Grip-Sig", PROXY)]
    assert cors_edge.request("OPTIONS", "/api/shared", headers=asked).status_code == 204


def test_the_backend_still_sees_the_pages_origin(cors_edge: Edge) -> None:
    assert values(seen(cors_edge.request("GET", "/api/a", headers=by_page(MEMBER))), "origin") == [CHAT]
