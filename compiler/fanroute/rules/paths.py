"""Finds ways around `auth`: paths that the edge and a backend read differently, so that another route takes the request."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from fanroute.analysis.box import LENGTH, Box, intersect, sample_point
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import REGION, Boxes, find_untaken
from fanroute.analysis.sets import SEGMENTS, Lengths, Texts
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import is_declared
from fanroute.spec import raw
from fanroute.spec.actions import BACKEND_ANSWERED
from fanroute.syntax.source import Source
from fanroute_runtime.match import path_segments, split_uri
from fanroute_runtime.plan import REFUSED_PATHS, Forward, Handoff, PathFault, Plan, Tunnel

FR405 = Rule(
    "FR405",
    "warning",
    "no other way of writing a path gets around `auth`",
    "Some servers read `//` as `/`, `%2F` as a slash, `a;b` as `a`, or `/A` as `/a`. The edge changes no path. So a "
    "request may match a route that needs no token, while the backend reads it as a request for a route that needs one. "
    "If `paths` keeps dot segments, backslashes or control characters, this includes `/public/../private`. The warning "
    "shows one such request for each backend.",
    START + "routes:\n  - match: {path: /private/*}\n    forward: origin\n    auth: {token: {query: token}, keys: {"
    "algorithm: HS256, secret_store: keys, name: login}}\n  - forward: origin\n",
    "Refuse such paths with `paths: {empty_segments: reject, encoded_slashes: reject, parameters: reject}`, and do not "
    "keep those that are refused by default. Make sure that the backend does not ignore the case of letters. If it does "
    "not change paths, give it `strict_paths: true` instead.",
)


if TYPE_CHECKING:
    from fanroute.plan.request import RequestData

# The faults that honest clients' paths have, too. With these refused, servers differ by the case of letters at most.
_FAULTS: tuple[PathFault, ...] = ("empty_segments", "encoded_slashes", "parameters")
# For each fault that is refused by default, ways of writing that the path goes on one segment above.
_UP: dict[PathFault, tuple[str, ...]] = {"dot_segments": ("../", "..;x/"), "backslashes": ("..%5C",), "controls": ("..%00/",)}

# Other paths that some servers take for one.
Others = Callable[[str], Iterator[str]]


def paths_are_read_alike(source: Source, plan: Plan, boxes: Boxes) -> Iterator[Diagnostic]:
    """Yields FR405, at most once for each backend."""
    if {*_FAULTS, *REFUSED_PATHS} <= {*plan.refused_paths}:
        return
    budget = Budget(MAX_TOTAL_STEPS)
    for backend, (guarded, free) in _by_backend(plan).items():
        if guarded and free and not raw.backends(source)[backend].get("strict_paths"):
            yield from _first_misreading(source, plan, boxes, backend, guarded, free, budget)


def _by_backend(plan: Plan) -> dict[str, tuple[list[int], list[int]]]:
    """Returns for each backend the numbers of its routes with `auth`, and of its routes without."""
    found: dict[str, tuple[list[int], list[int]]] = {}
    for number, route in enumerate(plan.routes):
        if isinstance(route.action, Forward | Handoff | Tunnel):
            found.setdefault(route.action.backend, ([], []))[route.auth is None].append(number)
    return found


def _first_misreading(
    source: Source, plan: Plan, boxes: Boxes, backend: str, guarded: list[int], free: list[int], budget: Budget
) -> Iterator[Diagnostic]:
    kept = [fault for fault in REFUSED_PATHS if fault not in plan.refused_paths]
    detours = [*dict.fromkeys(_detours(boxes, free, kept))]
    own = [*_read_otherwise(boxes, free)]
    apart = [*_apart_from_paths(boxes, free), *(region for region, _, _ in own)]

    def others(path: str) -> Iterator[str]:
        yield from _misreadings(path)
        yield from _kept_misreadings(path, kept)
        yield from (detour + path[1:] for detour in detours)
        yield path.upper() if path != path.upper() else path.lower()
        yield from (written for _, read, written in own if read == path)

    for number in guarded:
        try:
            found = _misread(boxes, number, free, apart, others, Budget(MAX_STEPS, budget))
        except BudgetExceeded:
            budget.charge(MAX_STEPS)
            continue
        if found:
            from fanroute.analysis.witness import match_arguments  # late, here and below: most files need none

            taking, request = found[0], match_arguments(found[1])
            route, place = plan.routes[taking], ("routes", sum(map(is_declared, plan.routes[:taking])))
            action = next(key for key in BACKEND_ANSWERED if source.has((*place, key)))
            of_guarded = ("routes", sum(map(is_declared, plan.routes[:number])))
            message = (
                f"'{backend}' may read this request of '{route.name}', which needs no token, as one of "
                f"'{plan.routes[number].name}', which needs one: {request}"
            )
            note = Note(f"'{plan.routes[number].name}'", source.key_span(of_guarded))
            at = (*place, action, "backend") if source.has((*place, action, "backend")) else (*place, action)
            yield Diagnostic(FR405, message, source.value_span(at), _mend(kept), (note,), request)
            return


def _mend(kept: list[PathFault]) -> str:
    rejected = ", ".join(f"{fault}: reject" for fault in (*kept, *_FAULTS))
    return f"write 'paths: {{{rejected}}}', or give the backend 'strict_paths: true' if it takes paths as they are"


def _misread(
    boxes: Boxes, number: int, free: list[int], apart: list[Box], others: Others, budget: Budget
) -> "tuple[int, RequestData] | None":
    """Returns a request that one of the free routes takes, but that a server may read as a request for the guarded route.

    It tries requests first that also fit the match of a free route, because a changed path often still fits that. `apart` has the
    conditions of the free routes other than those on the path.
    """
    among = set(free)
    near = sorted(among.intersection(boxes.index.of_box(boxes.boxes[number], len(boxes.boxes))))
    for elsewhere in chain(map(boxes.boxes.__getitem__, near), apart):
        budget.spend()
        region = intersect(boxes.boxes[number], elsewhere)
        if region is None:
            continue
        found = find_untaken([region], lambda request: boxes.taken_box(request, number, budget), boxes.named, budget)
        if found is None:
            continue
        from fanroute.analysis.witness import request_of

        guarded = sample_point(found, boxes.named)
        request = request_of(guarded)
        _, path, _ = split_uri(request.url)
        for other in others(path):
            budget.spend(REGION)
            segments = path_segments(other)
            refused = boxes.refusals.box(segments) is not None
            taking = None if refused else boxes.first_match(replace(guarded, segments=segments), len(boxes.boxes), budget)
            if taking in among:
                return taking, replace(request, url=request.url.replace(f"{guarded.host}{path}", f"{guarded.host}{other}", 1))
    return None


def _apart_from_paths(boxes: Boxes, numbers: Iterable[int]) -> Iterator[Box]:
    """Yields the conditions of some routes without those on the path, each once."""
    seen = set()
    for number in numbers:
        asks = _apart_from_path(boxes.boxes[number])
        if (key := frozenset(asks.items())) not in seen:
            seen.add(key)
            yield asks


def _apart_from_path(box: Box) -> Box:
    return {dimension: values for dimension, values in box.items() if dimension != LENGTH and dimension[0] != "segment"}


def _misreadings(path: str) -> Iterator[str]:
    """Yields other paths that some servers read as this one."""
    slashes = [index for index, character in enumerate(path) if character == "/"]
    yield from (f"{path[:index]}/{path[index:]}" for index in slashes)
    yield from (f"{path[:index]}%2F{path[index + 1 :]}" for index in slashes[1:])
    yield from (f"{path[:index]};x{path[index:]}" for index in [*slashes[1:], len(path)] if path[index - 1] != "/")


def _kept_misreadings(path: str, kept: Collection[PathFault]) -> Iterator[str]:
    """Yields other paths that some servers read as this one, with faults that `paths` keeps but the default refuses."""
    slashes = [index for index, character in enumerate(path) if character == "/"]
    if "dot_segments" in kept:
        yield from (f"{path[:index]}/{dot}{path[index:]}" for index in slashes for dot in (".", ".;x"))
    if "backslashes" in kept:
        yield from (f"{path[:index]}%5C{path[index + 1 :]}" for index in slashes[1:])
    if "controls" in kept:
        yield from (f"{path[:index]}%00{path[index:]}" for index in [*slashes[1:], len(path)])
        yield f"{path}%00/x"


def _read_otherwise(boxes: Boxes, free: Iterable[int]) -> Iterator[tuple[Box, str, str]]:
    """Yields each path of a free route that some servers read as another one, because of its own text.

    It comes last, after the requests for that other path, and this path.
    """
    for number in free:
        path, box = boxes.matches[number].path, boxes.boxes[number]
        odd = path and any(isinstance(segment, str) and (not segment or ";" in segment) for segment in path.segments)
        if not odd or any(wanted.is_empty for wanted in box.values()):
            continue
        segments = [segment or "" for segment in sample_point(box, boxes.named).segments]
        bare = [segment.partition(";")[0] for segment in segments]
        full = [segment for segment in segments[:-1] if segment] + segments[-1:]
        both = [segment for segment in bare[:-1] if segment] + bare[-1:]
        for read in (bare, full, both):
            places: Box = {("segment", index): Texts.of(SEGMENTS, (segment,)) for index, segment in enumerate(read)}
            yield (
                {**_apart_from_path(box), **places, LENGTH: Lengths(len(read), len(read))},
                _path(read),
                _path(segments, safe=";="),
            )


def _path(segments: Iterable[str], safe: str = "") -> str:
    return "".join(f"/{quote(segment, safe=safe)}" for segment in segments)


def _detours(boxes: Boxes, free: Iterable[int], kept: Iterable[PathFault]) -> Iterator[str]:
    """Yields beginnings of paths that lead into a free route and then back up to the root, for servers that resolve them."""
    ways = [up for fault in kept for up in _UP[fault]]
    for number in free if ways else ():
        path = boxes.matches[number].path
        fixed = sample_point(boxes.boxes[number], boxes.named).segments[: len(path.segments)] if path else ()
        into = [quote(segment or "x", safe="") for segment in (*fixed, "x")]
        for depth in range(1, len(into) + 1):
            yield from (f"/{'/'.join(into[:depth])}/{up * depth}" for up in ways)
