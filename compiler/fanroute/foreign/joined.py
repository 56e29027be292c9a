"""Makes one route of routes that differ only in their path, host or method, which can be lists. Pure."""

from collections.abc import Iterable

from fanroute.foreign.draft import Data, Draft, Part
from fanroute.spec.template import parameter_names, rest_name

# The keys of a match that can be lists.
_LISTS = ("path", "host", "method")


def join_routes(draft: Draft) -> Draft:
    """Joins routes that follow each other, if the later one has no remark of its own. Returns the draft.

    No route is between them, so each request still gets the same answer.
    """
    routes: list[Part] = []
    for part in draft.routes:
        match = _joined_route(routes[-1].data, part.data) if routes and not part.remarks else None
        if match is None:
            routes.append(part)
        else:
            routes[-1] = Part(routes[-1].data | {"match": match}, routes[-1].remarks)
    draft.routes = routes
    return draft


def join_matches(matches: Iterable[Data]) -> list[Data]:
    """Returns matches in which those that follow each other are joined."""
    made: list[Data] = []
    for match in matches:
        joined = _joined(made[-1], match) if made else None
        if joined is None:
            made.append(match)
        else:
            made[-1] = joined
    return made


def _joined_route(one: Data, other: Data) -> Data | None:
    if "match" not in one or "match" not in other or one | {"match": 0} != other | {"match": 0}:
        return None
    return _joined(one["match"], other["match"])


def _joined(one: Data, other: Data) -> Data | None:
    """Returns a match for the requests of either. Returns None if a match cannot say that."""
    differing = [key for key in {**one, **other} if one.get(key) != other.get(key)]
    if not differing:
        return one
    [key, *more] = differing
    if more or key not in _LISTS or key not in one or key not in other:
        return None
    values = list(dict.fromkeys([*_list(one[key]), *_list(other[key])]))
    if key in ("path", "host") and len({_bound(value) for value in values}) > 1:
        return None
    return one | {key: values}


def _list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _bound(value: str) -> tuple[str, ...]:
    """Returns what a path or host binds. All paths, and all hosts, of a route must bind the same."""
    return (*sorted(parameter_names(value)), rest_name(value))
