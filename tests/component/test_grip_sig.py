"""Tests who checks a Grip-Sig in a component: the native module if the token has Fanout's form, otherwise Python.

In this component, Python's check refuses everything. So a request that is answered was checked natively.
"""

from typing import Any

import jwt
import pytest

from fanroute.bundle import builder, equivalence, toolchain
from fanroute.host.component import EmbeddedComponent, compile_quickly
from fanroute.host.exchange import Exchange
from fanroute.pipeline import compile_routes
from fanroute.plan.signing import DEV_KEY, grip_sig
from fanroute.project.package_files import wit_sources
from fanroute.project.workspace import Workspace
from fanroute_runtime.plan import Plan
from tests.component.test_instructions import IN_FANOUTS_FORM, KEY, ROUTES, STORES
from tests.conftest import OWN_HOST, REPOSITORY
from tests.support.builds import FLATTEN, made_once
from tests.support.tokens import public

MARK = "Python has to decide"
PARSER = "fanroute_runtime/jose/jwt.py"
TIME = 4_102_444_800


def encode(claims: dict[str, Any], key: Any = KEY, algorithm: str = "ES256", **header: Any) -> str:
    return jwt.encode(claims, key, algorithm, headers=header, sort_headers=False)


FANOUTS = IN_FANOUTS_FORM | {"a local edge's": grip_sig(TIME).decode()}
OTHERS = {
    "another order of claims": encode({"iss": "known", "exp": TIME}),
    "another order of the header": jwt.encode({"exp": TIME, "iss": "known"}, KEY, "ES256"),
    "a further claim": encode({"exp": TIME, "iss": "known", "nbf": 1}),
    "a key id": encode({"exp": TIME, "iss": "known"}, kid="1"),
    "a fraction": encode({"exp": TIME + 0.5, "iss": "known"}),
    "another issuer": encode({"exp": TIME, "iss": "other"}),
    "another key": encode({"exp": TIME, "iss": "late"}, DEV_KEY, "HS256"),
    "expired": encode({"exp": 1_700_000_000, "iss": "known"}),
    "changed": IN_FANOUTS_FORM["ES256"][:-6] + "AAAAAA",
    "of Fastly, forged": encode({"exp": TIME, "iss": "fastly:0000000000000000000000"}),
    "no token": "present",
}


@pytest.fixture(scope="module")
def component(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedComponent:
    """Builds the component, or takes the one that was built from the same sources."""
    workspace = Workspace(tmp_path_factory.mktemp("grip-sig") / "routes.yaml")
    workspace.routes.write_text((REPOSITORY / "routes.yaml").read_text() + ROUTES)
    workspace.routes.with_name("key.pem").write_bytes(public(KEY))
    app_files = builder.app_files

    def refusing(plan: Plan) -> dict[str, str]:
        files = app_files(plan)
        return files | {PARSER: f"{files[PARSER]}\n\ndef parse(token):\n    raise BadToken({MARK!r})\n"}

    def make() -> bytes:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(builder, "app_files", refusing)
            # The component does not do what its Plan says.
            patched.setattr(equivalence, "behaves_as_planned", lambda *_: True)
            assert builder.build(workspace, print, FLATTEN).warnings == ()
        return workspace.read_wasm()

    plan = compile_routes(workspace.read_routes(), workspace.inputs()).plan
    made = made_once(workspace.routes.parent, toolchain.build_key(refusing(plan), wit_sources(), FLATTEN), make)
    return EmbeddedComponent(*compile_quickly(made))


def answered(component: EmbeddedComponent, signature: str) -> tuple[int, bool]:
    """Returns the status of the answer to a request with a Grip-Sig, and whether Python's check has refused it."""
    headers = [("Grip-Sig", signature.encode())]
    exchange = Exchange(f"https://{OWN_HOST}/test/stream", headers, frozenset({"self"}), config_stores=STORES)
    assert component.handle(exchange)
    assert exchange.answer is not None
    return exchange.answer.status, MARK.encode() in exchange.answer.body


@pytest.mark.parametrize("name", FANOUTS)
def test_a_token_in_fanouts_form(component: EmbeddedComponent, name: str) -> None:
    assert answered(component, FANOUTS[name]) == ((200, False) if FLATTEN else (403, True))


@pytest.mark.parametrize("name", OTHERS)
def test_another_token(component: EmbeddedComponent, name: str) -> None:
    assert answered(component, OTHERS[name]) == (403, True)
