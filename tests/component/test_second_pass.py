"""Tests that both passes of an endpoint that is known when building need no Python, in a component with a key of the tests."""

from collections.abc import Iterator

import jwt
import pytest
from bench.fastly_key import replaced_by
from bench.measuring.workloads import BROWSER
from cryptography.hazmat.primitives.asymmetric import ec

from fanroute.host.component import EmbeddedComponent
from fanroute.host.exchange import Exchange
from fanroute.project.workspace import Workspace
from tests.conftest import OWN_HOST, REPOSITORY
from tests.support.budget import Budget
from tests.support.builds import FLATTEN, build_once
from tests.support.fuel import CountedComponent, counted, sandbox
from tests.support.tokens import public

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not FLATTEN, reason="without flattening, Python decides about each request")]

KEY = ec.derive_private_key(7, ec.SECP256R1())
SERVICE = "SU1Z0isxPaozGVKXdv0eY"
BROWSERS = [(name, value.encode()) for name, value in BROWSER.items()]


def ask(component: EmbeddedComponent, path: str, headers: list[tuple[str, bytes]]) -> tuple[Exchange, int]:
    """Returns what a new sandbox does with a request, and how many instructions that takes."""
    handle, fuel = sandbox(component)
    backends = frozenset({"self", "origin"})
    exchange = Exchange(f"https://{OWN_HOST}{path}", list(headers), backends, tls="TLSv1.3", service_id=SERVICE)
    before = fuel()
    assert handle(exchange)
    return exchange, before - fuel()


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedComponent]:
    """Builds the repository's own routes for another key than Fastly's, whose private key is known."""
    workspace = Workspace(tmp_path_factory.mktemp("second-pass") / "routes.yaml")
    workspace.routes.write_text((REPOSITORY / "routes.yaml").read_text())
    with replaced_by(public(KEY)):
        build_once(workspace)
    yield counted(workspace.wasm.read_bytes())


def token(issuer: str, key: ec.EllipticCurvePrivateKey = KEY, **more: int) -> bytes:
    claims = {"exp": 4_102_444_800, "iss": issuer, **more}
    return jwt.encode(claims, key, "ES256", sort_headers=False).encode()


def fanouts(component: EmbeddedComponent, path: str, sig: bytes) -> list[tuple[str, bytes]]:
    """Returns the headers of the request that Fanout sends for a browser's."""
    handed_off, _ = ask(component, path, BROWSERS)
    assert handed_off.handoff == "self"
    return [*handed_off.headers, ("grip-feature", b"status"), ("grip-sig", sig)]


@pytest.mark.budget
def test_the_costs_of_both_passes(component: CountedComponent, budget: Budget) -> None:
    """Counts instructions and host calls. A 404 and a handoff to the origin are counted, too."""
    instructions, calls = {}, {}
    kinds = {"404": ("/test/none", BROWSERS), "handoff to origin": ("/none", BROWSERS)}
    for more, path in (("", "/test/stream"), (", SSE", "/test/sse"), (", long-poll", "/test/long-poll")):
        kinds[f"handoff to self{more}"] = path, BROWSERS
        kinds[f"GRIP answer{more}"] = path, fanouts(component, path, token(f"fastly:{SERVICE}"))
    for kind, (path, sent) in kinds.items():
        component.calls.clear()
        instructions[kind] = ask(component, path, sent)[1]
        calls[kind] = len(component.calls)
    budget.check("host calls without Python", calls)
    budget.check("instructions without Python", instructions, 0.03)


@pytest.mark.parametrize(
    ("path", "mode"), [("/test/stream", b"stream"), ("/test/sse", b"stream"), ("/test/long-poll", b"response")]
)
def test_the_answer_is_that_of_python(component: EmbeddedComponent, path: str, mode: bytes) -> None:
    """One more header makes Python answer."""
    headers = fanouts(component, path, token(f"fastly:{SERVICE}"))
    native, few = ask(component, path, headers)
    python, many = ask(component, path, [*headers, ("x-other", b"1")])
    assert native.answer == python.answer
    assert native.answer is not None
    assert ("grip-hold", mode) in native.answer.headers
    assert few < 0.8 * many


@pytest.mark.parametrize(
    "sig",
    [
        token("fastly:SU1Z"),
        token(SERVICE),
        token(f"fastly:{SERVICE}", ec.derive_private_key(8, ec.SECP256R1())),
        token(f"fastly:{SERVICE}", nbf=4_102_444_000),
        token(f"fastly:{SERVICE}")[:-1],
        token(f"fastly:{SERVICE}") + b"A",
        b"",
    ],
)
def test_signatures_that_are_refused(component: EmbeddedComponent, sig: bytes) -> None:
    exchange, _ = ask(component, "/test/stream", fanouts(component, "/test/stream", sig))
    assert exchange.answer is not None
    assert exchange.answer.status == 403


def test_a_forged_pin_is_of_no_use(component: EmbeddedComponent) -> None:
    headers = [(name, value) for name, value in fanouts(component, "/test/stream", b"") if name != "grip-sig"]
    exchange, _ = ask(component, "/test/stream", headers)
    assert exchange.handoff == "self"
