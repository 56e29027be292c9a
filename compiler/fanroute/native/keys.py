"""Answers which keys verify a Plan's tokens."""

from fanroute_runtime.grip.signature import FASTLY_KEY
from fanroute_runtime.plan import Plan
from fanroute_runtime.routes_file import distinct_auths


def verifies_es256(plan: Plan) -> bool:
    """Returns True if some token of the Plan, a client's or Fanout's, may be signed with ES256."""
    keys = [key for auth in distinct_auths(plan.routes) for key in auth.keys]
    if plan.grip_sig.check == "verify":
        keys += [FASTLY_KEY, *plan.grip_sig.keys]
    return any(key.algorithm == "ES256" for key in keys)
