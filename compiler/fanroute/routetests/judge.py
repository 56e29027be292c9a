"""Judges route tests: compares the outcome of each request with what its test expects, and reports differences. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import TESTED
from fanroute.diagnostics.printable import counted
from fanroute.diagnostics.rule import Rule
from fanroute.lowering.match import lower_condition
from fanroute.pipeline import Compiled
from fanroute.plan.describe import condition_text
from fanroute.plan.request import TIME, RequestData, client_of
from fanroute.plan.tokens import TEST_KEY, with_token
from fanroute.plan.trace import Tracer, mismatches
from fanroute.routetests import locate
from fanroute.routetests.document import NO_ROUTE, Expect, RouteTest
from fanroute.routetests.outcome import Outcome, client_request, make_tracer, predict, subscribed_channels, through_fanout
from fanroute.routetests.read import ParsedTests
from fanroute.spec.match import Condition
from fanroute.syntax.source import Path
from fanroute_runtime.matching.predicates import match_predicates
from fanroute_runtime.messages import Headers
from fanroute_runtime.plan import Match

FR510 = Rule(
    "FR510",
    "error",
    "the outcome of a request is not what its test expects",
    "Either the routes do not do what they should, or the test is out of date. The notes say which route takes the request, "
    "and why the expected one does not.",
    TESTED,
    "Change the route or the test. `fanroute match METHOD URL` shows more of what happens to the request.",
    "tests:\n  - name: everything under /live\n    request: GET https://example.com/live\n    expect: {route: live}\n"
    "  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)

FR511 = Rule(
    "FR511",
    "error",
    "an edge does not do what the routes say",
    "With `test --live` and `verify`, the whole outcome of a request on the edge is compared, not only what its test expects. "
    "On a local edge, a difference is a bug in Fanroute or in that edge. A service may serve other routes.",
    None,
    "Try the other local edge, and please report the difference. If `verify` says that the service serves other routes, publish "
    "yours.",
)

FR512 = Rule(
    "FR512",
    "note",
    "a test that cannot run on an edge is skipped",
    "A local edge has no TLS, and its client is on this machine. So a test cannot run there if its request would have "
    "another outcome over http, or if it expects that a backend gets the client's address or scheme. It then neither passes "
    "nor fails. So it is if its client has another address, on which `client_ip` decides. `verify` also skips tests whose "
    "requests would reach your backends, and those with tokens or WebSockets.",
    None,
    "Run the test without `--live`: the routes alone decide then.",
)


Verdict = Literal["passed", "failed", "skipped"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class UnmetExpectation:
    """Holds an expectation that is not met: its path within `expect`, and in words the expected and the actual value."""

    path: Path
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"expected {self.expected}, got {self.actual}"


def unmet_expectations(expect: Expect, outcome: Outcome, compiled: Compiled) -> Iterator[UnmetExpectation]:
    """Yields the expectations that an outcome does not meet."""
    answer, route = outcome.answer, outcome.route
    unknown = f"whatever '{outcome.backend}' answers"
    actual = {
        "route": _quoted(NO_ROUTE if route is None else compiled.plan.routes[route].name),
        "action": _quoted("" if route is None else locate.action_key(compiled, route)),
        "backend": _quoted(outcome.backend),
        "channel": _quoted(*subscribed_channels(answer)),
        "published": _quoted(outcome.publishes),
        "status": _quoted(str(answer.status)) if answer else unknown,
    }
    for key, value in expect.model_dump(include=set(actual), exclude_none=True).items():
        text = _quoted(*value) if isinstance(value, list) else _quoted(str(value))
        if text != actual[key]:
            yield UnmetExpectation((key,), f"the {key} {text}", actual[key])
    sent = outcome.sent if outcome.backend else None
    yield from _unmet_headers("header", expect.headers, answer.headers if answer else None, unknown)
    yield from _unmet_headers("request header", expect.request_headers, sent, "no request to a backend")


def _unmet_headers(
    kind: str, expected: Mapping[str, Condition], headers: Headers | None, unknown: str
) -> Iterator[UnmetExpectation]:
    """Yields the conditions that the headers of a message do not meet.

    Args:
        kind: `header` or `request header`.
        expected: the conditions, by the header's name.
        headers: the message's, or None if there is no message that is known; no condition is met then.
        unknown: what there is in place of the message, in words.
    """
    # Conditions work on a client's request, so the headers are put into one.
    message = client_of(RequestData("GET", "http://message/", headers or ()))
    for name, spec_condition in expected.items():
        condition = lower_condition(name.lower(), spec_condition)
        if headers is None or mismatches(match_predicates(Match(headers=(condition,))), message):
            actual = unknown if headers is None else message.header(condition.name)
            path = (f"{kind.replace(' ', '_')}s", name)
            yield UnmetExpectation(path, condition_text(kind, condition), "none" if actual is None else actual)


def _quoted(*names: str) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names) if name) or "none"


@dataclass(frozen=True, slots=True)
class Result:
    """Holds the result of a test.

    Args:
        test: the test.
        path: its path in its file.
        request: its request.
        outcome: what became of the request.
        unmet: the expectations that are not met.
        skipped: the reason why it cannot run on a local edge, or "".
        differences: how a local edge differs from the routes.
    """

    test: RouteTest
    path: Path
    request: RequestData
    outcome: Outcome
    unmet: tuple[UnmetExpectation, ...]
    skipped: str = ""
    differences: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """Returns the verdict: a difference or an unmet expectation is a failure."""
        if self.unmet or self.differences:
            return "failed"
        return "skipped" if self.skipped else "passed"


def judge(tests: ParsedTests, compiled: Compiled) -> list[Result]:
    """Returns the result of each test, by the routes."""
    tracer, results = make_tracer(compiled), []
    for index, test in enumerate(tests.tests):
        request = request_of(test, tracer)
        outcome = predict(tracer, request)
        unmet = tuple(unmet_expectations(test.expect, outcome, compiled))
        results.append(Result(test, ("tests", index), request, outcome, unmet))
    return results


def request_of(test: RouteTest, tracer: Tracer, time: int = TIME, key: str = TEST_KEY) -> RequestData:
    """Returns the request of a test, as it arrives at `time`, in seconds since 1970. `key` signs its token, if it has one."""
    request = replace(client_request(test.request), time=time)
    if test.request.claims is not None:
        request = with_token(request, test.request.claims, tracer, key)
    return through_fanout(tracer, request) if test.request.via_fanout else request


def passed_requests(results: Iterable[Result]) -> Iterator[tuple[int | None, RequestData]]:
    """Yields the requests of the passed tests, each with the index of the route that takes it."""
    yield from ((result.outcome.route, result.request) for result in results if result.verdict == "passed")


def diagnostics_of(result: Result, tests: ParsedTests, compiled: Compiled, routes_file: str) -> Iterator[Diagnostic]:
    """Reports FR510, FR511 or FR512 for a test that is not passed. `routes_file` is the name of the routes.yaml."""
    if result.unmet:
        yield _failure(result, tests, compiled, routes_file)
        return
    name, request = result.test.label(), tests.source.key_span((*result.path, "request"))
    if result.differences:
        first, *others = (f"the edge {difference}" for difference in result.differences)
        yield Diagnostic(FR511, f"{name}: {first}", request, notes=tuple(map(Note, others)))
    elif result.skipped:
        yield Diagnostic(FR512, f"{name}: skipped: {result.skipped}", request)


def _failure(result: Result, tests: ParsedTests, compiled: Compiled, routes_file: str) -> Diagnostic:
    """Returns an FR510 about the first unmet expectation, with notes on the others and on the reasons."""
    spans = [tests.source.value_span((*result.path, "expect", *unmet.path)) for unmet in result.unmet]
    others = [Note(str(unmet), span) for unmet, span in zip(result.unmet, spans, strict=True)][1:]

    def span_in_routes(path: Path) -> Span:
        span = compiled.source.key_span(path)
        return span if span.file else replace(span, file=routes_file)

    reasons = [Note(message, span_in_routes(path)) for message, path in _reasons(result, compiled)]
    refusals = [Note(message) for message in _refusal(result.outcome)]
    message = f"{result.test.label()}: {result.unmet[0]}"
    return Diagnostic(FR510, message, spans[0], notes=(*others, *reasons, *refusals))


def _reasons(result: Result, compiled: Compiled) -> Iterator[tuple[str, Path]]:
    """Yields the reasons why the expected route does not take the request, each with its path in routes.yaml."""
    routes, taken = compiled.plan.routes, result.outcome.route
    expected = next((index for index, route in enumerate(routes) if route.name == result.test.expect.route), None)
    if expected is not None and expected != taken:
        name, keys = routes[expected].name, mismatches(match_predicates(routes[expected].match), client_of(result.request))
        for key in keys:
            yield f"'{name}' does not match: {key}", locate.route_path(compiled, expected, key)
        if not keys:
            yield f"'{name}' matches too, but comes later", locate.route_path(compiled, expected)
    if taken is not None and taken != expected:
        yield f"'{routes[taken].name}' takes it", locate.route_path(compiled, taken)


def _refusal(outcome: Outcome) -> Iterator[str]:
    answer = outcome.answer
    if answer is not None and answer.status >= 400:
        first_line = answer.body.decode(errors="replace").partition("\n")[0]
        yield f"the edge answers {answer.status}: {outcome.refusal or first_line}"


def counts_text(results: Iterable[Result]) -> str:
    """Returns the number of tests, and of those with each verdict, on one line."""
    counts = Counter(result.verdict for result in results)
    total = counts.total()
    verdicts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
    return ", ".join([counted(total, "test"), *verdicts])
