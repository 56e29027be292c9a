"""Checks which requests each route gets: FR301, FR302 and FR303."""

from collections.abc import Iterator, Sequence
from functools import cache, reduce
from itertools import accumulate, islice
from operator import getitem

from fanroute.analysis.answer import answer_of
from fanroute.analysis.box import Dimension
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.overlap import find_overlaps
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS, Reachable, Unreachable, reachability_of
from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import HEALTH, is_declared, is_generated, is_health
from fanroute.rules.check import ValidFile, plan_check
from fanroute.syntax.source import Path

# Routes for the example of FR303. Each takes texts of the letter "a" whose length is not a multiple of its prime number. The
# shortest text that no route takes has 85,085 letters.
_LENGTHS = "".join(
    f'  - match: {{path: "/{{n}}", where: {{n: "(a{{{prime}}})*a{{1,{prime - 1}}}"}}}}\n    respond: {{status: 404}}\n'
    for prime in (5, 7, 11, 13, 17)
)

FR301 = Rule(
    "FR301",
    "warning",
    "a route can get no request",
    "The first route that matches wins. A route has no effect if the routes before it take all of its requests, or if no request "
    "can fit its match. Both are found exactly, even if it takes several routes together.",
    START + "routes:\n  - name: chat\n    match: {path: /chat/*}\n    handoff: origin\n"
    "  - match: {path: /chat/help}\n    respond: {status: 404}\n",
    "Put the route before those that take its requests, restrict them, or remove it.",
)

FR302 = Rule(
    "FR302",
    "note",
    "two routes overlap, and only their order decides",
    "Two routes match the same request and do different things with it, and neither matches only a part of the other's requests. "
    "So their order decides. The note shows one such request, as arguments of `fanroute match`. There is no note if the later "
    "route is the wider one, such as `/chat/*` below `/chat/{room}`.",
    START + "routes:\n  - name: posts\n    match: {path: /*, method: POST}\n    handoff: origin\n"
    "  - name: chat\n    match: {path: /chat}\n    respond: {status: 404}\n",
    "Check that the order is intended. To avoid the note, restrict one of the two, or put a route for the shared requests before "
    "them.",
)

FR303 = Rule(
    "FR303",
    "note",
    "it takes too long to compute which requests a route gets",
    "Patterns, and conditions on many headers and parameters, can overlap in so many ways that the exact search would take too "
    "long. It then ends after a fixed number of steps, without a guess. The component does not depend on it.",
    START + "routes:\n" + _LENGTHS + '  - match: {path: "/{n}", where: {n: "a*"}}\n    handoff: origin\n',
    "Use fewer conditions in one match, or put routes that overlap under paths or hosts of their own.",
)

# How many other routes a diagnostic names and points at.
MAX_OTHERS = 4

# By the kind of a dimension: why no request can fit a match.
_IMPOSSIBLE = {
    "method": "a WebSocket begins with a GET",
    "header": "no value of the header {} fits",
    "query": "no value of the query parameter {} fits",
    "path": "'paths' refuses every path that fits",
    "rest": "no rest of a path fits",
    "host_label": "no label before the rest of the host fits",
    "segment": "no text of segment {} of the path fits",
}


@plan_check
def check_reachability(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR301, FR302 and FR303: a route gets no request, its order matters, or it takes too long to compute that."""
    reporter = _Reporter(file)
    budget = Budget(MAX_TOTAL_STEPS)
    for number, reach in enumerate(reachability_of(file.boxes, budget)):
        if budget.left < 0:
            yield reporter.unknown(number, "it or one of the routes after it can match")
            return
        if is_generated(file.plan.routes[number]) and not is_health(file.plan.routes[number]):
            continue
        if isinstance(reach, Unreachable):
            yield reporter.dead(number, reach)
        elif isinstance(reach, Reachable):
            yield from () if reach.alone else reporter.overlapping(number, budget)
        else:
            yield reporter.unknown(number, "it can match")


class _Reporter:
    """Makes diagnostics about the routes of a file, which it takes by their numbers in the Plan."""

    def __init__(self, file: ValidFile) -> None:
        self._source, self._boxes, self._routes = file.source, file.boxes, file.plan.routes
        # By the number of a route: the index in routes.yaml of the one that it belongs to (`routes.declared_index`).
        before = accumulate(map(is_declared, self._routes), initial=0)
        self._indexes = tuple(index - (route.alternative > 0) for index, route in zip(before, self._routes, strict=False))
        answer_numbers: dict[str, int] = {}

        @cache
        def answer_number(number: int) -> int:
            return answer_numbers.setdefault(repr(answer_of(self._routes[number], {})), len(answer_numbers))

        # Gives equal answers of routes the same number, to compare them quickly.
        self._answer_number = answer_number
        numbers = range(len(self._routes))
        self._first_different = next((number for number in numbers if answer_number(number)), len(numbers))

    def dead(self, number: int, reach: Unreachable) -> Diagnostic:
        """Reports FR301: a route can get no request."""
        if reach.impossible:
            why = _impossible(reach.impossible[0])
            return self._diagnostic(FR301, number, f"can never match: {why}", "correct the match, or remove the route")
        takes, them = ("takes", "that one") if len(reach.covering) == 1 else ("together take", "them")
        message = f"can never match: {self._names(reach.covering)} {takes} all its requests"
        suggestion = f"put it before {them}, restrict {them}, or remove it"
        if is_health(self._routes[reach.covering[0]]):
            suggestion = f"choose another path for '{HEALTH}', or remove the route"
        return self._diagnostic(FR301, number, message, suggestion, reach.covering)

    def overlapping(self, number: int, budget: Budget) -> Iterator[Diagnostic]:
        """Reports FR302 if a route overlaps with an earlier one that answers differently, and FR303 if that takes too long."""
        if number < self._first_different:  # all routes so far answer the same
            return
        try:
            found = list(islice(find_overlaps(self._boxes, number, self._differ, Budget(MAX_STEPS, budget)), MAX_OTHERS))
        except BudgetExceeded:
            budget.charge(MAX_STEPS)
            yield self.unknown(number, "their order matters")
            return
        if found:
            from fanroute.analysis.witness import match_arguments, request_of  # late: few files need it

            earlier, request = [pair[0] for pair in found], match_arguments(request_of(found[0][1]))
            message = f"overlaps with '{self._routes[earlier[0]].name}', and neither is the more specific: {request}"
            suggestion = "the first one gets the shared requests: check that this is intended"
            yield self._diagnostic(FR302, number, message, suggestion, earlier, request)

    def unknown(self, number: int, question: str) -> Diagnostic:
        """Reports FR303: it takes too long to find out whether the question is true."""
        message = f"overlaps with earlier routes in too many ways to find out whether {question}"
        return self._diagnostic(FR303, number, message, "restrict its match")

    def _differ(self, one: int, other: int) -> bool:
        return not is_generated(self._routes[one]) and self._answer_number(one) != self._answer_number(other)

    def _diagnostic(
        self, rule: Rule, number: int, message: str, suggestion: str, others: Sequence[int] = (), request: str = ""
    ) -> Diagnostic:
        notes = tuple(Note(f"'{self._routes[other].name}'", self._span(other)) for other in others[:MAX_OTHERS])
        path = self._path_of_several(number)
        with_path = f" with the path '{reduce(getitem, path, self._source.data)}'" if path else ""
        message = f"route '{self._routes[number].name}'{with_path} {message}"
        return Diagnostic(rule, message, self._span(number), suggestion, notes, request)

    def _path_of_several(self, number: int) -> Path:
        """Returns where the path of a route stands, or () if its route of routes.yaml has only one."""
        path: Path = ("routes", self._indexes[number], "match", "path")
        has_several = self._source.has((*path, 1)) and not is_generated(self._routes[number])
        return (*path, self._routes[number].alternative) if has_several else ()

    def _span(self, number: int) -> Span:
        """Returns the place of a route: one of its several paths, its name, or else its first key.

        A route for preflight requests has the place of the next one.
        """
        if is_health(self._routes[number]):
            return self._source.key_span((HEALTH,))
        if several := self._path_of_several(number):
            return self._source.value_span(several)
        path: Path = ("routes", self._indexes[number])
        name = (*path, "name")
        return self._source.value_span(name) if self._source.has(name) else self._source.key_span(path)

    def _names(self, numbers: Sequence[int]) -> str:
        every = [*dict.fromkeys(f"'{self._routes[number].name}'" for number in numbers)]
        names = every[:MAX_OTHERS]
        more = len(every) - len(names)
        names += [f"{more} more"] if more else []
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _impossible(dimension: Dimension) -> str:
    kind, which = dimension
    return _IMPOSSIBLE[kind].format(which + 1 if isinstance(which, int) else f"'{which}'")
