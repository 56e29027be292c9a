"""Routes with `limit`, in a built component and in the interpreted form: what the host is asked to count, and who is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from fanroute.bundle import toolchain
from fanroute.host.exchange import Exchange, HostError
from fanroute.host.interpreted import InterpretedComponent
from fanroute.host.rate_limits import RateLimits
from fanroute.pipeline import compile_routes
from fanroute.plan.request import TIME
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.project.workspace import Workspace
from fanroute_runtime.local import LOCAL_STORE
from tests.component.test_component import OPEN_ERRORS, RATE_CALLS, Host, calls_of_two, errors_of, outcome
from tests.conftest import GRIP_SIG, INPUTS
from tests.support.budget import Budget
from tests.support.builds import app_files, build_once
from tests.support.pins import UPGRADE, pin
from tests.support.tokens import CLAIMS, SECRETS, by_pyjwt

ROUTES = b"""\
version: 1
service: {name: limited}
backends: {origin: {url: "https://app.example.com"}, self: {loopback: true}}
auth_profiles:
  users: {keys: {algorithm: HS256, secret_store: edge, name: login}}
debug: {secret_store: edge, name: debug}
routes:
  - name: events
    match: {path: /events}
    public: true
    limit: {rate: 10/s, window: 1s, penalty: 2m}
    sse: {channel: news, cors: {origins: "https://www.example.com"}}
  - {name: socket, match: {path: /socket}, auth: users, limit: {rate: 20/s, by: claim.sub}, websocket: {channel: news}}
  - {name: checked, match: {path: /checked}, auth: users, limit: {rate: 20/s}, respond: {status: 200}}
  - {name: forward, match: {path: /forward}, limit: {rate: 100/s, window: 60s, by: header.x-key}, forward: origin}
  - {name: handoff, match: {path: /handoff}, limit: {rate: 3/s, penalty: 1h}, handoff: origin}
  - {name: free, match: {path: /free}, respond: {status: 200}}
"""
PLAN = compile_routes(ROUTES, INPUTS).plan
BASE = "http://www.example.com"
SIGNED = [("Grip-Sig", GRIP_SIG.encode())]
BEARER = ("Authorization", b"Bearer " + by_pyjwt(CLAIMS, "HS256"))
FORGED = ("Authorization", b"Bearer " + by_pyjwt(CLAIMS, "HS256")[:-2] + b"AA")
PAGE = ("Origin", b"https://www.example.com")
PREFLIGHT = [PAGE, ("Access-Control-Request-Method", b"GET")]
SHOWN = ("Fanroute-Debug", b"a secret that nobody would guess")
STORES = {"edge": SECRETS["edge"] | {"debug": SHOWN[1]}}
FACTS: dict[str, Any] = {"config_stores": {LOCAL_STORE: LOCAL_ENTRIES}, "secret_stores": STORES, "clock": lambda: TIME}
IP = "ip:127.0.0.1"


class Counter(RateLimits):
    """Keeps what it is asked to count, at a time that the test sets."""

    def __init__(self) -> None:
        super().__init__(lambda: self.now)
        self.now: float = TIME
        self.asked: list[tuple[Any, ...]] = []

    def check_rate(self, *arguments: Any) -> bool:
        self.asked.append(arguments)
        return super().check_rate(*arguments)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Host:
    folder = tmp_path_factory.mktemp("limited")
    (folder / "routes.yaml").write_bytes(ROUTES)
    workspace = Workspace(folder / "routes.yaml")
    build_once(workspace)
    return Host(workspace)


@pytest.fixture(params=["component", "interpreted"])
def host(request: pytest.FixtureRequest, built: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    built.fault = lambda index, name: None
    if request.param == "interpreted":
        monkeypatch.setattr(built, "component", InterpretedComponent(PLAN, built._intercept))
    return built


def ask(host: Host, counter: Counter, path: str, *headers: tuple[str, bytes], **facts: Any) -> Exchange | None:
    return host.ask(BASE + path, headers, rate_limits=counter, **FACTS | facts)


def status_after(count: int, ask_once: Callable[[], Exchange | None]) -> str | int | None:
    """Returns the outcome of the last of so many requests."""
    return [outcome(ask_once()) for _ in range(count)][-1]


@pytest.mark.parametrize(
    ("path", "headers", "counted"),
    [
        ("/events", [], ("limited/events", IP, 1, 1, 10, "limited/events", 120)),
        ("/events", [("Upgrade", b"websocket")], ("limited/events", IP, 1, 1, 10, "limited/events", 120)),
        ("/socket", [BEARER, UPGRADE], ("limited/socket", "claim:ann", 1, 10, 20, "limited/socket", 120)),
        ("/checked", [BEARER], ("limited/checked", IP, 1, 10, 20, "limited/checked", 120)),
        ("/checked", [FORGED], ("limited/checked", IP, 1, 10, 20, "limited/checked", 120)),
        (
            "/forward",
            [("X-Key", b"ann"), ("X-Key", b"bob")],
            ("limited/forward", "header:ann", 1, 60, 100, "limited/forward", 120),
        ),
        ("/forward", [], ("limited/forward", IP, 1, 60, 100, "limited/forward", 120)),
        ("/forward", [("X-Key", b"")], ("limited/forward", IP, 1, 60, 100, "limited/forward", 120)),
        ("/forward", [("X-Key", b"a"), ("Connection", b"x-key")], ("limited/forward", IP, 1, 60, 100, "limited/forward", 120)),
        ("/handoff", [], ("limited/handoff", IP, 4, 10, 12, "limited/handoff", 3600)),
    ],
)
def test_the_host_counts_a_use(host: Host, path: str, headers: list[tuple[str, bytes]], counted: tuple[Any, ...]) -> None:
    counter = Counter()
    ask(host, counter, path, *headers)
    assert counter.asked == [counted]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/free", []),
        ("/nowhere", []),
        ("/socket", [FORGED, UPGRADE]),  # a limit by a claim needs a token whose signature is good
        ("/socket", [UPGRADE]),
        ("/events", [*SIGNED, *pin(PLAN, f"{BASE}/events")]),  # the second pass
    ],
)
def test_the_host_counts_nothing(host: Host, path: str, headers: list[tuple[str, bytes]]) -> None:
    counter = Counter()
    ask(host, counter, path, *headers)
    assert counter.asked == []
    assert RATE_CALLS.isdisjoint(host.calls)


def test_a_preflight_request_is_not_counted(host: Host) -> None:
    """The browser sends it, not the page, and the edge answers it."""
    counter = Counter()
    exchange = ask(host, counter, "/events", *PREFLIGHT, method="OPTIONS")
    assert (outcome(exchange), counter.asked) == (204, [])


def test_a_client_that_sends_too_much_is_refused(host: Host) -> None:
    """Others are not. After the penalty it is let in again."""
    counter = Counter()
    assert status_after(10, lambda: ask(host, counter, "/events", PAGE)) == "self"
    refused = ask(host, counter, "/events", PAGE)
    assert refused is not None and refused.answer is not None
    assert (refused.answer.status, refused.answer.body) == (429, b"Too many requests.\n")
    headers = dict(refused.answer.headers)
    assert headers["retry-after"] == b"120"
    assert headers["access-control-allow-origin"] == b"https://www.example.com", "the page can read why it is refused"
    assert outcome(ask(host, counter, "/events", client_ip="192.0.2.9")) == "self"
    assert outcome(ask(host, counter, "/checked", BEARER)) == 200, "each route has a counter of its own"
    counter.now += 119
    assert outcome(ask(host, counter, "/events")) == 429
    counter.now += 1
    assert outcome(ask(host, counter, "/events")) == "self"


def test_a_forged_token_is_counted_before_it_is_looked_at(host: Host) -> None:
    counter = Counter()
    assert status_after(200, lambda: ask(host, counter, "/checked", FORGED)) == 401
    assert outcome(ask(host, counter, "/checked", FORGED)) == 429
    assert outcome(ask(host, counter, "/checked", BEARER)) == 429
    assert outcome(ask(host, counter, "/checked", BEARER, client_ip="192.0.2.9")) == 200


def test_a_claim_is_counted_wherever_its_holder_is(host: Host) -> None:
    counter = Counter()
    clients = iter(range(1000))
    other = ("Authorization", b"Bearer " + by_pyjwt({**CLAIMS, "sub": "bob"}, "HS256"))

    def ask_once(token: tuple[str, bytes] = BEARER) -> Exchange | None:
        address = f"192.0.2.{next(clients) % 250}"
        return ask(host, counter, "/socket", token, UPGRADE, client_ip=address)

    assert status_after(200, ask_once) == "self"
    assert (outcome(ask_once()), outcome(ask_once(other)), outcome(ask_once(FORGED))) == (429, "self", 401)


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("192.0.2.7", "ip:192.0.2.7"),
        ("::ffff:192.0.2.7", "ip:192.0.2.7"),
        ("2001:db8::1", "ip:20010db800000000/64"),
        ("2001:db8:0:0:ffff::", "ip:20010db800000000/64"),
        ("2001:db8:0:1::", "ip:20010db800000001/64"),
        (None, "ip:unknown"),
    ],
)
def test_the_entry_of_an_address(host: Host, address: str | None, entry: str) -> None:
    counter = Counter()
    ask(host, counter, "/events", client_ip=address)
    assert [asked[1] for asked in counter.asked] == [entry]


@pytest.mark.parametrize("name", sorted(RATE_CALLS))
def test_a_client_is_let_in_if_the_host_cannot_count(host: Host, name: str) -> None:
    """A limit that fails, as where the product is not enabled, must not end the service."""
    for error in errors_of(name):

        def fault(index: int, called: str, error: str = error) -> None:
            if called == name:
                raise HostError(error, 100_000 if error == "buffer-len" else None)

        host.fault = fault
        for path, headers, expected in [
            ("/events", [], "self"),
            ("/socket", [BEARER, UPGRADE], "self"),
            ("/checked", [BEARER], 200),
        ]:
            assert outcome(ask(host, Counter(), path, *headers)) == expected
            assert name in host.calls
    assert len(OPEN_ERRORS) > 1


def test_who_shows_the_secret_is_told_that_nothing_is_counted(host: Host) -> None:
    def told(*headers: tuple[str, bytes], path: str = "/checked") -> bytes | None:
        exchange = ask(host, Counter(), path, BEARER, *headers)
        assert exchange is not None and exchange.answer is not None and exchange.answer.status == 200
        return dict(exchange.answer.headers).get("fanroute-limit")

    assert told(SHOWN) is None

    def fault(index: int, called: str) -> None:
        if called == "erl.rate-counter.check-rate":
            raise HostError("unsupported")

    host.fault = fault
    assert told() is None
    assert (told(SHOWN) or b"").startswith(b"not counted: ")
    assert told(SHOWN, path="/free") is None, "it is about this request"


@pytest.mark.budget
def test_the_host_calls_of_a_limit(built: Host, budget: Budget) -> None:
    built.fault = lambda index, name: None
    counts = {}
    for kind, path, headers in [
        ("by address", "/events", []),
        ("by claim", "/checked", [BEARER]),
        ("without a limit", "/free", []),
    ]:
        first, second = calls_of_two(built, BASE + path, headers, b"", rate_limits=Counter(), **FACTS)
        counts |= {kind: len(first), f"{kind}, in a reused sandbox": len(second)}
        assert (set(first) & RATE_CALLS, set(second) & RATE_CALLS) == (
            (set(), set()) if path == "/free" else (RATE_CALLS, RATE_CALLS)
        )
    budget.check("host calls of a limit", counts)


def test_other_components_cannot_count() -> None:
    """They are made from a WIT without edge rate limiting, and have no code for it."""
    files = app_files(compile_routes(ROUTES.partition(b"  - name: events")[0] + b"  - forward: origin\n", INPUTS).plan)
    assert not [name for name in files if "rate" in name or "limiter" in name]
    assert "erl" not in toolchain.wit_for(files)["edge.wit"]
    assert "interface erl" in toolchain.wit_for(app_files(PLAN))["edge.wit"]
