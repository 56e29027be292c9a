"""Tabulates decisions about clients' requests that are known when building, so that these requests need no Python.

A decision is in the table if all GET requests to a kind of host and path get it, whatever else is in them. The names of their
headers must be harmless: neither a route nor the edge looks at these headers. All other requests are left to Python, for example
those about which a pattern, the scheme, the client's address, a value of the request, a token or CORS may decide.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from string import ascii_letters, ascii_lowercase, digits
from typing import NamedTuple

from fanroute.plan.request import RequestData, client_of, second_pass_request
from fanroute.plan.trace import make_decider
from fanroute_runtime import blocks
from fanroute_runtime.grip.signature import FEATURES, HEADER
from fanroute_runtime.http.headers import PIN, is_platform_header
from fanroute_runtime.local import LOCAL_NAMES
from fanroute_runtime.matching.pin import bounds_of
from fanroute_runtime.matching.predicates import Matchable, match_predicates
from fanroute_runtime.messages import Answer, Decision, ToFanout
from fanroute_runtime.plan import Forward, Parameter, Plan, Redirect, Route, SandboxLimits, Tunnel

# Headers that the edge does not look at, unless a route names them.
HARMLESS = frozenset(
    """
    accept accept-charset accept-encoding accept-language authorization cache-control cdn-loop cookie device-memory dnt
    downlink dpr ect from host if-match if-modified-since if-none-match if-range if-unmodified-since last-event-id origin
    pragma priority range referer rtt save-data sec-ch-ua sec-ch-ua-arch sec-ch-ua-bitness sec-ch-ua-full-version
    sec-ch-ua-full-version-list sec-ch-ua-mobile sec-ch-ua-model sec-ch-ua-platform sec-ch-ua-platform-version
    sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-gpc upgrade-insecure-requests user-agent via
    viewport-width width x-requested-with
    """.split()
)
# A Plan that needs a larger table, or has longer paths, has none.
MAX_ROUTES, MAX_EDGES, MAX_SEGMENTS = 500, 2_000, 50

# Headers that Fanout adds, or that the first pass has set. On the second pass, they and the others do not matter beside a pin.
OF_FANOUT = frozenset({HEADER, FEATURES, PIN, "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"})
# The nodes that stand for themselves: nothing is known, the names of a client's headers, the hosts, a host that is left to
# Python, the names of Fanout's headers, and the pins.
UNKNOWN, NAMES, HOSTS, PYTHONS, FANOUTS, PINS = range(6)
# The segments that end a path with a slash, and those that no route names.
_EMPTY, _OTHER = "", None
# The characters that a host, and a path between slashes, may have to be found in the table.
HOST_CHARACTERS = frozenset((ascii_lowercase + digits + "-.").encode())
PATH_CHARACTERS = frozenset((ascii_letters + digits + "-._~").encode())

# The headers that get a value of the connection, and the changes that insert it.
_OF_CONNECTION = {
    "x-forwarded-for": blocks.INSERT_ADDRESS,
    "x-forwarded-host": blocks.INSERT_AUTHORITY,
    "x-forwarded-proto": blocks.INSERT_SCHEME,
}

_Alive = tuple[int, ...]
_Path = tuple[str | None, ...]
# A host of a kind in each of two requests.
_Hosts = tuple[str, str]


class Known(NamedTuple):
    """Represents a decision as a block. If it is a handoff, `if_unreachable` is the block of the answer if that fails."""

    block: bytes
    if_unreachable: bytes = b""


@dataclass
class Table:
    """Represents the table as a graph of nodes, which are numbers.

    `edges` maps a node and a text to the next node: at HOSTS the text is a host, at NAMES a harmless header, elsewhere a segment
    of a path. `others` has for each node the next one for all further segments, or UNKNOWN. `suffixes` are the ends of hosts with
    their nodes, longest first. `other_host` is the node for all further hosts. `decisions` has for each node the decision about
    the paths that end there, if it is known. With `without_query`, requests with a query are not in the table. `limits` says how
    long a sandbox takes requests.
    """

    limits: SandboxLimits
    without_query: bool
    edges: dict[tuple[int, str], int] = field(default_factory=dict)
    others: list[int] = field(default_factory=lambda: [UNKNOWN] * (PINS + 1))
    decisions: list[Known | None] = field(default_factory=lambda: [None] * (PINS + 1))
    suffixes: list[tuple[str, int]] = field(default_factory=list)
    other_host: int = UNKNOWN

    @property
    def wait(self) -> int:
        """Returns how long the host may wait for the next request, in milliseconds."""
        return self.limits.next_request_timeout * 1000


class _TooLarge(Exception):
    """Raised if a table has more edges than it may have, or a path has more segments."""


def tabulate(plan: Plan) -> Table | None:
    """Returns the table of a Plan, or None if it would be empty or too large."""
    # How much memory a sandbox has, only Python asks. Only Python logs.
    if len(plan.routes) > MAX_ROUTES or plan.sandbox.max_memory or plan.logs:
        return None
    try:
        table = _Tabulator(plan).table()
    except _TooLarge:
        return None
    return table if any(table.decisions) else None


class _Tabulator:
    def __init__(self, plan: Plan) -> None:
        self._routes = plan.routes
        self._decider = make_decider(plan)
        self._verifies = plan.grip_sig.check == "verify"
        query = any(route.match.query or _refers(route, "query") for route in plan.routes)
        self._table = Table(plan.sandbox, without_query=query)
        self._nodes: dict[tuple[_Hosts, bool, int, _Alive], int] = {}
        # What such a segment, and a label of such a host, is in two requests.
        self._others = _unnamed(plan.routes)

    def table(self) -> Table:
        hosts = dict.fromkeys(host for route in self._routes for host in route.match.hosts)
        exact = [host for host in hosts if not host.startswith("*") and HOST_CHARACTERS.issuperset(host.encode())]
        ends = sorted((host[1:] for host in hosts if host.startswith("*")), key=len, reverse=True)
        for host in exact:
            self._add_edge(HOSTS, host, self._root((host, host)))
        for host in sorted(LOCAL_NAMES):
            self._add_edge(HOSTS, host, PYTHONS)
        one, another = self._others
        self._table.suffixes = [(end, self._root((f"{one}{end}", f"{another}{end}"))) for end in ends]
        self._table.other_host = self._root(self._others)
        for name in sorted(HARMLESS - self._names_of_routes()):
            assert not is_platform_header(name)
            self._add_edge(NAMES, name, NAMES)
        for name in sorted(HARMLESS | OF_FANOUT):
            self._add_edge(FANOUTS, name, FANOUTS)
        return self._table

    def _names_of_routes(self) -> set[str]:
        """Returns the names of headers that a route looks at."""
        names = {condition.name for route in self._routes for condition in route.match.headers}
        names |= {bound.name for route in self._routes for bound in bounds_of(route) if bound.source == "header"}
        return names | {"origin" for route in self._routes if route.cors or route.origins}

    def _root(self, hosts: _Hosts) -> int:
        """Returns the node for the paths of a kind of host."""
        client = client_of(RequestData("GET", f"http://{hosts[0]}/"))
        alive = tuple(number for number, route in enumerate(self._routes) if _may_take(route, client))
        return self._node(hosts, alive, ())

    def _node(self, hosts: _Hosts, alive: _Alive, path: _Path, is_end: bool = False) -> int:
        """Returns the node for the paths that begin with some segments, or with `is_end` are these segments.

        `alive` are the routes that may take such a path.
        """
        key = (hosts, is_end, len(path), alive)
        if key in self._nodes:
            return self._nodes[key]
        number = self._nodes[key] = self._add_node(self._decision(hosts, alive, path) if path else None)
        if is_end:
            return number
        # After the longest path of a route, there is one node for all longer ones.
        if len(path) > MAX_SEGMENTS + 1:
            raise _TooLarge
        for segment in self._named_segments(alive, len(path)):
            self._add_edge(number, segment, self._node(hosts, self._left(alive, path, segment), (*path, segment)))
        self._add_edge(number, _EMPTY, self._node(hosts, self._left(alive, path, _EMPTY), (*path, _EMPTY), is_end=True))
        # If the segments that follow make no difference, the node stands for all longer paths, too.
        is_settled = path and all(self._is_settled(route, len(path)) for route in alive)
        self._table.others[number] = number if is_settled else self._node(hosts, self._left(alive, path, _OTHER), (*path, _OTHER))
        return number

    def _add_node(self, decision: Known | None) -> int:
        """Adds a node with the decision about what ends there."""
        self._table.others.append(UNKNOWN)
        self._table.decisions.append(decision)
        return len(self._table.others) - 1

    def _add_edge(self, node: int, text: str, target: int) -> None:
        self._table.edges[node, text] = target
        if len(self._table.edges) > MAX_EDGES:
            raise _TooLarge

    def _named_segments(self, alive: _Alive, index: int) -> list[str]:
        """Returns the segments at an index that a route names and that can be found in the table."""
        named = dict.fromkeys(self._segment(route, index) for route in alive)
        return [each for each in named if isinstance(each, str) and each and PATH_CHARACTERS.issuperset(each.encode())]

    def _segment(self, route: int, index: int) -> str | Parameter | None:
        """Returns the segment of a route's path at an index, or None if it says nothing about that index."""
        pattern = self._routes[route].match.path
        return pattern.segments[index] if pattern and index < len(pattern.segments) else None

    def _left(self, alive: _Alive, path: _Path, segment: str | None) -> _Alive:
        """Returns the routes that may still take a path after one more segment."""
        return tuple(route for route in alive if self._fits(route, len(path), segment))

    def _fits(self, route: int, index: int, segment: str | None) -> bool:
        pattern = self._routes[route].match.path
        if pattern is None or index >= len(pattern.segments):
            # A bound rest does not begin with an empty segment. Other segments that it cannot have are not in the table.
            is_first = pattern is not None and pattern.bound_rest is not None and index == len(pattern.segments)
            return pattern is None or (pattern.rest and not (is_first and segment == _EMPTY))
        expected = pattern.segments[index]
        return segment != _EMPTY if isinstance(expected, Parameter) else segment == expected

    def _is_settled(self, route: int, size: int) -> bool:
        """Returns True if a route takes every path that begins with as many segments, as far as the path matters."""
        pattern = self._routes[route].match.path
        return pattern is None or len(pattern.segments) < size

    def _ends(self, route: int, size: int) -> bool:
        """Returns True if a route takes a path of so many segments, if they fit."""
        pattern = self._routes[route].match.path
        return pattern is None or (size > len(pattern.segments) if pattern.rest else size == len(pattern.segments))

    def _decision(self, hosts: _Hosts, alive: _Alive, path: _Path) -> Known | None:
        """Returns the decision about a path, or None if Python must decide."""
        chosen = next((self._routes[route] for route in alive if self._ends(route, len(path))), None)
        if chosen is not None and not _is_constant(chosen):
            return None
        texts = [host + end + _text(path, other) for host, end, other in zip(hosts, ("", ":8443"), self._others, strict=True)]
        plain = RequestData("GET", f"http://{texts[0]}", address="192.0.2.1")
        other = RequestData("GET", f"https://{texts[1]}", address="198.51.100.77")
        return self._common([(each, self._decider.decide(each)) for each in (plain, other)])

    def _common(self, decided: Sequence[tuple[RequestData, Decision]]) -> Known | None:
        """Returns the decision about some requests, or None if they differ."""
        found = {self._known(decision, request) for request, decision in decided}
        if len(found) > 1:
            return None
        pinned = [(each, decision) for each, decision in decided if isinstance(decision, ToFanout) and _pin(decision)]
        if pinned and self._verifies:
            answers = [(each, self._decider.decide(second_pass_request(each, decision))) for each, decision in pinned]
            self._add_pin(_pin(pinned[0][1]), self._common(answers))
        return found.pop()

    def _add_pin(self, pin: str, answer: Known | None) -> None:
        """Adds the answer of the second pass."""
        self._add_edge(PINS, pin, self._add_node(answer))

    def _known(self, decision: Decision, request: RequestData) -> Known | None:
        """Returns a decision with holes for the values of the connection, or None if only Python can carry it out."""
        wait = self._table.wait
        if isinstance(decision, Answer):
            return Known(blocks.encode_answer(decision, wait))
        if not isinstance(decision, ToFanout) or decision.uri is not None or decision.headers.add:
            return None
        unreachable = self._decider.unreachable_answer(decision, 502)
        handoff = blocks.encode_changes(decision.backend, _changes(decision, request), wait)
        return Known(handoff, blocks.encode_answer(unreachable, wait))


def _pin(decision: ToFanout) -> str:
    """Returns the pin of a handoff, or "" if it has none."""
    return dict(decision.headers.set).get(PIN, b"").decode()


def _changes(decision: ToFanout, request: RequestData) -> Iterator[bytes]:
    scheme, _, rest = request.url.partition("://")
    connection = dict(zip(_OF_CONNECTION, (request.address or "", rest.partition("/")[0], scheme), strict=True))
    for name in decision.headers.remove:
        yield blocks.change(blocks.REMOVE, name, b"")
    for name, value in decision.headers.set:
        if name in connection and connection[name].encode() == value:
            yield blocks.change(_OF_CONNECTION[name], name, b"")
        else:
            yield blocks.change(blocks.INSERT, name, value)


def _unnamed(routes: Iterable[Route]) -> tuple[str, str]:
    """Returns two texts that no segment and no host of a route contains, as segments of a path and labels of a host."""
    matches = [route.match for route in routes]
    named = {host for match in matches for host in match.hosts}
    named |= {str(segment) for match in matches if match.path for segment in match.path.segments}
    free = (text for text in map("other-{}-x".format, count()) if not any(text in each for each in named))
    return next(free), next(free)


def _text(path: _Path, other: str) -> str:
    return "".join(f"/{other if segment is _OTHER else segment}" for segment in path)


def _may_take(route: Route, client: Matchable) -> bool:
    """Returns True if a route may take the requests to some path that are otherwise like this one."""
    tests = match_predicates(route.match).items()
    return all(test(client) for key, test in tests if key.partition(" ")[0] not in ("path", "where", "scheme", "client_ip"))


def _is_constant(route: Route) -> bool:
    """Returns True if all requests of a kind that fit a route's host and path get the same decision."""
    path = route.match.path
    segments = (*path.segments, path.bound_rest) if path else ()
    # A node of the table is for all hosts with an end, and so also for those that are no label before it.
    has_any_label = route.match.host_parameter is not None
    has_pattern = any(isinstance(each, Parameter) and each.pattern for each in segments)
    is_open = route.match.scheme is None and not route.match.client_ips and not has_pattern and not has_any_label
    by_edge = not isinstance(route.action, Forward | Tunnel)
    return (
        is_open
        and by_edge
        and not _keeps_address(route)
        and route.auth is None
        and route.cors is None
        and route.limit is None
        and not route.secret_headers
        and not list(bounds_of(route.action))
    )


def _keeps_address(route: Route) -> bool:
    """Returns True if a route's answer depends on the path and query of the request."""
    return isinstance(route.action, Redirect) and (route.action.keep_path or route.action.keep_query)


def _refers(route: Route, source: str) -> bool:
    return any(bound.source == source for bound in bounds_of(route))
