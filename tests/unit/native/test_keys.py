"""Tests which Plans verify ES256, and that a forged signature of Fastly's is refused as one."""

from dataclasses import replace

import pytest

from fanroute.native.keys import verifies_es256
from fanroute.pipeline import compile_routes
from fanroute.plan.request import TIME, RequestData
from fanroute.plan.signing import forged_grip_sig
from fanroute_runtime.grip.signature import HEADER, Signatures
from fanroute_runtime.messages import Refused
from fanroute_runtime.plan import Auth, GripSig, Key, Plan, StoreEntry
from tests.conftest import INPUTS, REPOSITORY

PLAN = compile_routes((REPOSITORY / "routes.yaml").read_bytes(), INPUTS).plan
LATE = StoreEntry("config", "keys", "login")
HS256, ES256 = Key("HS256", LATE), Key("ES256", LATE)


def with_auth(key: Key) -> Plan:
    first, *others = PLAN.routes
    return replace(PLAN, grip_sig=GripSig("present"), routes=(replace(first, auth=Auth((key,), (), 0)), *others))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (PLAN, True),
        (replace(PLAN, grip_sig=GripSig("verify", (HS256,))), True),
        (replace(PLAN, grip_sig=GripSig("present")), False),
        (replace(PLAN, grip_sig=GripSig("none")), False),
        (with_auth(HS256), False),
        (with_auth(ES256), True),
    ],
    ids=["Fastly's key", "another's key", "present", "none", "clients' HS256", "clients' ES256"],
)
def test_which_plans_verify_es256(plan: Plan, expected: bool) -> None:
    assert verifies_es256(plan) == expected


def test_a_forged_signature_gets_as_far_as_the_key() -> None:
    request = RequestData("GET", "http://localhost/", ((HEADER, forged_grip_sig(TIME)),))
    with pytest.raises(Refused, match="not signed with a key") as refused:
        Signatures(GripSig()).identify_sender(request)
    assert refused.value.status == 403
