"""Checks `client_ip` of matches: FR450 to FR453."""

from collections.abc import Hashable, Iterator, Mapping

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
from fanroute.spec.networks import AnyNetwork, network_of, network_text
from fanroute.syntax.source import Path
from fanroute_runtime.plan import Forward, Handoff, Route, Tunnel

Places = list[tuple[Path, str]]
# How many networks a message names.
_MAX_NAMED = 4

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
    "both, and connect with either. Several networks count together, such as `0.0.0.0/1` and `128.0.0.0/1`, and addresses that "
    "no client has do not count.",
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

# Networks whose addresses no client at Fastly has (https://www.iana.org/assignments/iana-ipv4-special-registry/). In IPv6, only
# 2000::/3 is used on the internet (https://www.iana.org/assignments/ipv6-address-space/).
_NOBODYS = Addresses.of(
    """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.168.0.0/16 224.0.0.0/3 ::/3 4000::/2
    8000::/1
    """.split()
)
# All addresses that clients at Fastly have, by version of IP.
_EVERYBODYS = {4: next(Addresses.of(["0.0.0.0/0"]).subtract(_NOBODYS)), 6: next(Addresses.of(["::/0"]).subtract(_NOBODYS))}


@plan_check
def check_client_ips(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR450, FR451 and FR452: a network adds nothing, is everybody's, or is nobody's."""
    if "client_ip" not in file.source.keys:
        return
    for index, route in raw.routes(file.source):
        places = [*raw.items(("routes", index, "match", "client_ip"), route.get("match", {}).get("client_ip", []))]
        if not places:
            continue
        networks, addresses = [network_of(text) for _, text in places], Addresses.of(network_text(text) for _, text in places)
        yield from _useless(file, places, networks)
        yield from _everybodys(file, places, networks, addresses)
        if next(addresses.subtract(_NOBODYS)).is_empty:
            names = " or ".join(f"'{text}'" for _, text in places[:_MAX_NAMED]) + (" or others" if places[_MAX_NAMED:] else "")
            message = f"no client at Fastly has an address in {names}: clients have public addresses there"
            suggestion = "name the public address that the network's clients have on the internet"
            yield Diagnostic(FR452, message, file.source.key_span(("routes", index, "match", "client_ip")), suggestion)


def _everybodys(file: ValidFile, places: Places, networks: list[AnyNetwork], addresses: Addresses) -> Iterator[Diagnostic]:
    """Reports FR451: the networks together have all addresses of IPv4 or IPv6 that clients have."""
    wide = [version for version, everybodys in _EVERYBODYS.items() if next(everybodys.subtract(addresses)).is_empty]
    if not wide:
        return
    of_it = [number for number, network in enumerate(networks) if network.version == wide[0]]
    widest = min(of_it, key=lambda number: networks[number].prefixlen)
    path, text = places[widest]
    is_alone = next(_EVERYBODYS[wide[0]].subtract(Addresses.of([network_text(text)]))).is_empty
    message = f"'{text}' is" if is_alone else f"'{text}' and the other networks of IPv{wide[0]} are together"
    message += f" every address of IPv{wide[0]}"
    if len(wide) > 1:
        message += ", and with the other one every address"
    elif len(of_it) == len(networks):
        message += f", and none of IPv{10 - wide[0]}"
    yield Diagnostic(FR451, message, file.source.value_span(path), "leave 'client_ip' out for any client")


def _useless(file: ValidFile, places: Places, networks: list[AnyNetwork]) -> Iterator[Diagnostic]:
    """Reports FR450 for each network that is within another one, or that appeared before."""
    # Of two networks, one is within the other, or they have no address in common. In this order, each comes after all that it
    # is within, and those that the last one is within are `around` it, the widest first.
    order = sorted(range(len(networks)), key=lambda number: (networks[number].version, networks[number], number))
    around: list[int] = []
    for number in order:
        network = networks[number]
        while around and not _is_within(network, networks[around[-1]]):
            around.pop()
        if around:
            other = around[-1]
            is_same = networks[other] == network
            message = f"'{places[number][1]}' " + ("appears twice" if is_same else f"is within '{places[other][1]}'")
            note = Note("the first one" if is_same else "the wider one", file.source.value_span(places[other][0]))
            yield Diagnostic(FR450, message, file.source.value_span(places[number][0]), "remove it", (note,))
        else:
            around.append(number)


def _is_within(one: AnyNetwork, other: AnyNetwork) -> bool:
    return one.version == other.version and one.subnet_of(other)  # type: ignore[arg-type]


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
    boxes, routes, servers = file.boxes, file.plan.routes, raw.servers(file.source)
    for later in range(number + 1, len(routes)):
        if _sent(routes[later], servers) != _sent(routes[number], servers):
            continue
        shared = intersect(region, boxes.boxes[later])
        if shared is None:
            continue
        found = find_untaken([shared], lambda point: boxes.taken_box(point, later, budget), boxes.named, budget)  # noqa: B023
        if found is not None:
            return later, sample_point(found, boxes.named)
    return None


def _sent(route: Route, servers: Mapping[str, Hashable]) -> object:
    """Returns where a route sends its requests, how it changes them, and which tokens it requires."""
    server = servers[route.action.backend] if isinstance(route.action, Forward | Handoff | Tunnel) else None
    return server, route.request_headers, route.auth
