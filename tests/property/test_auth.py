"""Tests with generated profiles and tokens that the runtime admits whom docs/language admits, and what `fanroute diff` finds."""

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanroute.cli.diff_report import compare
from fanroute.pipeline import Compiled, compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Trace, Tracer
from fanroute_runtime.messages import Answer, NextHop, ToBackend, ToFanout
from tests.conftest import INPUTS, times
from tests.property import language, reference, tokens
from tests.property.auths import CONFIGS, PLACES, SECRETS, authorized, mutated, with_tokens
from tests.property.requests import requests
from tests.property.test_component import answered
from tests.support.counts import COUNTS

Data = dict[str, Any]
STORES = {"edge": {**CONFIGS["edge"], **SECRETS["edge"]}}


def compiled(spec: Data) -> Compiled:
    return compile_routes(language.written(spec, {"sort_keys": False}), INPUTS)


def observed(trace: Trace) -> reference.Outcome:
    """Returns the outcome of a traced request."""
    decision = trace.second or trace.decision
    if isinstance(decision, Answer):
        return answered(decision.status, {name: value.decode("latin-1") for name, value in decision.headers}, decision.body)
    kind = "forward" if isinstance(decision, ToBackend) else "handoff" if isinstance(decision, ToFanout) else "tunnel"
    return kind, decision.backend


def expected(spec: Data, asked: RequestData) -> reference.Outcome:
    return reference.outcome(spec, reference.facts(asked.verb, asked.url, asked.headers, asked.address, STORES))


@times(2)
@given(st.data())
def test_who_has_a_token_gets_what_it_allows(data: st.DataObject) -> None:
    """On both passes. A refusal of the token has a reason for the log, and a backend gets no token of the query."""
    spec = data.draw(language.specs().flatmap(authorized))
    tracer = Tracer(compiled(spec).plan, "self")
    for _ in range(5):
        asked = data.draw(requests(spec).flatmap(lambda plain: with_tokens(spec, plain)))
        trace, wanted = tracer.trace(asked), expected(spec, asked)
        assert observed(trace) == wanted
        auth = auth_of(spec, asked)
        if auth is None:
            continue
        assert trace.refusal or wanted not in (("answer", 401), ("answer", 403))
        if isinstance(trace.decision, NextHop) and trace.decision.backend != "self" and PLACES["query"] in auth["token"]:
            assert "t0ken" not in reference.parameters((trace.decision.uri or asked.url).partition("?")[2])
        told = str(wanted[1]) if wanted[0] == "answer" else "admitted"
        COUNTS[f"requests to a generated route with auth, asked of the reference: {told}"] += 1


@given(st.data())
def test_a_change_of_a_profile_is_found(data: st.DataObject) -> None:
    """Files differ if the first route, which surely gets requests, asks for another token, and only if some route does."""
    spec = data.draw(language.specs().flatmap(authorized))
    name = data.draw(st.sampled_from(sorted(spec["auth_profiles"])))
    other = deepcopy(spec)
    other["auth_profiles"][name] = data.draw(mutated(spec["auth_profiles"][name]))
    before, after = compiled(spec), compiled(other)
    changes = compare((before.plan, before.backends), (after.plan, after.backends)).changes
    asks = [[tokens.auth_of(one, route) for route in one["routes"]] for one in (spec, other)]
    assert asks[0] != asks[1] or not changes
    assert asks[0][0] == asks[1][0] or changes
    COUNTS["mutated profiles whose difference is searched, found" if changes else "mutated profiles, not used"] += 1
    old, new = Tracer(before.plan, "self"), Tracer(after.plan, "self")
    for _ in range(3):
        asked = data.draw(requests(spec).flatmap(lambda plain: with_tokens(spec, plain)))
        assert observed(old.trace(asked)) == observed(new.trace(asked)) or changes


def auth_of(spec: Data, asked: RequestData) -> Data | None:
    """Returns what the route that takes a request asks of its client."""
    found = reference.route_of(spec, reference.facts(asked.verb, asked.url, asked.headers, asked.address))
    return tokens.auth_of(spec, spec["routes"][found[0]]) if found and not found[1] else None
