"""Makes predicates from a route's match, and reads the values that it binds."""

from collections.abc import Callable, Collection, Hashable, Mapping
from functools import lru_cache
from typing import Protocol
from urllib.parse import unquote_to_bytes

from fanroute_runtime.matching.pattern import compile_pattern
from fanroute_runtime.plan import Bound, Condition, Match, Parameter, PathPattern, Route

# The segments of a path. A segment that is not UTF-8 after decoding is None: it equals no literal and binds no parameter.
Segments = tuple[str | None, ...]

# Segments that change which path a URL refers to (RFC 3986, 5.2.4).
_DOTS = frozenset({".", ".."})


class Matchable(Protocol):
    """Represents a client's request as matching needs it: see `ClientRequest` in `http.client`."""

    @property
    def host(self) -> str: ...
    @property
    def segments(self) -> Segments: ...
    @property
    def method(self) -> str: ...
    @property
    def scheme(self) -> str: ...
    @property
    def websocket(self) -> bool: ...
    @property
    def query(self) -> Mapping[str, str | None]: ...
    @property
    def address(self) -> str | None: ...
    def header(self, name: str) -> str | None: ...


Predicate = Callable[[Matchable], bool]
# Routes that require the same share a predicate. This many are kept.
cached = lru_cache(256)


def host_name(authority: str) -> str:
    """Returns the host of an authority (RFC 3986, 3.2) in lower case, without userinfo, port or a final dot."""
    host = authority.rpartition("@")[2]
    end = host.find(":", host.find("]") + 1)
    if end >= 0:
        host = host[:end]
    return host.lower().removesuffix(".")


def split_uri(uri: str) -> tuple[str, str, str]:
    """Returns authority, raw path and raw query of an absolute URI, or of an origin-form target (`/path?query`).

    For `OPTIONS *` (RFC 9112, 3.2.4), hosts give `http://a*`. Its path is empty, and therefore the same as `/`.
    """
    whole, _, query = uri.partition("#")[0].partition("?")
    scheme, separator, rest = whole.partition("://")
    if not separator or "/" in scheme:
        return "", whole or "/", query
    authority, slash, path = rest.partition("/")
    if not slash and whole == uri:
        authority = authority.removesuffix("*")
    return authority, f"/{path}", query


def path_segments(path: str) -> Segments:
    """Returns the segments of a raw path. Each is percent-decoded once, so an encoded slash stays in its segment."""
    segments = path.split("/")[1:]
    return tuple(map(_decode_segment, segments)) if "%" in path else tuple(segments)


def _decode_segment(segment: str) -> str | None:
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return None


def can_bind(segment: str | None) -> bool:
    """Returns True if a segment can be the value of a parameter: text that is not empty, no dot segment, and without a slash."""
    return segment is not None and segment != "" and segment not in _DOTS and "/" not in segment


def can_bind_rest(rest: Segments) -> bool:
    """Returns True if segments can be the value of `{rest...}`: each is one that a parameter can have, or a further empty one."""
    return rest[0] != "" and all(segment == "" or can_bind(segment) for segment in rest)


def rest_text(rest: Segments) -> str:
    """Returns the value of `{rest...}`. Different segments give different values, because none of them has a slash."""
    return "/".join([segment or "" for segment in rest])


def bound_value(bound: Bound, route: Route, client: Matchable) -> str | None:
    """Returns the value that a route's match binds in a request that it takes, or None if the value is not text."""
    if bound.source == "query":
        return client.query.get(bound.name)
    if bound.source == "header":
        return client.header(bound.name)
    if route.match.host_parameter and route.match.host_parameter.name == bound.name:
        return client.host.partition(".")[0]
    path = route.match.path
    assert path is not None
    if path.bound_rest and path.bound_rest.name == bound.name:
        return rest_text(client.segments[len(path.segments) :])
    return client.segments[next(i for i, parameter in _parameters(path) if parameter.name == bound.name)]


def match_predicates(match: Match, known: Collection[Hashable] = ()) -> dict[str, Predicate]:
    """Returns the predicates that a request must pass, by their keys in routes.yaml. Those that cost least come first.

    `known` names what has been found out about the request already, so that it is not tested again: some of these keys, and the
    indices of literal path segments. Equal conditions give the same predicate.
    """
    found: dict[str, Predicate] = {}
    if match.path is not None:
        found |= _path_predicates(match.path, known)
    if match.hosts:
        found["host"] = _host_predicate(match.hosts)
    if match.methods:
        found["method"] = _method_predicate(match.methods)
    if match.scheme is not None:
        found["scheme"] = _scheme_predicate(match.scheme)
    if match.websocket is not None:
        found["websocket"] = _websocket_predicate(match.websocket)
    for condition in match.query:
        found[f"query {condition.name}"] = _query_predicate(condition)
    for condition in match.headers:
        found[f"header {condition.name}"] = _header_predicate(condition)
    found |= _client_ip_predicates(match.client_ips)
    needed = {key: predicate for key, predicate in found.items() if key not in known}
    if match.host_parameter:  # the label is tested in any case: what is known about the host is its end
        needed |= _label_predicates(match.hosts, match.host_parameter)
    return needed


def _path_predicates(path: PathPattern, known: Collection[Hashable]) -> dict[str, Predicate]:
    found = {"path": _path_predicate(path, known)}
    for index, parameter in _parameters(path):
        if parameter.pattern:
            found[f"where {parameter.name}"] = _segment_predicate(index, parameter.pattern)
    if path.bound_rest and path.bound_rest.pattern:
        found[f"where {path.bound_rest.name}"] = _rest_predicate(len(path.segments), path.bound_rest.pattern)
    return found


def _parameters(pattern: PathPattern) -> list[tuple[int, Parameter]]:
    """Returns the parameters of a path, each with the index of its segment."""
    return [(i, segment) for i, segment in enumerate(pattern.segments) if isinstance(segment, Parameter)]


def _path_predicate(pattern: PathPattern, known: Collection[Hashable]) -> Predicate:
    literals = ((i, segment) for i, segment in enumerate(pattern.segments) if not isinstance(segment, Parameter))
    to_test = tuple((i, literal) for i, literal in literals if i not in known)
    parameters = tuple(i for i, _ in _parameters(pattern))
    return _segments_predicate(len(pattern.segments), pattern.rest, to_test, parameters, pattern.bound_rest is not None)


@cached
def _segments_predicate(
    size: int, rest: bool, literals: tuple[tuple[int, str], ...], parameters: tuple[int, ...], binds_rest: bool
) -> Predicate:
    def fits(client: Matchable) -> bool:
        segments = client.segments
        if len(segments) <= size if rest else len(segments) != size:
            return False
        for i, literal in literals:
            if segments[i] != literal:
                return False
        return all(can_bind(segments[i]) for i in parameters) and (not binds_rest or can_bind_rest(segments[size:]))

    return fits


@cached
def _segment_predicate(index: int, pattern: str) -> Predicate:
    """Tests a segment against its parameter's pattern. If this predicate is called alone, the request may lack the segment."""
    matches = compile_pattern(pattern).matches

    def fits(client: Matchable) -> bool:
        segment = client.segments[index] if index < len(client.segments) else None
        return segment is not None and matches(segment)

    return fits


@cached
def _rest_predicate(size: int, pattern: str) -> Predicate:
    """Tests the text after `size` segments against a pattern. If this predicate is called alone, the request may lack it."""
    matches = compile_pattern(pattern).matches

    def fits(client: Matchable) -> bool:
        rest = client.segments[size:]
        return bool(rest) and can_bind_rest(rest) and matches(rest_text(rest))

    return fits


@cached
def _host_predicate(hosts: tuple[str, ...]) -> Predicate:
    exact = frozenset(host for host in hosts if not host.startswith("*"))
    suffixes = tuple(host[1:] for host in hosts if host.startswith("*"))
    # The suffix must not be the whole host.
    return lambda client: client.host in exact or client.host[1:].endswith(suffixes)


@cached
def _label_predicates(hosts: tuple[str, ...], parameter: Parameter) -> dict[str, Predicate]:
    from fanroute_runtime.matching.host_labels import label_predicates  # only the components that need this module have it

    return label_predicates(hosts, parameter)


@cached
def _method_predicate(methods: tuple[str, ...]) -> Predicate:
    return lambda client: client.method in methods


@cached
def _scheme_predicate(scheme: str) -> Predicate:
    return lambda client: client.scheme == scheme


@cached
def _websocket_predicate(websocket: bool) -> Predicate:
    return lambda client: client.websocket == websocket


@cached
def _client_ip_predicates(networks: tuple[str, ...]) -> dict[str, Predicate]:
    if not networks:
        return {}
    from fanroute_runtime.matching.addresses import in_networks  # only the components that need this module have it

    fits = in_networks(networks)
    return {"client_ip": lambda client: fits(client.address)}


@cached
def _query_predicate(condition: Condition) -> Predicate:
    name, present = condition.name, condition.present
    if condition.values or condition.pattern:
        return _value_predicate(condition, lambda client: client.query.get(name))
    return lambda client: (name in client.query) == present


@cached
def _header_predicate(condition: Condition) -> Predicate:
    name, present = condition.name, condition.present
    if condition.values or condition.pattern:
        return _value_predicate(condition, lambda client: client.header(name))
    return lambda client: (client.header(name) is not None) == present


def _value_predicate(condition: Condition, value_of: Callable[[Matchable], str | None]) -> Predicate:
    fits = text_predicate(condition)
    return lambda client: fits(value_of(client))


def text_predicate(condition: Condition) -> Callable[[str | None], bool]:
    """Returns a predicate for values: true for text that is one of a condition's values or matches its pattern."""
    if not condition.pattern:
        return frozenset(condition.values).__contains__
    matches = compile_pattern(condition.pattern).matches
    return lambda value: value is not None and matches(value)
