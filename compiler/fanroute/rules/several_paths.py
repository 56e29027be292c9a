"""Checks the paths of a match that has several: FR219."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import source_check
from fanroute.spec import raw
from fanroute.spec.template import parameter_names, rest_name
from fanroute.syntax.source import Path, Source

FR219 = Rule(
    "FR219",
    "error",
    "the paths of a match do not have the same parameters",
    "A channel or location of the route takes values from the path, whichever of its paths a request has. So all of them must "
    "bind the same names, in any order, and the rest of a path (`{rest...}`) must be the rest in all.",
    START + 'routes:\n  - match: {path: ["/rooms/{room}", "/r/{id}"]}\n    handoff: origin\n',
    "Give the parameters the same names, or write a route for each path.",
)


@source_check("match")
def check_same_parameters(source: Source) -> Iterator[Diagnostic]:
    """Reports FR219: a further path of a match binds other names than the first one."""
    for index, route in raw.routes(source):
        match = route.get("match")
        paths = match.get("path") if isinstance(match, dict) else None
        at: Path = ("routes", index, "match", "path")
        first, *further = raw.items(at, paths) if isinstance(paths, list) and paths else [(at, paths)]
        for place, path in further:
            if isinstance(path, str) and isinstance(first[1], str) and _bound(path) != _bound(first[1]):
                rest = rest_name(first[1])
                written = (f"'{{{name}{'...' if name == rest else ''}}}'" for name in parameter_names(first[1]))
                names = " and ".join(written) or "no parameters"
                message = f"'{path}' does not have the same parameters as the first path"
                note = Note("the first path", source.value_span(first[0]))
                yield Diagnostic(FR219, message, source.value_span(place), f"the first one has {names}", (note,))


def _bound(path: str) -> tuple[list[str], str]:
    return sorted(parameter_names(path)), rest_name(path)
