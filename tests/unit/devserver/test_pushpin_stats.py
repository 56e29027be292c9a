"""Pushpin tells of its subscribers and deliveries, which become counts by channel."""

import json
from typing import Any

from fanroute.devserver.pushpin_stats import PushpinStats, Subscribers

NOW = 1000.0


def told(*messages: tuple[str, dict[str, Any]], later: float = 0) -> list[Subscribers]:
    """Returns the subscribers after these messages, some seconds later."""
    now = [NOW]
    stats = PushpinStats(lambda: now[0])
    for kind, values in messages:
        stats.take(f"{kind} J{json.dumps({'from': 'handler_1', **values})}".encode())
    now[0] += later
    return stats.subscribers()


def sub(channel: str = "a", mode: str = "stream", **values: Any) -> tuple[str, dict[str, Any]]:
    return "sub", {"channel": channel, "mode": mode, **values}


def test_subscribers_are_counted_by_channel_and_mode() -> None:
    found = told(sub("b", ttl=60, subscribers=1), sub("a", "ws", ttl=60, subscribers=2), sub("b", ttl=60, subscribers=3))
    assert [(one.channel, one.mode, one.count) for one in found] == [("a", "ws", 2), ("b", "stream", 3)]


def test_a_channel_without_subscribers_is_gone() -> None:
    assert told(sub(ttl=60, subscribers=1), sub(unavailable=True)) == []
    assert told(sub(unavailable=True)) == []


def test_subscribers_that_are_not_named_again_are_gone() -> None:
    assert told(sub(ttl=60, subscribers=1), later=59)
    assert told(sub(ttl=60, subscribers=1), later=61) == []


def test_an_older_pushpin_says_that_there_are_some() -> None:
    assert [one.count for one in told(sub(ttl=60))] == [1]


def test_the_last_item_is_kept() -> None:
    item = "message", {"channel": "a", "transport": "ws-message", "count": 4}
    found = told(sub(ttl=60, subscribers=1), sub("a", "ws", ttl=60, subscribers=5), item, sub("a", "ws", ttl=60, subscribers=6))
    assert [(one.count, one.last) for one in found] == [(1, None), (6, (NOW, 4))]


def test_what_is_not_known_is_left_out() -> None:
    stats = PushpinStats(lambda: NOW)
    for message in (
        b"",
        b"sub",
        b"sub J",
        b"sub J{",
        b"sub J[]",
        b"sub T3:abc,",
        b"conn J{}",
        b"sub J{}",
        b"message J{}",
        b"\xff J\xff",
    ):
        stats.take(message)
    stats.take(b'message J{"channel": "a", "transport": "other", "count": 1}')
    stats.take(b'sub J{"channel": "a", "mode": "stream", "ttl": "long"}')
    assert stats.subscribers() == []
