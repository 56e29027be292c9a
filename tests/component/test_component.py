"""Tests the real component with a host that counts its calls and makes them fail."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest

from fanroute.devserver.load import load_component
from fanroute.host.component import CALLS, INFALLIBLE, EmbeddedComponent
from fanroute.host.exchange import Exchange, HostError, Response
from fanroute.pipeline import compile_routes
from fanroute.plan.signing import DEV_KEY, LOCAL_ENTRIES
from fanroute.project.workspace import Workspace
from fanroute_runtime.grip.signature import LOCAL_KEY
from fanroute_runtime.local import LOCAL_STORE
from fanroute_runtime.matching.pin import Pin, encode
from tests.conftest import GRIP_SIG, INPUTS, REPOSITORY
from tests.support.budget import Budget
from tests.support.builds import FLATTEN, build_once
from tests.support.pins import UPGRADE, pin

ERRORS = (
    "generic-error invalid-argument auxiliary-error buffer-len unsupported http-invalid http-user http-incomplete "
    "cannot-read http-head-too-large http-invalid-status limit-exceeded"
).split()
# Only facts and a URI of the edge's own need these calls: see test_facts.py.
FACT_CALLS = {
    "http-req.request.set-uri",
    "secret-store.store.open",
    "secret-store.store.get",
    "secret-store.secret.plaintext",
}
# Only a memory limit needs this call: see test_sandbox.py.
LIMIT_CALLS = {"compute-runtime.get-heap-mib"}
# Only a `forward` with `cache` needs this call: see test_caching.py.
CACHE_CALLS = {"http-req.request.set-cache-override"}
# Only a route with a `limit` needs these calls: see test_rate_limits.py.
RATE_CALLS = {"erl.rate-counter.open", "erl.penalty-box.open", "erl.rate-counter.check-rate"}
# tests/component/test_logs.py makes these.
LOG_CALLS = {
    *("log.endpoint.open", "log.endpoint.write"),
    *("http-downstream.downstream-client-request-id", "http-resp.response.get-status"),
}
# The calls with which only a component with a route that publishes sends a request of its own: test_publishing.py.
PUBLISH_CALLS = {
    "http-req.request.new",
    "http-req.request.set-method",
    "http-req.send-uncached",
    "http-resp.response.get-status",
}
# The calls for the next request in a sandbox. If they fail, there is none.
SANDBOX_CALLS = {"http-downstream.next-request", "http-downstream.await-request"}
# The calls with which the native `handle` begins. It makes them all once, but for the values of each header.
_GATHERED = {
    "http-req.request.get-method",
    "http-req.request.get-uri",
    "http-req.request.get-header-names",
    "http-req.request.get-header-values",
    "http-downstream.downstream-tls-protocol",
    "http-downstream.downstream-client-ip-addr",
    "wall-clock.now",
}
GATHERED = _GATHERED if FLATTEN else set()
OPEN_ERRORS = "invalid-syntax name-too-long reserved not-found unsupported limit-exceeded generic-error".split()

BASE = "http://a.edgecompute.app"
PLAN = compile_routes((Path(__file__).parent / "routes.yaml").read_bytes(), INPUTS).plan
SIGNED = [("Grip-Sig", GRIP_SIG.encode())]
STREAM = [*SIGNED, *pin(PLAN, f"{BASE}/test/stream")]
EVENTS = [*SIGNED, ("Content-Type", b"application/websocket-events")]
SOCKET = [*EVENTS, *pin(PLAN, f"{BASE}/test/websocket", UPGRADE)]
GUARDED = [*EVENTS, *pin(PLAN, "http://www.example.com/guarded", UPGRADE)]
PAGE = [("Upgrade", b"websocket"), ("Origin", b"https://chat.example.com")]
FOREIGN_PAGE = [("Upgrade", b"websocket"), ("Origin", b"https://chat.example.com.evil.com")]
HOP = [("Connection", b"x-hop"), ("X-Hop", b"1"), ("X-Other", b"1")]
# Headers of the platform that a client sends itself.
CLAIMS = [("Grip-Last", b"x; last-id=1"), ("meta_user", b"x"), ("X-Forwarded-Prefix", b"/x"), ("X-Forwarded-For", b"x")]
# A backend's answer.
ANSWER = [("Grip-Hold", b"stream"), ("X-There", b"1"), ("X-Set", b"1"), *HOP]
# Every kind of request: its path, its headers, its body.
REQUESTS: dict[str, tuple[str, list[tuple[str, bytes]], bytes]] = {
    "handoff to origin": ("http://www.example.com/x", [], b""),
    "handoff to self": (f"{BASE}/test/stream", [], b""),
    "handoff by rules": ("http://www.example.com/rules", [("X-There", b"1"), ("X-Add", b"1"), ("X-Set", b"1")], b""),
    "forward": ("http://www.example.com/forward", HOP, b"body"),
    "a page's forward": ("http://www.example.com/shared", PAGE[1:], b""),
    "a page's handoff": ("http://www.example.com/shared/handoff", PAGE[1:], b""),
    "forward for Fanout": ("http://www.example.com/linked", SIGNED, b""),
    "forward that no link leads to": ("http://www.example.com/forward", SIGNED, b""),
    "handoff of claims": ("http://www.example.com/x", CLAIMS, b""),
    "tunnel": ("http://www.example.com/tunnel", [("Upgrade", b"websocket")], b""),
    "no tunnel": ("http://www.example.com/tunnel", [], b""),
    "stream": (f"{BASE}/test/stream", STREAM, b""),
    "stream of another build": (f"{BASE}/test/stream", [*SIGNED, ("Fanroute-Pin", encode(Pin(1, "stream-0")))], b""),
    "websocket": (f"{BASE}/test/websocket", SOCKET, b"OPEN\r\nTEXT 2\r\nhi\r\n"),
    "no websocket": (f"{BASE}/test/websocket", SIGNED, b""),
    "a page's websocket": ("http://www.example.com/guarded", PAGE, b""),
    "a foreign page's websocket": ("http://www.example.com/guarded", FOREIGN_PAGE, b""),
    "a page's events": ("http://www.example.com/guarded", [*PAGE, *GUARDED], b"OPEN\r\n"),
    "a foreign page's events": ("http://www.example.com/guarded", [*FOREIGN_PAGE, *GUARDED], b"OPEN\r\n"),
    "events without a pin": ("http://www.example.com/guarded", EVENTS, b"OPEN\r\n"),
    "respond": (f"{BASE}/test/other", [], b""),
    "loop": ("http://www.example.com/x", SIGNED, b""),
    "forged events": (f"{BASE}/test/websocket", EVENTS[1:], b"OPEN\r\n"),
    "forged signature": (f"{BASE}/test/stream", [("Grip-Sig", b"present")], b""),
}
# Headers that clients also send, and that no route here uses. Reading one of them is a call too many.
USUAL = [("Accept", b"*/*"), ("Accept-Language", b"en"), ("Cookie", b"a=b"), ("Referer", b"/"), ("User-Agent", b"test")]
HANDED_OFF = {
    "handoff to origin": "origin",
    "handoff to self": "self",
    "handoff by rules": "origin",
    "handoff of claims": "origin",
    "tunnel": "origin",
    "a page's websocket": "self",
    "a page's handoff": "origin",
}
STATUS = {
    "forward": 201,
    "a page's forward": 201,
    "forward for Fanout": 201,
    "forward that no link leads to": 403,
    "no tunnel": 426,
    "stream": 200,
    "stream of another build": 200,
    "websocket": 200,
    "no websocket": 426,
    "a foreign page's websocket": 403,
    "a page's events": 200,
    "a foreign page's events": 403,
    "respond": 404,
    "events without a pin": 403,
    "loop": 403,
    "forged events": 403,
    "forged signature": 403,
}


class Host:
    """Runs the component with a log of its calls, and with a fault that the test chooses."""

    def __init__(self, workspace: Workspace) -> None:
        engine, component = load_component(workspace.wasm, workspace.cache)
        self.wasm = workspace.wasm.read_bytes()
        self.component = EmbeddedComponent(engine, component, self._intercept)
        self.imports = set(component.type.imports(engine))
        self.calls: list[str] = []
        # The backend that was asked last, the headers it got, and the target.
        self.asked: tuple[str, list[tuple[str, bytes]]] = ("", [])
        self.target = ""
        # The headers of a backend's answer.
        self.answered = ANSWER
        self.fault: Callable[[int, str], Any] = lambda index, name: None
        # A backend's answer.
        self.backend: Callable[[], Response] = lambda: Response(201, list(self.answered), b"a backend's")

    def _intercept(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        replaced = self.fault(len(self.calls) - 1, name)
        return call() if replaced is None else replaced

    def ask(
        self,
        uri: str,
        headers: Sequence[tuple[str, bytes]] = (),
        body: bytes = b"",
        chunk: int = 1 << 20,
        **facts: Any,
    ) -> Exchange | None:
        """Returns the exchange after the component has handled it, or None if `handle` failed. Raises if it trapped."""
        self.calls.clear()
        self.asked, self.target = ("", []), ""
        exchange = self.exchange(uri, headers, body, chunk, **facts)
        handled = self.component.handle(exchange)
        outcomes = [exchange.handoff, exchange.tunnel, exchange.answer]
        assert sum(outcome is not None for outcome in outcomes) == handled
        return exchange if handled else None

    def exchange(
        self, uri: str, headers: Sequence[tuple[str, bytes]] = (), body: bytes = b"", chunk: int = 1 << 20, **facts: Any
    ) -> Exchange:
        """Returns a request to the component whose body comes in chunks. Backends give it this host's answer."""
        rest = bytearray(body)

        def read(size: int) -> bytes:
            part = bytes(rest[: min(size, chunk)])
            del rest[: len(part)]
            return part

        def answer(backend: str, target: str, headers: list[tuple[str, bytes]]) -> Response:
            self.asked, self.target = (backend, headers), target
            return self.backend()

        backends = facts.pop("backends", frozenset({"origin", "self", "linked", "fallen"}))
        facts.setdefault("config_stores", {LOCAL_STORE: LOCAL_ENTRIES})
        return Exchange(uri, list(headers), backends, read, fetch=answer, **facts)


@pytest.fixture(scope="session")
def session_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tmp_path_factory.mktemp("component")
    shutil.copy(Path(__file__).parent / "routes.yaml", folder)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return Host(workspace)


@pytest.fixture
def host(session_host: Host) -> Host:
    session_host.fault = lambda index, name: None
    session_host.answered = ANSWER
    return session_host


def test_a_production_component_refuses_the_local_key(host: Host) -> None:
    """The component that ships does not contain the key, and on a Fastly service it asks no store for it."""
    refused = host.ask(*REQUESTS["stream"], service_id="SU1Z0isxPaozGVKXdv0eY")
    assert outcome(refused) == 403
    assert not [call for call in host.calls if call.startswith(("config-store", "secret-store"))]
    assert DEV_KEY.encode() not in host.wasm


def test_what_was_served_while_building_is_forgotten(host: Host) -> None:
    """No key of the build is accepted, and stores are read again. The counts below show it for everything that is cached."""
    key = "in no store but that of the samples"
    assert f'STORED = b"{key}"' in (REPOSITORY / "runtime/fanroute_runtime/snapshot/warm.py").read_text()
    signature = jwt.encode({"iss": LOCAL_KEY.issuer, "exp": 4_102_444_800}, key, "HS256")
    for _ in range(2):
        assert outcome(host.ask(REQUESTS["stream"][0], [("Grip-Sig", signature.encode())])) == 403
        assert "config-store.store.get" in host.calls


def calls_of_two(
    host: Host, uri: str, headers: Sequence[tuple[str, bytes]], body: bytes, **facts: Any
) -> tuple[list[str], list[str]]:
    """Returns the host calls of a request in a new sandbox, and those of the same request after it."""
    second = host.exchange(uri, headers, body, **facts)
    host.ask(uri, headers, body, request_next=lambda seconds: lambda: second, **facts)
    after_first = host.calls.index("http-downstream.await-request") + 1
    return host.calls[:after_first], host.calls[after_first:]


def outcome(exchange: Exchange | None) -> str | int | None:
    """Returns the backend of the handoff, the status of the answer, or None if `handle` failed."""
    if exchange is None:
        return None
    return exchange.handoff or exchange.tunnel or (exchange.answer.status if exchange.answer else None)


@pytest.mark.parametrize("kind", REQUESTS)
def test_without_faults(host: Host, kind: str) -> None:
    assert outcome(host.ask(*REQUESTS[kind])) == (HANDED_OFF | STATUS)[kind]


@pytest.mark.budget
def test_the_host_calls_of_each_kind(host: Host, budget: Budget) -> None:
    """Counts the host calls that a request costs. Each host call is used by one of these requests, or in a test of its own."""
    counts, reused = {}, {}
    used: set[str] = set()
    for kind, (uri, headers, body) in REQUESTS.items():
        first, second = calls_of_two(host, uri, [*headers, *USUAL], body)
        counts[kind], reused[kind] = len(first), len(second)
        used |= set(host.calls)
    budget.check("host calls", counts)
    budget.check("host calls in a reused sandbox", reused)
    assert used == set(CALLS) - FACT_CALLS - LIMIT_CALLS - CACHE_CALLS - RATE_CALLS - LOG_CALLS - PUBLISH_CALLS


def errors_of(name: str) -> list[str]:
    return OPEN_ERRORS if name.endswith(".open") else ERRORS


@pytest.mark.parametrize(
    ("name", "error"), [(name, error) for name in CALLS if name not in INFALLIBLE for error in errors_of(name)]
)
def test_any_call_may_fail(host: Host, name: str, error: str) -> None:
    """If a call always fails with any of its errors, the edge answers, and never hands off with claims that the client made."""
    payload = 100_000 if error == "buffer-len" else None

    def fault(index: int, called: str) -> None:
        if called == name:
            raise HostError(error, payload)

    host.fault = fault
    too_long = error == "buffer-len"
    expected = {
        "http-req.request.get-method": 501 if too_long else 500,
        "http-req.request.get-uri": 414 if too_long else 500,
        "http-req.request.insert-header": 500,
        "http-req.request.append-header": 500,
        "http-req.request.remove-header": 500,
        "http-downstream.downstream-tls-protocol": 500,
        "backend.backend.open": 502,
        "http-req.request.redirect-to-grip-proxy": 502,
        "http-req.request.redirect-to-websocket-proxy": 502,
        "http-req.request.get-header-names": 431 if too_long else 500,
        "http-req.request.get-header-values": 431 if too_long else 500,
        "config-store.store.open": 500,
        "config-store.store.get": 500,
        "http-req.send": 502,
        "http-resp.response.get-header-names": 502,
        "http-resp.response.get-header-values": 502,
        "http-resp.response.insert-header": 502,
        "http-resp.response.remove-header": 502,
        "http-body.read": 400,
    }
    for kind, request in REQUESTS.items():
        result = outcome(host.ask(*request))
        # This error means that the header is missing, which is fine.
        harmless = name.endswith("remove-header") and error == "invalid-argument"
        # If the native `handle` cannot read the request, Python reads what it needs.
        needed = host.calls.count(name) > (name in GATHERED)
        if not needed or harmless or name in SANDBOX_CALLS:
            assert result == (HANDED_OFF | STATUS)[kind]
        else:
            # If sending the answer fails, no answer is left: `handle` fails, and the host answers 500.
            assert result == expected.get(name)


@pytest.mark.parametrize("kind", REQUESTS)
def test_each_call_may_fail_once(host: Host, kind: str) -> None:
    """After one failure at any point, the edge answers, hands off without the fact, or `handle` fails. It never traps."""
    host.ask(*REQUESTS[kind])
    calls = list(host.calls)
    # If these fail, no answer is left. A backend's answer can be replaced until it is sent.
    sending = () if "http-req.send" in calls else ("http-resp", "http-body.new", "http-body.write")
    for failing, name in enumerate(calls):
        if name in INFALLIBLE:
            continue

        def fault(index: int, called: str, failing: int = failing) -> None:
            if index == failing:
                raise HostError("not-found" if called.endswith(".open") else "generic-error")

        host.fault = fault
        result = outcome(host.ask(*REQUESTS[kind]))
        # If the native `handle` cannot read the request, Python reads it.
        if name in SANDBOX_CALLS or is_gathering(calls[: failing + 1]):
            assert result == (HANDED_OFF | STATUS)[kind]
            continue
        assert result in (None, 400, 500, 502), name
        assert (result is None) == name.startswith(sending)


def is_gathering(calls: Sequence[str]) -> bool:
    """Returns True if only the native `handle` has made the first calls for a request. It reads the names of headers once."""
    return (
        (GATHERED | {"compute-runtime.get-service-id"}).issuperset(calls)
        and bool(GATHERED)
        and calls.count("http-req.request.get-header-names") < 2
    )


TIMED_OUT = ["dns-timeout", "connection-timeout", "http-response-timeout"]


@pytest.mark.parametrize(
    ("detail", "status"),
    [
        *((detail, 504) for detail in TIMED_OUT),
        *(
            (detail, 502)
            for detail in ["", "dns-error", "connection-refused", "tls-alert-received", "h2-error", "tls-protocol-error"]
        ),
    ],
)
def test_a_backend_may_fail_in_many_ways(host: Host, detail: str, status: int) -> None:
    def fault(index: int, called: str) -> None:
        if called == "http-req.send":
            raise HostError("generic-error", detail=detail)

    host.fault = fault
    for path, body in (("/forward", b"The backend 'origin' "), ("/fallen", b"Back soon\n")):
        exchange = host.ask(f"http://www.example.com{path}")
        assert exchange is not None and exchange.answer is not None
        assert (exchange.answer.status, exchange.answer.body[: len(body)]) == (status, body)
        assert (("x-set", b"a") in exchange.answer.headers) == (path == "/forward")


def test_what_is_forwarded_goes_through_changed(host: Host) -> None:
    exchange = host.ask(*REQUESTS["forward"], client_ip="198.51.100.7")
    assert exchange is not None and exchange.answer is not None
    backend, headers = host.asked
    assert (backend, dict(headers)) == (
        "origin",
        {
            "X-Other": b"1",
            "x-forwarded-for": b"198.51.100.7",
            "x-forwarded-host": b"www.example.com",
            "x-forwarded-proto": b"http",
            "x-set": b"a",
        },
    )
    assert (exchange.answer.status, exchange.answer.body) == (201, b"a backend's")
    assert exchange.answer.headers == [("X-Other", b"1"), ("x-set", b"a"), ("x-add", b"b")]
    assert "http-body.read" not in host.calls


def test_what_fanout_asks_is_forwarded_as_it_is(host: Host) -> None:
    told = [*SIGNED, ("X-Forwarded-For", b"203.0.113.9")]
    exchange = host.ask("http://www.example.com/linked", told)
    assert exchange is not None and exchange.answer is not None
    assert host.asked == ("linked", [*told, ("x-set", b"a")])
    assert ("Grip-Hold", b"stream") in exchange.answer.headers
    assert not {"connection", "x-hop"} & {name.lower() for name, _ in exchange.answer.headers}


@pytest.mark.parametrize(
    "types",
    [[b"application/grip-instruct"], [b"text/plain", b"Application/Grip-Instruct; a=b"], [b"application/websocket-events"]],
)
def test_an_answer_for_fanout_is_no_clients(host: Host, types: list[bytes]) -> None:
    host.answered = [("X-A", b"1"), *(("Content-Type", value) for value in types)]
    exchange = host.ask(*REQUESTS["forward"])
    assert exchange is not None and exchange.answer is not None
    assert (exchange.answer.status, exchange.answer.body) == (
        502,
        b"The backend's answer is for Fanout, but Fanout did not send this request.\n",
    )
    assert ("X-A", b"1") not in exchange.answer.headers
    exchange = host.ask(*REQUESTS["forward for Fanout"])
    assert exchange is not None and exchange.answer is not None
    assert (exchange.answer.status, exchange.answer.body) == (201, b"a backend's")


@pytest.mark.parametrize("kind", ["handoff to origin", "handoff to self", "forward", "tunnel"])
def test_what_a_client_claims_goes_no_further(host: Host, kind: str) -> None:
    uri, headers, body = REQUESTS[kind]
    exchange = host.ask(uri, [*headers, *CLAIMS, ("X-Other", b"1")], body)
    assert exchange is not None
    sent = dict(host.asked[1] or exchange.headers)
    assert sent["x-forwarded-for"] == b"127.0.0.1"
    assert sent["X-Other"] == b"1"
    assert not {name.lower() for name, _ in CLAIMS[:3]} & {name.lower() for name in sent}


@pytest.mark.parametrize("names", [[f"x-{i:05}" + "x" * 90 for i in range(1500)]])
def test_headers_may_come_in_parts(host: Host, names: list[str]) -> None:
    """There are more names, and more values of Connection, than the host returns at once."""
    named = [("Connection", b", ".join(name.encode() for name in names[i : i + 300])) for i in range(0, 1500, 300)]
    exchange = host.ask("http://www.example.com/forward", [*((name, b"") for name in names), *named, ("X-Other", b"1")])
    assert exchange is not None
    assert [name for name, _ in host.asked[1] if not name.startswith("x-forwarded-")] == ["X-Other", "x-set"]
    assert host.calls.count("http-req.request.get-header-names") > 1
    assert host.calls.count("http-req.request.get-header-values") > 1


def test_a_body_may_come_in_small_parts(host: Host) -> None:
    uri, headers, body = REQUESTS["websocket"]
    whole, parts = host.ask(uri, headers, body), host.ask(uri, headers, body, chunk=1)
    assert whole is not None and parts is not None
    assert whole.answer == parts.answer


def test_a_body_may_be_taken_in_small_parts(host: Host) -> None:
    uri, headers, body = REQUESTS["websocket"]
    whole = host.ask(uri, headers, body)
    parts = host.ask(uri, headers, body, write_limit=3)
    assert whole is not None and parts is not None
    assert whole.answer == parts.answer


def test_a_body_that_is_never_taken_ends(host: Host) -> None:
    host.fault = lambda index, name: 0 if name == "http-body.write" else None
    assert host.ask(*REQUESTS["respond"]) is None


def test_the_handoff_leaves_the_body_alone(host: Host) -> None:
    host.ask("http://www.example.com/x", [], b"body")
    assert "http-body.read" not in host.calls


def test_the_handoff_goes_out_with_the_headers_set_before_it(host: Host) -> None:
    claimed = [("X-Forwarded-For", b"203.0.113.9"), ("x-forwarded-proto", b"https"), ("X-Other", b"kept")]
    exchange = host.ask("http://www.example.com:81/x", claimed, client_ip="198.51.100.7")
    assert exchange is not None
    assert dict(exchange.headers) == {
        "X-Other": b"kept",
        "x-forwarded-for": b"198.51.100.7",
        "x-forwarded-host": b"www.example.com:81",
        "x-forwarded-proto": b"http",
    }


def test_the_handoff_goes_out_with_the_headers_of_its_rules(host: Host) -> None:
    exchange = host.ask(*REQUESTS["handoff by rules"])
    assert exchange is not None
    others = [(name.lower(), value) for name, value in exchange.headers if not name.startswith("x-forwarded-")]
    assert others == [("x-add", b"1"), ("x-set", b"a"), ("x-add", b"b")]


@pytest.mark.parametrize(
    ("facts", "address", "scheme"),
    [
        ({"client_ip": "2001:db8::1", "tls": "TLSv1.3"}, b"2001:db8::1", b"https"),
        ({"client_ip": "::ffff:192.0.2.1"}, b"::ffff:192.0.2.1", b"http"),
        ({"client_ip": None, "tls": ""}, b"unknown", b"https"),
    ],
)
def test_the_connection_is_told_as_it_is(host: Host, facts: dict[str, Any], address: bytes, scheme: bytes) -> None:
    exchange = host.ask("http://www.example.com/x", [("X-Forwarded-For", b"203.0.113.9")], **facts)
    assert exchange is not None
    assert dict(exchange.headers)["x-forwarded-for"] == address
    assert dict(exchange.headers)["x-forwarded-proto"] == scheme


def test_the_component_imports_the_wit_alone(host: Host) -> None:
    """It imports no random numbers and no file system, only the declared interfaces. The clock is WASI's."""
    interfaces = ["types", "async-io", "http-types", "http-body", "backend", "http-resp", "http-req", "http-downstream"]
    interfaces += ["secret-store", "config-store", "compute-runtime"]
    assert host.imports == {f"fastly:compute/{name}@0.1.0" for name in interfaces} | {"wasi:clocks/wall-clock@0.2.6"}
