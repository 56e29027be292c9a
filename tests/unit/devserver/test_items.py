"""Publish requests that the embedded edge reads as Pushpin does. tests/e2e/test_publishing.py has both edges."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.devserver.items import BadItem, Item, Message, parse_publish, sendable_headers
from fanroute.devserver.pushpin_json import MAX_DEPTH, WrongType, decode_base64, integer, parse_json
from tests.conftest import times
from tests.support.counts import COUNTS


@pytest.mark.parametrize(
    ("item", "format", "message"),
    [
        ({"formats": {"http-stream": {"content": "é"}}}, "http-stream", Message("é".encode())),
        ({"http-stream": {"content": "x"}}, "http-stream", Message(b"x")),
        ({"formats": {"http-stream": {"action": "close"}}}, "http-stream", Message(action="close")),
        ({"formats": {"ws-message": {"content-bin": "AAE="}}}, "ws-message", Message(b"\0\1", type="BINARY")),
        ({"formats": {"ws-message": {"action": "close", "code": 4000}}}, "ws-message", Message(action="close", code=4000)),
        (
            {"formats": {"http-response": {"code": 201, "headers": [["A", "b"]], "body": "x"}}},
            "http-response",
            Message(b"x", status=201, headers=(("A", "b"),)),
        ),
    ],
)
def test_an_item_is_read(item: dict[str, Any], format: str, message: Message) -> None:
    assert parse_publish(json.dumps({"items": [{"channel": "a"} | item]}).encode()) == [Item("a", {format: message})]


def test_ids_and_variables_are_read() -> None:
    item = {"channel": "a", "id": "2", "prev-id": "1", "meta": {"sender": "ann"}, "formats": {"http-stream": {"content": "x"}}}
    (read,) = parse_publish(json.dumps({"items": [item]}).encode())
    assert (read.id, read.prev_id, read.meta) == ("2", "1", {"sender": "ann"})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"items": 1}',
        b'{"items": [{}]}',
        b'{"items": [{"channel": 1, "http-stream": {"content": "x"}}]}',
        b'{"items": [{"channel": "a"}]}',
        b'{"items": [{"channel": "a", "formats": {}}]}',
        b'{"items": [{"channel": "a", "formats": {"http-stream": {"content": 1}}}]}',
        b'{"items": [{"channel": "a", "id": 1, "http-stream": {"content": "x"}}]}',
        b'{"items": [{"channel": "a", "meta": {"a": 1}, "http-stream": {"content": "x"}}]}',
        b'{"items": [{"channel": "a", "http-stream": {"action": "other"}}]}',
        b"\xff",
    ],
)
def test_other_items_are_refused(body: bytes) -> None:
    with pytest.raises(BadItem):
        parse_publish(body)


MEMBERS = """
items channel id prev-id meta formats http-stream http-response ws-message action type code reason headers
body body-bin body-patch content content-bin content-filters size no-seq
""".split()
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["send", "close", "text"])
# Half surrogate pairs, too: JSON can have them.
NAMES = st.text(st.characters(exclude_categories=()), max_size=8) | st.sampled_from(MEMBERS)
JSON = st.recursive(VALUES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=6), max_leaves=40)


@times(5)
@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_publish_request_is_read_or_refused(body: bytes) -> None:
    COUNTS["publish requests"] += 1
    try:
        parse_publish(body)
    except BadItem as refused:
        assert str(refused).startswith(("Body is not valid JSON.", "Invalid format"))
        str(refused).encode()


@times(5)
@given(st.dictionaries(st.sampled_from(["http-stream", "http-response", "ws-message"]), JSON, min_size=1))
def test_any_item_is_read_or_refused(formats: dict[str, Any]) -> None:
    try:
        (item,) = parse_publish(json.dumps({"items": [{"channel": "a", "formats": formats}]}).encode())
    except BadItem as refused:
        assert str(refused).startswith(("Body is not valid JSON.", "Invalid format: "))
        str(refused).encode()
        return
    for message in item.formats.values():
        assert 0 <= message.code <= 65_535 and 0 <= message.status <= 999
        json.dumps(sendable_headers(message.headers), ensure_ascii=False).encode()


@given(st.text(st.sampled_from("AQgw8f+/=_-? \né")))
def test_base64_is_read_bit_by_bit(text: str) -> None:
    """Other characters are ignored, and so are bits at the end that are less than a byte."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    bits = "".join(f"{alphabet.index(character):06b}" for character in text if character in alphabet)
    assert decode_base64(text) == bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8))


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (2**32 + 5, 5),
        (2**31 - 1, 2**31 - 1),
        (2**64 + 7, 7),
        (4.5, 5),
        (4.4, 4),
        (-0.4, 0),
        (True, 1),
        (" 7\n", 7),
        ("x", 0),
        ("1.5", 0),
        ("99999999999", 0),
        ("٣", 0),
    ],
)
def test_a_number_is_read(value: Any, number: int) -> None:
    assert integer({"code": value}, "code", "x", 1) == number


@pytest.mark.parametrize("value", [-1, -0.5, 2**31, 1e300, -1e300, "-1", None, [], {}])
def test_other_numbers_are_refused(value: Any) -> None:
    with pytest.raises(WrongType, match=r"^x contains 'code' with (wrong type|invalid value)$"):
        integer({"code": value}, "code", "x", 1)


def test_json_is_deep_to_a_limit() -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json((opening * (MAX_DEPTH + 1) + "1" + closing * (MAX_DEPTH + 1)).encode())
        parse_json((opening * 500 + "1" + closing * 500).encode())
    assert parse_json(json.dumps(["[" * 5000, '"\\{"' * 5000]).encode())


@pytest.mark.parametrize("name", ["", "A b", "A:", "A\r", "é", "Connection", "content-length", "TRANSFER-ENCODING", "Grip-Hold"])
def test_what_is_no_header_is_not_sent(name: str) -> None:
    assert sendable_headers([(name, "x"), ("A", "b")]) == [("A", "b")]


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\n", "\0", "\x7f"])
def test_what_is_no_headers_value_is_not_sent(value: str) -> None:
    assert sendable_headers([("X", value), ("A", "b\té")]) == [("A", "b\té")]
