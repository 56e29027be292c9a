"""Counts the instructions and host calls of a GRIP answer, by how its Grip-Sig is signed."""

from collections.abc import Callable
from itertools import pairwise

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fanroute.host.exchange import Exchange
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.project.workspace import Workspace
from fanroute_runtime.local import LOCAL_STORE
from tests.conftest import GRIP_SIG, OWN_HOST, REPOSITORY
from tests.support.budget import Budget
from tests.support.builds import build_once
from tests.support.fuel import CountedComponent, counted, sandbox
from tests.support.tokens import public

KEY = ec.derive_private_key(7, ec.SECP256R1())
ROUTES = """
fanout:
  keys:
    - {issuer: known, algorithm: ES256, file: key.pem}
    - {issuer: late, algorithm: ES256, config_store: keys, name: late}
"""
STORES = {LOCAL_STORE: LOCAL_ENTRIES, "keys": {"late": public(KEY).decode()}}
# The requests of a sandbox, of which the last is counted as one in a reused sandbox.
REQUESTS = 8
# Python's hashes differ between components.
SPREAD = 0.03


def grip_sig(issuer: str, **more: int) -> str:
    return jwt.encode({"exp": 4_102_444_800, "iss": issuer, **more}, KEY, "ES256", sort_headers=False)


IN_FANOUTS_FORM = {"HS256": GRIP_SIG, "ES256": grip_sig("known"), "ES256, a key in a store": grip_sig("late")}
# Python checks the last token as it checks clients' tokens: only its signature is verified by the native module.
SIGNED = {**IN_FANOUTS_FORM, "ES256, another claim": grip_sig("known", nbf=0)}


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> CountedComponent:
    """Builds the repository's own routes with two keys for ES256."""
    workspace = Workspace(tmp_path_factory.mktemp("instructions") / "routes.yaml")
    workspace.routes.write_text((REPOSITORY / "routes.yaml").read_text() + ROUTES)
    workspace.routes.with_name("key.pem").write_bytes(public(KEY))
    build_once(workspace)
    return counted(workspace.wasm.read_bytes())


def costs(component: CountedComponent, signature: str) -> list[tuple[int, int]]:
    """Returns how many instructions and host calls each request of a sandbox takes."""
    handle, fuel = sandbox(component)
    component.calls.clear()
    marks = [(fuel(), 0)]

    def request_next(seconds: float) -> Callable[[], Exchange | None]:
        return following

    def following() -> Exchange | None:
        marks.append((fuel(), len(component.calls)))
        return exchange() if len(marks) <= REQUESTS else None

    def exchange() -> Exchange:
        headers = [("Grip-Sig", signature.encode())]
        made = Exchange(f"https://{OWN_HOST}/test/stream", headers, frozenset({"self"}), config_stores=STORES)
        made.request_next = request_next
        exchanges.append(made)
        return made

    exchanges: list[Exchange] = []
    assert handle(exchange())
    assert all(each.answer is not None and each.answer.status == 200 for each in exchanges)
    return [(before - after, made - made_before) for (before, made_before), (after, made) in pairwise(marks)]


@pytest.mark.budget
def test_the_costs_of_a_grip_answer(component: CountedComponent, budget: Budget) -> None:
    instructions, calls = {}, {}
    for name, signature in SIGNED.items():
        first, *_, last = costs(component, signature)
        for kind, cost in ((name, last), (f"{name}, in a new sandbox", first)):
            instructions[kind], calls[kind] = cost
    budget.check("host calls of a GRIP answer", calls)
    budget.check("instructions", instructions, SPREAD)
