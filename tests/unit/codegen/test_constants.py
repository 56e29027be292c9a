"""Tests instructions that are computed at build time: they equal those of a request, and none depends on a request."""

import pytest

from fanroute.codegen.constants import with_constant_instructions
from fanroute_runtime.grip.instructions import hold, timeout
from fanroute_runtime.grip.websocket import answer_events, keep_alive
from fanroute_runtime.messages import Request
from fanroute_runtime.plan import Action, Bound, Channel, Handoff, Hold, Match, Meta, Route, Template, WebSocket
from tests.unit.runtime.grip import test_instructions as test_grip
from tests.unit.runtime.grip import test_websocket

OF_A_REQUEST: Template = ("x-", Bound("path", "room"))
CHANNELS = (Channel(("a",), ("skip-self", "build-id"), ("7",)), Channel(("b",)))
META: Meta = (("user", ("ann",)), ("id_format", ("%(a)s",)))
STREAM = Hold("self", "stream", CHANNELS, (("x", b"y"),), meta=META, link=("/missed",), body=b"first")
POLL = Hold("self", "response", (Channel(("a",)),), (), (timeout(20),), status=202)
SOCKET = WebSocket("self", CHANNELS, meta=META, instructions=(keep_alive("ping", 25),))


def made_ready(action: Action) -> Action:
    return with_constant_instructions(Route("x", Match(), action)).action


def never(bound: Bound) -> str:
    raise AssertionError("nothing is bound")


@pytest.mark.parametrize("action", [STREAM, POLL], ids=["stream", "poll"])
@pytest.mark.parametrize("request_", [test_grip.Asked(), test_grip.Asked("HEAD"), test_grip.Asked(last=b"a; last-id=7")])
def test_a_ready_hold_says_the_same(action: Hold, request_: Request) -> None:
    known = made_ready(action)
    assert isinstance(known, Hold) and known.instructions_are_complete
    assert hold(known, request_, never) == hold(action, request_, never)


def test_a_ready_websocket_says_the_same() -> None:
    known = made_ready(SOCKET)
    assert isinstance(known, WebSocket) and known.instructions_are_complete
    opening = test_websocket.Asked(b"OPEN\r\nTEXT 1\r\nx\r\n")
    assert answer_events(known, opening, never) == answer_events(SOCKET, opening, never)


@pytest.mark.parametrize(
    "action",
    [
        Hold("self", "stream", (Channel(("a",)), Channel(OF_A_REQUEST)), ()),
        Hold("self", "stream", (Channel(("a",), prev_id=OF_A_REQUEST),), (), link=("/missed",)),
        Hold("self", "stream", (Channel(("a",)),), (), meta=(("user", OF_A_REQUEST),)),
        Hold("self", "stream", (Channel(("a",)),), (), link=OF_A_REQUEST),
        WebSocket("self", (Channel(OF_A_REQUEST),)),
        WebSocket("self", (Channel(("a",)),), meta=(("user", OF_A_REQUEST),)),
        Handoff("origin"),
    ],
)
def test_what_is_of_a_request_stays_as_it_is(action: Action) -> None:
    assert made_ready(action) is action
