"""The relay before Viceroy reports requests, with the routes that the code that ships gives them."""

from time import time
from typing import Any

import jwt
import pytest

from fanroute.devserver.config import LOCAL_STORES, Stores
from fanroute.devserver.events import Answered, AskedAgain, Event
from fanroute.devserver.exchanges import Exchanges
from fanroute.devserver.relayed import RelayedRequests, RelayedService
from fanroute.devserver.visits import Reporter
from fanroute.pipeline import compile_routes
from fanroute.plan.signing import grip_sig
from fanroute_runtime.plan import Plan
from tests.conftest import INPUTS
from tests.support import pins
from tests.support.tokens import SECRET

ROUTES = b"""
version: 1
service: {name: relayed}
backends: {origin: {url: "https://a.example.com"}, self: {loopback: true}}
routes:
  - {name: elsewhere, match: {host: b.example.com, path: /page}, respond: {status: 200}}
  - {name: page, match: {path: /page}, respond: {status: 404}}
  - {name: stream, match: {path: "/stream/{room}"}, stream: {channel: "{room}"}}
  - {name: to-origin, match: {path: /forward}, forward: origin}
  - {name: through, match: {path: /tunnel}, tunnel: origin}
  - name: guarded
    match: {path: /guarded}
    auth: {keys: {algorithm: HS256, secret_store: edge, name: login}, token: {query: key}}
    respond: {status: 200}
"""
PLAN = compile_routes(ROUTES, INPUTS).plan
STORES = Stores(LOCAL_STORES.config, {"edge": {"login": SECRET}})


def reported(*exchanges: tuple[str, str, str], plan: Plan | None = PLAN) -> list[Any]:
    """Returns what is reported of requests (target and further header lines) with these heads of answers."""
    events: list[Event] = []
    reporter = Reporter(events.append)
    if plan:
        reporter.hide_secrets_of(plan)
    requests = RelayedRequests(reporter, lambda: RelayedService(plan, STORES))
    followed = Exchanges(requests.take)
    for target, headers, answer in exchanges:
        followed.from_client(f"GET {target} HTTP/1.1\r\nHost: a.example.com\r\n{headers}\r\n".encode())
        if answer:
            followed.from_server(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
    requests.end()
    return events


@pytest.mark.parametrize(
    ("target", "status", "told"),
    [
        ("/page", 404, ("page", "respond", "", "answered", 404)),
        ("/stream/a", 200, ("stream", "stream", "self", "handed off", None)),
        ("/forward", 502, ("to-origin", "forward", "origin", "forwarded", 502)),
        ("/none", 404, ("", "", "", "answered", 404)),
        ("/page", 500, ("", "", "", "answered", 500)),
    ],
)
def test_a_request_has_the_route_that_the_code_finds(target: str, status: int, told: tuple[Any, ...]) -> None:
    """If the component has answered something else, the route is not known."""
    (event,) = reported((target, "", str(status)))
    assert isinstance(event, Answered)
    assert (event.status, event.target, event.host, event.route) == (status, target, "a.example.com", told[0])
    (made,) = event.passes
    assert (made.number, (made.route, made.action, made.backend, made.outcome, made.status)) == (1, told)


def test_requests_of_a_connection_are_told_one_by_one() -> None:
    events = reported(("/page", "", "404"), ("/forward", "", "103\r\n\r\nHTTP/1.1 200"), ("/page", "", ""))
    assert [(event.target, event.status) for event in events] == [("/page", 404), ("/forward", 200), ("/page", None)]


def test_a_refusal_has_its_reason() -> None:
    (event,) = reported(("/guarded", "", "401"))
    assert event.reason.startswith("This request needs a token.") and "`public: true`" in event.hint


@pytest.mark.parametrize(("lifetime", "status"), [(60, 200), (-600, 401)])
def test_a_token_is_checked_with_the_stores_and_the_time(lifetime: int, status: int) -> None:
    token = jwt.encode({"exp": int(time()) + lifetime}, SECRET, "HS256")
    (event,) = reported((f"/guarded?key={token}", "", str(status)))
    assert (event.route, bool(event.reason)) == ("guarded", status == 401)


def test_only_the_host_keeps_a_request_from_a_route() -> None:
    (event,) = reported(("/page", "", "404"))
    assert "only the host does not match: the route 'elsewhere'" in event.hint


def test_a_switch_is_an_answer() -> None:
    (event,) = reported(
        ("/tunnel", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "101\r\nConnection: Upgrade\r\nUpgrade: websocket")
    )
    assert (event.status, event.route, event.passes[0].outcome) == (101, "through", "tunnelled")


def test_fanouts_request_is_a_second_pass() -> None:
    pin = "".join(f"{name}: {value.decode()}\r\n" for name, value in pins.pin(PLAN, "http://a.example.com/stream/a"))
    (event,) = reported(("/stream/a", f"Grip-Sig: {grip_sig(int(time())).decode()}\r\n{pin}", "200"))
    assert isinstance(event, AskedAgain)
    assert (event.made.number, event.made.route, event.made.status) == (2, "stream", 200)


def test_a_client_with_a_signature_of_its_own_stays_a_client() -> None:
    (event,) = reported(("/stream/a", "Grip-Sig: eyJhbGciOiJIUzI1NiJ9.e30.AAAA\r\n", "403"))
    assert isinstance(event, Answered)
    assert (event.status, event.route) == (403, "") and event.reason


def test_no_secret_is_reported() -> None:
    (event,) = reported(("/guarded?key=verysecret", "Authorization: verysecret\r\nCookie: verysecret\r\n", "401"))
    assert "verysecret" not in str(event) and event.target == "/guarded?key=…"


def test_without_a_plan_no_request_has_a_route() -> None:
    (event,) = reported(("/page", "", "404"), plan=None)
    assert (event.status, event.route) == (404, "")


def test_an_answer_to_nothing_is_not_told() -> None:
    events: list[Event] = []
    requests = RelayedRequests(Reporter(events.append), lambda: RelayedService(PLAN, STORES))
    Exchanges(requests.take).from_server(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
    requests.end()
    assert events == []
