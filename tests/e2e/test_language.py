"""The language of routes.yaml on the wire: conditions of a match, and channels made of values of the request."""

import json
import threading
from contextlib import nullcontext
from time import monotonic
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import GRIP_SIG
from tests.e2e.conftest import Edge, edge_of
from tests.e2e.test_smuggling import answer, exchanged

language_edge = edge_of("language")

CHAT = {"Host": "chat.example.com"}
FROM_FANOUT = [("Grip-Sig", GRIP_SIG)]


def test_each_room_has_its_channel(language_edge: Edge) -> None:
    client = language_edge.client
    with (
        client.stream("GET", "/rooms/a%20b/events", headers=CHAT) as one,
        client.stream("GET", "/rooms/c/events", headers=CHAT) as two,
    ):
        assert [answer.headers["content-type"] for answer in (one, two)] == ["text/event-stream"] * 2
        for channel, content in (("room-c", "data: for c\n"), ("room-a b", "data: for a b\n")):
            language_edge.publish(channel, http_stream={"content": content})
        assert next(one.iter_lines()) == "data: for a b"
        assert next(two.iter_lines()) == "data: for c"


def test_each_path_of_a_route_binds_the_same(language_edge: Edge) -> None:
    client = language_edge.client
    with client.stream("GET", "/f/blue") as one, client.stream("GET", "/features/blue") as two:
        language_edge.publish("feature-blue", http_stream={"content": "{}\n"})
        for answer in (one, two):
            lines = answer.iter_lines()
            assert [next(line for line in lines if line), next(line for line in lines if line)] == ["first", "{}"]


def test_the_channel_is_the_rest_of_the_path(language_edge: Edge) -> None:
    client = language_edge.client
    with client.stream("GET", "/content/a%20b/c") as one, client.stream("GET", "/content/a%20b/c/") as two:
        for channel in ("content/a b/c/", "content/a b/c"):
            language_edge.publish(channel, http_stream={"content": f"data: for {channel}\n"})
        assert next(one.iter_lines()) == "data: for content/a b/c"
        assert next(two.iter_lines()) == "data: for content/a b/c/"


@pytest.mark.parametrize("target", ["/content/", "/content", "/content//a", "/content/a%2Fb", "/content/a/%FF", "/content/a/x"])
def test_what_is_no_rest_goes_on_to_the_next_route(language_edge: Edge, target: str) -> None:
    assert seen(language_edge.request("GET", target)) == target


def test_a_rest_leads_to_no_other_host(language_edge: Edge) -> None:
    answer = language_edge.request("GET", "/old-content/evil.com//a%20b/%5Cc%0D%0AX:1/")
    assert answer.status_code == 400  # a backslash, and a line end
    answer = language_edge.request("GET", "/old-content/evil.com//a%20b/%C3%A9/")
    assert (answer.status_code, answer.headers["location"]) == (308, "/evil.com//a%20b/%C3%A9/")
    answer = language_edge.request("GET", "/old-content//evil.com/")
    assert seen(answer) == "/old-content//evil.com/"


def test_each_tenant_has_its_channel(language_edge: Edge) -> None:
    """Upper case, the port and a final dot make no difference."""
    client = language_edge.client
    with (
        client.stream("GET", "/news/a", headers={"Host": "acme.tenants.example.com"}) as one,
        client.stream("GET", "/news/a", headers={"Host": "Other.TENANTS.example.com.:8080"}) as two,
    ):
        for tenant in ("other", "acme"):
            language_edge.publish(f"{tenant}/a", http_stream={"content": f"data: for {tenant}\n"})
        assert [next(answer.iter_lines()) for answer in (one, two)] == ["data: for acme", "data: for other"]


@pytest.mark.parametrize("label", ["a.b.", "-a.", "a-.", "a_b.", ".", "", "a~.", f"{'x' * 64}."])
def test_what_is_no_label_goes_on_to_the_next_route(language_edge: Edge, label: str) -> None:
    """These hosts are no tenant's: two labels, none, one that no host can have, and one that does not fit the pattern."""
    answer = language_edge.request("GET", "/news/a", f"{label}tenants.example.com")
    assert seen(answer) == "/news/a"


def test_the_second_pass_keeps_the_tenant(language_edge: Edge) -> None:
    """The pin has the tenant. Another host on the second pass changes nothing, and a pin with another value is refused."""
    host, other = "acme.tenants.example.com", "other.tenants.example.com"
    (name, value), *_ = pinned = language_edge.pin("/news/a", host)
    for headers in ([], [("X-Forwarded-Host", other)], [("X-Forwarded-Host", "a.b")]):
        answer = language_edge.request("GET", "/news/a", other, headers=[*FROM_FANOUT, *pinned, *headers])
        assert (answer.status_code, answer.headers["grip-channel"]) == (200, "acme/a")
    forged = value.replace(";acme;", ";other;")
    assert forged != value
    assert language_edge.request("GET", "/news/a", host, headers=[*FROM_FANOUT, (name, forged)]).status_code == 403


def test_a_redirect_keeps_the_tenant(language_edge: Edge) -> None:
    for host in ("acme.old.example.com", "ACME.older.example.com:80"):
        answer = language_edge.request("GET", "/a//b?c", host)
        assert (answer.status_code, answer.headers["location"]) == (308, "https://acme.tenants.example.com/a//b?c")
    assert seen(language_edge.request("GET", "/a", "evil.com.old.example.com")) == "/a"
    for host in ("evil.com%2F.old.example.com", "evil.com/.old.example.com", "evil.com#.old.example.com", "%61.old.example.com"):
        # Viceroy closes the connection of a request whose Host is none.
        with pytest.raises(httpx.RemoteProtocolError) if language_edge.name == "viceroy" else nullcontext():
            assert "location" not in language_edge.request("GET", "/a", host).headers


def test_a_socket_has_its_rooms_channel(language_edge: Edge) -> None:
    url = language_edge.url.replace("http", "ws", 1)
    with connect(f"{url}/rooms/blue", proxy=None) as one, connect(f"{url}/rooms/red", proxy=None) as two:
        for room in ("red", "blue"):
            language_edge.publish(f"room-{room}", ws_message={"content": f"for {room}"})
        assert (one.recv(timeout=10), two.recv(timeout=10)) == ("for blue", "for red")


def test_a_channel_of_query_and_header(language_edge: Edge) -> None:
    answers: list[httpx.Response] = []

    def poll() -> None:
        answers.append(language_edge.request("GET", "/user?id=ann&id=bob", headers={"X-Tenant": "acme"}))

    thread = threading.Thread(target=poll)
    thread.start()
    while thread.is_alive():
        language_edge.publish("umbrella-ann", http_response={"body": "wrong\n"})
        language_edge.publish("acme-ann", http_response={"body": "right\n"})
        thread.join(0.1)
    assert [answer.text for answer in answers] == ["right\n"]


@pytest.mark.parametrize(
    ("target", "headers", "channel"),
    [
        ("/rooms/blue/events", [("X-Forwarded-Host", "chat.example.com")], "room-blue"),
        ("/user?id=a+b%21", [("X-Tenant", "umbrella")], "umbrella-a b!"),
        ("/streams/%7Ex/y", [], "~x:y"),
    ],
)
def test_fanout_is_told_the_channel(language_edge: Edge, target: str, headers: list[tuple[str, str]], channel: str) -> None:
    pinned = language_edge.pin(target, dict(headers).get("X-Forwarded-Host", ""), *headers)
    answer = language_edge.request("GET", target, headers=[*FROM_FANOUT, *headers, *pinned])
    assert (answer.status_code, answer.headers["grip-channel"]) == (200, channel)


@pytest.mark.parametrize("value", ["a%2Cb", "a%3Bprev-id=1", "a%22", "%0D%0AGrip-Channel:%20b", "", "%C3%A9", "a" * 300, "%FF"])
def test_no_client_makes_another_channel(language_edge: Edge, value: str) -> None:
    """With Fanout's signature, and without."""
    target, acme = f"/user?id={value}", ("X-Tenant", "acme")
    for headers in ([], [*FROM_FANOUT, *language_edge.pin(target, "", acme)]):
        answer = language_edge.request("GET", target, headers=[acme, *headers])
        assert answer.status_code == 400
        assert not [name for name in answer.headers if name.startswith("grip-")]


def seen(answer: httpx.Response) -> Any:
    """Returns the request that the origin got by a handoff."""
    assert answer.status_code == 200
    return json.loads(answer.text)["target"]


@pytest.mark.parametrize(
    ("method", "target", "host", "headers"),
    [
        ("GET", "/rooms/blue/events", "other.example.com", []),
        ("POST", "/rooms/blue/events", "chat.example.com", []),
        ("GET", "/rooms/a%2Fb/events", "chat.example.com", []),
        ("GET", "/rooms//events", "chat.example.com", []),
        ("GET", "/rooms/blue", "chat.example.com", []),
        ("GET", "/user", "x", [("X-Tenant", "acme")]),
        ("GET", "/user?ID=ann", "x", [("X-Tenant", "acme")]),
        ("GET", "/user?id=ann", "x", [("X-Tenant", "ACME")]),
        ("GET", "/user?id=ann", "x", []),
        ("GET", "/streams/a/b", "x", [("X-Debug", "1")]),
        ("GET", "/streams/a", "x", []),
    ],
)
def test_near_misses_go_on_to_the_next_route(
    language_edge: Edge, method: str, target: str, host: str, headers: list[tuple[str, str]]
) -> None:
    assert seen(language_edge.request(method, target, host, headers=headers)) == target


def test_a_method_is_matched(language_edge: Edge) -> None:
    assert language_edge.request("DELETE", "/anything").text == "Not here\n"


def test_a_head_is_not_held(language_edge: Edge) -> None:
    answer = language_edge.request("HEAD", "/rooms/blue/events", "chat.example.com")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream")
    assert "grip-hold" not in answer.headers


def test_a_plain_get_is_no_websocket(language_edge: Edge) -> None:
    """A WebSocket without a route goes to the origin, which does not accept it."""
    assert seen(language_edge.request("GET", "/rooms/blue")) == "/rooms/blue"
    with pytest.raises(InvalidStatus):
        connect(f"{language_edge.url.replace('http', 'ws', 1)}/rooms/blue/other", proxy=None)


def test_a_stream_with_everything(language_edge: Edge) -> None:
    with language_edge.client.stream("GET", "/features/x") as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        assert (answer.headers["cache-control"], answer.headers["x-feature"]) == ("no-store", "yes; no")
        assert not [name for name in answer.headers if name.startswith("grip-")]
        lines = answer.iter_lines()
        assert next(lines) == "first"
        assert next(lines) == "", "what keeps the stream alive"
        for channel in ("feature-y", "feature-x", "features"):
            language_edge.publish(channel, http_stream={"content": f"{channel}\n"})
        published = (line for line in lines if line)
        assert [next(published), next(published)] == ["feature-x", "features"]


def test_server_sent_events_stay_alive_by_comments(language_edge: Edge) -> None:
    with language_edge.client.stream("GET", "/events") as answer:
        lines = answer.iter_lines()
        assert [next(lines) for _ in range(4)] == ["retry: 1000", "", ":", ""]


def test_a_long_poll_ends_as_the_route_says(language_edge: Edge) -> None:
    started = monotonic()
    answer = language_edge.request("GET", "/poll")
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (202, "{}\n", "application/json")
    assert monotonic() - started > 4


def test_a_socket_on_two_channels(language_edge: Edge) -> None:
    with connect(f"{language_edge.url.replace('http', 'ws', 1)}/two-channels", proxy=None) as socket:
        for channel in ("three", "two", "one"):
            language_edge.publish(channel, ws_message={"content": channel})
        assert {socket.recv(timeout=10) for _ in range(2)} == {"one", "two"}


def test_a_redirect(language_edge: Edge) -> None:
    answer = language_edge.request("GET", "/old/a%20b")
    assert (answer.status_code, answer.headers["location"], answer.content) == (308, "/new/a%20b", b"")


@pytest.mark.parametrize(
    ("target", "host", "status", "location"),
    [
        (
            "/a%2Fb/%C3%A9//c?x=%0D%0A&y=a+b&&z",
            "moved.example.com",
            308,
            "https://www.example.com/a%2Fb/%C3%A9//c?x=%0D%0A&y=a+b&&z",
        ),
        ("/?next=//evil.com", "moved.example.com", 308, "https://www.example.com/?next=//evil.com"),
        ("//evil.com/x", "Moved.Example.Com.:8080", 308, "https://www.example.com//evil.com/x"),
        ("/@evil.com", "moved.example.com", 308, "https://www.example.com/@evil.com"),
        ("/posts/a%20b%3f?q", "x.com", 307, "http://blog.example.com/p/a%20b%3F?q"),
        ("/search?q=%C3%A9&q=", "x.com", 302, "/find?q=%C3%A9&q="),
        ("/search?", "x.com", 302, "/find"),
        ("/start?q", "x.com", 302, "/"),
    ],
)
def test_a_redirect_keeps_path_and_query(language_edge: Edge, target: str, host: str, status: int, location: str) -> None:
    raw = exchanged(language_edge, f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    got = answer(raw)
    assert (got.status, got.getheader("location"), got.read()) == (status, location, b"")


@pytest.mark.parametrize(
    ("lines", "cookie"),
    [
        (["plan=pro"], "plan%3Dpro"),
        (["a=b", "plan=pro"], "a%3Db%3B%20plan%3Dpro"),
        (["a=b; c=d", "plan=pro", "e=f"], "a%3Db%3B%20c%3Dd%3B%20plan%3Dpro%3B%20e%3Df"),
        (["a=plan=pro"], None),
        (["a=b", "plan=professional"], None),
        ([], None),
    ],
)
def test_cookies_in_several_lines_are_one(language_edge: Edge, lines: list[str], cookie: str | None) -> None:
    """As HTTP/2 sends them (RFC 9113, 8.2.3)."""
    answer = language_edge.request("GET", "/plan", headers=[("Cookie", line) for line in lines])
    assert answer.headers.get("location") == (cookie and f"/pro?cookie={cookie}")


def test_cookies_in_several_lines_are_one_on_both_passes(language_edge: Edge) -> None:
    """The endpoint's route takes the request on both passes. The second pass finds that the channel is not valid."""
    answer = language_edge.request("GET", "/held-plan", headers=[("Cookie", "plan=pro"), ("Cookie", "team=blue")])
    assert (answer.status_code, answer.text) == (
        400,
        "The request gives no valid channel: {header.cookie} has the character ';'.\n",
    )


def test_an_answer_of_ones_own(language_edge: Edge) -> None:
    answer = language_edge.request("GET", "/page")
    assert (answer.headers["content-type"], answer.headers["x-page"], answer.content) == ("text/html", "1", "<p>é".encode())
