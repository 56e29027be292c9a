"""Tests how events are written: as text for people, and as JSON for programs."""

import json
import re
from dataclasses import fields, replace
from datetime import UTC

import pytest

from fanroute.devserver.event_lines import json_line, text_line, text_spans
from fanroute.devserver.events import (
    KINDS,
    Answered,
    AskedAgain,
    Closed,
    Event,
    Header,
    Logged,
    Message,
    Notice,
    Opened,
    Output,
    Pass,
    Problem,
    Published,
    PublishRefused,
    Saved,
    Serving,
    Subscribed,
)
from tests.conftest import REPOSITORY

# 2026-01-01T00:00:00.25Z, and a request of then.
TIME = 1_767_225_600.25
AT = {"time": TIME, "request": 7}
FIRST = Pass(number=1, method="GET", url="http://a/x", outcome="handed off", milliseconds=1.5, backend="self")
SECOND = Pass(number=2, method="GET", url="http://a/x", outcome="answered", milliseconds=2, status=200)
EVENTS = Pass(
    number=2,
    method="POST",
    url="http://a/x",
    outcome="answered",
    milliseconds=2,
    status=200,
    route="chat",
    headers=(Header("content-type", "application/websocket-events"),),
)


WRONG = Problem(message="a", shown="fastly.toml:3:1: error: a", file="fastly.toml", line=3, column=1)


def answered(**facts: object) -> Answered:
    usual = {"method": "GET", "host": "localhost:1", "target": "/x?a", "status": 200, "milliseconds": 12.0, "passes": (FIRST,)}
    return Answered(**AT, **(usual | facts))  # type: ignore[arg-type]


# What is written behind the time and the number of the request.
TEXTS: list[tuple[Event, str]] = [
    (answered(route="a", action="forward", backend="origin"), "200 GET /x?a → a (forward, origin), pass 1, 12 ms"),
    (
        answered(route="a", action="sse", backend="self", channels=("b", "c"), passes=(FIRST, SECOND)),
        "200 GET /x?a → a (sse, b, c), pass 1+2, 12 ms",
    ),
    (answered(host="chat.example:80", route="a", action="respond"), "200 GET chat.example:80/x?a → a (respond), pass 1, 12 ms"),
    (answered(status=404, reason="No."), "404 GET /x?a → pass 1, 12 ms: No."),
    (answered(status=404, reason="No.", hint="`a` does"), "404 GET /x?a → pass 1, 12 ms: No. (`a` does)"),
    (answered(status=None, passes=()), "--- GET /x?a → 12 ms: the client left before"),
    (AskedAgain(**AT, made=EVENTS), ""),
    (
        AskedAgain(**AT, made=replace(EVENTS, status=403, reason="No.", hint="`a`")),
        "403 POST http://a/x → chat, pass 2, 2 ms: No. (`a`)",
    ),
    (AskedAgain(**AT, made=SECOND), "200 GET http://a/x → pass 2, 2 ms"),
    (Opened(**AT, connection="stream", route="a", channels=("b", "c")), "stream opened, subscribed to b, c"),
    (Opened(**AT, connection="websocket", route="a"), "WebSocket opened"),
    (Subscribed(**AT, channel="b", subscribed=True), "subscribed to b"),
    (Subscribed(**AT, channel="b", subscribed=False), "unsubscribed from b"),
    (Message(**AT, sender="client", type="TEXT", size=1), "← TEXT, 1 byte"),
    (Message(**AT, sender="backend", type="PING", size=0), "→ PING, 0 bytes"),
    (Message(**AT, sender="publisher", type="TEXT", size=1), ""),
    (Closed(**AT, connection="tunnel", seconds=1.25, how="the client left"), "tunnel closed after 1.2 s: the client left"),
    (
        Closed(**AT, connection="websocket", seconds=3725.4, how="the backend", code=1001, reason="Idle.", hint="`a`"),
        "WebSocket closed after 62 min 5 s: the backend, 1001 Idle. (`a`)",
    ),
    (
        Closed(**AT, connection="websocket", seconds=0, how="the client", code=1000),
        "WebSocket closed after 0.0 s: the client, 1000",
    ),
    (
        Published(**AT, channel="b", formats=("http-stream", "ws-message"), id=None, receivers=1),
        "published on b to 1 connection: http-stream, ws-message",
    ),
    (
        Published(**AT, channel="b", formats=("http-stream",), id="7", receivers=0),
        "published on b to 0 connections: http-stream, id 7",
    ),
    (Published(**AT, channel="b", formats=("http-stream",), id=None, receivers=None), "published on b: http-stream"),
    (PublishRefused(**AT, status=403, reason="No."), "publishing → 403: No."),
    (
        Saved(**AT, outcome="wrong", milliseconds=9, problems=(WRONG, WRONG)),
        "saved with 2 errors: what was served before is still served",
    ),
    (Saved(**AT, outcome="unchanged", milliseconds=9), "saved without errors: this is what is served"),
    (
        Saved(**AT, outcome="interpreted", milliseconds=41.4),
        "saved: served after 41 ms, interpreted until the component is built",
    ),
    (Saved(**AT, outcome="component", milliseconds=41.4), "saved: served by the component after 41 ms"),
    (Saved(**AT, outcome="component", milliseconds=12_430), "saved: served by the component after 12.4 s"),
    (
        Saved(**AT, outcome="build failed", milliseconds=9, problems=(WRONG,)),
        "the component could not be built: until the next save, the routes are served interpreted",
    ),
    (
        Saved(**AT, outcome="building", milliseconds=41.4),
        "saved: served when the component is built and Viceroy has compiled it, in about 20 s",
    ),
    (
        Saved(**AT, outcome="not served", milliseconds=9, problems=(WRONG,)),
        "the component could not be built or started: what was served before is still served",
    ),
    (Notice(**AT, text="Look."), "Look."),
    (Output(**AT, program="viceroy", line="listening"), "viceroy: listening"),
    (Logged(**AT, endpoint="edge-logs", line='{"url.path":"/"}'), 'edge-logs :: {"url.path":"/"}'),
    (Serving(**AT, service="s", edge="http://a", publish="http://b"), ""),
]


@pytest.mark.parametrize(("event", "text"), TEXTS, ids=[text or type(event).__name__ for event, text in TEXTS])
def test_an_event_is_one_line(event: Event, text: str) -> None:
    assert text_line(event, UTC) == (f"00:00:00.250 #7 {text}" if text else "")
    assert "".join(part for part, _ in text_spans(event, UTC)) == text_line(event, UTC)


def test_an_event_without_a_request_has_no_number() -> None:
    assert text_line(Notice(time=TIME, text="Look."), UTC) == "00:00:00.250 Look."


@pytest.mark.parametrize(("status", "style"), [(204, "green"), (301, "cyan"), (404, "yellow"), (502, "red"), (None, "dim")])
def test_a_status_has_a_colour(status: int | None, style: str) -> None:
    assert text_spans(answered(status=status), UTC)[1] == (str(status or "---"), style)


def test_every_kind_of_event_is_tried() -> None:
    assert {type(event) for event, _ in TEXTS} == set(KINDS)
    assert len({kind.kind for kind in KINDS}) == len(KINDS)


def test_a_program_reads_an_event() -> None:
    event = answered(route="a", passes=(replace(FIRST, headers=(Header("a", "é"),)),))
    read = json.loads(json_line(event))
    assert (read["kind"], read["time"], read["request"], read["route"]) == ("request", "2026-01-01T00:00:00.250Z", 7, "a")
    assert read["passes"][0]["headers"] == [["a", "é"]]
    assert "\n" not in json_line(event)


def table(title: str) -> dict[str, set[str]]:
    """Returns the rows of a table of docs/traffic.md: the names in the first cell, and those in the second."""
    page = (REPOSITORY / "docs" / "traffic.md").read_text()
    rows = re.findall(r"^\| `([a-z-]+)` \| (.*?) \|", page.partition(title)[2].partition("\n\n#")[0], re.MULTILINE)
    return {name: set(re.findall(r"`([a-z_]+)`", cell)) for name, cell in rows}


def test_the_page_describes_each_kind() -> None:
    """docs/traffic.md has a table with the fields of each kind, without those that all have."""
    told = table("## Read events with a program")
    of_pass, of_problem = told.pop("made"), told.pop("problems")
    assert told == {kind.kind: {each.name for each in fields(kind)} - {"time", "request"} for kind in KINDS}
    assert of_pass == {each.name for each in fields(Pass)}
    assert of_problem == {each.name for each in fields(Problem)}
