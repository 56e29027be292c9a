"""Routes with `publish`, in a built component and in the interpreted form: what is sent to Fastly's API, and what comes of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fanroute.bundle import toolchain
from fanroute.host.exchange import Exchange, HostError, OwnRequest, Response
from fanroute.host.interpreted import InterpretedComponent
from fanroute.host.rate_limits import RateLimits
from fanroute.pipeline import compile_routes
from fanroute.project.workspace import Workspace
from fanroute_runtime.grip.publishing import BACKEND, MAX_PUBLISH
from fanroute_runtime.grip.websocket import Event, decode, encode
from tests.component.test_component import PUBLISH_CALLS, Host
from tests.conftest import GRIP_SIG, INPUTS
from tests.support import pins
from tests.support.builds import app_files, build_once

ROUTES = b"""\
version: 1
service: {name: pages}
backends: {self: {loopback: true}}
publishing: {secret_store: keys, name: publish-token}
fanout: {keys: {algorithm: HS256, secret_store: keys, name: proxy, issuer: proxy}}
routes:
  - {match: {path: /a, method: POST}, public: true, publish: {channel: a, subscribers: [sse, websocket]}}
  - match: {path: /socket}
    public: true
    websocket: {channel: b, publish: {channel: b}}
  - match: {path: /told}
    public: true
    websocket: {channel: c, publish: {channel: c, on_failure: event}}
  - match: {path: /ignored}
    public: true
    websocket: {channel: d, publish: {channel: d, on_failure: ignore}}
  - match: {path: /quiet}
    public: true
    websocket: {channel: f, publish: {channel: f, echo_to_sender: false}}
  - match: {path: /limited}
    public: true
    limit: {rate: 10/s, penalty: 1m}
    websocket: {channel: e, publish: {channel: e, on_failure: event}}
  - match: {path: /limited/messages, method: POST}
    public: true
    limit: {rate: 10/s, penalty: 1m}
    publish: {channel: e}
  - respond: {status: 200}
"""
SERVICE, TOKEN = "SU1Z0isxPaozGVKXdv0eY", b"a token of Fastly's API"
PLAN = compile_routes(ROUTES, INPUTS).plan
Handle = Callable[[Exchange], bool]
# How many calls of the host a request that publishes costs.
HOST_CALLS = 35


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder: Path = tmp_path_factory.mktemp("publishing")
    (folder / "routes.yaml").write_bytes(ROUTES)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return Host(workspace)


@pytest.fixture(params=["component", "interpreted"])
def handle(request: pytest.FixtureRequest, component: Host) -> Handle:
    """Handles a request, in the built component or by the runtime's own code."""
    return component.component.handle if request.param == "component" else InterpretedComponent(PLAN).handle


class Api:
    """Stands in for Fastly's API: notes what it is asked, and gives one answer."""

    def __init__(self, status: int = 200, error: HostError | None = None) -> None:
        self.asked: list[tuple[str, OwnRequest]] = []
        self._status = status
        self._error = error

    def answer(self, backend: str, own: OwnRequest) -> Response:
        self.asked.append((backend, own))
        if self._error:
            raise self._error
        return Response(self._status, [("content-type", b"application/json")], b'{"status": "ok"}')

    @property
    def items(self) -> list[Any]:
        """The items that it was asked to publish."""
        return [item for _, own in self.asked for item in json.loads(own.body)["items"]]


def exchange(path: str, api: Api, body: bytes, *headers: tuple[str, bytes], **options: Any) -> Exchange:
    """Returns a client's request, at a service of Fastly."""
    parts = [body]
    return Exchange(
        f"https://www.example.com{path}",
        [("content-type", b"text/plain"), *headers],
        frozenset({BACKEND, "self"}),
        lambda size: parts.pop() if parts else b"",
        method="POST",
        fetch_own=api.answer,
        **{"service_id": SERVICE, "secret_stores": {"keys": {"publish-token": TOKEN.replace(b" ", b"-") + b"\n"}}} | options,
    )


def events(path: str, api: Api, *said: Event, **options: Any) -> Exchange:
    """Returns a request of Fanout with events of a WebSocket, at a local edge."""
    pinned = pins.pin(PLAN, f"http://www.example.com{path}", pins.UPGRADE)
    headers = [("grip-sig", GRIP_SIG.encode()), ("connection-id", b"c-1"), *((name.lower(), value) for name, value in pinned)]
    asked = exchange(path, api, encode([*said]), service_id="0" * 22, **options)
    return replace(asked, headers=[("content-type", b"application/websocket-events"), *headers], config_stores=LOCAL)


LOCAL = {"fanroute-local": {"grip_sig_key": "viceroy_dev_signing_key_dont_use_in_production"}}


def answered(asked: Exchange) -> tuple[int, bytes]:
    assert asked.answer is not None
    return asked.answer.status, bytes(asked.answer.body)


def test_what_fastlys_api_is_sent(handle: Handle) -> None:
    """It is the token of the store, the body and nothing of the client's request. The client gets neither token nor answer."""
    api = Api()
    asked = exchange("/a?x=1", api, b"hi", ("cookie", b"session=1"), ("authorization", b"Bearer x"), ("fastly-key", b"mine"))
    assert handle(asked)
    [(backend, own)] = api.asked
    assert (backend, own.method, own.uri) == (BACKEND, "POST", f"https://api.fastly.com/service/{SERVICE}/publish/")
    assert sorted(own.headers) == [
        ("content-length", str(len(own.body)).encode()),
        ("content-type", b"application/json"),
        ("fastly-key", TOKEN.replace(b" ", b"-")),
    ]
    status, body = answered(asked)
    [item] = api.items
    assert (status, json.loads(body)) == (202, {"id": item["id"]})
    assert item == {
        "channel": "a",
        "id": item["id"],
        "formats": {
            "http-stream": {"content": f"id: {item['id']}\ndata: hi\n\n"},
            "ws-message": {"content": "hi"},
        },
    }
    assert asked.answer is not None and b"token" not in repr(asked.answer).encode()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        *((status, 502) for status in (300, 302, 400, 401, 403, 404, 429, 500, 503)),
        *((detail, 502) for detail in ("connection-refused", "destination-not-found", "internal-error")),
        *((detail, 504) for detail in ("connection-timeout", "dns-timeout", "http-response-timeout")),
    ],
)
def test_a_failure_is_told(handle: Handle, answer: int | str, status: int) -> None:
    """`answer` is the API's status, or why it gives none."""
    api = Api(answer) if isinstance(answer, int) else Api(error=HostError("generic-error", detail=answer))
    asked = exchange("/a", api, b"hi")
    assert handle(asked)
    assert answered(asked)[0] == status and answered(asked)[1].startswith(b"The message may not have been published: ")


@pytest.mark.parametrize("stores", [{}, {"keys": {}}, {"keys": {"publish-token": b""}}, {"keys": {"publish-token": b"a\nb"}}])
def test_without_a_token_nothing_is_sent(handle: Handle, stores: dict[str, dict[str, bytes]]) -> None:
    api = Api()
    asked = exchange("/a", api, b"hi", secret_stores=stores)
    assert handle(asked)
    assert answered(asked) == (500, b"The edge has no token with which it can publish.\n") and api.asked == []


@pytest.mark.parametrize("error", ["generic-error", "invalid-argument", "limit-exceeded", "unsupported"])
@pytest.mark.parametrize("name", [*sorted(PUBLISH_CALLS), "http-body.new", "http-body.write", "http-req.request.set-uri"])
def test_any_call_may_fail(component: Host, name: str, error: str) -> None:
    """If a call fails, the client is told that its message may not have been published."""
    failed = []

    def fault(index: int, called: str) -> None:
        if called == name and not failed:
            failed.append(called)
            raise HostError(error)

    component.fault = fault
    asked = exchange("/a", Api(), b"hi")
    assert component.component.handle(asked)
    component.fault = lambda index, name: None
    assert failed and answered(asked)[0] == 502


def test_the_host_calls_of_a_publication(component: Host) -> None:
    """One request to the API costs these calls, and no others."""
    component.calls.clear()
    assert component.component.handle(exchange("/a", Api(), b"hi"))
    expected = PUBLISH_CALLS | {"secret-store.store.open", "http-req.request.insert-header", "backend.backend.open"}
    assert expected <= set(component.calls) and len(component.calls) == HOST_CALLS, component.calls


def test_without_the_backend(handle: Handle) -> None:
    asked = replace(exchange("/a", Api(), b"hi"), backends=frozenset())
    assert handle(asked)
    assert answered(asked)[0] == 502


def test_a_local_edge_gets_no_token(handle: Handle) -> None:
    api = Api()
    assert handle(exchange("/a", api, b"hi", service_id="0" * 22, secret_stores={}))
    [(_, own)] = api.asked
    assert own.uri == "https://api.fastly.com/publish/" and "fastly-key" not in dict(own.headers)


def test_the_ids_differ(handle: Handle) -> None:
    """Requests that are the same get different ids, also in the same nanosecond if they are from different connections."""
    api = Api()
    for address in ("192.0.2.1", "192.0.2.2"):
        for now in (1.0, 2.5):
            assert handle(exchange("/a", api, b"hi", client_ip=address, clock=lambda now=now: now))
    ids = [item["id"] for item in api.items]
    assert len(set(ids)) == 4 and ids[0] < ids[1] and ids[2] < ids[3]


def test_messages_of_one_request_are_published_at_once(handle: Handle) -> None:
    """They are in one publish request, in order, before their events are answered. A PING is answered as always."""
    api = Api()
    said = [Event("TEXT", b"1"), Event("PING", b"p"), Event("BINARY", b"\xff"), Event("TEXT", b"3")]
    asked = events("/socket", api, Event("OPEN"), *said)
    assert handle(asked)
    assert len(api.asked) == 1
    assert [item["formats"]["ws-message"] for item in api.items] == [{"content": "1"}, {"content-bin": "/w=="}, {"content": "3"}]
    assert len({item["id"] for item in api.items}) == 3
    found = decode(answered(asked)[1])
    assert [event.type for event in found] == ["OPEN", "TEXT", "PONG"]


def test_many_messages_are_published_in_several_requests(handle: Handle) -> None:
    """No publish request is longer than Fastly's limit, and no message is lost or out of order."""
    api = Api()
    texts = [f"{number} {'x' * 9000}".encode() for number in range(30)]
    assert handle(events("/socket", api, *(Event("TEXT", text) for text in texts)))
    assert 5 <= len(api.asked) <= 8 and all(len(own.body) <= MAX_PUBLISH for _, own in api.asked)
    assert [item["formats"]["ws-message"]["content"].encode() for item in api.items] == texts


def test_no_request_leads_to_too_much(handle: Handle) -> None:
    """At most 100 messages are published at once, or what eight publish requests hold. The client is told of the others."""
    for texts, published in (([b"x"] * 3000, 100), ([b"\x01" * 16_000] * 30, 0), ([b"x" * 16_000] * 60, 32)):
        api = Api()
        asked = events("/told", api, *(Event("TEXT", text) for text in texts))
        assert handle(asked)
        assert len(api.items) == published and len(api.asked) <= 8
        *_, last = decode(answered(asked)[1])
        assert json.loads(last.content[2:])["error"]["status"] == (429 if published else 413)


def test_the_ids_of_one_request_rise(handle: Handle) -> None:
    api = Api()
    assert handle(events("/socket", api, *(Event("TEXT", b"x") for _ in range(100))))
    ids = [item["id"] for item in api.items]
    assert ids == sorted(set(ids)) and len(ids) == 100


def test_without_the_id_of_its_connection_nothing_is_published(handle: Handle) -> None:
    """`echo_to_sender: false` needs it. Two of them, and a malformed one, are refused, too."""
    for ids in ((), (b"a", b"b"), (b"a;b",), (b"",)):
        api = Api()
        asked = events("/quiet", api, Event("OPEN"), Event("TEXT", b"x"))
        kept = [(name, value) for name, value in asked.headers if name != "connection-id"]
        assert handle(replace(asked, headers=[*kept, *(("connection-id", each) for each in ids)]))
        assert api.asked == []


def test_nothing_is_published_after_a_failed_request(handle: Handle) -> None:
    api = Api(503)
    assert handle(events("/socket", api, *(Event("TEXT", b"x" * 16_000) for _ in range(30))))
    assert len(api.asked) == 1


def test_what_the_client_of_a_websocket_is_told(handle: Handle) -> None:
    told = {}
    for path in ("/socket", "/told", "/ignored"):
        asked = events(path, Api(503), Event("TEXT", b"hi"))
        assert handle(asked)
        told[path] = decode(answered(asked)[1])
    reason = "The message may not have been published: the publish endpoint refuses it."
    assert told["/socket"] == [Event("CLOSE", (1011).to_bytes(2) + reason.encode())]
    assert told["/told"] == [Event("TEXT", b'm:{"error":{"status":502,"reason":"%s"}}' % reason.encode())]
    assert told["/ignored"] == []


def test_messages_after_a_close_are_not_published(handle: Handle) -> None:
    api = Api()
    asked = events("/socket", api, Event("TEXT", b"1"), Event("CLOSE", b"\x03\xe8"), Event("TEXT", b"2"))
    assert handle(asked)
    assert [item["formats"]["ws-message"]["content"] for item in api.items] == ["1"]
    assert decode(answered(asked)[1]) == [Event("CLOSE", b"\x03\xe8")]
    failed = events("/socket", Api(503), Event("TEXT", b"1"), Event("CLOSE", b"\x03\xe8"))
    assert handle(failed)
    assert decode(answered(failed)[1]) == [Event("CLOSE", b"\x03\xe8")]  # one CLOSE is enough


def test_a_request_from_fanout_is_a_loop(handle: Handle) -> None:
    """The edge does not publish for Fanout, with or without a pin."""
    for headers in ([], pins.pin(PLAN, "http://www.example.com/socket", pins.UPGRADE)):
        api = Api()
        named = [(name.lower(), value) for name, value in headers]
        asked = exchange("/a", api, b"hi", ("grip-sig", GRIP_SIG.encode()), *named, service_id="0" * 22, config_stores=LOCAL)
        assert handle(asked)
        assert answered(asked)[0] == (403 if headers else 508) and api.asked == []


def test_each_message_counts_for_the_limit(handle: Handle) -> None:
    """A request with messages counts as many uses on the second pass. If there are too many, none of them is published."""
    asked = replace(
        events("/limited", api := Api(), *(Event("TEXT", b"%d" % number) for number in range(3))), rate_limits=RateLimits()
    )
    assert handle(asked)
    assert len(api.items) == 3 and decode(answered(asked)[1]) == []
    for _ in range(5):
        asked = replace(events("/limited", Api(), *(Event("TEXT", b"x") for _ in range(30))), rate_limits=asked.rate_limits)
        assert handle(asked)
    assert decode(answered(asked)[1]) == [Event("TEXT", b'm:{"error":{"status":429,"reason":"Too many messages."}}')]


def test_a_request_that_publishes_counts_once(handle: Handle) -> None:
    rates, api = RateLimits(), Api()
    statuses = []
    for _ in range(130):  # the limit is an average over ten seconds
        asked = replace(exchange("/limited/messages", api, b"x"), rate_limits=rates)
        assert handle(asked)
        statuses.append(answered(asked)[0])
    assert set(statuses) == {202, 429} and len(api.items) == statuses.count(202)


def test_a_sandbox_ends_before_fastlys_limit_of_backend_requests(component: Host) -> None:
    """Fastly lets an execution send 32 requests to backends, or 10. Nobody knows if a further request begins another one."""
    api, served = Api(), []

    def next_after(number: int) -> Callable[[float], Callable[[], Exchange | None]]:
        def request_next(seconds: float) -> Callable[[], Exchange | None]:
            following = exchange("/a", api, b"%d" % number)
            following.request_next = next_after(number + 1)
            served.append(following)
            return lambda: following

        return request_next

    first = exchange("/a", api, b"0")
    first.request_next = next_after(1)
    assert component.component.handle(first)
    assert len(api.asked) == 10 == len(served) + 1


def test_other_components_have_nothing_of_it() -> None:
    """They are made from a WIT without it, and have no module for it."""
    without = compile_routes(ROUTES.partition(b"routes:")[0] + b"routes:\n  - respond: {status: 200}\n", INPUTS).plan
    files = app_files(without)
    assert not [name for name in files if "publishing" in name]
    (text,) = toolchain.wit_for(files).values()
    assert "send-uncached" not in text and "send-uncached" in next(iter(toolchain.wit_for(app_files(PLAN)).values()))
