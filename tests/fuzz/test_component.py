"""Tests that any request to the real component has one intended outcome, even if calls of the host fail."""

import re
import shutil
from pathlib import Path
from random import Random
from secrets import randbits
from typing import Any

import pytest
from hypothesis import settings

from fanroute.host.component import INFALLIBLE
from fanroute.host.exchange import Exchange, HostError, Response
from fanroute.pipeline import compile_routes
from fanroute.project.workspace import Workspace
from tests.component.test_component import ERRORS, OPEN_ERRORS, Host
from tests.conftest import GRIP_SIG, INPUTS
from tests.fuzz.requests import LET_IN, LONG, Hostile, hostile
from tests.fuzz.targets.channels import instructions
from tests.property.reference import is_channel
from tests.support.builds import build_once
from tests.support.counts import COUNTS
from tests.support.pins import UPGRADE, pin

GOOD = GRIP_SIG.encode()
PLAN = compile_routes((Path(__file__).parent / "routes.yaml").read_bytes(), INPUTS).plan
# A request to each endpoint, by the name of its route. The first pass gives each a pin.
CLIENTS = {
    "room": ("https://x/rooms/blue",),
    "events": ("https://x/events/blue?id=1", ("x-tenant", b"acme")),
    "poll": ("https://x/poll/?id=1",),
    "socket": ("https://x/socket/42?id=a%2Cb", UPGRADE),
    "chat": ("https://fuzz.edgecompute.app/chat", UPGRADE),
    "member": ("https://x/member/",),
    "session": ("https://x/session/", UPGRADE),
}
PINS = {name: pin(PLAN, *client)[0][1] for name, client in CLIENTS.items()}

# The text of each answer of 500 and above that the edge itself gives, as a pattern.
OURS = {
    500: (
        "The edge could not read (the request|its configuration)."
        "|A key that the edge needs to verify tokens is missing or unusable."
    ),
    501: "The method is too long.",
    502: (
        "The edge could not read the backend's answer.|The backend '(origin|self)' cannot be reached."
        "|The backend's answer is for Fanout, but Fanout did not send this request."
    ),
    503: "Back soon",
    504: "The backend 'origin' does not answer in time.",
    508: "Loop: a request from Fanout would be handed off again, to '(origin|self)'.",
}
# Reasons of the host why a backend does not answer.
DETAILS = ["", "dns-timeout", "dns-error", "connection-refused", "http-response-timeout", "tls-alert-received", "h2-error"]
# Calls that send the answer. If they fail, the edge cannot answer at all.
SENDING = ("http-resp.", "http-body.new", "http-body.write")


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tmp_path_factory.mktemp("fuzz")
    shutil.copy(Path(__file__).parent / "routes.yaml", folder)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return Host(workspace)


def test_any_request_has_one_outcome(component: Host) -> None:
    short = settings.default.derandomize
    first = 0 if short else randbits(60)
    for number in range(first, first + (2_000 if short else 100_000)):
        asked = hostile(Random(number), GOOD, PINS)
        failed: list[str] = []
        try:
            check(asked, ask(component, asked, failed), failed)
            assert not ("/behind/" in asked.uri and "token=" in component.target), "a token has been passed on"
        except Exception as error:
            raise AssertionError(f"of number {number}, where {failed or 'nothing'} failed: {asked}") from error
        finally:
            COUNTS["requests to the component in-process, each to a new sandbox"] += 1
            COUNTS["errors of its host meanwhile"] += len(failed)


def ask(component: Host, asked: Hostile, failed: list[str]) -> Exchange | None:
    """Sends a request to the component, and adds the names of the host's failed calls to `failed`.

    Returns None if `handle` has failed.
    """

    def fault(index: int, name: str) -> Any:
        if index in asked.faults and name not in INFALLIBLE:
            failed.append(name)
            raise error(name, asked.faults[index])

    component.fault = fault
    component.backend = lambda: asked.response
    return component.ask(asked.uri, asked.headers, asked.body, method=asked.method, **asked.facts)


def error(name: str, case: str) -> HostError:
    """Returns the error `case` for a call, or another that the call can have."""
    number = ERRORS.index(case)
    if name.endswith(".open"):
        return HostError(OPEN_ERRORS[number % len(OPEN_ERRORS)])
    return HostError(
        case, 100_000 if case == "buffer-len" else None, DETAILS[number % len(DETAILS)] if name == "http-req.send" else ""
    )


def check(asked: Hostile, exchange: Exchange | None, failed: list[str]) -> None:
    if exchange is None:
        assert asked.facts["write_limit"] == 0 or any(name.startswith(SENDING) for name in failed)
    elif exchange.answer is None:
        check_passed_on(asked, exchange, failed)
    elif exchange.answer.body is asked.response.body:
        check_forwarded(asked, exchange.answer, failed)
    else:
        check_answer(asked, exchange.answer, failed)


def check_let_in(asked: Hostile) -> None:
    """Checks that a route that needs a token was reached only with a token that it admits."""
    place = re.match("https?://[^/]*/(member|session|behind)/", asked.uri)
    name = asked.pinned or (place[1] if place else "")
    sent = [asked.uri.encode(), *(value for _, value in asked.headers)]
    assert name not in LET_IN or any(token in value for token in LET_IN[name] for value in sent)


def check_passed_on(asked: Hostile, exchange: Exchange, failed: list[str]) -> None:
    """Checks that only a request that did not come through Fanout is passed on, with true forwarding headers."""
    assert asked.signature == "absent"
    check_let_in(asked)
    assert exchange.handoff in ("origin", "self", None) and exchange.tunnel in ("origin", None)
    expected = {"x-forwarded-for": asked.facts["client_ip"] or "unknown", "x-forwarded-proto": "https"}
    expected["x-forwarded-proto"] = "http" if asked.facts["tls"] is None else "https"
    for name, value in expected.items():
        assert [v for n, v in exchange.headers if n.lower() == name] == [value.encode()]
    assert len([name for name, _ in exchange.headers if name.lower() == "x-forwarded-host"]) == 1


def check_forwarded(asked: Hostile, answer: Response, failed: list[str]) -> None:
    """Checks a backend's answer: it keeps its status, and has no instructions for Fanout if it goes to a client."""
    assert answer.status == asked.response.status
    check_let_in(asked)
    assert asked.signature in ("absent", "good")
    if asked.signature == "absent" and not failed:
        assert not [name for name, _ in answer.headers if name.lower().startswith("grip-")]


def is_odd(asked: Hostile, status: int) -> bool:
    """Returns True if the request, the configuration or the backend's answer explains a 500, 502 or 503 of the edge."""
    if status == 500:  # hosts never send or accept such URIs
        return not asked.facts["secret_stores"] or re.search("[\0- \x7f]|^(?!https?://)", asked.uri) is not None
    long = any(len(name) + len(value) > LONG[0] or b"websocket-events" in value for name, value in asked.response.headers)
    return not asked.facts["backends"] or long


def check_answer(asked: Hostile, answer: Response, failed: list[str]) -> None:
    body = bytes(answer.body).decode("utf-8", "replace")
    if answer.status >= 500:
        assert re.fullmatch(OURS[answer.status], body.strip())
        assert failed or answer.status in (501, 508) or is_odd(asked, answer.status)
    headers = [(name, value) for name, value in answer.headers if name not in ("access-control-allow-methods", "location")]
    assert all(not set(b"\r\n\0") & set(value) for _, value in headers)
    channels = [name for name, value in headers if name == "grip-channel" for name, _ in instructions(value)]
    assert all(map(is_channel, channels))
    if channels or body.startswith("OPEN"):
        check_let_in(asked)
    if asked.signature != "good":
        assert not [name for name, _ in headers if name.startswith("grip-")] and not body.startswith("OPEN")
    if asked.signature in ("empty", "garbage") and not failed:
        assert answer.status == (431 if len(dict(asked.headers)["Grip-Sig"]) > LONG[1] else 403)
