"""Lowers `match` and its conditions."""

import re
from urllib.parse import unquote

from fanroute.spec import match
from fanroute.spec.networks import network_text
from fanroute.spec.template import PARAMETER, label_name, rest_name
from fanroute_runtime.plan import Condition, Match, Parameter, PathPattern


def lower_matches(spec: match.Match) -> list[Match]:
    """Returns the Plan's form of a route's `match`: one for each of its paths."""
    return [_lower_match(spec, path) for path in spec.path or (None,)]


def _lower_match(spec: match.Match, path: str | None) -> Match:
    return Match(
        hosts=tuple(re.sub(r"^\{\w+\}", "*", host.lower()) for host in spec.host or ()),
        path=_path(path, spec.where),
        methods=tuple(spec.method or ()),
        scheme=spec.scheme,
        websocket=spec.websocket,
        headers=tuple(lower_condition(name.lower(), condition) for name, condition in spec.header.items()),
        query=tuple(lower_condition(name, condition) for name, condition in spec.query.items()),
        client_ips=tuple(dict.fromkeys(map(network_text, spec.client_ip or ()))),
        host_parameter=_parameter(label, spec.where) if (label := label_name(spec.host)) else None,
    )


def lower_condition(name: str, condition: match.Condition) -> Condition:
    """Returns the Plan's form of a condition on a header (its name in lower case), query parameter or claim."""
    values, pattern = tuple(condition.values or ()), condition.pattern or ""
    return Condition(name, values, present=condition.present is not False, pattern=pattern)


def lower_exact_path(path: str) -> PathPattern:
    """Returns the Plan's form of a path without `*` and parameters."""
    return PathPattern(tuple(unquote(segment) for segment in path.split("/")[1:]))


def _path(path: str | None, where: dict[str, str]) -> PathPattern | None:
    if path is None:
        return None
    rest = rest_name(path)
    before = path.rpartition("/")[0] if rest else path.removesuffix("/*")
    segments = tuple(_segment(segment, where) for segment in before.split("/")[1:])
    bound_rest = _parameter(rest, where) if rest else None
    return PathPattern(segments, path.endswith("/*") or bool(rest), bound_rest)


def _segment(segment: str, where: dict[str, str]) -> str | Parameter:
    parameter = PARAMETER.fullmatch(segment)
    return _parameter(parameter.group(1), where) if parameter else unquote(segment)


def _parameter(name: str, where: dict[str, str]) -> Parameter:
    return Parameter(name, where.get(name, ""))
