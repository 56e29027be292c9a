"""Checks the parameters of a match: FR219 and FR222."""

from collections.abc import Iterator
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import source_check
from fanroute.spec import raw
from fanroute.spec.template import label_name, parameter_names, rest_name
from fanroute.syntax.source import Path, Source

FR219 = Rule(
    "FR219",
    "error",
    "the paths or hosts of a match do not have the same parameters",
    "A channel or location of the route takes values from the path and host, whichever of its paths and hosts a request has. So "
    "all of them must bind the same names, in any order, and the rest of a path (`{rest...}`) must be the rest in all.",
    START + 'routes:\n  - match: {path: ["/rooms/{room}", "/r/{id}"]}\n    handoff: origin\n',
    "Give the parameters the same names, or write a route for each path or host.",
)


@source_check("match")
def check_same_parameters(source: Source) -> Iterator[Diagnostic]:
    """Reports FR219: a further path or host of a match binds other names than the first one."""
    for index, route in raw.routes(source):
        for key in ("path", "host"):
            listed, at = raw.match_of(route).get(key), ("routes", index, "match", key)
            if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
                yield from _differing(source, key, [*raw.items(at, listed)])


def _differing(source: Source, key: str, listed: list[tuple[Path, Any]]) -> Iterator[Diagnostic]:
    """Reports the paths or hosts that bind other names than the first one."""
    for place, text in listed[1:]:
        if _bound(key, text) != _bound(key, listed[0][1]):
            first_place, first = listed[0]
            names = " and ".join(f"'{name}'" for name in _written(key, first)) or "no parameters"
            message = f"'{text}' does not have the same parameters as the first {key}"
            note = Note(f"the first {key}", source.value_span(first_place))
            yield Diagnostic(FR219, message, source.value_span(place), f"the first one has {names}", (note,))


def _bound(key: str, text: str) -> tuple[list[str], str]:
    """Returns the names that a path or host binds, and that of the rest of a path."""
    return ([label_name(text)], "") if key == "host" else (sorted(parameter_names(text)), rest_name(text))


def _written(key: str, text: str) -> list[str]:
    """Returns the parameters of a path or host, as they are written there."""
    if key == "host":
        return [f"{{{name}}}" for name in [label_name(text)] if name]
    rest = rest_name(text)
    return [f"{{{name}{'...' if name == rest else ''}}}" for name in parameter_names(text)]


FR222 = Rule(
    "FR222",
    "error",
    "the host and the path of a match bind the same name",
    "A name stands for one value. If a request could have two for it, it would be unclear which one a channel gets.",
    START + 'routes:\n  - match: {host: "{tenant}.example.com", path: "/{tenant}/news"}\n    handoff: origin\n',
    "Give one of them another name. If both values must be equal, compare each with the same claim of a token.",
)


@source_check("match")
def check_distinct_names(source: Source) -> Iterator[Diagnostic]:
    """Reports FR222: the host of a match binds a name that its path binds too."""
    for index, route in raw.routes(source):
        match = raw.match_of(route)
        name = label_name(match.get("host"))
        if name and name in parameter_names(match.get("path")):
            at: Path = ("routes", index, "match")
            note = Note("the path", source.value_span((*at, "path")))
            message = f"'{{{name}}}' is bound by the host and by the path"
            yield Diagnostic(FR222, message, source.value_span((*at, "host")), "give one of them another name", (note,))
