"""Tests that events are read as https://html.spec.whatwg.org/#event-stream-interpretation says, with its examples."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.client import event_stream
from fanroute.client.event_stream import Event, EventStream, EventTooLong


def read(*chunks: bytes) -> list[Event]:
    stream = EventStream()
    return [event for chunk in chunks for event in stream.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
        (
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
            [("message", "first event", "1"), ("message", "second event", ""), ("message", " third event", "")],
        ),
        (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
        (b"data:test\n\ndata: test\n\n", [("message", "test", ""), ("message", "test", "")]),
        (b"event: add\ndata: 73857293\n\n", [("add", "73857293", "")]),
        (b"event: add\n\ndata: x\n\n", [("message", "x", "")]),
        (b"id: 1\n\ndata: x\n\n", [("message", "x", "1")]),
        (b"id: 1\nid: 2\0\ndata: x\n\n", [("message", "x", "1")]),
        (b"unknown: y\nDATA: y\n data: y\ndata: x\n\n", [("message", "x", "")]),
        (b"\xef\xbb\xbfdata: x\n\n\xef\xbb\xbfdata: y\n\n", [("message", "x", "")]),
        (b"data: a\r\ndata: b\rdata: c\n\r\n", [("message", "a\nb\nc", "")]),
        (b"data: \xff\n\n", [("message", "\ufffd", "")]),
        (b"data: a\x85b\xe2\x80\xa8c\n\n", [("message", "a\ufffdb\u2028c", "")]),
        (b"data: not ended\n", []),
    ],
)
def test_a_stream_has_events(stream: bytes, events: list[tuple[str, str, str]]) -> None:
    assert read(stream) == [Event(*event) for event in events]


@given(st.lists(st.sampled_from([b"data", b"id", b":", b" ", b"\r", b"\n", b"x", "é".encode()]), max_size=30), st.randoms())
def test_it_does_not_matter_how_bytes_come(parts: list[bytes], random: "st.Random") -> None:  # type: ignore[name-defined]
    stream = b"".join(parts) + b"\ndata: end\n\n"
    cuts = sorted(random.randrange(len(stream) + 1) for _ in range(5))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*pieces) == read(stream)


def test_the_server_sets_the_time_to_wait() -> None:
    stream = EventStream()
    assert [*stream.feed(b"retry: 1500\nretry: 2s\nretry: -1\nretry:\n\n")] == []
    assert stream.retry == 1.5


def test_the_id_of_an_unfinished_event_is_forgotten() -> None:
    stream = EventStream()
    assert len([*stream.feed(b"id: 1\ndata: x\n\nid: 2\ndata: y\n")]) == 1
    stream.restart()
    assert stream.last_id == "1"
    assert [*stream.feed(b"data: z\n\n")] == [Event("message", "z", "1")]


def test_an_event_has_a_longest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "MAX_EVENT", 100)
    assert len(read(b"data: 123456789\n\n" * 100)) == 100
    for endless in (b"data: " + b"x" * 100, b"data: 123456789\n" * 11):
        with pytest.raises(EventTooLong):
            read(endless)
