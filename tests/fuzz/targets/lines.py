"""Fuzzes the lines that are logged: nothing that a client sends is in one, except the path and the method, and each is one line.

A request has a canary in each place where a client can write. A line must have none of them but that of the path.
"""

import json
from dataclasses import replace

from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData, second_pass_request
from fanroute.plan.tokens import make_token
from fanroute.plan.trace import make_full_decider
from fanroute_runtime.explain import Explainer
from fanroute_runtime.log_lines import ID, MAX_PATH, LoggedDecider, Time, is_id
from fanroute_runtime.messages import ToFanout
from fanroute_runtime.plan.logs import FIELDS, Logs
from tests.conftest import INPUTS
from tests.fuzz.target import Target

SECRET = "the-secret-of-the-store-is-a-canary"
PLAN = compile_routes(
    b"""
version: 1
service: {name: lines}
backends: {origin: {url: "https://app.example.com"}, self: {loopback: true}}
debug: {secret_store: edge, name: login}
defaults:
  auth:
    keys: {algorithm: HS256, secret_store: edge, name: login}
    token: [authorization, {query: token}, {cookie: t}]
routes:
  - match: {path: "/own/{room}", query: {id: {present: true}}, header: {x-tenant: {present: true}}}
    sse: {channel: ["{room}-{claim.sub}-{query.id}-{header.x-tenant}", "{room}"]}
  - match: {path: "/open/{room}", query: {id: {present: true}}, header: {x-tenant: {present: true}}}
    public: true
    sse: {channel: ["{room}-{query.id}", "{header.x-tenant}"]}
  - match: {path: "/socket/{room}", query: {id: {present: true}}}
    public: true
    websocket: {channel: "{room}-{query.id}", protocols: chat, max_message: 4B}
  - {match: {path: "/page"}, public: true, respond: {status: 200, body: a}}
  - match: {path: "/sent"}
    forward: origin
    request_headers: {set: {X-Key: {secret: edge/login}}}
  - {match: {path: "/handed"}, public: true, handoff: origin}
  - {match: {path: "/gone"}, public: true, redirect: /page}
""",
    INPUTS,
).plan
CLAIM, OTHER_CLAIM = "canary-of-the-subject", "canary-of-another-claim"
TOKEN = make_token({"sub": CLAIM, "exp": 4_102_444_800, "x": OTHER_CLAIM}, SECRET)
PATHS = [b"/own/", b"/open/", b"/socket/", b"/page", b"/sent", b"/handed", b"/gone", b"/"]
UPGRADE = (("upgrade", b"websocket"), ("connection", b"upgrade"), ("sec-websocket-protocol", b"chat"))
# The canaries that are always sent. That of the fuzzer's bytes is sent, too.
SENT = (
    *(SECRET, CLAIM, OTHER_CLAIM, TOKEN, TOKEN.rpartition(".")[2]),
    *("canary-of-the-query", "canary-of-a-header", "canary-of-the-body"),
)


def check_line(data: bytes) -> None:
    """Checks the lines of a request for both passes. The first byte chooses its kind, the rest is written everywhere."""
    kind, rest = (data[:1] or b"\0")[0], data[1:300]
    path = PATHS[kind % len(PATHS)].decode() + rest.partition(b"\n")[0].decode("latin-1").translate({ord(c): None for c in "?#"})
    text = rest.replace(b"\0", b"").replace(b"\r", b"").replace(b"\n", b"")
    headers = [("x-tenant", b"canary-of-a-header" + text), ("cookie", b"t=" + TOKEN.encode()), ("referer", b"canary-of-a-header")]
    headers += [("authorization", b"Bearer " + TOKEN.encode())] if kind & 8 else [("authorization", text)]
    headers += UPGRADE if kind & 16 else ()
    headers += [(ID, text), ("fanroute-pin", text)] if kind & 32 else []
    headers += [("fanroute-debug", SECRET.encode())] if kind & 64 else []
    secrets = {"edge": {"login": SECRET.encode()}}
    url = f"https://a.example.com{path}?id=canary-of-the-query&token={TOKEN}"
    client = RequestData(
        "GET" if kind & 1 else "POST",
        url,
        tuple(headers),
        b"canary-of-the-body" + rest,
        secrets=secrets,
    )
    logged = LoggedDecider(make_full_decider(PLAN, Explainer), Logs("edge-logs"))
    logged.begin("0123456789abcdef", Time(client.time, 0), 0)
    decision = logged.decide(client)
    first = read_line(logged, client)
    if isinstance(decision, ToFanout) and any(name == "fanroute-pin" for name, _ in decision.headers.set):
        second = second_pass_request(client, decision)
        if kind & 128:  # a broken proxy
            second = replace(second, headers=(*((n, v) for n, v in second.headers if n != ID), (ID, text)))
        logged.begin("another", Time(client.time, 0), 1)
        logged.decide(second)
        line = read_line(logged, second)
        assert line["fanroute.pass"] == 2
        if not kind & 128:
            assert line["fanroute.request.id"] == first["fanroute.request.id"] == "0123456789abcdef"
        assert is_id(line["fanroute.request.id"])


def read_line(logged: LoggedDecider, client: RequestData) -> dict[str, object]:
    """Returns what a line says, after checking that it is one line and has no canary."""
    assert logged.is_sampled
    text = logged.line(Time(client.time, 5_000_000))
    assert text.isascii() and text.isprintable()
    line: dict[str, object] = json.loads(text)
    assert [name for name in FIELDS if name in line] == list(line)
    shown = {name: value for name, value in line.items() if name != "url.path"}
    for canary in SENT:
        assert canary not in json.dumps(shown), (canary, line)
    assert TOKEN not in str(line["url.path"]) and len(str(line["url.path"])) <= MAX_PATH
    return line


SEEDS = [
    *(bytes([kind]) + b"blue" for kind in (*range(8), 8, 9, 16, 18, 24, 32, 33, 64, 65, 72, 129, 130, 146)),
    b"\x01blue%22%2C%22a%22",
    b"\x01" + TOKEN.encode(),
    b"\x81a b\n{}",
]
WORDS = [*b'" \\ \\u0022 %22 %0a %0A%22 } { , : / %2F eyJ ey %65yJ ; = ! ~'.split(), b"\n", b"\x00", b"\xff", TOKEN.encode()]
TARGETS = [Target("lines", check_line, SEEDS, WORDS)]
