"""Clients' requests are followed from their arrival to the end of their connections, and no event contains a secret."""

from dataclasses import replace
from typing import Any

import pytest

from fanroute.devserver.events import Answered, AskedAgain, Closed, Event, Header, Notice, Opened, Pass
from fanroute.devserver.visits import Reporter
from fanroute_runtime.plan import Handoff, Match, Plan, Route, StoreEntry
from fanroute_runtime.plan.auth import Auth, TokenPlace
from tests.support.tokens import CLAIMS, by_pyjwt

TOKEN = by_pyjwt(CLAIMS, "HS256").decode()
PLACES = (TokenPlace("query", "token"), TokenPlace("header", "x-ident"))
PLAN = Plan("x", (Route("a", Match(), Handoff("o"), auth=Auth((), PLACES, 0)),))
REFUSED = Pass(
    number=1, method="GET", url="http://a/", outcome="answered", milliseconds=1, status=401, route="a", reason="No.", hint="`a`"
)


def reporter(events: list[Any]) -> Reporter:
    made = Reporter(events.append, lambda: 7.0)
    made.hide_secrets_of(PLAN)
    return made


def test_each_request_has_a_number_and_a_secret() -> None:
    events: list[Event] = []
    report = reporter(events)
    visits = [report.begin("GET", "a", "/") for _ in range(3)]
    for visit in visits:
        visit.answered(200)
    assert [(event.request, event.time) for event in events] == [(1, 7.0), (2, 7.0), (3, 7.0)]
    assert len({visit.token for visit in visits}) == 3
    assert [report.find(visit.token) for visit in visits] == visits
    assert report.find("") is report.find("1") is None


def test_a_request_that_is_over_cannot_be_found() -> None:
    report = reporter([])
    token = report.begin("GET", "a", "/").token
    assert report.find(token) is None


def test_an_answer_is_reported_once() -> None:
    """With the passes until then. Later ones are events of their own."""
    events: list[Any] = []
    visit = reporter(events).begin("GET", "a", "/")
    visit.passed(REFUSED)
    for status in (401, 500, None):
        visit.answered(status)
    visit.passed(REFUSED)
    answered, again = events
    assert isinstance(answered, Answered) and isinstance(again, AskedAgain)
    assert (answered.status, answered.route, answered.reason, answered.hint) == (401, "a", "No.", "`a`")
    assert (answered.passes, again.made) == ((REFUSED,), REFUSED)


def test_a_failure_takes_the_place_of_the_components_reason() -> None:
    events: list[Any] = []
    visit = reporter(events).begin("GET", "a", "/", explains=True)
    visit.passed(REFUSED)
    visit.fail("The backend 'o' gave no answer: ConnectError()")
    visit.answered(502)
    assert events[0].reason == "The backend 'o' gave no answer: ConnectError()" and "`fallback`" in events[0].hint
    assert visit.explanation() == [
        ("Fanroute-Route", "a"),
        ("Fanroute-Reason", events[0].reason),
        ("Server-Timing", "pass-1;dur=1"),
    ]


def test_a_secret_that_a_backend_gets_is_hidden() -> None:
    """Also if the name of its header is an ordinary one."""
    events: list[Any] = []
    report = reporter(events)
    secret = Route("s", Match(), Handoff("o"), secret_headers=(("x-plain", b"", StoreEntry("secret", "s", "n")),))
    report.hide_secrets_of(Plan("x", (secret,)))
    visit = report.begin("GET", "a", "/")
    sent = (Header("X-Plain", "s3cret"), Header("X-Other", "shown"))
    visit.passed(replace(REFUSED, sent=sent))
    visit.answered(200)
    assert events[0].passes[0].sent == (Header("X-Plain", "…"), Header("X-Other", "shown"))


@pytest.mark.parametrize(("reason", "told"), [("a\r\nX: b", r"a\r\nX: b"), ("é\x9b", r"\xe9\x9b"), ("'\"", "'\"")])
def test_a_reason_is_one_header(reason: str, told: str) -> None:
    visit = reporter([]).begin("GET", "a", "/", explains=True)
    visit.fail(reason)
    assert visit.explanation() == [("Fanroute-Reason", told)]


def test_without_routes_nothing_is_explained() -> None:
    visit = reporter([]).begin("GET", "a", "/")
    visit.passed(REFUSED)
    assert visit.explanation() == []


def test_a_connection_is_opened_and_closed_once() -> None:
    """Only a connection that is open has messages and subscriptions."""
    events: list[Any] = []
    visit = reporter(events).begin("GET", "a", "/")
    visit.closed("too early")
    visit.subscribed("early", True)
    visit.opening("websocket", ("a",))
    visit.opened()
    visit.subscribed("b", True)
    visit.closed("the backend", 1001, "Idle.")
    visit.closed("too late")
    visit.subscribed("late", False)
    assert [event.kind for event in events] == ["opened", "subscribed", "closed"]
    opened, _, closed = events
    assert isinstance(opened, Opened) and (opened.connection, opened.channels) == ("websocket", ("a",))
    assert isinstance(closed, Closed) and (closed.how, closed.code, closed.reason) == ("the backend", 1001, "Idle.")
    assert "idle_close" in closed.hint


def test_nothing_is_reported_after_the_end() -> None:
    events: list[Event] = []
    report = reporter(events)
    report.close()
    report.notice("late")
    report.begin("GET", "a", "/").answered(200)
    assert events == []


def test_no_event_has_a_secret() -> None:
    events: list[Any] = []
    report = reporter(events)
    secrets = (
        "Authorization",
        "cookie",
        "Set-Cookie",
        "Grip-Sig",
        "Fanroute-Debug",
        "X-Api-Key",
        "Fastly-Key",
        "x-session",
        "X-Auth-Token",
        "X-Ident",
        "Sec-WebSocket-Protocol",
    )
    shown = ("Content-Type", "Sec-WebSocket-Key", "WWW-Authenticate", "Fanroute-Pin")
    headers = tuple(Header(name, "hidden") for name in secrets) + tuple(Header(name, "shown") for name in shown)
    headers += (Header("host", "me:hidden@a"), Header("Referer", "http://hidden@a/"))
    visit = report.begin("GET", "me:hidden@a", f"/{TOKEN}?token=hidden&other={TOKEN}&a=b")
    visit.passed(
        Pass(
            number=1,
            method="GET",
            url="http://me:hidden@a/?to%6ben=hidden#x",
            outcome="forwarded",
            milliseconds=1,
            headers=headers,
            sent=headers,
            answer=(*headers, Header("Location", "/?token=hidden"), Header("X-Other", f"x{TOKEN}")),
            reason=f"because of {TOKEN}",
        )
    )
    visit.answered(200)
    visit.opening("stream", (f"c-{TOKEN}",))
    visit.opened()
    visit.closed("the client", 1000, TOKEN)
    report.notice(f"See /?token=hidden and {TOKEN}.")
    report.output("viceroy", f"GET /?token=hidden&b={TOKEN}")
    told = str(events)
    assert not [text for text in ("hidden", TOKEN, TOKEN.partition(".")[0]) if text in told]
    (made,) = events[0].passes
    assert {name for name, value in made.headers if value == "shown"} == set(shown)
    assert (events[0].host, made.url) == ("…@a", "http://…@a/?to%6ben=…#x")
    assert events[0].target == "/…?token=…&other=…&a=b"
    assert isinstance(events[-2], Notice) and events[-2].text == "See /?token=… and …."
