"""Tests the formats of a message, by reading them back as clients and Fanout do."""

import json
from typing import Any

import pytest

from fanroute.client.event_stream import Event, EventStream
from fanroute.client.framing import Message, closing_formats, event_text, formats_for, json_line, publish_body
from fanroute.devserver.items import parse_publish
from fanroute.plan.kinds import Kind

EVENT, LINE = {"http-stream": {"content": "data: hello\n\n"}}, {"http-stream": {"content": "hello\n"}}
RESPONSE, SOCKET = {"http-response": {"body": "hello\n"}}, {"ws-message": {"content": "hello"}}


@pytest.mark.parametrize(
    ("kinds", "formats"),
    [
        (["sse"], EVENT),
        (["stream"], LINE),
        (["stream", "sse"], EVENT),
        (["long_poll"], RESPONSE),
        (["websocket"], SOCKET),
        (["websocket", "long_poll", "stream"], LINE | RESPONSE | SOCKET),
    ],
)
def test_each_kind_gets_its_format(kinds: list[Kind], formats: dict[str, Any]) -> None:
    assert formats_for(kinds, Message("hello")) == formats


def test_json_has_its_content_type() -> None:
    (response,) = formats_for(["long_poll"], Message("{}", is_json=True)).values()
    assert response == {"headers": {"Content-Type": "application/json"}, "body": "{}\n"}


@pytest.mark.parametrize("number", ["1.10", "1e999", "-0", "9" * 5000])
def test_json_gets_on_one_line_as_it_is_written(number: str) -> None:
    assert json_line(f'\r\n{{\n\t"a\\n":\r\n [{number},  2]\r}}\n') == f'{{ "a\\n": [{number},  2] }}'


@pytest.mark.parametrize("text", ["", "NaN", "-Infinity", "{", "[" * 100_000, "1\u00a0", '"a\nb"', "01"])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        json_line(text)


@pytest.mark.parametrize("text", ["", "hello", " two ", ": no comment", "data: x", "one\ntwo", "a\r\nb\rc\n\nd", "é \u2028 \x85"])
def test_an_event_source_gets_the_text(text: str) -> None:
    sent = event_text(Message(text, event="news", id="7"))
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    assert [*EventStream().feed(sent.encode())] == [Event("news", lines, "7")]


def test_an_empty_id_is_one() -> None:
    """An empty id makes EventSource forget the last one."""
    assert event_text(Message("x", id="")) == "id: \ndata: x\n\n"


def test_what_cannot_be_closed_is_left_out() -> None:
    assert closing_formats(["sse", "stream", "long_poll", "websocket"]) == {
        "http-stream": {"action": "close"},
        "ws-message": {"action": "close"},
    }
    assert closing_formats(["long_poll"]) == {}


def test_a_body_is_an_item_with_its_ids() -> None:
    body = publish_body("é", formats_for(["sse", "long_poll", "websocket"], Message("ü")), "8", "7")
    (item,) = parse_publish(body)
    assert (item.channel, item.id, item.prev_id) == ("é", "8", "7")
    assert {name: message.content.decode() for name, message in item.formats.items()} == {
        "http-stream": "data: ü\n\n",
        "http-response": "ü\n",
        "ws-message": "ü",
    }
    assert json.loads(publish_body("a", {}))["items"] == [{"channel": "a", "formats": {}}]
