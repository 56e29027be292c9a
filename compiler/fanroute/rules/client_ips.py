"""Checks `client_ip` of matches: FR450 to FR453."""

from collections.abc import Iterator

from fanroute.analysis.box import CLIENT_IP, Box, Point, intersect, sample_point
from fanroute.analysis.budget import Budget, BudgetExceeded
from fanroute.analysis.client_addresses import Addresses
from fanroute.analysis.reachability import MAX_STEPS, MAX_TOTAL_STEPS
from fanroute.analysis.search import find_untaken
from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import is_declared
from fanroute.rules.check import ValidFile, plan_check
from fanroute.spec import raw
from fanroute.spec.networks import network_of
from fanroute.syntax.source import Path
from fanroute_runtime.plan import Forward, Handoff, Route, Tunnel

_ADMIN = "routes:\n  - match: {path: /admin/*, client_ip: %s}\n    forward: origin\n"

FR450 = Rule(
    "FR450",
    "warning",
    "an address of `client_ip` is in another network there",
    "A client matches if its address is in one of the networks. One that is within another, or that appears twice, changes "
    "nothing. Perhaps the wider one was meant to be narrower.",
    START + _ADMIN % "[203.0.113.0/24, 203.0.113.7]",
    "Remove the narrower one, or correct the wider one.",
)

FR451 = Rule(
    "FR451",
    "warning",
    "a `client_ip` has all addresses of IPv4 or of IPv6",
    "The network `0.0.0.0/0` has every address of IPv4, but none of IPv6, and `::/0` is the other way round. Many clients have "
    "both, and connect with either.",
    START + _ADMIN % "0.0.0.0/0",
    "Leave `client_ip` out for any client, or name the networks that are meant.",
)

FR452 = Rule(
    "FR452",
    "warning",
    "a `client_ip` has only addresses that no client at Fastly has",
    "Clients reach Fastly over the internet, with public addresses. An address for private networks, such as `10.0.0.0/8` or "
    "`127.0.0.1`, never gets there: everybody in an office or a cluster has the address of its gateway. Only local edges have "
    "clients with such addresses.",
    START + _ADMIN % "10.0.0.0/8",
    "Name the public address of the network, which its gateway or NAT has.",
)

FR453 = Rule(
    "FR453",
    "warning",
    "clients with other addresses reach the same backend by a later route",
    "A request that fits a route except for the client's address is not refused: the next route that matches takes it. If that "
    "route sends it to the same backend with the same headers, `client_ip` keeps nobody away.",
    START + _ADMIN % "203.0.113.0/24" + "  - forward: origin\n",
    "After the route, write one with the same match but without `client_ip`, and let it answer: `respond: {status: 403}`.",
)

# Networks whose addresses are not used on the internet (https://www.iana.org/assignments/iana-ipv4-special-registry/, and ipv6).
_NOBODYS = Addresses.of(
    """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 ::/127 fc00::/7
    fe80::/10 ff00::/8
    """.split()
)


@plan_check
def check_client_ips(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR450, FR451 and FR452: a network adds nothing, is everybody's, or is nobody's."""
    if "client_ip" not in file.source.keys:
        return
    for index, route in raw.routes(file.source):
        places = [*raw.items(("routes", index, "match", "client_ip"), route.get("match", {}).get("client_ip", []))]
        if not places:
            continue
        yield from _useless(file, places)
        wide = next(((path, text) for path, text in places if network_of(text).prefixlen == 0), None)
        if wide:
            is_ipv4 = network_of(wide[1]).version == 4
            both = {network_of(text).version for _, text in places if network_of(text).prefixlen == 0} == {4, 6}
            message = f"'{wide[1]}' is every address of IPv{'4' if is_ipv4 else '6'}"
            message += ", and with the other one every address" if both else f", and none of IPv{'6' if is_ipv4 else '4'}"
            yield Diagnostic(FR451, message, file.source.value_span(wide[0]), "leave 'client_ip' out for any client")
        if all(next(Addresses.of([text]).subtract(_NOBODYS)).is_empty for _, text in places):
            names = " or ".join(f"'{text}'" for _, text in places)
            message = f"no client at Fastly has an address in {names}: clients have public addresses there"
            suggestion = "name the public address that the network's clients have on the internet"
            yield Diagnostic(FR452, message, file.source.key_span(("routes", index, "match", "client_ip")), suggestion)


def _useless(file: ValidFile, places: list[tuple[Path, str]]) -> Iterator[Diagnostic]:
    """Reports FR450 for each network that is within another one, or that appeared before."""
    networks = [network_of(text) for _, text in places]
    for number, (path, text) in enumerate(places):
        for other, (its_path, its_text) in enumerate(places):
            one, wide = networks[number], networks[other]
            if one.version == wide.version and one.subnet_of(wide) and (one != wide or other < number):  # type: ignore[arg-type]
                message = f"'{text}' appears twice" if one == wide else f"'{text}' is within '{its_text}'"
                note = Note("the first one" if one == wide else "the wider one", file.source.value_span(its_path))
                yield Diagnostic(FR450, message, file.source.value_span(path), "remove it", (note,))
                break


@plan_check
def check_other_clients(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR453: a later route sends the requests of clients with other addresses to the same backend."""
    if "client_ip" not in file.source.keys:
        return
    boxes, budget = file.boxes, Budget(MAX_TOTAL_STEPS)
    for number, route in enumerate(file.plan.routes):
        if not route.match.client_ips or not isinstance(route.action, Forward | Handoff | Tunnel):
            continue
        (others,) = Addresses().subtract(Addresses.of(route.match.client_ips))
        region = {**boxes.boxes[number], CLIENT_IP: others}
        try:
            found = _next_with_same_backend(file, number, region, Budget(MAX_STEPS, budget))
        except BudgetExceeded:
            budget.charge(MAX_STEPS)
            continue
        if found:
            from fanroute.analysis.witness import match_arguments, request_of  # late: few files need it

            later, request = found[0], match_arguments(request_of(found[1]))
            backend = route.action.backend
            message = f"other clients reach '{backend}' too, by the route '{file.plan.routes[later].name}': {request}"
            note = Note(f"'{file.plan.routes[later].name}'", file.source.key_span(_path(file, later)))
            suggestion = "after this route, answer them: the same match without 'client_ip', and 'respond: {status: 403}'"
            span = file.source.key_span((*_path(file, number), "match", "client_ip"))
            yield Diagnostic(FR453, message, span, suggestion, (note,), request)


def _path(file: ValidFile, number: int) -> Path:
    return "routes", sum(map(is_declared, file.plan.routes[:number]))


def _next_with_same_backend(file: ValidFile, number: int, region: Box, budget: Budget) -> tuple[int, Point] | None:
    """Finds a request of a region that a later route sends where the route with this number sends its own.

    Returns the number of the later route, and the request. Raises BudgetExceeded.
    """
    boxes, routes = file.boxes, file.plan.routes
    for later in range(number + 1, len(routes)):
        if _sent(routes[later]) != _sent(routes[number]):
            continue
        shared = intersect(region, boxes.boxes[later])
        if shared is None:
            continue
        found = find_untaken([shared], lambda point: boxes.taken_box(point, later, budget), boxes.named, budget)  # noqa: B023
        if found is not None:
            return later, sample_point(found, boxes.named)
    return None


def _sent(route: Route) -> object:
    """Returns where a route sends its requests, how it changes them, and which tokens it requires."""
    backend = getattr(route.action, "backend", None)
    return backend, route.request_headers, route.auth
