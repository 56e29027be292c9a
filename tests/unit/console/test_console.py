"""Tests the parts of the console that need no edge."""

import asyncio
import json
import shlex
from typing import Any

import pytest

from fanroute.console.api import MAX_RECENT, MAX_RECENT_TEXT, Console
from fanroute.console.bodies import BadBody, TriedRequest, WantedConnection, WantedMessage, read_body
from fanroute.console.connecting import Connection, with_token
from fanroute.console.described import describe_diagnostics, describe_routes
from fanroute.console.pages import MAX_WAITING, Page, Pages, event_bytes
from fanroute.console.server import serving
from fanroute.devserver.config import EdgeUrls
from fanroute.devserver.events import Notice
from fanroute.pipeline import Compiled, compile_routes
from fanroute_runtime.plan.auth import TokenPlace
from tests.conftest import INPUTS
from tests.support.scripted import scripted

ROUTES = """\
version: 1
service: {name: a}
backends:
  origin: {url: "https://${ORIGIN_HOST}"}
  self: {loopback: true}
routes:
  - name: room
    match: {host: "${ORIGIN_HOST}", path: "/rooms/{room}", where: {room: "[a-c]{2}"}, query: {token: {present: true}}}
    sse: {channel: "room-{room}", cors: {origins: "https://a.example.com"}}
  - name: any
    match: {path: /*}
    handoff: origin
  - {name: dead, match: {path: /dead}, forward: origin}
  - {name: dead-too, match: {path: /dead-too}, websocket: {channel: x, protocols: [chat]}}
defaults:
  response_headers: {set: {x-a: b}}
"""


def compiled(text: str = ROUTES) -> Compiled:
    return compile_routes(text.encode(), INPUTS)


def test_routes_are_described_in_order() -> None:
    found = compiled()
    routes = describe_routes(found, found.diagnostics, "a.edgecompute.app")
    assert [(one["number"], one["name"], one["line"]) for one in routes if one["number"]] == [
        (1, "room", 7),
        (2, "any", 10),
        (3, "dead", 13),
        (4, "dead-too", 14),
    ]
    assert [one["line"] for one in routes if one["number"] is None] == [None]


def test_a_route_has_the_diagnostics_in_it() -> None:
    """Also if several routes are in short form, each on one line."""
    found = compiled()
    routes = {one["name"]: one for one in describe_routes(found, found.diagnostics, "")}
    codes = {name: [found.diagnostics[number].code for number in one["diagnostics"]] for name, one in routes.items()}
    assert "FR301" in codes["dead"] and "FR301" in codes["dead-too"]
    assert "FR301" not in codes["room"] and "FR301" not in codes["any"]
    assert not any(one["diagnostics"] for one in describe_routes(found, (), ""))


def test_a_route_has_an_example() -> None:
    found = compiled()
    by_name = {one["name"]: one for one in describe_routes(found, (), "a.edgecompute.app")}
    room, socket = by_name["room"], by_name["dead-too"]
    assert (room["kind"], room["target"], room["host"]) == ("sse", "/rooms/aa?token=x", "origin.example.net")
    assert room["examples"] == ["room-aa"]
    assert (socket["kind"], socket["host"], socket["protocols"]) == ("websocket", "", ["chat"])


def test_values_of_variables_are_hidden() -> None:
    (room,) = [one for one in describe_routes(compiled(), (), "") if one["name"] == "room"]
    assert "${ORIGIN_HOST}" in room["match"] and "origin.example.net" not in room["match"]


def test_a_diagnostic_is_shown_as_in_a_terminal() -> None:
    found = compiled()
    shown = describe_diagnostics(found.diagnostics, "routes.yaml", found.source.text)
    (dead,) = [one for one in shown if one["code"] == "FR301" and one["line"] == 13]
    assert dead["severity"] == "warning"
    assert dead["shown"].startswith(f"routes.yaml:13:12: warning[FR301]: {dead['message']}\n")
    assert "\n      |" in dead["shown"]


@pytest.mark.parametrize(
    ("kind", "body", "field", "words"),
    [
        (TriedRequest, {"method": "G T", "url": "http://a/"}, "method", "is not a method"),
        (TriedRequest, {"method": "GET", "url": "a"}, "url", "write http://"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "headers": [["a b", "c"]]}, "headers", "not the name of a header"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "headers": [["a", "b\nc"]]}, "headers", "line breaks"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "headers": [["Host", "b"]]}, "headers", "place of its own"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "client_ip": "10.0.0.0/8"}, "client_ip", "address of a client"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "claims": "[1]"}, "claims", "should be an object"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "claims": "{"}, "claims", "JSON"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "claims": "[" * 5000}, "claims", "JSON"),
        (TriedRequest, {"method": "GET", "url": "http://a/", "more": 1}, "more", "not permitted"),
        (WantedMessage, {"channel": "", "kinds": ["sse"]}, "channel", "at least 1"),
        (WantedMessage, {"channel": "a", "kinds": []}, "kinds", "at least 1"),
        (WantedMessage, {"channel": "a", "kinds": ["telex"]}, "kinds", "'sse'"),
        (WantedMessage, {"channel": "a", "kinds": ["sse"], "text": "{", "is_json": True}, "", "not valid JSON"),
        (WantedMessage, {"channel": "a", "kinds": ["sse"], "text": "NaN", "is_json": True}, "", "not valid JSON"),
        (WantedMessage, {"channel": "a", "kinds": ["sse"], "event": "a\ndata: b"}, "event", "line break"),
        (WantedMessage, {"channel": "a", "kinds": ["sse"], "id": "a\rdata: b"}, "id", "line break"),
        (WantedConnection, {"page": "a", "pane": "b", "kind": "sse", "target": "a"}, "", "begin it with '/'"),
        (WantedConnection, {"page": "a", "pane": "b", "kind": "sse", "target": "/a\r\nB: c"}, "", "not the URL"),
        (WantedConnection, {"page": "a", "pane": "b", "kind": "sse", "target": "/", "host": "a\r\nB: c"}, "", "not the URL"),
        (WantedConnection, {"page": "a", "pane": "b", "kind": "sse", "target": "/", "host": "@b"}, "", "not the URL"),
        (WantedConnection, {"page": "a", "pane": "b", "kind": "sse", "target": "/", "token": "a\r\nB: c"}, "token", "control"),
    ],
)
def test_a_wrong_body_is_refused(kind: type[Any], body: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(BadBody, match=words) as caught:
        read_body(kind, json.dumps(body).encode())
    assert caught.value.field == field


@pytest.mark.parametrize("raw", [b"", b"\xff", b"[]", b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBody):
        read_body(TriedRequest, raw)


@pytest.mark.parametrize(
    ("place", "target", "headers"),
    [
        (TokenPlace("authorization"), "/a", [("Authorization", "Bearer t&")]),
        (TokenPlace("cookie", "session"), "/a", [("Cookie", "session=t&")]),
        (TokenPlace("query", "a token"), "/a?a%20token=t%26", []),
        (TokenPlace("header", "x-auth-token"), "/a", [("X-Auth-Token", "t&")]),
        (TokenPlace("protocol", "bearer"), "/a", [("Sec-WebSocket-Protocol", "bearer, t&")]),
    ],
)
def test_a_token_is_put_where_the_route_expects_it(place: TokenPlace, target: str, headers: list[tuple[str, str]]) -> None:
    wanted = WantedConnection(page="p", pane="sse", kind="sse", target="/a", token="t&")
    assert with_token(wanted, place) == (target, headers)


def test_an_event_is_one_line_of_data() -> None:
    assert event_bytes("pane", {"text": "a\nb\r\u2028é"}) == b'event: pane\ndata: {"text": "a\\nb\\r\\u2028\\u00e9"}\n\n'


def test_a_page_that_does_not_read_loses_its_connection() -> None:
    """Otherwise its events would fill the memory, however few and long they are."""
    aborted: list[bool] = []
    page = Page(lambda: aborted.append(True))
    for _ in range(4):
        page.send("n", "x" * (MAX_WAITING // 4 - 100))
    assert aborted == []

    async def read(number: int) -> None:
        for _ in range(number):
            await page.next_event()

    asyncio.run(read(1))
    page.send("n", "x" * (MAX_WAITING // 4 - 100))
    assert aborted == []
    page.send("n", "x" * 1000)
    assert aborted == [True]


def test_the_latest_events_are_limited_together() -> None:
    console = Console("routes.yaml", "embedded", EdgeUrls("", ""), None, compiled(), {})
    for number in range(MAX_RECENT + 5):
        console.report(Notice(time=0.0, text=str(number)))
    assert [event["text"] for event in console.recent()] == [str(number) for number in range(5, MAX_RECENT + 5)]
    for _ in range(4):
        console.report(Notice(time=0.0, text="x" * (MAX_RECENT_TEXT // 3)))
    assert len(console.recent()) == 2


@pytest.mark.parametrize("kind", ["sse", "stream", "websocket"])
def test_json_is_published_on_one_line_as_fanroute_publish_does(kind: str) -> None:
    console = Console("routes.yaml", "embedded", EdgeUrls("", ""), None, compiled(), {})
    body = json.dumps({"channel": "a", "kinds": [kind], "text": '{\n"a": 1.10}\n', "is_json": True}).encode()
    message = asyncio.run(console.prepare_message(body))
    ((content,),) = (list(one.values()) for one in json.loads(shlex.split(message["curl"])[2])["items"][0]["formats"].values())
    assert content == {"sse": 'data: { "a": 1.10}\n\n', "stream": '{ "a": 1.10}\n', "websocket": '{ "a": 1.10}'}[kind]


def test_a_page_is_known_as_long_as_it_is_open() -> None:
    async def open_one() -> None:
        pages = Pages()
        with pages.opened(lambda: None) as page:
            assert pages.find(page.id) is page
        assert pages.find(page.id) is None

    asyncio.run(open_one())


def test_a_pane_follows_no_redirect() -> None:
    """A backend could else make the console send the pane's headers to any server."""
    reports: list[dict[str, Any]] = []

    async def connect(edge: str, kind: str) -> None:
        headers = [["X-Api-Key", "s3cret"]]
        wanted = WantedConnection.model_validate(
            {"page": "1", "pane": "1", "kind": kind, "target": "/redirected", "headers": headers}
        )
        ended = asyncio.Event()

        def report(one: dict[str, Any]) -> None:
            reports.append(one)
            if one["type"] == "end":
                ended.set()

        Connection(edge, wanted, TokenPlace("authorization"), report).start()
        await asyncio.wait_for(ended.wait(), 10)

    for kind in ("websocket", "sse", "stream", "long_poll"):
        with scripted((200, {}, b"")) as other, scripted((302, {"Location": f"{other.url}/stolen"}, b"")) as server:
            asyncio.run(connect(server.url, kind))
        assert (len(server.seen), other.seen, reports[-1]["type"]) == (1, [], "end")
        assert "answered 302" in reports[-1]["text"]


def test_the_connection_of_a_page_that_does_not_read_is_ended() -> None:
    async def check() -> None:
        console = Console("routes.yaml", "embedded", EdgeUrls("", ""), None, compiled(), {})
        async with serving(console, ()) as url:
            host, _, token = url.removeprefix("http://").partition("/?token=")
            reader, writer = await asyncio.open_connection(*host.split(":"), limit=1 << 10)
            writer.write(f"GET /{token}/api/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            await reader.readuntil(b"event: page\n")
            assert console.pages
            for _ in range(64):
                console.report(Notice(time=0.0, text="x" * (1 << 20)))
                await asyncio.sleep(0)
            async with asyncio.timeout(10):
                while console.pages:
                    await asyncio.sleep(0.01)
            writer.close()

    asyncio.run(check())
