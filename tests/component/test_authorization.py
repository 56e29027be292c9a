"""Tests clients' tokens in the real component, with a host that counts calls and makes them fail."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fanroute.host.component import INFALLIBLE
from fanroute.host.exchange import Exchange, HostError
from fanroute.pipeline import compile_routes
from fanroute.plan.request import TIME
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.plan.tokens import TEST_KEY, TOKEN_ENTRY, make_token
from fanroute.project.workspace import Workspace
from fanroute_runtime.auth.guard import LOCAL_TOKEN_KEY
from fanroute_runtime.local import LOCAL_SERVICE, LOCAL_STORE
from tests.component.test_component import Host, calls_of_two, outcome
from tests.conftest import GRIP_SIG, INPUTS
from tests.support.budget import Budget
from tests.support.builds import build_once
from tests.support.pins import UPGRADE, pin
from tests.support.tokens import CLAIMS, EC, RSA, SECRETS, by_joserfc, by_pyjwt, public
from tests.unit.runtime.auth.test_guard import TAMPERED

BASE = "http://www.example.com"
# The answer to each wrong token, whatever is wrong with it. Only the local log tells.
UNAUTHORIZED, INVALID = b"This request needs a valid token.\n", b'Bearer realm="component", error="invalid_token"'
FACTS: dict[str, Any] = {
    "clock": lambda: TIME,
    "config_stores": {"edge": {"login": public(RSA).decode()}, LOCAL_STORE: LOCAL_ENTRIES},
    "secret_stores": SECRETS,
}
SIGNED = [("Grip-Sig", GRIP_SIG.encode())]
EVENTS = [*SIGNED, ("Content-Type", b"application/websocket-events")]
FILES = replace(INPUTS, read=lambda path, limit: public(EC))
PLAN = compile_routes((Path(__file__).parent / "auth.yaml").read_bytes(), FILES).plan
STREAM, SOCKET = [*SIGNED, *pin(PLAN, f"{BASE}/stream")], [*EVENTS, *pin(PLAN, f"{BASE}/socket", UPGRADE)]

MEMBER = {**CLAIMS, "role": ["guest", "member"]}
ES, RS, HS = by_pyjwt(MEMBER, "ES256"), by_joserfc(MEMBER, "RS256"), by_pyjwt(MEMBER, "HS256")
BEARER, COOKIE = ("Authorization", b"Bearer " + ES), ("Cookie", b"a=b; session=" + RS)
# Every kind of request that is let in: its path, its headers, its body and its outcome.
LET_IN: dict[str, tuple[str, list[tuple[str, bytes]], bytes, str | int]] = {
    "stream": ("/stream", [BEARER], b"", "self"),
    "stream, for Fanout": ("/stream", [BEARER, *STREAM], b"", 200),
    "socket": (f"/socket?token={HS.decode()}", [("Upgrade", b"websocket")], b"", "self"),
    "socket, for Fanout": (f"/socket?token={HS.decode()}", SOCKET, b"OPEN\r\n", 200),
    "message": (f"/socket?token={HS.decode()}", SOCKET, b"TEXT 2\r\nhi\r\n", 200),
    "forward": ("/forward", [("Cookie", b"a=b"), COOKIE], b"", 201),
    "handoff": (f"/handoff?a=b&token={HS.decode()}", [], b"", "origin"),
}


@pytest.fixture(scope="module")
def auth_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tmp_path_factory.mktemp("auth")
    shutil.copy(Path(__file__).parent / "auth.yaml", folder / "routes.yaml")
    (folder / "key.pem").write_bytes(public(EC))
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return Host(workspace)


@pytest.fixture
def host(auth_host: Host) -> Host:
    auth_host.fault = lambda index, name: None
    return auth_host


def ask(host: Host, target: str, headers: list[tuple[str, bytes]], body: bytes = b"", **facts: Any) -> Exchange | None:
    return host.ask(BASE + target, headers, body, **FACTS | facts)


def answer(exchange: Exchange | None) -> tuple[int, bytes, dict[str, bytes]]:
    assert exchange is not None and exchange.answer is not None
    return exchange.answer.status, exchange.answer.body, dict(exchange.answer.headers)


@pytest.mark.parametrize("kind", LET_IN)
def test_who_has_a_token_is_let_in(host: Host, kind: str) -> None:
    target, headers, body, came = LET_IN[kind]
    assert outcome(ask(host, target, headers, body)) == came


@pytest.mark.budget
def test_the_host_calls_of_each_kind(host: Host, budget: Budget) -> None:
    """Counts the host calls, including those to stores, that a token costs. A key in a file costs none."""
    counts, reused = {}, {}
    for kind, (target, headers, body, _) in LET_IN.items():
        first, second = calls_of_two(host, BASE + target, headers, body, **FACTS)
        for found, calls in ((counts, first), (reused, second)):
            found[kind] = len(calls)
            found[f"{kind}: of stores"] = sum(name.startswith(("secret-store", "config-store")) for name in calls)
    budget.check("host calls with a token", counts)
    budget.check("host calls with a token, in a reused sandbox", reused)


@pytest.mark.parametrize("token", TAMPERED.values(), ids=TAMPERED)
def test_a_tampered_token_is_refused(host: Host, token: bytes) -> None:
    for signed in ([], STREAM):
        status, body, headers = answer(ask(host, "/stream", [("Authorization", b"Bearer " + token), *signed]))
        assert (status, body, headers["www-authenticate"]) == (401, UNAUTHORIZED, INVALID)


@pytest.mark.parametrize("kind", LET_IN)
def test_a_deep_token_is_refused_in_each_place(host: Host, kind: str) -> None:
    """So is a message of an open WebSocket, whose token is read without verifying its signature."""
    target, _, body, _ = LET_IN[kind]
    for name in (name for name in TAMPERED if "deep" in name):
        query, headers = f"{target.partition('?')[0]}?token={TAMPERED[name].decode()}", LET_IN[kind][1]
        places = [("Authorization", b"Bearer " + TAMPERED[name]), ("Cookie", b"session=" + TAMPERED[name])]
        others = [header for header in headers if header[0] not in ("Authorization", "Cookie")]
        for asked in ((query, others), (target.partition("?")[0], [*others, *places])):
            assert answer(ask(host, *asked, body))[0] == 401, name


def test_without_a_token_nothing_goes_on(host: Host) -> None:
    for target, headers, body, _ in LET_IN.values():
        bare = [(name, value) for name, value in headers if name not in ("Authorization", "Cookie")]
        # The connection of an open WebSocket ends if a message has no token.
        status, _, told = answer(ask(host, target.partition("?")[0], bare, body))
        assert status == 401
        assert told["www-authenticate"].startswith(b'Bearer realm="component"')


def test_a_local_token_is_for_local_edges_alone(host: Host) -> None:
    """A component in production refuses it, even if the service has a store of that name with that key."""
    local = [("Authorization", f"Bearer {make_token(MEMBER, TEST_KEY)}".encode())]
    stores = {**FACTS["config_stores"], LOCAL_STORE: {**LOCAL_ENTRIES, TOKEN_ENTRY: TEST_KEY}}
    assert outcome(ask(host, "/stream", local, config_stores=stores)) == "self"
    for service in ("SU1Z0isxPaozGVKXdv0eY", LOCAL_SERVICE[1:]):
        status, body, _ = answer(ask(host, "/stream", local, config_stores=stores, service_id=service))
        assert (status, body) == (401, UNAUTHORIZED)


def test_a_component_does_not_contain_the_key_of_local_tokens(auth_host: Host) -> None:
    assert TEST_KEY.encode() not in auth_host.wasm
    assert LOCAL_TOKEN_KEY.kid.encode() in auth_host.wasm, "what the component has is found"


def test_who_may_not_is_told_so(host: Host) -> None:
    status, body, headers = answer(ask(host, "/stream", [("Authorization", b"Bearer " + by_pyjwt(CLAIMS, "ES256"))]))
    assert (status, body) == (403, b"The token does not allow this request.\n")
    assert headers["www-authenticate"] == b'Bearer realm="component", error="insufficient_scope"'


def test_the_channel_is_the_claims(host: Host) -> None:
    assert answer(ask(host, *LET_IN["stream, for Fanout"][:3]))[2]["grip-channel"] == b"user-ann"
    assert b'"channel":"user-ann"' in answer(ask(host, *LET_IN["socket, for Fanout"][:3]))[1]


def test_time_goes_on(host: Host) -> None:
    """A token expires by the host's clock, and an open WebSocket with it."""
    late = {"clock": lambda: TIME + 70}
    assert answer(ask(host, "/stream", [BEARER], **late))[0] == 401
    assert answer(ask(host, *LET_IN["socket"][:3], **late))[0] == 401
    status, body, _ = answer(ask(host, *LET_IN["message"][:3], **late))
    assert (status, body) == (200, b"CLOSE 18\r\n\x0b\xb8The token has expired.\r\n")


def test_a_token_in_the_query_is_not_passed_on(host: Host) -> None:
    handed_off = ask(host, *LET_IN["handoff"][:3])
    assert handed_off is not None and (handed_off.handoff, handed_off.uri) == ("origin", f"{BASE}/handoff?a=b")
    own = ask(host, *LET_IN["socket"][:3])
    assert own is not None and (own.handoff, own.uri) == ("self", BASE + LET_IN["socket"][0])


def test_a_key_that_is_not_there_lets_nobody_in(host: Host) -> None:
    for kind in ("socket", "forward", "handoff"):
        target, headers, body, _ = LET_IN[kind]
        for stores in ({}, {"edge": {}}, {"edge": {"login": "no key"}}):
            secrets = {name: {key: value.encode() for key, value in entries.items()} for name, entries in stores.items()}
            asked = ask(host, target, headers, body, secret_stores=secrets, config_stores=stores)
            assert answer(asked)[:2] == (500, b"A key that the edge needs to verify tokens is missing or unusable.\n")


@pytest.mark.parametrize("kind", LET_IN)
def test_each_call_may_fail_once(host: Host, kind: str) -> None:
    """After one failure at any point, with a good or a bad token, the edge answers or `handle` fails, and nobody is let in."""
    target, headers, body, came = LET_IN[kind]
    bad = [(name, value[:-1]) for name, value in headers if name in ("Authorization", "Cookie")]
    bad += [(name, value) for name, value in headers if name not in ("Authorization", "Cookie")]
    ask(host, target, headers, body)
    for failing in range(len(host.calls)):

        def fault(index: int, called: str, failing: int = failing) -> None:
            if index == failing and called not in INFALLIBLE:
                raise HostError("not-found" if called.endswith(".open") else "generic-error")

        host.fault = fault
        assert outcome(ask(host, target, headers, body)) in (None, 400, 500, 502, came)
        if kind != "message":
            assert outcome(ask(host, target.replace("token=", "token=x"), bad, body)) in (None, 400, 401, 500)
