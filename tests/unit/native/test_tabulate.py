"""Compares the decisions that the native module finds in its table with those of the Decider."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address
from itertools import product
from pathlib import Path
from struct import pack
from typing import Any

import jwt
import pytest
import wasmtime
from bench.fastly_key import replaced_by
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis.witness import request_of, requests_of
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.native.assembler import I32, Memory, Program
from fanroute.native.gather import Arena, write_gather
from fanroute.native.host import RESULT_SIZE, import_host
from fanroute.native.look_up import write_look_up
from fanroute.native.p256 import write_p256
from fanroute.native.tabulate import HARMLESS, MAX_ROUTES, MAX_SEGMENTS, Table, tabulate
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import make_full_decider
from fanroute_runtime import blocks
from fanroute_runtime.decide import Decider
from fanroute_runtime.grip.signature import LEEWAY
from fanroute_runtime.messages import Answer, Decision, ToFanout
from fanroute_runtime.plan import Match, PathPattern, Plan, Respond, Route, SandboxLimits
from tests.conftest import INPUTS, REPOSITORY, inputs_of, times
from tests.support import universe
from tests.support.counts import COUNTS
from tests.support.tokens import public

BASE, PAGES = 1 << 16, 64
# For so many requests that routes of a file get, those that are nearly the same are tried.
PER_FILE = 4 if settings.default.derandomize else 12
NOW = 1_767_225_600
ROUTES = [
    REPOSITORY / "routes.yaml",
    *sorted((REPOSITORY / "tests").glob("**/routes.yaml")),
    *sorted((REPOSITORY / "tests" / "e2e" / "routes").glob("*.yaml")),
    *sorted((REPOSITORY / "examples").glob("*/routes.yaml")),
]


class LookUps:
    """Runs the native module's look-up of decisions, alone. It calls the host only for values of headers and the service's id."""

    def __init__(self, table: Table) -> None:
        memory, program = Memory(BASE), Program()
        host = import_host(program)
        verify_token, result = write_p256(program, memory), memory.reserve(RESULT_SIZE)
        arena = Arena(program, memory, host)
        self._gathered = write_gather(program, memory, host, arena, result)
        look_up = write_look_up(program, memory, host, arena, table, self._gathered, result, verify_token)
        self._connection = look_up.connection
        # Functions of the module return the addresses and sizes of the values of the connection.
        for number, values in self._connection.items():
            for part, value in enumerate(values):
                program.function(f"connection {number} {part}", [], [I32]).give(value)
        engine = wasmtime.Engine()
        module = wasmtime.Module(engine, program.encode(memory))
        self._store = wasmtime.Store(engine)
        self._memory = wasmtime.Memory(self._store, wasmtime.MemoryType(wasmtime.Limits(PAGES, PAGES)))
        self._request = RequestData("GET", "http://a")
        hosts = {"[method]request.get-header-values": self._get_header_values, "get-service-id": self._get_service_id}
        # Python gives out memory if the module has no room.
        hosts["cabi_realloc"] = lambda *_: (PAGES - 1) << 16
        _, *functions = module.imports
        imported = [wasmtime.Func(self._store, each.type, hosts.get(str(each.name), _never)) for each in functions]
        self._exports = wasmtime.Instance(self._store, module, [self._memory, *imported]).exports(self._store)

    def _get_header_values(self, _: int, name: int, size: int, limit: int, cursor: int, result: int) -> None:
        values = b"".join(value + b"\0" for value in self._request.values(self._read(name, size).decode()))
        if len(values) > limit:
            self._write(result, b"\1")
        else:
            self._write(result, pack("<QIIII", 0, self._allocate(values), len(values), 0, 0))

    def _get_service_id(self, result: int) -> None:
        service = self._request.service.encode()
        self._write(result, pack("<II", self._allocate(service), len(service)))

    def _allocate(self, content: bytes) -> int:
        address = self._call("cabi_realloc", 0, 0, 1, len(content))
        self._write(address, content)
        return address

    def _call(self, name: str, *arguments: int) -> int:
        function: Any = self._exports[name]
        result: int = function(self._store, *arguments)
        return result

    def _read(self, address: int, size: int) -> bytes:
        return bytes(self._memory.read(self._store, address, address + size))

    def _write(self, address: int, content: bytes) -> None:
        self._memory.write(self._store, content, address)

    def find(self, request: RequestData, served: int = 0, began: int = NOW, address: bytes | None = None) -> Any:
        """Returns the decision about a request as (kind, status, asks, changes, rest), or None if Python has to decide."""
        self._request = request
        if address is None:
            address = ip_address(request.address).packed if request.address else b""
        gathered, method, uri = self._gathered, request.verb.encode(), request.url.encode()
        version = {0: blocks.NO_ADDRESS, 4: blocks.IPV4, 16: blocks.IPV6}[len(address)]
        tls = request.client_scheme() == "https"
        head = blocks.REQUEST.pack(request.time, began, 0, served, len(method), len(uri), version, tls, address)
        names = b"".join(name.encode() + b"\0" for name in request.names())
        self._write(gathered.block, head + method + uri + b"\n")
        self._write(gathered.names, names)
        self._write(gathered.names_size, pack("<I", len(names)))
        end = gathered.block + len(head + method + uri)
        at = self._call("look up", 0, end, served)
        return self._decoded(at) if at else None

    def _decoded(self, at: int) -> Any:
        _, count, size, status, kind, asks = blocks.DECISION.unpack(self._read(at, blocks.DECISION.size))
        at += blocks.DECISION.size
        changes = []
        for _ in range(count):
            operation, name_size, value_size = blocks.CHANGE.unpack(self._read(at, blocks.CHANGE.size))
            text = self._read(at + blocks.CHANGE.size, name_size + value_size)
            at += blocks.CHANGE.size + len(text)
            name, value = text[:name_size].decode(), text[name_size:]
            if operation in self._connection:
                operation, value = blocks.INSERT, self._read(*(self._call(f"connection {operation} {part}") for part in (0, 1)))
            changes.append((operation, name, value))
        return kind, status, asks, changes, self._read(at, size)


def _never(*_: int) -> None:
    raise AssertionError("this function is called")


def expected(decision: Decision, request: RequestData, removed: list[str]) -> Any:
    """Returns a decision in the same form. The table may remove headers that the request does not have: `removed`."""
    if isinstance(decision, Answer):
        changes = [(blocks.APPEND, name, value) for name, value in decision.headers]
        return blocks.ANSWER, decision.status, changes, decision.body
    assert isinstance(decision, ToFanout)
    assert decision.uri is None
    assert not decision.headers.add
    changes = [(blocks.REMOVE, name, b"") for name in removed]
    changes += [(blocks.INSERT, name, value) for name, value in decision.headers.set]
    return blocks.HANDOFF, 0, changes, decision.backend.encode()


def assert_agrees(look_ups: LookUps, decider: Decider, request: RequestData) -> bool:
    """Checks that the table says the same as the Decider, or nothing. Returns whether it says something."""
    COUNTS["requests looked up"] += 1
    found = look_ups.find(request)
    if found is None:
        return False
    COUNTS["decisions found"] += 1
    kind, status, _, changes, rest = found
    decision = decider.decide(request)
    removed = [name for operation, name, _ in changes if operation == blocks.REMOVE]
    if isinstance(decision, ToFanout):
        assert set(removed) & set(request.names()) == set(decision.headers.remove) & set(request.names())
    assert (kind, status, changes, rest) == expected(decision, request, removed), request
    return True


@lru_cache(1)
def plans() -> list[tuple[Path, Plan]]:
    found = []
    for path in ROUTES:
        try:
            plan = compile_routes(path.read_bytes(), inputs_of(path.parent)).plan
        except Invalid:
            continue
        found.append((path, plan))
    return found


@lru_cache(64)
def of_plan(number: int) -> tuple[Plan, LookUps, Decider] | None:
    plan = plans()[number][1]
    table = tabulate(plan)
    return None if table is None else (plan, LookUps(table), make_full_decider(plan))


def near(request: RequestData) -> Iterator[RequestData]:
    """Yields a request, and others that differ from it in one thing or two."""
    scheme, _, rest = request.url.partition("://")
    authority, _, path = rest.partition("/")
    hosts = [
        authority,
        f"{authority}:81",
        f"{authority}:",
        f"{authority}.",
        authority.upper(),
        f"x.{authority}",
        authority[1:],
        "",
        "localhost",
    ]
    hosts += ["127.0.0.1", f"{authority}:8a", f"u@{authority}", "[::1]", f".{authority}"]
    hosts += [authority[at:] for at, character in enumerate(authority) if character == "."]
    paths = [
        path,
        f"{path}/",
        f"{path}/x",
        f"{path}x",
        path[:-1],
        f"x/{path}",
        "",
        "/",
        f"{path}?q=1",
        f"{path}?",
        f"{path}#f",
        f"{path}?a#f",
    ]
    paths += [
        f"{path}/.",
        f"{path}/..",
        f"./{path}",
        f"{path}/.x",
        f"{path}//",
        f"{path};a",
        f"{path}%20",
        path.replace("e", "%65", 1),
        f"{path}\\",
    ]
    for host, target in product(hosts, paths):
        yield replace(request, url=f"{scheme}://{host}/{target}", headers=())
    headers = [(("accept", b"*/*"), ("cookie", b"a=b")), *(((name, b"websocket"),) for name in NAMES)]
    for verb, more in product(["GET", "HEAD", "POST", "OPTIONS", "get", "GETS"], headers):
        yield replace(request, verb=verb, headers=(*more,))
        yield replace(request, verb=verb, headers=(*request.headers, *more))
    yield replace(request, url=f"{scheme}://{authority}")


NAMES = [
    *("upgrade", "connection", "content-type", "grip-sig", "grip-last", "fanroute-pin", "x-forwarded-host", "grip_sig", "meta-a"),
    *(
        "origin",
        "access-control-request-method",
        "pushpin-route",
        "x-plan",
        "cookie",
        "authorization",
        "accept",
        "te",
        "range",
        "h",
    ),
]


@pytest.mark.parametrize("number", range(len(plans())), ids=[str(path.relative_to(REPOSITORY)) for path, _ in plans()])
def test_the_routes_of_the_repository(number: int) -> None:
    """Requests that routes get, and requests that are nearly the same, get the decision that Python makes."""
    made = of_plan(number)
    if made is None:
        return
    plan, *compared = made
    requests = [
        *requests_of((route.match for route in plan.routes), plan.refused_paths),
        RequestData("GET", "http://a.example/x"),
    ]
    for request in requests[:PER_FILE]:
        for each in near(request):
            assert_agrees(*compared, each)


@times(3)
@given(st.data())
def test_any_routes(data: st.DataObject) -> None:
    dimensions = data.draw(universe.DIMENSIONS)
    drawn = data.draw(universe.routes(dimensions))
    faults = data.draw(universe.FAULTS)
    plan = Plan("p", drawn, refused_paths=faults)
    table = tabulate(plan)
    if table is None:
        return
    look_ups, decider = LookUps(table), make_full_decider(plan)
    for point in data.draw(st.lists(st.sampled_from(universe.requests(("segments", *dimensions))), min_size=10, max_size=30)):
        names = data.draw(st.lists(st.sampled_from(NAMES), max_size=1))
        request = request_of(point)
        assert_agrees(look_ups, decider, replace(request, headers=(*request.headers, *((name, b"x") for name in names))))


def table_of(text: str) -> LookUps:
    table = tabulate(compile_routes(text.encode(), INPUTS).plan)
    assert table is not None
    return LookUps(table)


OWN = """
version: 1
service: {name: chat}
backends: {origin: {url: "https://app.example.com"}, self: {loopback: true}}
sandbox: {max_requests: 3, max_lifetime: 10s, next_request_timeout: 2s}
routes:
  - {name: stream, match: {host: www.example.com, path: /stream}, stream: {channel: news}}
  - {name: room, match: {path: "/rooms/{room}"}, stream: {channel: "{room}"}}
  - {name: old, match: {host: "*.example.com", path: /old/*}, redirect: {location: /new}}
  - {name: kept, match: {path: /kept/*}, redirect: {location: /new, keep_query: true}}
  - {name: moved, match: {host: moved.example.com}, redirect: {host: www.example.com}}
  - {name: down, match: {path: /down}, respond: {status: 503, body: down}}
  - {name: api, match: {path: /api/*}, handoff: origin, request_headers: {remove: [cookie], set: {x-edge: "1"}}}
"""


@pytest.fixture(scope="module")
def own() -> LookUps:
    return table_of(OWN)


@pytest.mark.parametrize(
    ("url", "kind", "status", "rest"),
    [
        ("http://www.example.com/stream", blocks.HANDOFF, 0, b"self"),
        ("https://www.example.com:8443/stream?x=/a//.", blocks.HANDOFF, 0, b"self"),
        ("http://other.example.com/stream", blocks.ANSWER, 404, b"No route matches this request.\n"),
        ("http://a.b.example.com/old/x/y", blocks.ANSWER, 302, b""),
        ("http://a.b.example.com/old/", blocks.ANSWER, 302, b""),
        ("http://a.b.example.com/old", blocks.ANSWER, 404, b"No route matches this request.\n"),
        ("http://example.com/down", blocks.ANSWER, 503, b"down"),
        ("http://anything/api/a/b/c/d/", blocks.HANDOFF, 0, b"origin"),
        ("http://anything/", blocks.ANSWER, 404, b"No route matches this request.\n"),
    ],
)
def test_decisions_that_are_found(own: LookUps, url: str, kind: int, status: int, rest: bytes) -> None:
    found = own.find(RequestData("GET", url, tuple((name, b"x") for name in sorted(HARMLESS))))
    assert found is not None
    assert (found[0], found[1], found[4]) == (kind, status, rest)


def test_values_of_the_connection(own: LookUps) -> None:
    for octets in ((0, 9, 10, 99), (100, 101, 109, 110), (199, 200, 255, 1), (203, 0, 113, 20)):
        found = own.find(RequestData("GET", "https://www.example.com:8443/stream"), address=bytes(octets))
        assert [(name, value) for _, name, value in found[3]][:3] == [
            ("x-forwarded-for", ".".join(map(str, octets)).encode()),
            ("x-forwarded-host", b"www.example.com:8443"),
            ("x-forwarded-proto", b"https"),
        ]


@pytest.mark.parametrize(
    "url",
    [
        "http://www.example.com/rooms/blue",
        "http://localhost/down",
        "http://127.0.0.1/down",
        "http://www.example.com/kept/",
        "http://www.example.com/kept/x?q",
        "http://moved.example.com/x",
    ],
)
def test_what_only_python_knows(own: LookUps, url: str) -> None:
    assert own.find(RequestData("GET", url)) is None


@pytest.mark.parametrize("address", [b"", bytes(16)])
def test_other_addresses_than_those_of_ipv4(own: LookUps, address: bytes) -> None:
    assert own.find(RequestData("GET", "http://www.example.com/down"), address=address) is None


@pytest.mark.parametrize(
    ("served", "age", "asks"), [(0, 0, True), (1, 9, True), (2, 0, False), (1, 10, False), (1, 1_000_000, False), (1, -1, True)]
)
def test_when_the_next_request_is_asked_for(own: LookUps, served: int, age: int, asks: bool) -> None:
    found = own.find(RequestData("GET", "http://www.example.com/down"), served, NOW - age)
    assert found[2] == asks


def test_a_query_that_routes_look_at() -> None:
    with_query = table_of(f"{OWN}  - {{name: q, match: {{query: {{a: b}}}}, respond: {{status: 400}}}}\n")
    assert with_query.find(RequestData("GET", "http://www.example.com/down")) is not None
    assert with_query.find(RequestData("GET", "http://www.example.com/down?a=b")) is None


def test_headers_that_routes_look_at() -> None:
    routes = OWN.replace("routes:", "routes:\n  - {name: beta, match: {header: {cookie: beta}}, respond: {status: 400}}")
    look_ups = table_of(routes)
    assert look_ups.find(RequestData("GET", "http://www.example.com/down", (("accept", b"x"),))) is not None
    assert look_ups.find(RequestData("GET", "http://www.example.com/down", (("cookie", b"x"),))) is None


HEAD = OWN.partition("routes:")[0] + "routes:\n"


def test_a_header_without_a_value() -> None:
    look_ups = table_of(f'{HEAD}  - {{name: a, handoff: origin, request_headers: {{set: {{x-edge: ""}}}}}}\n')
    found = look_ups.find(RequestData("GET", "http://a.example/"))
    assert (blocks.INSERT, "x-edge", b"") in found[3]


OK, NO = "respond: {status: 200}", "respond: {status: 403}"
OTHERS = [f"other-{number}-x" for number in range(4)]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize(
    ("routes", "url"),
    [
        (f"{{match: {{host: OTHER.example.com}}, {OK}}}\n{{match: {{host: '*.example.com'}}, {NO}}}", "x.example.com/a"),
        (f"{{match: {{host: OTHER}}, {OK}}}", "any/"),
        (f"{{match: {{path: /x/OTHER}}, handoff: origin}}\n{{match: {{path: /x/*}}, {NO}}}", "any/x/secret"),
        (f"{{match: {{path: /x/aOTHERb}}, handoff: origin}}\n{{match: {{path: /x/*}}, {NO}}}", "any/x/secret"),
    ],
)
def test_routes_that_name_what_stands_for_others(routes: str, url: str, other: str) -> None:
    """The requests with which the table is made must not be named by a route."""
    lines = routes.replace("OTHER", other).splitlines()
    text = HEAD + "".join(f"  - {{name: r{number}, {line[1:]}\n" for number, line in enumerate(lines))
    decider = make_full_decider(compile_routes(text.encode(), INPUTS).plan)
    assert assert_agrees(table_of(text), decider, RequestData("GET", f"http://{url}"))


def test_plans_without_a_table() -> None:
    """They have too many routes, too many edges, a limit that only Python knows, or no decision that is always the same."""
    found = Respond(200, (), b"")
    many = tuple(Route(f"r{number}", Match(path=PathPattern((f"s{number}",))), found) for number in range(MAX_ROUTES + 1))
    deep = [Route("deep", Match(path=PathPattern(("s",) * size)), found) for size in (MAX_SEGMENTS, MAX_SEGMENTS + 1, 2_000)]
    path = PathPattern(("a", "b", "c"))
    hosts = tuple(Route(f"r{number}", Match(hosts=(f"h{number}",), path=path), found) for number in range(MAX_ROUTES))
    assert [tabulate(Plan("p", (each,))) is not None for each in deep] == [True, False, False]
    assert tabulate(Plan("p", many[1:])) is not None
    assert tabulate(Plan("p", many)) is None
    assert tabulate(Plan("p", hosts)) is None
    assert tabulate(Plan("p", many[1:], sandbox=SandboxLimits(max_memory=50))) is None
    assert tabulate(Plan("p", (Route("https", Match(scheme="https"), found),))) is None
    assert tabulate(Plan("p", (Route("office", Match(client_ips=("0.0.0.0/0", "::/0")), found),))) is None


def test_addresses_are_left_to_python() -> None:
    """Tests that no path that a route with `client_ip` may take is in the table."""
    office = "{name: office, match: {path: /a/*, client_ip: 198.51.100.0/24}, respond: {status: 200}}"
    found = table_of(f"{HEAD}  - {office}\n  - {{respond: {{status: 404}}}}\n")
    assert found.find(RequestData("GET", "http://any/a/b")) is None
    assert found.find(RequestData("GET", "http://any/b")) is not None


KEY = ec.derive_private_key(7, ec.SECP256R1())


@pytest.fixture(scope="module")
def fastlys() -> Iterator[tuple[LookUps, Decider]]:
    """Makes the table of OWN for another key than Fastly's, whose private key is known."""
    with replaced_by(public(KEY)):
        yield table_of(OWN), make_full_decider(compile_routes(OWN.encode(), INPUTS).plan)


def fanouts(
    token: bytes, *more: tuple[str, bytes], service: str = "SU1Z", url: str = "https://www.example.com/stream"
) -> RequestData:
    """Returns the request that Fanout sends for one of a client, with this Grip-Sig."""
    plan = compile_routes(OWN.encode(), INPUTS).plan
    decision = make_full_decider(plan).decide(RequestData("GET", "http://www.example.com/stream"))
    assert isinstance(decision, ToFanout)
    headers = (*decision.headers.set, ("grip-feature", b"status"), ("grip-sig", token), *more)
    return RequestData("GET", url, headers, time=NOW, service=service)


def fanouts_token(claims: dict[str, Any], key: Any = KEY, algorithm: str = "ES256") -> bytes:
    """Signs a token in Fanout's form: the header begins with the type, and the claims are sorted."""
    return jwt.encode(dict(sorted(claims.items())), key, algorithm, sort_headers=False).encode()


GOOD = fanouts_token({"iss": "fastly:SU1Z", "exp": NOW + 60})
PINNED = fanouts(GOOD)
BROWSERS = tuple((name, b"x") for name in sorted(HARMLESS))


@pytest.mark.parametrize("request_", [PINNED, fanouts(GOOD, *BROWSERS), fanouts(GOOD, url="http://other/%2e%2e/x?y#z")])
def test_the_second_pass(fastlys: tuple[LookUps, Decider], request_: RequestData) -> None:
    """The path of a request with a pin does not matter."""
    assert assert_agrees(*fastlys, request_)
    found = fastlys[0].find(request_)
    assert (found[0], found[1]) == (blocks.ANSWER, 200)
    assert ("grip-channel", b"news") in [(name, value) for _, name, value in found[3]]


def without(name: str) -> RequestData:
    return replace(PINNED, headers=tuple(pair for pair in PINNED.headers if pair[0] != name))


def changed(name: str, change: Callable[[bytes], bytes]) -> RequestData:
    return replace(PINNED, headers=tuple((key, change(value) if key == name else value) for key, value in PINNED.headers))


OTHER_KEY = ec.derive_private_key(8, ec.SECP256R1())
NOT_FOUND = {
    "no signature": without("grip-sig"),
    "no pin": without("fanroute-pin"),
    "two signatures": fanouts(GOOD, ("grip-sig", GOOD)),
    "two pins": fanouts(GOOD, ("fanroute-pin", dict(PINNED.headers)["fanroute-pin"])),
    "an empty pin": changed("fanroute-pin", lambda value: b""),
    "another pin": changed("fanroute-pin", lambda value: value.replace(b";0;", b";1;")),
    "a longer pin": changed("fanroute-pin", lambda value: value + b"x"),
    "a very long pin": changed("fanroute-pin", lambda value: value * 100),
    "another signature": changed("grip-sig", lambda value: value[:-1] + (b"A" if value[-1:] != b"A" else b"Q")),
    "a very long signature": changed("grip-sig", lambda value: value * 10),
    "another key": fanouts(fanouts_token({"iss": "fastly:SU1Z", "exp": NOW + 60}, OTHER_KEY)),
    "another service": fanouts(GOOD, service="SU1X"),
    "a service with quotes": fanouts(fanouts_token({"iss": 'fastly:a"b', "exp": NOW + 60}), service='a"b'),
    "a long service": fanouts(fanouts_token({"iss": "fastly:" + "a" * 65, "exp": NOW + 60}), service="a" * 65),
    "another issuer": fanouts(fanouts_token({"iss": "SU1Z", "exp": NOW + 60})),
    "expired": fanouts(fanouts_token({"iss": "fastly:SU1Z", "exp": NOW - LEEWAY})),
    "another claim": fanouts(fanouts_token({"iss": "fastly:SU1Z", "exp": NOW + 60, "nbf": NOW - 1})),
    "a symmetric key": fanouts(fanouts_token({"iss": "fastly:SU1Z", "exp": NOW + 60}, public(KEY) * 0 + b"k" * 32, "HS256")),
    "a previous id": fanouts(GOOD, ("grip-last", b"x; last-id=1")),
    "events": fanouts(GOOD, ("content-type", b"application/websocket-events")),
    "an unknown header": fanouts(GOOD, ("x-other", b"1")),
    "a POST": replace(PINNED, verb="POST"),
    "HEAD": replace(PINNED, verb="HEAD"),
}


@pytest.mark.parametrize("kind", NOT_FOUND)
def test_what_python_must_see_on_the_second_pass(fastlys: tuple[LookUps, Decider], kind: str) -> None:
    assert fastlys[0].find(NOT_FOUND[kind]) is None


def test_the_time_of_a_signature(fastlys: tuple[LookUps, Decider]) -> None:
    token = fanouts_token({"iss": "fastly:SU1Z", "exp": NOW - LEEWAY + 1})
    assert assert_agrees(*fastlys, fanouts(token))
    assert fastlys[0].find(replace(fanouts(token), time=NOW + 1)) is None


@pytest.mark.parametrize("now", [0, 29, 2**63, 2**64 - 1])
def test_a_clock_that_is_wrong(fastlys: tuple[LookUps, Decider], now: int) -> None:
    assert fastlys[0].find(replace(fanouts(b"x"), time=now), began=now) is None


@pytest.mark.parametrize("check", ["present", "none"])
def test_signatures_that_are_not_verified(check: str) -> None:
    """Their pins are not in the table."""
    look_ups = table_of(OWN.replace("routes:", f"fanout: {{grip_sig: {check}}}\nroutes:"))
    assert look_ups.find(PINNED) is None


def test_it_is_written_the_same_each_time() -> None:
    code = "import sys; from fanroute.native.module import write_module; from fanroute.native.tabulate import tabulate"
    code += "; from fanroute.pipeline import compile_routes; from fanroute.spec.inputs import Inputs"
    code += "; plan = compile_routes(sys.stdin.buffer.read(), Inputs({})).plan"
    code += "; sys.stdout.buffer.write(write_module(0, tabulate(plan))[0])"
    written = [
        subprocess.run(
            [sys.executable, "-c", code],
            input=OWN.encode(),
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(written[0]) > 50_000
    assert written[0] == written[1] == written[2]
