"""Checks for ways around `auth`, by paths that the edge and a backend read differently: FR405."""

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING
from urllib.parse import quote

from fanroute.analysis.box import LENGTH, REST, Box, intersect, is_empty, sample_point
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import REGION_STEPS, Boxes, find_untaken
from fanroute.analysis.sets import SEGMENTS, Lengths, Texts
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_index, keeps_path
from fanroute.rules.check import ValidFile, plan_check
from fanroute.spec import raw
from fanroute.spec.actions import BACKEND_ANSWERED
from fanroute_runtime.matching.predicates import path_segments, split_uri
from fanroute_runtime.plan import REFUSED_PATHS, Forward, Handoff, PathFault, Plan, Tunnel

if TYPE_CHECKING:
    from fanroute.plan.request import RequestData

FR405 = Rule(
    "FR405",
    "warning",
    "a request can get around `auth` by another way of writing its path",
    "Some servers read `//` as `/`, `%2F` as a slash, `a;b` as `a`, or `/A` as `/a`. The edge never changes a path. So a request "
    "may match a route that requires no token, while the backend reads it as a request for a route that requires one. If `paths` "
    "keeps dot segments, backslashes or control characters, this includes `/public/../private`. The warning shows one such "
    "request for each backend.",
    START + "routes:\n  - match: {path: /private/*}\n    forward: origin\n    auth: {token: {query: token}, keys: {"
    "algorithm: HS256, secret_store: keys, name: login}}\n  - forward: origin\n",
    "Refuse such paths with `paths: {empty_segments: reject, encoded_slashes: reject, parameters: reject}`, and do not keep "
    "those that are refused by default. Make sure that the backend does not ignore the case of letters. If it takes paths as "
    "they are, give it `strict_paths: true` instead.",
)

# Faults that are kept by default, because paths of honest clients have them too. If they are refused, servers differ only by the
# case of letters.
_FAULTS: tuple[PathFault, ...] = ("empty_segments", "encoded_slashes", "parameters")
# For each fault that is refused by default: texts that lead one segment up.
_UP: dict[PathFault, tuple[str, ...]] = {"dot_segments": ("../", "..;x/"), "backslashes": ("..%5C",), "controls": ("..%00/",)}

# Yields other paths that some servers read as this one.
Misreadings = Callable[[str], Iterator[str]]


@plan_check
def check_misread_paths(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR405, at most once for each backend: a request can get around `auth` by another way of writing its path."""
    if {*_FAULTS, *REFUSED_PATHS} <= {*file.plan.refused_paths}:
        return
    budget = Budget(MAX_TOTAL_STEPS)
    servers = raw.servers(file.source)
    strict = {servers[name] for name, backend in raw.backends(file.source).items() if backend.get("strict_paths")}
    for server, (guarded, free) in _routes_by_server(file.plan, servers).items():
        if guarded and free and server not in strict:
            action = file.plan.routes[free[0]].action
            assert isinstance(action, Forward | Handoff | Tunnel)
            backend = action.backend
            yield from _first_misreading(file, backend, guarded, free, budget)


def _routes_by_server(plan: Plan, servers: Mapping[str, Hashable]) -> dict[Hashable, tuple[list[int], list[int]]]:
    """Returns for each server the numbers of its guarded routes, which have `auth`, and of its free routes, which do not.

    Routes that rewrite the path are left out: FR413 is about these.
    """
    found: dict[Hashable, tuple[list[int], list[int]]] = {}
    for number, route in enumerate(plan.routes):
        if isinstance(route.action, Forward | Handoff | Tunnel) and keeps_path(route.action):
            found.setdefault(servers[route.action.backend], ([], []))[route.auth is None].append(number)
    return found


def _first_misreading(file: ValidFile, backend: str, guarded: list[int], free: list[int], budget: Budget) -> Iterator[Diagnostic]:
    source, plan, boxes = file.source, file.plan, file.boxes
    kept = [fault for fault in REFUSED_PATHS if fault not in plan.refused_paths]
    detours = [*dict.fromkeys(_detours(boxes, free, kept))]
    odd = [*_odd_free_paths(boxes, free)]
    conditions = [*_other_conditions(boxes, free), *(region for region, _, _ in odd)]

    def misreadings(path: str) -> Iterator[str]:
        yield from _misreadings(path)
        yield from _kept_misreadings(path, kept)
        yield from (detour + path[1:] for detour in detours)
        yield path.upper() if path != path.upper() else path.lower()
        yield from (written for _, read, written in odd if read == path)

    for number in guarded:
        try:
            found = _find_misread_request(boxes, number, free, conditions, misreadings, Budget(MAX_STEPS, budget))
        except BudgetExceeded:
            budget.charge(MAX_STEPS)
            continue
        if found:
            from fanroute.analysis.witness import match_arguments  # late, here and below: few files need it

            taking, request = found[0], match_arguments(found[1])
            route, path = plan.routes[taking], ("routes", declared_index(plan.routes, taking))
            action = next(key for key in BACKEND_ANSWERED if source.has((*path, key)))
            guarded_path = ("routes", declared_index(plan.routes, number))
            message = (
                f"'{backend}' may read this request for '{route.name}', which requires no token, as one for "
                f"'{plan.routes[number].name}', which requires one: {request}"
            )
            note = Note(f"'{plan.routes[number].name}'", source.key_span(guarded_path))
            has_backend_key = source.has((*path, action, "backend"))
            span = source.value_span((*path, action, "backend") if has_backend_key else (*path, action))
            yield Diagnostic(FR405, message, span, _suggestion(kept), (note,), request)
            return


def _suggestion(kept: list[PathFault]) -> str:
    rejected = ", ".join(f"{fault}: reject" for fault in (*kept, *_FAULTS))
    return f"write 'paths: {{{rejected}}}', or give the backend 'strict_paths: true' if it takes paths as they are"


def _find_misread_request(
    boxes: Boxes, number: int, free: list[int], conditions: list[Box], misreadings: Misreadings, budget: Budget
) -> "tuple[int, RequestData] | None":
    """Finds a request that one of the free routes takes, but that a server may read as a request for the guarded route.

    It first tries requests that also fit the match of a free route, because a changed path often still fits that. `conditions`
    has the conditions of the free routes other than those on the path. Returns the number of the free route, and the request.
    """
    free_numbers = set(free)
    near = [free for free in boxes.index.of_box(boxes.boxes[number], len(boxes.boxes), budget) if free in free_numbers]
    for other_box in chain(map(boxes.boxes.__getitem__, near), conditions):
        budget.spend()
        region = intersect(boxes.boxes[number], other_box)
        if region is None:
            continue
        found = find_untaken([region], lambda request: boxes.taken_box(request, number, budget), boxes.named, budget)
        if found is None:
            continue
        from fanroute.analysis.witness import request_of

        guarded = sample_point(found, boxes.named)
        request = request_of(guarded)
        _, path, _ = split_uri(request.url)
        for other in misreadings(path):
            budget.spend(REGION_STEPS)
            segments = path_segments(other)
            refused = boxes.refusals.box(segments) is not None
            taking = None if refused else boxes.first_match(replace(guarded, segments=segments), len(boxes.boxes), budget)
            if taking in free_numbers:
                return taking, replace(request, url=request.url.replace(f"{guarded.host}{path}", f"{guarded.host}{other}", 1))
    return None


def _other_conditions(boxes: Boxes, numbers: Iterable[int]) -> Iterator[Box]:
    """Yields the conditions of some routes without those on the path. Equal ones are yielded once."""
    seen = set()
    for number in numbers:
        conditions = _without_path(boxes.boxes[number])
        if (key := frozenset(conditions.items())) not in seen:
            seen.add(key)
            yield conditions


def _without_path(box: Box) -> Box:
    return {
        dimension: values for dimension, values in box.items() if dimension not in (LENGTH, REST) and dimension[0] != "segment"
    }


def _misreadings(path: str) -> Iterator[str]:
    """Yields other paths that some servers read as this one."""
    slashes = [index for index, character in enumerate(path) if character == "/"]
    yield from (f"{path[:index]}/{path[index:]}" for index in slashes)
    yield from (f"{path[:index]}%2F{path[index + 1 :]}" for index in slashes[1:])
    yield from (f"{path[:index]};x{path[index:]}" for index in [*slashes[1:], len(path)] if path[index - 1] != "/")


def _kept_misreadings(path: str, kept: Collection[PathFault]) -> Iterator[str]:
    """Yields other paths that some servers read as this one, with faults that are refused by default but kept by `paths`."""
    slashes = [index for index, character in enumerate(path) if character == "/"]
    if "dot_segments" in kept:
        yield from (f"{path[:index]}/{dot}{path[index:]}" for index in slashes for dot in (".", ".;x"))
    if "backslashes" in kept:
        yield from (f"{path[:index]}%5C{path[index + 1 :]}" for index in slashes[1:])
    if "controls" in kept:
        yield from (f"{path[:index]}%00{path[index:]}" for index in [*slashes[1:], len(path)])
        yield f"{path}%00/x"


def _odd_free_paths(boxes: Boxes, free: Iterable[int]) -> Iterator[tuple[Box, str, str]]:
    """Yields the paths of free routes whose own text some servers read as another path.

    Each comes as the box of requests for that other path, the other path, and the route's own path.
    """
    for number in free:
        path, box = boxes.matches[number].path, boxes.boxes[number]
        odd = path and any(isinstance(segment, str) and (not segment or ";" in segment) for segment in path.segments)
        if not odd or is_empty(box):
            continue
        segments = [segment or "" for segment in sample_point(box, boxes.named).segments]
        bare = [segment.partition(";")[0] for segment in segments]
        full = [segment for segment in segments[:-1] if segment] + segments[-1:]
        both = [segment for segment in bare[:-1] if segment] + bare[-1:]
        for read in (bare, full, both):
            path_box: Box = {("segment", index): Texts.of(SEGMENTS, (segment,)) for index, segment in enumerate(read)}
            yield (
                {**_without_path(box), **path_box, LENGTH: Lengths(len(read), len(read))},
                _path(read),
                _path(segments, safe=";="),
            )


def _path(segments: Iterable[str], safe: str = "") -> str:
    return "".join(f"/{quote(segment, safe=safe)}" for segment in segments)


def _detours(boxes: Boxes, free: Iterable[int], kept: Iterable[PathFault]) -> Iterator[str]:
    """Yields beginnings of paths that lead into a free route and then back up to the root, if a server resolves them."""
    ways = [up for fault in kept for up in _UP[fault]]
    for number in free if ways else ():
        path = boxes.matches[number].path
        fixed = sample_point(boxes.boxes[number], boxes.named).segments[: len(path.segments)] if path else ()
        into = [quote(segment or "x", safe="") for segment in (*fixed, "x")]
        for depth in range(1, len(into) + 1):
            yield from (f"/{'/'.join(into[:depth])}/{up * depth}" for up in ways)
