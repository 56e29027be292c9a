"""Tests with generated routes.yaml and requests that all code that chooses a route chooses the same one."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fanroute.analysis.budget import Budget
from fanroute.analysis.reachability import MAX_TOTAL_STEPS, Reachable, Unreachable, reachability_of
from fanroute.analysis.search import Boxes
from fanroute.analysis.witness import request_of
from fanroute.bundle.builder import app_files
from fanroute.cli.diff_report import compare
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.pipeline import Compiled, check_routes, compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.routes import declared_index
from fanroute.plan.trace import trace
from fanroute.spec.inputs import Inputs
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.plan import Plan, Preflight, Route
from tests.conftest import INPUTS, times
from tests.golden.test_cases import evaluated, shipped
from tests.property import reference
from tests.property.auths import environments, specs
from tests.property.language import STYLES, written
from tests.property.requests import requests
from tests.support.counts import COUNTS

Data = dict[str, Any]


def compiled(spec: Data, style: Data) -> Compiled:
    return compile_routes(written(spec, style), INPUTS)


@given(specs(), STYLES)
def test_what_is_emitted_is_the_plan(spec: Data, style: Data) -> None:
    result = compiled(spec, style)
    files = app_files(result.plan)
    assert evaluated(files) == shipped(result.plan)
    assert app_files(compiled(spec, style).plan) == files


@given(specs(), STYLES, STYLES)
def test_a_way_of_writing_changes_nothing(spec: Data, style: Data, other: Data) -> None:
    assert compiled(spec, style).plan == compiled(spec, other).plan


@times(2)
@given(st.data())
def test_a_request_gets_one_route(data: st.DataObject) -> None:
    spec = data.draw(specs())
    plan = compiled(spec, data.draw(STYLES)).plan
    numbers: dict[tuple[int, bool], list[int]] = {}
    for n, (number, route) in enumerate(numbered(plan)):
        numbers.setdefault((number, route.action == Preflight()), []).append(n)
    matcher = Matcher(plan.routes)
    boxes = Boxes.of(plan)
    reaches = list(reachability_of(boxes, Budget(MAX_TOTAL_STEPS)))
    for number, reach in enumerate(reaches):
        if isinstance(reach, Reachable):
            found = gets(spec, request_of(reach.witness))
            assert found is not None and number in numbers[found]
            COUNTS["witness requests, asked of the reference"] += 1
    COUNTS["generated routes.yaml"] += 1
    for _ in range(10):
        asked = data.draw(requests(spec))
        found = gets(spec, asked)
        steps = trace(plan, "self", asked).steps
        if reference.is_refused(spec, reference.facts(asked.verb, asked.url, asked.headers, asked.address)):
            assert steps == () and found is None
            continue
        number = matcher.match_number(ClientRequest(asked, through_fanout=False))
        assert number in (numbers[found] if found else [None])
        assert [not step.mismatches for step in steps] == [False] * (len(steps) - 1) + [found is not None]
        assert len(steps) == (len(plan.routes) if number is None else number + 1)
        assert number is None or not isinstance(reaches[number], Unreachable)
        COUNTS["pairs of a generated routes.yaml and a request, asked of the matcher and of fanroute match"] += 1


@given(st.data())
def test_an_environment_is_the_file_with_other_values(data: st.DataObject) -> None:
    """A file in an environment compiles to what the file does if the values are written there by hand."""
    spec, style = data.draw(specs()), data.draw(STYLES)
    environment = data.draw(environments(spec))
    whole = written(spec | {"environments": {"staging": environment, "other": {}}}, style)
    by_hand = attempt(written(changed(spec, environment), style), INPUTS)
    assert attempt(whole, replace(INPUTS, environment="staging")) == by_hand
    assert attempt(whole, INPUTS) == attempt(whole, replace(INPUTS, environment="other")) == attempt(written(spec, style), INPUTS)
    if not isinstance(by_hand, list):
        before, after = (by_hand if name == "staging" else attempt(whole, INPUTS) for name in ("production", "staging"))
        assert not isinstance(before, list)
        differs = compare(before, after).changes
        COUNTS["environments whose difference is searched"] += 1
        if environment.get("backends", {}).get("origin", {}).get("url") and not environment["hosts"] and uses_origin(before[0]):
            assert differs


@given(st.data())
def test_included_routes_are_as_if_written_in_place(data: st.DataObject) -> None:
    """Whichever routes are in other files, the file compiles to the same, and a fault has its place in its file."""
    spec, style = data.draw(specs()), data.draw(STYLES)
    routes, items, files = spec["routes"], [], {}
    while routes:
        count = data.draw(st.integers(1, len(routes)))
        if data.draw(st.booleans()):
            name = f"teams/{len(files)}.yaml"
            files[name] = written({"routes": routes[:count]}, style)
            items.append({"include": name})
        else:
            items += routes[:count]
        routes = routes[count:]
    whole = written(spec | {"routes": items}, style)
    given_files = replace(INPUTS, read=lambda path, limit: files[path])
    assert attempt(whole, given_files) == attempt(written(spec, style), INPUTS)
    for found in check_routes(whole, given_files).diagnostics:
        text = files[found.span.file] if found.span.file else whole
        assert found.span.line <= text.count(b"\n") + 1
    COUNTS["generated routes.yaml with included files"] += 1


def uses_origin(plan: Plan) -> bool:
    """Returns True if the first route, which surely gets requests, asks the backend `origin`."""
    return getattr(plan.routes[0].action, "backend", "") == "origin"


def attempt(raw: bytes, inputs: Inputs) -> Any:
    """Returns what a file compiles to, or its errors without their places."""
    try:
        result = compile_routes(raw, inputs)
    except Invalid as invalid:
        return sorted((one.code, one.message) for one in invalid.diagnostics)
    return result.plan, result.backends


def changed(spec: Data, environment: Data) -> Data:
    """Returns a routes.yaml with the values of an environment in place of its own."""
    hosts = {host.lower(): name for host, name in environment["hosts"].items()}

    def rename(given: Any) -> Any:
        return [rename(each) for each in given] if isinstance(given, list) else hosts.get(given.lower(), given)

    def in_origins(given: Any) -> Any:
        if isinstance(given, list):
            return [in_origins(each) for each in given]
        scheme, separator, rest = given.partition("://")
        host, colon, port = rest.partition(":")
        return f"{scheme}{separator}{rename(host)}{colon}{port}" if separator else given

    def in_route(route: Any) -> Any:
        if not isinstance(route, dict):
            return route
        place = {key: in_origins(value) if key == "origins" else in_route(value) for key, value in route.items()}
        if "location" in place and place["location"].startswith("https://www.example.com"):
            place["location"] = f"https://{rename('www.example.com')}{place['location'].removeprefix('https://www.example.com')}"
        return place

    routes = [
        in_route(route)
        | (
            {"match": route["match"] | ({"host": rename(route["match"]["host"])} if "host" in route["match"] else {})}
            if "match" in route
            else {}
        )
        for route in spec["routes"]
    ]
    backends = {name: one | environment.get("backends", {}).get(name, {}) for name, one in spec["backends"].items()}
    rest = {key: environment[key] for key in ("service", "debug") if key in environment}
    for name, profile in spec.get("auth_profiles", {}).items():
        other = profile | environment.get("auth_profiles", {}).get(name, {})
        rest["auth_profiles"] = rest.get("auth_profiles", {}) | {name: other}
    if "defaults" in environment:
        rest["defaults"] = {"auth": spec["defaults"]["auth"] | environment["defaults"]["auth"]}
    return spec | rest | {"backends": backends, "routes": routes}


def numbered(plan: Plan) -> list[tuple[int, Route]]:
    """Returns the routes of a Plan, each with the number of its route in routes.yaml."""
    return [(declared_index(plan.routes, number), route) for number, route in enumerate(plan.routes)]


def gets(spec: Data, asked: RequestData) -> tuple[int, bool] | None:
    return reference.route_of(spec, reference.facts(asked.verb, asked.url, asked.headers, asked.address))
