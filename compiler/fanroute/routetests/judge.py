"""Whether what came of a request is what its test expects, and what to say if not. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import TESTED
from fanroute.diagnostics.rule import Rule
from fanroute.lowering.match import lower_condition
from fanroute.pipeline import Compiled
from fanroute.plan.describe import condition_text
from fanroute.plan.request import RequestData, client_of
from fanroute.plan.tokens import with_test_token
from fanroute.plan.trace import mismatches
from fanroute.routetests import locate
from fanroute.routetests.document import NO_ROUTE, Expect, RouteTest
from fanroute.routetests.outcome import Outcome, asked, channels, foreseen, through_fanout, tracer_of
from fanroute.routetests.read import Tests
from fanroute.spec.match import Condition
from fanroute.syntax.source import Path
from fanroute_runtime.exchange import Answer, Headers
from fanroute_runtime.match import tests as match_tests
from fanroute_runtime.plan import Match

FR510 = Rule(
    "FR510",
    "error",
    "what comes of a request is what its test expects",
    "Either the routes do not do what they are meant to, or the test is out of date. What is said beside it tells which "
    "route takes the request, and why the one that is expected does not.",
    TESTED,
    "Change the route or the test. `fanroute match METHOD URL` says more of what the request does.",
    "tests:\n  - name: everything under /live\n    request: GET https://example.com/live\n    expect: {route: live}\n"
    "  - request: GET https://example.com/live/1\n    expect: {route: live}\n",
)

FR511 = Rule(
    "FR511",
    "error",
    "the component on a local edge does what its routes say",
    "All that comes of a request on the edge is compared by `fanroute test --live`, not only what its test expects. "
    "A difference is a mistake of Fanroute's, or one of the local edge's.",
    None,
    "Try the other local edge, and please report what differs.",
)

FR512 = Rule(
    "FR512",
    "note",
    "what cannot be asked of a local edge is not asked",
    "A local edge speaks plain HTTP, with a client on this machine. Where a request over https would be answered otherwise "
    "than the same one over http, or a test expects the client's address or scheme to be sent on, it cannot show what the "
    "edge does, and the test is neither passed nor failed.",
    None,
    "Without `--live` the test is judged by the routes alone.",
)


Verdict = Literal["passed", "failed", "skipped"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, slots=True)
class Unmet:
    """An expectation that is not met: its place within `expect`, and in words what is wanted and what came."""

    place: Path
    wanted: str
    came: str

    def __str__(self) -> str:
        return f"expected {self.wanted}, got {self.came}"


def unmet(expect: Expect, outcome: Outcome, compiled: Compiled) -> Iterator[Unmet]:
    """The expectations that an outcome does not meet."""
    answer, route = outcome.answer, outcome.route
    unknown = f"whatever '{outcome.backend}' answers"
    came = {
        "route": _quoted(NO_ROUTE if route is None else compiled.plan.routes[route].name),
        "action": _quoted("" if route is None else locate.action(compiled, route)),
        "backend": _quoted(outcome.backend),
        "channel": _quoted(*channels(answer)),
        "status": _quoted(str(answer.status)) if answer else unknown,
    }
    for key, wanted in expect.model_dump(include=set(came), exclude_none=True).items():
        text = _quoted(*wanted) if isinstance(wanted, list) else _quoted(str(wanted))
        if text != came[key]:
            yield Unmet((key,), f"the {key} {text}", came[key])
    sent = outcome.sent if outcome.backend else None
    yield from _unmet_headers("header", expect.headers, answer.headers if answer else None, unknown)
    yield from _unmet_headers("request header", expect.request_headers, sent, "no request to a backend")


def _unmet_headers(kind: str, expected: Mapping[str, Condition], headers: Headers | None, unknown: str) -> Iterator[Unmet]:
    """The conditions that the headers of a message do not meet; without a message all of them, as it is `unknown`."""
    # They are looked at as a client's are.
    message = client_of(RequestData("GET", "http://message/", headers or ()))
    for name, written in expected.items():
        condition = lower_condition(name.lower(), written)
        if headers is None or mismatches(match_tests(Match(headers=(condition,))), message):
            came = unknown if headers is None else message.header(condition.name)
            place = (f"{kind.replace(' ', '_')}s", name)
            yield Unmet(place, condition_text(kind, condition), "none" if came is None else came)


def _quoted(*names: str) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names) if name) or "none"


@dataclass(frozen=True, slots=True)
class Judged:
    """A test, its place in its file, what was asked for it, what came of that, and the expectations that are not met.

    On a local edge also why it could not be asked there, and what the edge does otherwise than the routes say.
    """

    test: RouteTest
    place: Path
    asked: RequestData
    outcome: Outcome
    unmet: tuple[Unmet, ...]
    skipped: str = ""
    different: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        if self.unmet or self.different:
            return "failed"
        return "skipped" if self.skipped else "passed"


def judge(tests: Tests, compiled: Compiled) -> list[Judged]:
    """What comes of each test, by the routes."""
    tracer, judged = tracer_of(compiled), []
    for index, test in enumerate(tests.tests):
        request = asked(test.request)
        if test.request.claims is not None:
            request = with_test_token(request, test.request.claims, tracer)
        if test.request.via_fanout:
            request = through_fanout(tracer, request)
        outcome = foreseen(tracer, request)
        wrong = tuple(unmet(test.expect, outcome, compiled))
        judged.append(Judged(test, ("tests", index), request, outcome, wrong))
    return judged


def exercised(judged: Iterable[Judged]) -> Iterator[tuple[int | None, RequestData]]:
    """The requests of the tests that are passed, each with the number of the route that takes it."""
    yield from ((one.outcome.route, one.asked) for one in judged if one.verdict == "passed")


def told(judged: Judged, tests: Tests, compiled: Compiled, routes_file: str) -> Iterator[Diagnostic]:
    """What is said of a test that is not passed; `routes_file` is the name of the routes.yaml."""
    if judged.unmet:
        yield _failed(judged, tests, compiled, routes_file)
        return
    name, request = judged.test.called(), tests.source.key_span((*judged.place, "request"))
    if judged.different:
        first, *others = (f"the edge {difference}" for difference in judged.different)
        yield Diagnostic(FR511, f"{name}: {first}", request, notes=tuple(map(Note, others)))
    elif judged.skipped:
        yield Diagnostic(FR512, f"{name}: not asked: {judged.skipped}", request)


def _failed(judged: Judged, tests: Tests, compiled: Compiled, routes_file: str) -> Diagnostic:
    """FR510"""
    spans = [tests.source.value_span((*judged.place, "expect", *one.place)) for one in judged.unmet]
    others = [Note(str(one), span) for one, span in zip(judged.unmet, spans, strict=True)][1:]

    def within_routes(place: Path) -> Span:
        return replace(compiled.source.key_span(place), file=routes_file)

    reasons = [Note(message, within_routes(place)) for message, place in _reasons(judged, compiled)]
    said = [Note(message) for message in _refusal(judged.outcome.answer)]
    return Diagnostic(FR510, f"{judged.test.called()}: {judged.unmet[0]}", spans[0], notes=(*others, *reasons, *said))


def _reasons(judged: Judged, compiled: Compiled) -> Iterator[tuple[str, Path]]:
    """Why the route that is expected has not taken the request, each with a place in routes.yaml."""
    routes, taken = compiled.plan.routes, judged.outcome.route
    expected = next((index for index, route in enumerate(routes) if route.name == judged.test.expect.route), None)
    if expected is not None and expected != taken:
        name, keys = routes[expected].name, mismatches(match_tests(routes[expected].match), client_of(judged.asked))
        for key in keys:
            yield f"'{name}' does not match: {key}", locate.place(compiled, expected, key)
        if not keys:
            yield f"'{name}' matches too, but stands later", locate.place(compiled, expected)
    if taken is not None and taken != expected:
        yield f"'{routes[taken].name}' takes it", locate.place(compiled, taken)


def _refusal(answer: Answer | None) -> Iterator[str]:
    if answer is not None and answer.status >= 400:
        first_line = answer.body.decode(errors="replace").partition("\n")[0]
        yield f"the edge answers {answer.status}: {first_line}"


def counted(judged: Iterable[Judged]) -> str:
    """How many tests there are, and how many of them are not passed."""
    counts = Counter(one.verdict for one in judged)
    total = counts.total()
    told = [
        f"{total} test{'' if total == 1 else 's'}",
        *(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]),
    ]
    return ", ".join(told)
