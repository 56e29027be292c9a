"""Logged text of others is on one line each, without control characters that a terminal would follow."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import ANSWER_TIMEOUT, Edge

# Escape sequences, line breaks that would start a forged line, and characters that reverse text.
CHANNEL = "logged-\x1b[2J\x1b]0;title\x07\r\nGET / → 200\u202e\x9b31m\u2066"


def wait_for(edge: Edge, told: str) -> None:
    deadline = time.monotonic() + ANSWER_TIMEOUT
    while not any(told in line for line in edge.output):
        assert time.monotonic() < deadline, f"nobody told {told!r}"
        time.sleep(0.01)


def publish(edge: Edge) -> None:
    edge.publish_items(
        {
            "channel": CHANNEL,
            "formats": {"http-stream": {"content": "x"}, "http-response": {"body": "", "headers": {CHANNEL: "x"}}},
        }
    )


def hold(edge: Edge) -> None:
    """Asks an origin that names such a channel, and answers with such a header."""
    with edge.client.stream("GET", "/origin/obeyed", headers={"Host": "other.example.com"}):
        pass


def ask(edge: Edge) -> None:
    """Sends a request with everything that HTTP allows."""
    edge.client.get(
        "/%1b[2J%0a%e2%80%ae", headers=[("Host", "other.example.com"), ("X-A", b"\x9b31m"), ("User-Agent", b"\xe2\x80\xae")]
    )


def page(edge: Edge) -> None:
    httpx.post(edge.publish_url, json={}, headers=[("Origin", b"https://\x9b31m.example"), ("Host", b"a")], trust_env=False)


# What each edge logs; Pushpin logs the rest in files.
TOLD: dict[Callable[[Edge], Any], dict[str, str]] = {
    publish: {"embedded": "published on logged-"},
    hold: {"embedded": "subscribed to obeyed-"},
    ask: {"embedded": "%1b[2J", "viceroy": "viceroy: response status: 400"},
    page: {"embedded": "publishing → 403", "viceroy": "publishing → 403"},
}


@pytest.mark.parametrize("send", TOLD)
def test_no_line_is_obeyed_or_forged(edge: Edge, send: Callable[[Edge], Any]) -> None:
    send(edge)
    if edge.name in TOLD[send]:
        wait_for(edge, TOLD[send][edge.name])
    assert [line for line in edge.output if not line.removesuffix("\n").isprintable()] == []
    assert [line for line in edge.output if line.startswith("GET / → 200")] == []
