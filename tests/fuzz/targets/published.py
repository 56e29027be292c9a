"""Fuzzes what clients publish: readers of each kind get exactly the message, on the route's channel, or nothing."""

import json
import re
from base64 import b64decode
from typing import Any

from fanroute.devserver.filters import filter_content
from fanroute.devserver.items import parse_publish
from fanroute.lowering.publishing import MAX_MESSAGE
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer, make_full_decider
from fanroute_runtime.grip.publishing import MAX_PUBLISH
from fanroute_runtime.grip.websocket import Event, encode
from fanroute_runtime.messages import Answer, Decision, Publication
from tests.conftest import INPUTS
from tests.fuzz.target import Target
from tests.fuzz.targets.events import read

_MATCH = {"path": "/{room}", "where": {"room": "[a-z]+"}, "header": {"x-name": {"present": True}}}
_ENVELOPE = {"from": "{header.x-name}", "room": "in {room}", "id": "id", "body": "body"}
ROUTES: list[Any] = [
    # Each has readers of its own, whose channels begin with these letters.
    {"match": {"path": "/a", "method": "GET"}, "sse": {"channel": "a-room"}},
    {"match": {"path": "/b", "method": "GET"}, "long_poll": {"channel": "a-room"}},
    {
        "match": {"path": "/c", "method": "GET"},
        "stream": {"channel": {"name": "b-room", "filters": "var-subst"}, "meta": {"a": "b"}},
    },
    {"match": _MATCH | {"method": "POST"}, "publish": {"channel": "a-{room}", "subscribers": ["sse", "long_poll", "websocket"]}},
    {"match": _MATCH | {"method": "PUT"}, "publish": {"channel": "b-{room}", "envelope": _ENVELOPE}},
    {"match": _MATCH | {"websocket": True}, "websocket": {"channel": "c-{room}", "publish": {"channel": "c-{room}"}}},
]
SPEC = {
    "version": 1,
    "service": {"name": "c"},
    "backends": {"self": {"loopback": True}},
    "publishing": {"secret_store": "s", "name": "t"},
    "routes": ROUTES,
}
PLAN = compile_routes(json.dumps(SPEC).encode(), INPUTS).plan
DECIDER, TRACER = make_full_decider(PLAN), Tracer(PLAN, "self")


def check_messages(data: bytes) -> None:
    """Checks a message, which is sent in each way, and the header that an envelope has. A form feed separates the two."""
    name, _, content = data.rpartition(b"\f")
    name = re.sub(rb"[\r\n\0]", b"", name)[:256]
    for type_ in (b"text/plain", b"application/json"):
        for method in ("POST", "PUT"):
            headers = (("content-type", type_), ("x-name", name))
            check_decision(DECIDER.decide(RequestData(method, "http://a/room", headers, content)), content, name, type_, method)
    client = RequestData("GET", "http://a/room", (("x-name", name), ("upgrade", b"websocket")))
    through = TRACER.through_fanout(client)
    for event in ("TEXT", "BINARY"):
        events = encode([Event("TEXT", b"first"), Event(event, content), Event("TEXT", b"last")])  # type: ignore[arg-type]
        asked = RequestData(through.verb, through.url, through.headers, events, configs=through.configs)
        decision = DECIDER.decide(asked)
        if isinstance(decision, Answer):
            assert decision.status in (403, 413)
            continue
        check_events(decision, content, event == "BINARY" or is_utf8(content))


def items_of(decision: Publication) -> list[dict[str, Any]]:
    """Returns the items of the publish requests. Those are what the publish endpoint takes."""
    for body in decision.bodies:
        assert len(body) <= MAX_PUBLISH and parse_publish(body)
    return [item for body in decision.bodies for item in json.loads(body)["items"]]


def check_decision(decision: Decision, content: bytes, name: bytes, type_: bytes, method: str) -> None:
    if isinstance(decision, Answer):
        assert decision.status in (400, 413) and not is_message(content, type_), decision
        return
    assert isinstance(decision, Publication)
    [item] = items_of(decision)
    assert item["channel"] == decision.channel == ("a-room" if method == "POST" else "b-room")
    formats, text = item["formats"], content.decode()
    if method == "POST":
        assert formats.keys() == {"http-stream", "http-response", "ws-message"}
        assert formats["ws-message"].keys() == {"content"} and same(formats["ws-message"]["content"], text, type_)
        response = formats["http-response"]
        assert response.keys() == {"headers", "body"} and same(response["body"], text, type_)
        assert response["headers"] == {"Content-Type": "application/json" if b"json" in type_ else "text/plain; charset=utf-8"}
        event = events_of(formats["http-stream"]["content"])
        assert event == [(item["id"], re.sub("\r\n|\r", "\n", formats["ws-message"]["content"]))]
    else:
        assert formats.keys() == {"http-stream"}
        line = filter_content(formats["http-stream"]["content"].encode(), ["var-subst"], {"a": "b"}, {}) or b""
        assert line.endswith(b"\n") and len(line.decode().splitlines()) == 1
        envelope = json.loads(line)
        body = json.loads(text) if b"json" in type_ else text
        assert envelope == {"from": name.decode("latin-1").strip(" \t"), "room": "in room", "id": item["id"], "body": body}


def is_message(content: bytes, type_: bytes) -> bool:
    """Returns True if a content is certainly a message that can be published."""
    try:
        text = content.decode()
        if b"json" in type_:
            return isinstance(json.loads(text, parse_constant=float), str | int)
        return len(text) <= MAX_MESSAGE and len(json.dumps(text)) < 15_000
    except (ValueError, RecursionError):
        return False


def is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def same(published: str, sent: str, type_: bytes) -> bool:
    """Returns True if a reader gets what was sent. In JSON, the space between values may be another one."""
    return bool(json.loads(published) == json.loads(sent)) if b"json" in type_ else published == sent


def events_of(stream: str) -> list[tuple[str, str]]:
    """Reads server-sent events: their ids and data. https://html.spec.whatwg.org/multipage/server-sent-events.html"""
    found, id_, data = [], "", []
    for line in re.split("\r\n|\r|\n", stream):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line == "":
            found += [(id_, "\n".join(data))] if data else []
            data = []
        elif field == "id":
            id_ = value
        elif field == "data":
            data.append(value)
        else:
            raise AssertionError(f"a line of another kind: {line!r}")
    return found


def check_events(decision: Decision, content: bytes, is_sound: bool) -> None:
    """Checks messages of a WebSocket: they are published in order, and none is a control message for Fanout."""
    assert isinstance(decision, Publication)
    is_sound = is_sound and len(content) <= MAX_MESSAGE
    assert {item["channel"] for item in items_of(decision)} == {"c-room"}
    messages = [item["formats"]["ws-message"] for item in items_of(decision)]
    said = [b64decode(one["content-bin"]) if "content-bin" in one else one["content"].encode() for one in messages]
    assert len(said) == decision.messages
    assert said == ([b"first", content, b"last"] if is_sound else [b"first"])
    for answer in (decision.published, *(answer for _, answer in decision.failures)):
        assert not [text for _, text in read(answer.body) or [] if text.startswith(b"c:")]


SEEDS = [
    b"ann\fhello",
    b"\ftwo\r\nlines",
    b'","x":"\f{"a": [1, 2.50, "\\u00e9"]}',
    b"%(user)s\f%% %(a)s %I",
    b"ann\fdata: x\n\nevent: admin\ndata: y\n\n",
    b'ann\fc:{"type":"subscribe","channel":"other"}',
    b"\xe9\f" + "é\u2028\ufeff😀".encode(),
    b"ann\f" + b"[" * 40 + b"]" * 40,
    b"ann\f\xff\x00",
]
WORDS = [
    *b'\\ " { } [ ] , : %% %( )s \\u2028 \\ud800 \\n m: c: data: id: event: retry: NaN Infinity -0 1e999 null true'.split(),
    *[
        b"\r",
        b"\n",
        b"\r\n\r\n",
        b"\0",
        b"\x0b",
        b"\x1c",
        b"\x85",
        "\u0085\u2028\u2029".encode(),
        b"\xef\xbb\xbf",
        b"\xff",
        b"\f",
    ],
    b"x" * 5000,
]
TARGETS = [Target("published", check_messages, SEEDS, WORDS)]
