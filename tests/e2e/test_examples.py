"""The promises of the examples, on both edges, with an origin in place of their backends."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping

import pytest
from aiohttp import web
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import EXAMPLES
from tests.e2e.conftest import ANSWER_TIMEOUT, EDGES, Edge, running, serving
from tests.e2e.origin import Origin
from tests.support.tokens import EC, by_pyjwt, public

pytestmark = pytest.mark.slow

# The URL of the origin's own endpoints in the examples.
PLACES = {
    "/events/": "/origin/stream",
    "/graphql": "/origin/socket",
    "/mqtt": "/tunnel/echo",
    "/notifications/mine": "/origin/stream",
}


class Behind(Origin):
    """Serves the paths of the examples' backends."""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        place = PLACES.get(request.path)
        return await super().answer(request.clone(rel_url=place) if place else request)


@pytest.fixture(scope="module")
def behind() -> Iterator[Origin]:
    with serving(Behind()) as origin:
        yield origin


def example(name: str, files: Mapping[str, bytes] | None = None) -> Callable[..., Iterator[Edge]]:
    """Returns a fixture: each local edge in turn, serving an example with our origin in place of each `local` backend.

    `files` are files of ours, by their paths, in place of the example's own.
    """

    @pytest.fixture(params=EDGES)
    def started(request: pytest.FixtureRequest, behind: Origin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
        folder = tmp_path_factory.mktemp(name) / name
        shutil.copytree(EXAMPLES[name], folder)
        for path, content in (files or {}).items():
            (folder / path).write_bytes(content)
        routes = folder / "routes.yaml"
        local = f'local: "{behind.url}"'
        text = re.sub(r'local: ("[^"]*"|http[^\s,}]+)', local, routes.read_text())
        routes.write_text(
            text.replace('origin: {url: "https://app.example.com"}', f'origin: {{url: "https://app.example.com", {local}}}')
        )
        with running(request.param, folder) as edge:
            yield edge

    return started


any_host, django, graphql, live_blog, multi_tenant, topics = map(
    example,
    ("starter-kit-any-host", "django-eventstream", "graphql-subscriptions", "live-blog", "multi-tenant", "topics"),
)
private_chat = example("private-chat", {"keys/login.pem": public(EC)})
chat, notifications = map(example, ("chat", "notifications"))


def socket_url(edge: Edge, path: str) -> str:
    return edge.url.replace("http", "ws", 1) + path


def test_a_starter_kit_under_any_host(any_host: Edge) -> None:
    with any_host.client.stream("GET", "/test/stream", headers={"Host": "anything.example"}) as answer:
        any_host.publish("test", http_stream={"content": "hello\n"})
        assert next(answer.iter_lines()) == "hello"


def test_django_holds_events_and_serves_pages(django: Edge) -> None:
    with django.client.stream("GET", "/events/") as answer:
        lines = answer.iter_lines()
        assert next(lines) == "first"
        django.publish("of-origin", http_stream={"content": "event\n"})
        assert next(lines) == "event"
    static = django.request("GET", "/static/site.css")
    assert (json.loads(static.text)["target"], static.headers["cache-control"]) == ("/static/site.css", "public, max-age=3600")
    assert django.request("GET", "/about").headers["x-frame-options"] == "DENY"


def test_graphql_subscriptions_are_held(graphql: Edge) -> None:
    with connect(socket_url(graphql, "/graphql"), proxy=None) as client:
        graphql.publish("of-origin", ws_message={"content": '{"type": "next"}'})
        assert client.recv(timeout=ANSWER_TIMEOUT) == '{"type": "next"}'
    assert graphql.request("DELETE", "/graphql").headers["allow"] == "GET, POST"


def test_a_reader_gets_what_it_has_missed(live_blog: Edge) -> None:
    """Fanout finds that the stream is behind, and fetches the link. The edge forwards this request to the blog."""
    with live_blog.client.stream("GET", "/blog/launch/updates?after=1") as answer:
        chunks = answer.iter_text()
        message = {"http-stream": {"content": "data: three\n\n"}}
        live_blog.publish_items({"channel": "blog-launch", "id": "3", "prev-id": "2", "formats": message})
        assert "/blog/launch/missed?after=1" in until(chunks, "missed")
    with live_blog.client.stream("GET", "/blog/launch/updates") as answer:
        chunks = answer.iter_text()
        assert "event: ready" in until(chunks, "from now on\n\n")


def until(chunks: Iterator[str], end: str) -> str:
    """Returns the text that arrives, until it contains `end`."""
    got = ""
    while end not in got:
        got += next(chunks)
    return got


def test_a_tenants_user_gets_its_own(multi_tenant: Edge) -> None:
    origin = {"Origin": "https://app.example.com"}
    with multi_tenant.client.stream("GET", "/t/acme/users/ann/events", headers=origin) as answer:
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert answer.headers["access-control-allow-credentials"] == "true"
        chunks = answer.iter_text()
        for channel in ("user:acme:bob", "tenant:umbrella", "user:acme:ann"):
            multi_tenant.publish(channel, http_stream={"content": f"data: {channel}\n\n"})
        assert re.findall(r"data: (\S+)", until(chunks, "ann\n\n")) == ["user:acme:ann"]
    assert multi_tenant.request("GET", "/t/ACME/events").json()["target"] == "/t/ACME/events"
    assert multi_tenant.request("GET", "/poll", headers={"X-Tenant": "other"}).json() == {"error": "not found"}


def member(name: str, *rooms: str) -> bytes:
    """Returns a token of the login, valid until the year 2100."""
    said = {"iss": "https://login.example.com", "aud": ["private-chat"], "sub": name, "exp": 4_102_444_800}
    return by_pyjwt({**said, "rooms": [f"room:{room}" for room in rooms]}, "ES256")


def test_members_get_their_own_and_their_rooms(private_chat: Edge) -> None:
    token = member("ann", "blue").decode()
    cookie, message = {"Cookie": f"a=b; session={token}"}, {"ws_message": {"content": "hello"}}
    with (
        private_chat.client.stream("GET", f"/events?token={token}") as answer,
        connect(socket_url(private_chat, "/rooms/blue"), additional_headers=cookie, proxy=None) as socket,
    ):
        for channel in ("user:bob", "user:ann"):
            private_chat.publish(channel, http_stream={"content": f"data: {channel}\n\n"})
        assert re.findall(r"data: (\S+)", until(answer.iter_text(), "ann\n\n")) == ["user:ann"]
        private_chat.publish("room:blue", **message)
        assert socket.recv(timeout=ANSWER_TIMEOUT) == "hello"
    for headers, status in ((None, 401), (cookie, 403), ({**cookie, "Origin": "https://elsewhere.example"}, 403)):
        with pytest.raises(InvalidStatus) as refused:
            connect(socket_url(private_chat, "/rooms/red"), additional_headers=headers, proxy=None)
        assert refused.value.response.status_code == status
    said = private_chat.request("POST", f"/rooms/blue/messages?a=b&token={token}", content=b"hello")
    assert (said.status_code, said.json()["target"]) == (200, "/rooms/blue/messages?a=b"), said.text
    assert private_chat.request("POST", "/rooms/blue/bans", headers=cookie).status_code == 403
    assert private_chat.request("GET", "/login").json()["target"] == "/login"


def test_topics_and_a_broker(topics: Edge) -> None:
    with topics.client.stream("GET", "/events?topic=news") as answer:
        topics.publish("s:news", http_stream={"content": "data: hello\n\n"})
        assert next(answer.iter_lines()) == "data: hello"
    assert topics.request("POST", "/events?topic=news", content=b"x").json()["method"] == "POST"
    assert topics.request("GET", "/events?topic=a,b").status_code == 400
    with connect(socket_url(topics, "/mqtt"), proxy=None) as client:
        client.send(b"\x10\x00")
        assert client.recv(timeout=ANSWER_TIMEOUT) == b"\x10\x00"


def test_what_is_said_in_a_room_reaches_it(chat: Edge) -> None:
    with (
        connect(socket_url(chat, "/rooms/blue/socket"), proxy=None) as socket,
        chat.client.stream("GET", "/rooms/blue/events") as answer,
    ):
        message = {"ws_message": {"content": "hello"}, "http_stream": {"content": "data: hello\n\n"}}
        chat.publish("room-red", **message)
        chat.publish("room-blue", **message)
        assert socket.recv(timeout=ANSWER_TIMEOUT) == "hello"
        assert until(answer.iter_text(), "hello\n\n") == "retry: 3000\n\ndata: hello\n\n"
    assert chat.request("POST", "/rooms/blue/messages", content=b"hello").json()["target"] == "/rooms/blue/messages"


def test_notifications_for_all_and_for_one(notifications: Edge) -> None:
    with (
        notifications.client.stream("GET", "/notifications") as for_all,
        notifications.client.stream("GET", "/notifications/mine") as for_one,
    ):
        notifications.publish("everybody", http_stream={"content": "data: all\n\n"})
        notifications.publish("of-origin", http_stream={"content": "data: one\n\n"})
        assert "data: one" not in until(for_all.iter_text(), "all\n\n")
        assert "data: all" not in until(for_one.iter_text(), "one\n\n")
