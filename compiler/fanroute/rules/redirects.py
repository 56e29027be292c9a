"""Checks redirects: FR214, FR408 and FR409."""

import re
from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_index, declared_routes
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.document import DEFAULT_DOMAIN
from fanroute.spec.template import label_name, match_parameters
from fanroute.syntax.source import Path, Source
from fanroute_runtime.plan import Redirect, Route

FR214 = Rule(
    "FR214",
    "error",
    "a redirect does not have one address",
    "A redirect leads to a `location`, which is a whole address, or to a `host`, which `scheme` and `path` belong to. With "
    "`host`, what is not given stays as the client sent it. A request chooses at most the first label of the host, which must be "
    "the one that the match binds in its own host. The rest of the host must be a host of the file or below one. Otherwise "
    "the redirect could lead to somebody else's host: everybody can have one under `co.uk` or `edgecompute.app`. A `location` "
    "that has a query or a fragment cannot get the request's query too.",
    START + "routes:\n  - redirect: {host: www.example.com, location: /new}\n",
    "Write `location: /new` for another path of the same host, and `host` for another host.",
)
_OF_HOST = ("host", "scheme", "path")
# What stands for labels at the beginning of a host.
_ANY_LABEL = re.compile(r"(\*|\{\w+\})\.")


@source_check("redirect")
def check_addresses(source: Source) -> Iterator[Diagnostic]:
    """Reports FR214: a redirect has no address, or two, or two queries."""
    for index, route in raw.routes(source):
        redirect = route.get("redirect")
        if isinstance(redirect, dict):
            yield from _address_faults(source, ("routes", index, "redirect"), redirect)
            yield from _host_faults(source, ("routes", index, "redirect", "host"), redirect.get("host"), raw.match_of(route))


def _address_faults(source: Source, path: Path, redirect: dict[str, object]) -> Iterator[Diagnostic]:
    given = [key for key in _OF_HOST if key in redirect]
    location = redirect.get("location")
    if "location" in redirect and given:
        note = Note("the 'location'", source.key_span((*path, "location")))
        message = f"'{given[0]}' and 'location' cannot be used together"
        yield Diagnostic(FR214, message, source.key_span((*path, given[0])), "keep one of them", (note,))
    elif given and "host" not in given:
        suggestion = "add 'host:'" if given[0] == "scheme" else "add 'host:', or write 'location:' for a path of the same host"
        yield Diagnostic(FR214, f"'{given[0]}' needs a 'host'", source.key_span((*path, given[0])), suggestion)
    elif "location" not in redirect and not given:
        suggestion = "add 'location: /PATH' for a path of the same host, or 'host:' for another host"
        yield Diagnostic(FR214, "this redirect has no address", source.key_span(path), suggestion)
    own = next((character for character in "?#" if isinstance(location, str) and character in location), None)
    if own and redirect.get("keep_query") is True:
        part = {"?": "a query", "#": "a fragment"}[own]
        note = Note("the 'location'", source.value_span((*path, "location")))
        message = f"'keep_query' cannot be used, because the location has {part} of its own"
        yield Diagnostic(FR214, message, source.key_span((*path, "keep_query")), "remove one of the two", (note,))


def _host_faults(source: Source, path: Path, host: object, match: dict[str, object]) -> Iterator[Diagnostic]:
    """Reports a host whose first label is bound, if it may be somebody else's host."""
    name, parent = label_name(host), str(host).partition(".")[2]
    if not name or name not in match_parameters(match):  # FR209
        return
    if name != label_name(match.get("host")):
        message = f"'{{{name}}}' is bound by the path, and only a label of the host can be a part of another host"
        yield Diagnostic(FR214, message, source.value_span(path), "bind it in 'host', or write a host name")
    elif _is_shared(parent):
        message = f"everybody can have a host below '{parent}'"
        yield Diagnostic(FR214, message, source.value_span(path), "write a host of your own, or a route for each host")
    elif not any(f".{parent.lower()}".endswith(f".{own}") for own in _own_domains(source)):
        message = f"the file has no host '{parent}', so hosts below it may be somebody else's"
        suggestion = f"match '{parent}' or hosts below it in a route, or write a route for each host"
        yield Diagnostic(FR214, message, source.value_span(path), suggestion)


def _own_domains(source: Source) -> Iterator[str]:
    """Yields the hosts of the file, without what stands for labels before them. Those that have many owners are left out."""
    for _, route in raw.routes(source):
        for _, host in raw.items((), raw.match_of(route).get("host")):
            own = _ANY_LABEL.sub("", host.lower()) if isinstance(host, str) else ""
            if not _is_shared(own):
                yield own


def _is_shared(domain: str) -> bool:
    """Returns True if it is clear that the hosts below a domain have many owners."""
    return "." not in domain or domain.lower() == DEFAULT_DOMAIN


FR408 = Rule(
    "FR408",
    "warning",
    "a redirect leads in a circle",
    "A request that is redirected to itself, or to a route that redirects it back, is never answered: a browser gives up after "
    "some redirects. Every way back is searched, through any number of redirects. A circle can be missed only where a value of "
    "the request becomes a part of a segment or a query parameter. The warning shows such a request, as arguments "
    "of `fanroute match`. A redirect to a `host` that no route names counts as one to this service, because a service often "
    "has several hosts.",
    START + "routes:\n  - redirect: {host: www.example.com}\n",
    "Name the hosts that are redirected in `match: {host: …}`, without the one that they are redirected to.",
)


@plan_check
def check_circles(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR408: a route redirects a request again and again."""
    if not any(isinstance(route.action, Redirect) for route in file.plan.routes):
        return
    from fanroute.analysis.loops import find_loops  # late, here and below: few files need it
    from fanroute.analysis.witness import match_arguments

    for number, found in find_loops(file.plan, file.boxes):
        route, request = file.plan.routes[number], match_arguments(found)
        index = declared_index(file.plan.routes, number)
        message = f"route '{route.name}' redirects this request again and again: {request}"
        span = file.source.key_span(("routes", index, "redirect"))
        yield Diagnostic(FR408, message, span, "restrict the match to requests that the redirect does not lead to", (), request)


FR409 = Rule(
    "FR409",
    "note",
    "a redirect from http to https does nothing at Fastly",
    "Compute services get requests over https only. Fastly itself answers those over http, with a redirect to https. So a route "
    "for them gets requests on local edges only.",
    START + "routes:\n  - match: {scheme: http}\n    redirect: {host: www.example.com}\n  - forward: origin\n",
    "Remove the route. If it also changes the host, remove `scheme` from the match.",
)


@plan_check
def check_http_redirects(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR409: a route redirects requests from http to https, which Fastly does itself."""
    for index, route in enumerate(declared_routes(file.plan)):
        if route.match.scheme == "http" and _leads_to_https(route):
            span = file.source.value_span(("routes", index, "match", "scheme"))
            message = "Fastly redirects requests over http to https itself, so this route gets none there"
            yield Diagnostic(FR409, message, span, "remove the route, or 'scheme' if it also changes the host")


def _leads_to_https(route: Route) -> bool:
    action = route.action
    return isinstance(action, Redirect) and str(next(iter(action.location), "")).startswith("https:")
