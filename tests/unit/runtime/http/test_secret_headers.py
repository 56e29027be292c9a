"""Tests headers whose values are in a secret store: what reaches a backend, and that nothing does without its secret."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from fanroute.devserver.judging import unusable_secret
from fanroute.native.tabulate import tabulate
from fanroute.pipeline import compile_routes
from fanroute.plan.request import TIME, RequestData, with_fanout_headers
from fanroute.plan.trace import Tracer, make_decider, make_full_decider, trace_lines
from fanroute_runtime.explain import ObservedDecider
from fanroute_runtime.messages import Answer, Headers, ToBackend, ToFanout, ToWebSocket
from tests.conftest import INPUTS

ROUTES = """\
version: 1
service: {name: relay}
backends: {llm: {url: "https://llm.example.com"}, self: {loopback: true}}
routes:
  - match: {path: /forward}
    forward: {backend: llm, cors: {origins: https://page.example.com}}
    request_headers: {set: {Authorization: {secret: llm/key, prefix: "Bearer "}, X-A: a}, add: {X-B: b}, remove: [Cookie]}
    response_headers: {set: {X-Answer: "1"}}
  - match: {path: /handoff}
    handoff: llm
    request_headers: {set: {X-Key: {secret: llm/key}}}
  - match: {path: /tunnel}
    tunnel: llm
    request_headers: {set: {X-Key: {secret: llm/key}, X-Other: {secret: other/key}}}
  - match: {path: /none}
    forward: llm
"""
PLAN = compile_routes(ROUTES.encode(), INPUTS).plan
UPGRADE: Headers = (("upgrade", b"websocket"), ("connection", b"Upgrade"))
REFUSAL = b"A secret that the edge adds to the request is missing or unusable.\n"


def get(path: str, headers: Headers = (), key: bytes | None = b"s3cret") -> RequestData:
    secrets: Mapping[str, Mapping[str, bytes]] = {} if key is None else {"llm": {"key": key}, "other": {"key": b"other"}}
    return RequestData("GET", f"http://edge.example.com{path}", headers, secrets=secrets)


def sent(decision: object) -> dict[str, bytes]:
    assert isinstance(decision, ToBackend | ToFanout | ToWebSocket)
    return {name: value for name, value in decision.headers.set if not name.startswith("x-forwarded-")}


@pytest.mark.parametrize(
    ("request_", "headers"),
    [
        (get("/forward", (("authorization", b"Basic x"),)), {"x-a": b"a", "authorization": b"Bearer s3cret"}),
        (get("/forward", (("connection", b"authorization"),)), {"x-a": b"a", "authorization": b"Bearer s3cret"}),
        (get("/forward", key=b" s3 cret\t\r\n"), {"x-a": b"a", "authorization": b"Bearer s3 cret"}),
        (get("/handoff"), {"x-key": b"s3cret"}),
        (get("/tunnel", UPGRADE), {"x-key": b"s3cret", "x-other": b"other"}),
        (get("/none", key=None), {}),
    ],
)
def test_a_backend_gets_the_secret(request_: RequestData, headers: dict[str, bytes]) -> None:
    assert sent(make_decider(PLAN).decide(request_)) == headers


def test_the_other_rules_are_kept() -> None:
    decision = make_decider(PLAN).decide(get("/forward"))
    assert isinstance(decision, ToBackend)
    assert (decision.headers.add, decision.headers.remove) == ((("x-b", b"b"),), ("cookie",))


def test_a_forward_for_fanout_has_the_secret() -> None:
    linked = replace(PLAN, linked=("llm",))
    decision = make_decider(linked).decide(get("/forward", with_fanout_headers((), TIME)))
    assert sent(decision) == {"x-a": b"a", "authorization": b"Bearer s3cret"}


@pytest.mark.parametrize("path", ["/forward", "/handoff", "/tunnel"])
@pytest.mark.parametrize(
    "key", [None, b"", b" \r\n", b"a\r\nX-Evil: 1", b"a\nb", b"a\0b", b"\x7f", "schl\u00fcssel".encode(), b"\xff"]
)
def test_nothing_is_sent_without_a_usable_secret(path: str, key: bytes | None) -> None:
    decision = make_decider(PLAN).decide(get(path, UPGRADE if path == "/tunnel" else (), key))
    assert isinstance(decision, Answer)
    assert (decision.status, decision.body) == (500, REFUSAL)
    assert dict(decision.headers).get("x-answer") == (b"1" if path == "/forward" else None)


def test_a_page_can_read_the_refusal() -> None:
    decision = make_decider(PLAN).decide(get("/forward", (("origin", b"https://page.example.com"),), None))
    assert isinstance(decision, Answer)
    assert dict(decision.headers)["access-control-allow-origin"] == b"https://page.example.com"


def test_a_handoff_keeps_the_header() -> None:
    """A proxy that obeys Connection would drop it."""
    decision = make_decider(PLAN).decide(get("/handoff", (("connection", b"x-key"),)))
    assert isinstance(decision, Answer) and decision.status == 400


def test_a_secret_is_kept_until_the_sandbox_ends() -> None:
    decider = make_decider(PLAN)
    for key, expected in ((b"old", b"old"), (b"new", b"old")):
        assert sent(decider.decide(get("/handoff", key=key))) == {"x-key": expected}
    decider.forget()
    assert sent(decider.decide(get("/handoff", key=b"new"))) == {"x-key": b"new"}


def test_a_missing_secret_is_read_again() -> None:
    decider = make_decider(PLAN)
    assert isinstance(decider.decide(get("/handoff", key=None)), Answer)
    assert sent(decider.decide(get("/handoff"))) == {"x-key": b"s3cret"}


def test_an_observed_decider_sends_it_too() -> None:
    assert sent(ObservedDecider(make_full_decider(PLAN)).judge(get("/handoff")).decision) == {"x-key": b"s3cret"}


def test_a_trace_names_the_secret() -> None:
    traced = Tracer(PLAN, "self").trace(get("/forward"))
    lines = "\n".join(trace_lines(traced))
    assert "  authorization: Bearer {secret llm/key}\n" in lines and "s3cret" not in lines


def test_the_table_of_known_decisions_leaves_it_out() -> None:
    routes = ROUTES.partition("  - match: {path: /forward}")[0]
    plan = compile_routes(
        f"{routes}  - {{handoff: llm, request_headers: {{set: {{X-A: {{secret: llm/key}}}}}}}}\n".encode(), INPUTS
    ).plan
    assert tabulate(plan) is None
    assert tabulate(compile_routes(f"{routes}  - handoff: llm\n".encode(), INPUTS).plan) is not None


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (None, "the secret 'key' of the store 'llm' is missing"),
        (b"\n", "the secret 'key' of the store 'llm' is empty"),
        (b"a\nb", "the secret 'key' of the store 'llm' has a character that is not printable ASCII"),
        (b"a", ""),
    ],
)
def test_a_local_edge_says_what_is_wrong(key: bytes | None, reason: str) -> None:
    assert unusable_secret(next(route for route in PLAN.routes if route.name == "route-2"), get("/handoff", key=key)) == reason
