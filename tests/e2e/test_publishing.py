"""The publish endpoint, input by input: the embedded edge accepts, refuses and delivers as Pushpin does."""

import base64
import gzip
import json
import threading
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Edge, wait_until
from tests.e2e.held import CHANNEL, frames, item, polled, posted, raw

LIMIT = 65_536
PUBLISHED = (200, "Published\n")


def refused(reason: str) -> tuple[int, str]:
    return 400, f"Invalid format: {reason}\n"


NO_JSON = (400, "Body is not valid JSON.\n")


def response(code: str) -> bytes:
    """Returns a publish request with a response whose code is the given JSON."""
    return item(http_response={"body": "x", "code": "@"}).replace(b'"@"', code.encode())


def close(code: str) -> bytes:
    return item(ws_message={"action": "close", "code": "@"}).replace(b'"@"', code.encode())


def stream(**format: Any) -> bytes:
    return item(http_stream=format)


def message(**format: Any) -> bytes:
    return item(ws_message=format)


def further(**members: Any) -> bytes:
    return json.dumps({"items": [{"channel": CHANNEL, "formats": {"http-stream": {"content": "x"}}} | members]}).encode()


STREAM = "'http-stream'"
NO_CONTENT = "does not contain 'content' or 'content-bin'"
NO_BODY = refused("'http-response' does not contain 'body', 'body-bin', or 'body-patch'")
INVALID_CODE = refused("'http-response' contains 'code' with invalid value")
WRONG_CODE = refused("'http-response' contains 'code' with wrong type")
ITEM = "publish item object"

# Bodies of publish requests, and the answers of Pushpin 1.36.
BODIES: dict[str, tuple[bytes, tuple[int, str]]] = {
    "nothing": (b"", NO_JSON),
    "a list": (b"[]", (400, "Invalid format.\n")),
    "a string": (b'"x"', NO_JSON),
    "null": (b"null", NO_JSON),
    "no items": (b"{}", refused("object does not contain 'items'")),
    "items {}": (b'{"items": {}}', refused("object contains 'items' with wrong type")),
    "items null": (b'{"items": null}', refused("object contains 'items' with wrong type")),
    "items []": (b'{"items": []}', PUBLISHED),
    "items [null]": (b'{"items": [null]}', refused(f"{ITEM} is not an object")),
    "an empty item": (b'{"items": [{}]}', refused(f"{ITEM} does not contain 'channel'")),
    "UTF-16": ('{"items": []}'.encode("utf-16"), NO_JSON),
    "a byte order mark": (b'\xef\xbb\xbf{"items": []}', PUBLISHED),
    "no UTF-8": (stream(content="@").replace(b"@", b"\xe9"), NO_JSON),
    "two documents": (b'{"items": []} {}', NO_JSON),
    "a comma too much": (b'{"items": [],}', NO_JSON),
    "NaN": (b'{"items": [], "a": NaN}', NO_JSON),
    "Infinity": (b'{"items": [], "a": -Infinity}', NO_JSON),
    "a line break in a string": (b'{"items": [], "a": "\n"}', PUBLISHED),
    "a name twice": (b'{"items": 1, "items": []}', PUBLISHED),
    "500 levels": (b'{"items": [], "a": ' + b"[" * 500 + b"]" * 500 + b"}", PUBLISHED),
    "2,000 levels": (b'{"items": [], "a": ' + b"[" * 2000 + b"]" * 2000 + b"}", NO_JSON),
    "30,000 levels": (b'{"items": [], "a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", NO_JSON),
    "9,000 levels of objects": (b'{"a": ' * 9_000 + b"1" + b"}" * 9_000, NO_JSON),
    "levels in a string": (json.dumps({"items": [], "a": '"[\\"{' * 2000}).encode(), PUBLISHED),
    "no channel": (b'{"items": [{"http-stream": {"content": "x"}}]}', refused(f"{ITEM} does not contain 'channel'")),
    "a channel that is null": (further(channel=None), refused(f"{ITEM} contains 'channel' with wrong type")),
    "a channel that is a number": (further(channel=1), refused(f"{ITEM} contains 'channel' with wrong type")),
    "an empty channel": (further(channel=""), PUBLISHED),
    "an id that is a number": (further(id=1), refused(f"{ITEM} contains 'id' with wrong type")),
    "an id that is null": (further(id=None), refused(f"{ITEM} contains 'id' with wrong type")),
    "a prev-id that is a number": (further(**{"prev-id": 1}), refused(f"{ITEM} contains 'prev-id' with wrong type")),
    "meta that is a list": (further(meta=[]), refused(f"{ITEM} contains 'meta' with wrong type")),
    "meta of a number": (further(meta={"a": 1}), refused("'meta' contains 'a' with wrong type")),
    "meta of half a character": (further(meta={"\ud800": 1}), refused("'meta' contains '?' with wrong type")),
    "a negative size": (further(size=-1), refused(f"{ITEM} contains 'size' with invalid value")),
    "a size that is a list": (further(size=[]), refused(f"{ITEM} contains 'size' with wrong type")),
    "no-seq that is a number": (further(**{"no-seq": 1}), refused(f"{ITEM} contains 'no-seq' with wrong type")),
    "no formats": (item(), refused("no formats specified")),
    "formats that are null": (further(formats=None), refused(f"{ITEM} contains 'formats' with wrong type")),
    "formats that are a list": (further(formats=[]), refused(f"{ITEM} contains 'formats' with wrong type")),
    "a misspelt format": (item(http_straem={"content": "x"}), PUBLISHED),
    "a format that is null": (item(http_stream=None), refused(f"{STREAM} is not an object")),
    "a format that is a list": (item(ws_message=[]), refused("'ws-message' is not an object")),
    "formats beside the channel": (b'{"items": [{"channel": "a", "http-stream": {"content": "x"}}]}', PUBLISHED),
    "a misspelt one there": (b'{"items": [{"channel": "a", "http-straem": {"content": "x"}}]}', refused("no formats specified")),
    "a misspelt field": (stream(contnet="x"), refused(f"{STREAM} {NO_CONTENT}")),
    "a misspelt field more": (stream(content="x", contnet="x"), PUBLISHED),
    "a body in a stream": (stream(body="x"), refused(f"{STREAM} {NO_CONTENT}")),
    "content in a response": (item(http_response={"content": "x"}), NO_BODY),
    "204 without a body": (item(http_response={"code": 204}), NO_BODY),
    "a body in a message": (message(body="x"), refused(f"'ws-message' {NO_CONTENT}")),
    "content that is a number": (stream(content=1), refused(f"{STREAM} contains 'content' with wrong type")),
    "content that is null": (stream(content=None), refused(f"{STREAM} contains 'content' with wrong type")),
    "bad base64": (stream(**{"content-bin": "?"}), PUBLISHED),
    "base64 that is a number": (stream(**{"content-bin": 1}), refused(f"{STREAM} contains 'content-bin' with wrong type")),
    "an empty action": (stream(action=""), (400, "")),
    "an unknown action": (stream(action="other", content="x"), (400, "")),
    "an action that is a number": (stream(action=1), refused(f"{STREAM} contains 'action' with wrong type")),
    "a close with bad content": (stream(action="close", content=1), PUBLISHED),
    "an unknown type": (message(type="other", content="x"), refused("'ws-message' contains 'type' with unknown value")),
    "a type that is null": (message(type=None, content="x"), refused("'ws-message' contains 'type' with wrong type")),
    "a reason that is a number": (
        item(http_response={"reason": 1, "body": "x"}),
        refused("'http-response' contains 'reason' with wrong type"),
    ),
    "a close's reason that is a number": (
        message(action="close", reason=1),
        refused("'ws-message' contains 'reason' with wrong type"),
    ),
    "filters that are text": (
        stream(content="x", **{"content-filters": "x"}),
        refused(f"{STREAM} contains 'content-filters' with wrong type"),
    ),
    "a filter that is a number": (
        stream(content="x", **{"content-filters": [1]}),
        refused("content-filters contains element with wrong type"),
    ),
    "a patch that is an object": (
        item(http_response={"body-patch": {}}),
        refused("'http-response' contains 'body-patch' with wrong type"),
    ),
    "the second item is bad": (
        b'{"items": [{"channel": "a", "http-stream": {"content": "x"}}, {"channel": "a", "formats": {}}]}',
        refused("no formats specified"),
    ),
    **{f"code {code}": (response(code), PUBLISHED) for code in ("0", "1", "99", "999", "999.4", '"abc"', "true", "-0.4")},
    **{f"code {code}": (response(code), INVALID_CODE) for code in ("-1", "1000", "999.5", "2147483647", "1e10", '"-1"')},
    **{f"code {code}": (response(code), WRONG_CODE) for code in ("null", "[]", "{}", "[200]")},
    "code 1e999": (response("1e999"), NO_JSON),
    **{f"close {code}": (close(code), PUBLISHED) for code in ("0", "65536", '"abc"', "4000.5")},
    "close -1": (close("-1"), refused("'ws-message' contains 'code' with invalid value")),
    "close null": (close("null"), refused("'ws-message' contains 'code' with wrong type")),
    "close 1e999": (close("1e999"), NO_JSON),
    "headers that are text": (
        item(http_response={"body": "x", "headers": "A: b"}),
        refused("'http-response' contains 'headers' with wrong type"),
    ),
    "a header that is a number": (
        item(http_response={"body": "x", "headers": {"A": 1}}),
        refused("headers contains 'A' with wrong type"),
    ),
    "a header of one": (
        item(http_response={"body": "x", "headers": [["A"]]}),
        refused("headers contains list with wrong number of elements"),
    ),
    "a header that is text": (
        item(http_response={"body": "x", "headers": ["A: b"]}),
        refused("headers contains element with wrong type"),
    ),
    "a header's value is a number": (
        item(http_response={"body": "x", "headers": [["A", 1]]}),
        refused("header contains value element with wrong type"),
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_publish_request_is_answered(edge: Edge, name: str) -> None:
    body, (status, text) = BODIES[name]
    answer = posted(edge, body)
    assert answer.status_code == status
    assert answer.headers["content-type"].partition(";")[0] == "text/plain"
    if text:
        assert answer.text == text
    assert "Error" not in answer.text and "Traceback" not in answer.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_publish_nothing(edge: Edge, method: str) -> None:
    answer = httpx.request(method, edge.publish_url, trust_env=False)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.text == ("" if method == "HEAD" else f"Method not allowed: {method}.\n")


@pytest.mark.parametrize("path", ["/publish//", "//publish/", "/publish/?x=1", "/Publish/", "/publish/x", "/%70ublish/", "/x"])
def test_other_paths_publish_nothing(edge: Edge, path: str) -> None:
    answer = posted(edge, b'{"items": []}', extensions={"target": path.encode()})
    assert (answer.status_code, answer.text) == (404, "Not Found\n")


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("application/json", "application/json"),
        ("text/plain, application/json", "application/json"),
        ("application/json;q=0.1, x/y", "application/json"),
        ("application/json, text/plain", "text/plain"),
        ("text/html", None),
        ("", None),
    ],
)
def test_a_publisher_gets_what_it_accepts(edge: Edge, accept: str | None, type_: str | None) -> None:
    with httpx.Client(trust_env=False) as client:
        del client.headers["Accept"]
        headers = {} if accept is None else {"Accept": accept}
        answer = client.post(edge.publish_url, content=b'{"items": []}', headers=headers)
        assert client.post(edge.publish_url, content=b"{}", headers=headers).status_code == (400 if type_ else 406)
    assert answer.status_code == (200 if type_ else 406)
    assert answer.headers["content-type"].partition(";")[0] == (type_ or "text/plain")
    if type_:
        assert answer.text == ('{"message":"Published"}\n' if type_ == "application/json" else "Published\n")


def test_no_more_than_the_limit_is_published(edge: Edge) -> None:
    """docs/publishing.md: Fastly's limit."""
    whole = stream(content="x" * (LIMIT - len(stream(content=""))))
    assert len(whole) == LIMIT
    assert posted(edge, whole).status_code == 200
    answer = posted(edge, whole + b" ")
    assert (answer.status_code, answer.text) == (400, "Request body too large.\n")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "identity", "x"])
def test_a_publish_request_is_not_decoded(edge: Edge, coding: str) -> None:
    """Its bytes are read as they are, whatever its Content-Encoding."""
    headers = {"Content-Encoding": coding}
    assert posted(edge, gzip.compress(b'{"items": []}'), headers=headers).text == NO_JSON[1]
    assert posted(edge, b'{"items": []}', headers=headers).status_code == 200


def test_a_publish_request_has_a_length(edge: Edge) -> None:
    answer = posted(edge, iter([b'{"items": []}']))  # type: ignore[arg-type]
    assert (answer.status_code, answer.text) == (411, "Request requires Content-Length.\n")


@pytest.mark.parametrize(
    ("code", "line"),
    [
        ("404", "404 Not Found"),
        ('"404"', "404 Not Found"),
        ('" 404 "', "404 Not Found"),
        ("404.4", "404 Not Found"),
        ("403.5", "404 Not Found"),
        ("4294967700", "404 Not Found"),
        ('"4e2"', "0 Undefined Reason"),
        ('"abc"', "0 Undefined Reason"),
        ("0", "0 Undefined Reason"),
        ("true", "1 Undefined Reason"),
        ("99", "99 Undefined Reason"),
        ("599", "599 Undefined Reason"),
        ("999", "999 Undefined Reason"),
    ],
)
def test_a_code_is_delivered(edge: Edge, code: str, line: str) -> None:
    status_line, _, body = polled(edge, response(code))
    assert (status_line, body) == (f"HTTP/1.1 {line}", b"x")


@pytest.mark.parametrize("code", ["100", "101", "204", "304"])
def test_a_response_may_have_no_body(edge: Edge, code: str) -> None:
    line, headers, body = polled(edge, response(code))
    assert (line.split()[1], body) == (code, b"")
    assert not {name for name, _ in headers} & {"content-length", "transfer-encoding"}


@pytest.mark.parametrize(("reason", "line"), [("Nope", "404 Nope"), ("Ça va", "404 Ça va"), ("", "404 Not Found")])
def test_a_reason_is_delivered(edge: Edge, reason: str, line: str) -> None:
    assert polled(edge, item(http_response={"code": 404, "reason": reason, "body": "x"}))[0] == f"HTTP/1.1 {line}"


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        ({"X-A": "é"}, [("x-a", "é")]),
        ([["X-A", "1"], ["X-A", "2"]], [("x-a", "1"), ("x-a", "2")]),
        ([["x-held", "no"]], [("x-held", "no")]),
        ({"X-A": ""}, [("x-a", "")]),
        ({"Content-Length": "5", "X-A": "1"}, [("x-a", "1")]),
        ({"Transfer-Encoding": "chunked", "X-A": "1"}, [("x-a", "1")]),
        ({"Connection": "close, X-A", "X-A": "1"}, [("x-a", "1")]),
        ({"Content-Type": "a/b"}, [("content-type", "a/b")]),
        ({"Grip-Hold": "stream", "X-A": "1"}, [("x-a", "1")]),
    ],
)
def test_headers_are_delivered(edge: Edge, published: Any, expected: list[tuple[str, str]]) -> None:
    """In addition to those of the held answer, but no framing headers and no instructions."""
    line, headers, body = polled(edge, item(http_response={"body": "x", "headers": published}))
    assert (line, body) == ("HTTP/1.1 200 OK", b"x")
    names = {name for name, _ in expected}
    assert [(name, value) for name, value in headers if name in names] == expected
    assert [value for name, value in headers if name == "content-length"] == ["1"]
    assert not [name for name, _ in headers if name in ("transfer-encoding", "connection") or name.startswith("grip-")]
    assert ("x-held", "yes") in headers or "x-held" in names


@pytest.mark.parametrize(
    "headers",
    [{"X-A": "1\r\nX-Evil: 1"}, {"X-A: 1\r\nX-Evil": "1"}, {"X-A": "1\nX-Evil: 1"}, {"X A": "1"}, {"": "1"}, {"X-A": "\0"}],
)
def test_a_published_header_is_one_header(edge: Edge, headers: dict[str, str]) -> None:
    """docs/differences.md: Pushpin writes it as it is. The embedded edge leaves it out, and says so."""
    line, delivered, body = polled(edge, item(http_response={"body": "x", "headers": headers | {"X-Good": "1"}}))
    assert (line, body) == ("HTTP/1.1 200 OK", b"x")
    assert ("x-good", "1") in delivered
    if edge.name == "embedded":
        assert not {name for name, _ in delivered} & {"x-evil", "x-a", "x a", ""}
        (name,) = headers
        notice = f"published on of-origin without the header {name!a}: it is not valid\n"
        wait_until(lambda: any(line.endswith(notice) for line in edge.output))


def test_a_published_reason_is_one_line(edge: Edge) -> None:
    line, headers, _ = polled(edge, item(http_response={"code": 404, "reason": "No\r\nX-Evil: 1", "body": "x"}))
    evil = ("x-evil", "1") in headers
    assert (line, evil) == (("HTTP/1.1 404 No", True) if edge.name == "viceroy" else ("HTTP/1.1 404 Not Found", False))


@pytest.mark.parametrize(
    ("format", "body"),
    [
        ({"body": "a\ud800b"}, b"a?b"),
        ({"body": "\ud83d\ude00"}, "\U0001f600".encode()),
        ({"body": ""}, b""),
        ({"body": "x", "body-bin": "eQ=="}, b"y"),
        ({"body-bin": "AAE"}, b"\0\1"),
        ({"body-bin": " A A\nE = "}, b"\0\1"),
        ({"body-bin": "A?AéE"}, b"\0\1"),
        ({"body-bin": "aGk=aGk="}, b"hi\x1a\x1a"),
        ({"body-bin": "_-8="}, b""),
        ({"body-bin": "A"}, b""),
    ],
)
def test_a_body_is_delivered(edge: Edge, format: Any, body: bytes) -> None:
    delivered = polled(edge, item(http_response=format))[2]
    assert delivered.replace("\ufffd".encode(), b"?") == body


def test_a_poll_is_not_closed(edge: Edge) -> None:
    """A long-poll ignores a close. After a hint, the origin is asked again."""
    answers: list[bytes] = []
    thread = threading.Thread(target=lambda: answers.append(raw(edge, "/origin/poll")))
    thread.start()
    for published in ({"action": "close"}, {"action": "close"}, {"action": "hint"}):
        assert posted(edge, item(http_response=published)).status_code == 200
        thread.join(0.3)
    while thread.is_alive():
        posted(edge, item(http_response={"body": "at last"}))
        thread.join(0.1)
    assert answers[0].endswith(b"\r\n\r\nat last")


@pytest.mark.parametrize(
    ("format", "frame"),
    [
        ({"content": "x"}, ("TEXT", b"x")),
        ({"content": ""}, ("TEXT", b"")),
        ({"content-bin": "AAE="}, ("BINARY", b"\0\1")),
        ({"content-bin": "?"}, ("BINARY", b"")),
        ({"type": "binary", "content": "x"}, ("BINARY", b"x")),
        ({"type": "text", "content-bin": "AAE="}, ("TEXT", b"\0\1")),
        ({"type": "ping", "content": "x"}, ("PING", b"x")),
        ({"type": "pong", "content": "x"}, ("PONG", b"x")),
        ({"type": "ping", "content": ""}, ("PING", b"")),
        ({"content": "a\0b"}, ("TEXT", b"a\0b")),
    ],
)
def test_a_message_is_delivered(edge: Edge, format: Any, frame: tuple[str, bytes]) -> None:
    with frames(edge) as got:
        assert posted(edge, message(**format)).status_code == 200
        assert posted(edge, close("1000")).status_code == 200
    assert got == [frame, ("CLOSE", b"\x03\xe8")]


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ({}, b"\x03\xe8"),
        ({"reason": "why"}, b"\x03\xe8"),
        ({"code": 4000, "reason": "why"}, b"\x0f\xa0why"),
        ({"code": 4000, "reason": ""}, b"\x0f\xa0"),
        ({"code": 4000, "reason": "é"}, b"\x0f\xa0" + "é".encode()),
        ({"code": 4000, "reason": "x" * 123}, b"\x0f\xa0" + b"x" * 123),
        ({"code": 4000, "reason": "x" * 124}, None),
        ({"code": "4000"}, b"\x0f\xa0"),
        ({"code": 4000.5}, b"\x0f\xa1"),
        ({"code": 0}, b"\x00\x00"),
        ({"code": 999}, b"\x03\xe7"),
        ({"code": 1005}, b"\x03\xed"),
        ({"code": 65535}, b"\xff\xff"),
        ({"code": 66536}, b"\x03\xe8"),
        ({"code": "abc"}, b"\x00\x00"),
    ],
)
def test_a_close_is_delivered(edge: Edge, format: Any, content: bytes | None) -> None:
    with frames(edge) as got:
        assert posted(edge, message(action="close", **format)).status_code == 200
    assert got == ([] if content is None else [("CLOSE", content)])


def test_a_long_ping_ends_the_connection(edge: Edge) -> None:
    with frames(edge) as got:
        assert posted(edge, message(type="ping", content="x" * 126)).status_code == 200
    assert got == []


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ({"content": "x", "content-bin": "eQ=="}, b"y"),
        ({"content": "a\udc00b"}, b"a?b"),
        ({"content": "x", "contnet": "y"}, b"x"),
        ({"content-bin": base64.b64encode(bytes(range(256))).decode()}, bytes(range(256))),
    ],
)
def test_a_streams_content_is_delivered(edge: Edge, format: Any, content: bytes) -> None:
    with edge.client.stream("GET", "/origin/stream", headers={"Host": "www.example.com"}) as answer:
        parts = answer.iter_raw()
        assert next(parts) == b"first\n"
        assert posted(edge, item(http_stream=format, http_straem={"content": "misspelt"})).status_code == 200
        assert posted(edge, stream(action="close")).status_code == 200
        assert b"".join(parts).replace("\ufffd".encode(), b"?") == content
