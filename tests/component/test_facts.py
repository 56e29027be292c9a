"""Tests the host's facts in the real component, with a host that counts calls and makes them fail."""

from typing import Any

import pytest

from fanroute.host.component import CALLS, INFALLIBLE
from fanroute.host.exchange import Exchange, HostError
from tests.component.test_component import FACT_CALLS, Host, errors_of, outcome
from tests.support.facts import build_facts

BASE = "http://www.example.com"
# The longest value that is accepted, in bytes.
MAX_STORED = 65_536
STORES: dict[str, Any] = {
    "config_stores": {"settings": {"key": "välue", "empty": "", "long": "x" * MAX_STORED, "longer": "x" * (MAX_STORED + 1)}},
    "secret_stores": {"secrets": {"key": b"\0\xff", "empty": b"", "long": b"x" * MAX_STORED, "longer": b"x" * (MAX_STORED + 1)}},
}


@pytest.fixture(scope="module")
def facts_host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return Host(build_facts(tmp_path_factory.mktemp("facts")))


@pytest.fixture
def host(facts_host: Host) -> Host:
    facts_host.fault = lambda index, name: None
    return facts_host


def answer(exchange: Exchange | None) -> tuple[int, bytes]:
    assert exchange is not None and exchange.answer is not None
    return exchange.answer.status, exchange.answer.body


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, b"0"), (1_675_365_428, b"1675365428"), (1_675_365_427.999, b"1675365427"), (2**33, b"8589934592")]
)
def test_the_time_is_the_hosts(host: Host, seconds: float, told: bytes) -> None:
    assert answer(host.ask(f"{BASE}/now", clock=lambda: seconds)) == (200, told)


def test_the_time_is_asked_each_time(host: Host) -> None:
    times = iter([1, 2])
    assert [answer(host.ask(f"{BASE}/now", clock=lambda: next(times)))[1] for _ in range(2)] == [b"1", b"2"]


@pytest.mark.parametrize("name", ["0000000000000000000000", "SU1Z0isxPaozGVKXdv0eY"])
def test_the_service_is_the_one_that_runs(host: Host, name: str) -> None:
    """It is not the service id of the build."""
    assert answer(host.ask(f"{BASE}/service-id", service_id=name)) == (200, name.encode())


@pytest.mark.parametrize(
    ("path", "status", "value"),
    [
        ("config/settings/key", 200, "välue".encode()),
        ("config/settings/empty", 200, b""),
        ("config/settings/long", 200, b"x" * MAX_STORED),
        ("config/settings/longer", 500, b"The edge could not read its configuration.\n"),
        ("config/settings/Key", 404, b"none\n"),
        ("config/Settings/key", 404, b"none\n"),
        ("config/secrets/key", 404, b"none\n"),
        ("secret/secrets/key", 200, b"\0\xff"),
        ("secret/secrets/empty", 200, b""),
        ("secret/secrets/long", 200, b"x" * MAX_STORED),
        ("secret/secrets/longer", 500, b"The edge could not read its configuration.\n"),
        ("secret/secrets/Key", 404, b"none\n"),
        ("secret/settings/key", 404, b"none\n"),
    ],
)
def test_stores_have_what_they_have(host: Host, path: str, status: int, value: bytes) -> None:
    assert answer(host.ask(f"{BASE}/{path}", **STORES)) == (status, value)


PASSED_ON = {"handoff": "origin", "forward": 201, "tunnel": "origin"}
UPGRADE = ("Upgrade", b"websocket")


@pytest.mark.parametrize("how", PASSED_ON)
@pytest.mark.parametrize("uri", [None, f"{BASE}/other?a=1&c=3"])
def test_what_is_passed_on_may_have_another_uri(host: Host, how: str, uri: str | None) -> None:
    headers = [UPGRADE] if uri is None else [UPGRADE, ("X-Uri", uri.encode())]
    exchange = host.ask(f"{BASE}/{how}?a=1&b=2&c=3", headers)
    assert exchange is not None
    assert outcome(exchange) == PASSED_ON[how]
    assert exchange.uri == (uri or f"{BASE}/{how}?a=1&b=2&c=3")
    assert how != "forward" or host.target == exchange.uri.removeprefix(BASE)


@pytest.mark.parametrize("how", PASSED_ON)
def test_a_uri_that_the_host_does_not_take_is_an_answer(host: Host, how: str) -> None:
    exchange = host.ask(f"{BASE}/{how}", [UPGRADE, ("X-Uri", b"not a URI")])
    assert answer(exchange) == (500, b"The edge could not read the request.\n")


# Every kind of fact, and the calls that return it.
KINDS = {
    "now": ["wall-clock.now"],
    "service-id": ["compute-runtime.get-service-id"],
    "config/settings/key": ["config-store.store.open", "config-store.store.get"],
    "secret/secrets/key": ["secret-store.store.open", "secret-store.store.get", "secret-store.secret.plaintext"],
    "handoff": ["http-req.request.set-uri"],
}


def asked(host: Host, kind: str) -> Exchange | None:
    headers = [("X-Uri", f"{BASE}/other".encode())] if kind == "handoff" else []
    return host.ask(f"{BASE}/{kind}", headers, **STORES)


def test_the_host_calls_of_each_fact(host: Host) -> None:
    of_facts = {name for calls in KINDS.values() for name in calls}
    for kind, calls in KINDS.items():
        asked(host, kind)
        assert [name for name in host.calls if name in of_facts] == calls
    assert FACT_CALLS <= of_facts <= set(CALLS)


@pytest.mark.parametrize(
    ("kind", "name", "error"),
    [
        (kind, name, error)
        for kind, calls in KINDS.items()
        for name in calls
        if name not in INFALLIBLE
        for error in errors_of(name)
    ],
)
def test_any_fact_may_fail(host: Host, kind: str, name: str, error: str) -> None:
    """If a call fails with any of its errors, the edge answers. Only a missing store counts as a store without the entry."""

    def fault(index: int, called: str) -> None:
        if called == name:
            raise HostError(error, 100_000 if error == "buffer-len" else None)

    host.fault = fault
    exchange = asked(host, kind)
    assert outcome(exchange) == (404 if error == "not-found" else 500)
    assert exchange is not None and exchange.handoff is None
