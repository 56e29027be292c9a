"""What is said of routes that get no request, or not those that are meant for them."""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate, islice

from fanroute.analysis.answer import answer_of
from fanroute.analysis.box import Dimension
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.overlap import find_overlaps
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS, Reachable, Unreachable, reachability_of
from fanroute.analysis.search import Boxes
from fanroute.diagnostics.diagnostic import Diagnostic, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import is_declared
from fanroute.syntax.source import Path, Source
from fanroute_runtime.plan import Plan

# Each takes the texts of a letter whose length its prime number does not divide; the shortest that is left has 85,085 letters.
_LENGTHS = "".join(
    f'  - match: {{path: "/{{n}}", where: {{n: "(a{{{prime}}})*a{{1,{prime - 1}}}"}}}}\n    respond: {{status: 404}}\n'
    for prime in (5, 7, 11, 13, 17)
)

FR301 = Rule(
    "FR301",
    "warning",
    "every route can get a request",
    "The first route that matches wins. A route whose requests are all taken by those before it does nothing, and "
    "neither does one that asks for what no request has. Both are found exactly, also where it takes several routes "
    "together to leave it none.",
    START + "routes:\n  - name: chat\n    match: {path: /chat/*}\n    handoff: origin\n"
    "  - match: {path: /chat/help}\n    respond: {status: 404}\n",
    "Put the route before those that take its requests, narrow them, or leave it out.",
)

FR302 = Rule(
    "FR302",
    "note",
    "of two routes that share requests one is the more specific",
    "Two routes match the same request and do different things with it, and neither matches only a part of the other's "
    "requests. So their order decides. The note shows one such request, as arguments of `fanroute match`. There is no "
    "note if the later route is the wider one, such as `/chat/*` below `/chat/{room}`.",
    START + "routes:\n  - name: posts\n    match: {path: /*, method: POST}\n    handoff: origin\n"
    "  - name: chat\n    match: {path: /chat}\n    respond: {status: 404}\n",
    "Check that the order is meant. To avoid the note, narrow one of the two, or put a route for the shared requests "
    "before them.",
)

FR303 = Rule(
    "FR303",
    "note",
    "the requests that a route gets can be computed",
    "Patterns, and conditions on many headers and parameters, can overlap in so many ways that the search for the rest "
    "takes too long. It then ends after a number of steps, without a guess. The component does not depend on it.",
    START + "routes:\n" + _LENGTHS + '  - match: {path: "/{n}", where: {n: "a*"}}\n    handoff: origin\n',
    "Ask for less in one match, or put routes with much in common under paths or hosts of their own.",
)


# As many other routes are told with one.
MAX_PLACES = 4

_IMPOSSIBLE = {
    "method": "a WebSocket begins with a GET",
    "header": "no request's header {} is what it asks for",
    "query": "no request's parameter {} is what it asks for",
    "path": "each path that it asks for is refused, as 'paths' says",
    "segment": "no segment of a path is what it asks for as number {}",
}


def reachability(source: Source, plan: Plan, boxes: Boxes) -> Iterator[Diagnostic]:
    """FR301, FR302 and FR303"""
    told = _Told(source, plan, boxes)
    budget = Budget(MAX_TOTAL_STEPS)
    for number, reach in enumerate(reachability_of(boxes, budget)):
        if budget.left < 0:
            yield told.unknown(number, "it or one of the routes after it can match")
            return
        if not told.is_declared(number):
            continue
        if isinstance(reach, Unreachable):
            yield told.dead(number, reach)
        elif isinstance(reach, Reachable):
            yield from () if reach.alone else told.shared(number, budget)
        else:
            yield told.unknown(number, "it can match")


class _Told:
    """The routes of a file, and what is said of them."""

    def __init__(self, source: Source, plan: Plan, boxes: Boxes) -> None:
        self._source, self._boxes, self._routes = source, boxes, plan.routes
        # How many of routes.yaml are before each.
        self._written = tuple(accumulate(map(is_declared, plan.routes), initial=0))
        numbers: dict[str, int] = {}

        @cache
        def answered(number: int) -> int:
            return numbers.setdefault(repr(answer_of(plan.routes[number], {})), len(numbers))

        # A route's answer by number, so that they are quickly compared.
        self._answered = answered
        every = range(len(plan.routes))
        self._alike = next((number for number in every if answered(number)), len(every))

    def is_declared(self, number: int) -> bool:
        """Whether a route is the user's own."""
        return is_declared(self._routes[number])

    def dead(self, number: int, reach: Unreachable) -> Diagnostic:
        if reach.impossible:
            why = _impossible(reach.impossible[0])
            return self._diagnostic(FR301, number, f"can never match: {why}", "correct it, or leave the route out")
        takes, them = ("takes", "that one") if len(reach.covering) == 1 else ("together take", "them")
        message = f"can never match: {self._named(reach.covering)} {takes} all its requests"
        return self._diagnostic(FR301, number, message, f"put it before {them}, narrow {them}, or leave it out", reach.covering)

    def shared(self, number: int, budget: Budget) -> Iterator[Diagnostic]:
        if number < self._alike:  # all routes so far answer the same
            return
        try:
            found = list(islice(find_overlaps(self._boxes, number, self._differ, Budget(MAX_STEPS, budget)), MAX_PLACES))
        except BudgetExceeded:
            budget.charge(MAX_STEPS)
            yield self.unknown(number, "their order matters")
            return
        if found:
            from fanroute.analysis.witness import match_arguments, request_of  # late: most files need none

            earlier, request = [pair[0] for pair in found], match_arguments(request_of(found[0][1]))
            message = f"and '{self._routes[earlier[0]].name}' share requests, and neither is the more specific: {request}"
            yield self._diagnostic(FR302, number, message, "the first one gets them: see that it is meant", earlier, request)

    def unknown(self, number: int, what: str) -> Diagnostic:
        return self._diagnostic(
            FR303, number, f"has too much in common with earlier routes to find out whether {what}", "narrow its match"
        )

    def _differ(self, one: int, other: int) -> bool:
        return self.is_declared(one) and self._answered(one) != self._answered(other)

    def _diagnostic(
        self, rule: Rule, number: int, message: str, mend: str, others: Sequence[int] = (), request: str = ""
    ) -> Diagnostic:
        notes = tuple(Note(f"'{self._routes[other].name}'", self._place(other)) for other in others[:MAX_PLACES])
        return Diagnostic(rule, f"route '{self._routes[number].name}' {message}", self._place(number), mend, notes, request)

    def _place(self, number: int) -> Span:
        """Where a route is told of: at its name, or else at its first key; one that was made for the next, at that one."""
        place: Path = ("routes", self._written[number])
        named = (*place, "name")
        return self._source.value_span(named) if self._source.has(named) else self._source.key_span(place)

    def _named(self, numbers: Sequence[int]) -> str:
        names = [f"'{self._routes[number].name}'" for number in numbers[:MAX_PLACES]]
        more = len(numbers) - len(names)
        names += [f"{more} more"] if more else []
        return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _impossible(dimension: Dimension) -> str:
    kind, which = dimension
    return _IMPOSSIBLE[kind].format(which + 1 if isinstance(which, int) else f"'{which}'")
