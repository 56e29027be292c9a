"""A checked Spec to a Plan, and to what is set up around it. With actions.py the only place for defaults."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import get_args
from urllib.parse import urlsplit

from fanroute.lowering.actions import header_pairs, lower_action, lower_fallback
from fanroute.lowering.auth import lower_auths, lower_grip_sig
from fanroute.lowering.cors import cors_of, lower_cors, lower_origins, preflight_of
from fanroute.lowering.fingerprints import with_fingerprint
from fanroute.lowering.match import lower_match
from fanroute.plan.backend import PORTS, Backend
from fanroute.spec import document
from fanroute.spec.defaults import with_defaults
from fanroute.spec.headers import RequestHeaders, ResponseHeaders
from fanroute.spec.paths import Paths
from fanroute.spec.sandbox import MIB, Sandbox
from fanroute_runtime.plan import Auth, HeaderRules, PathFault, Plan, Route, SandboxLimits

# Until when a sandbox takes another request: seconds, but for the first.
MAX_REQUESTS, MAX_LIFETIME, NEXT_REQUEST_TIMEOUT = 1000, 60, 1

_NO_RULES = HeaderRules()


def lower_plan(routes_yaml: document.Spec, files: Mapping[str, bytes]) -> Plan:
    """The Plan of a Spec; `files` has the content of each file that it names."""
    loopback = next((name for name, backend in routes_yaml.backends.items() if backend.loopback), "")
    given = with_defaults(routes_yaml).routes
    auths = lower_auths(given, files)
    routes = tuple(route for index, one in enumerate(given) for route in _routes(one, index, loopback, files, auths))
    backends = routes_yaml.backends.items()
    fallbacks = tuple(lower_fallback(name, backend.fallback) for name, backend in backends if backend.fallback)
    return Plan(
        routes_yaml.service.name,
        routes,
        fallbacks,
        lower_grip_sig(routes_yaml.fanout, files),
        _limits(routes_yaml.sandbox),
        _refused_paths(routes_yaml.paths),
    )


def _limits(sandbox: Sandbox) -> SandboxLimits:
    return SandboxLimits(
        sandbox.max_requests or MAX_REQUESTS,
        sandbox.max_lifetime or MAX_LIFETIME,
        sandbox.next_request_timeout or NEXT_REQUEST_TIMEOUT,
        (sandbox.max_memory or 0) // MIB,
    )


def _refused_paths(paths: Paths) -> tuple[PathFault, ...]:
    return tuple(fault for fault in get_args(PathFault) if getattr(paths, fault) == "reject")


def lower_backends(routes_yaml: document.Spec) -> tuple[Backend, ...]:
    """The backends to set up for a Spec, by name."""
    return tuple(_backend(name, routes_yaml.backends[name], routes_yaml.service.name) for name in sorted(routes_yaml.backends))


def _backend(name: str, backend: document.Backend, service: str) -> Backend:
    if backend.url is None:
        host = backend.host or document.default_domain(service)
        return Backend(name, host.lower(), PORTS["https"], tls=True, loopback=True, local=None)
    url = urlsplit(backend.url)
    port = url.port or PORTS[url.scheme]
    return Backend(name, url.hostname or "", port, url.scheme == "https", loopback=False, local=backend.local)


def _routes(
    given: document.Route, index: int, loopback: str, files: Mapping[str, bytes], auths: Mapping[int, Auth]
) -> Iterator[Route]:
    """A route, and before it the one for its preflight requests if pages of other origins may read its answers."""
    name = given.name or document.default_name(index)
    route = Route(
        name=name,
        match=lower_match(given.match),
        action=lower_action(given, loopback, files),
        origins=lower_origins(given.origins or []),
        request_headers=_rules(given.request_headers),
        response_headers=_rules(given.response_headers),
        auth=auths.get(id(given.auth)),
    )
    cors = cors_of(given)
    if cors is not None:
        yield preflight_of(route, cors)
        route = replace(route, cors=lower_cors(cors))
    (action,) = given.actions()
    yield with_fingerprint(route, action)


def _rules(rules: RequestHeaders | ResponseHeaders | None) -> HeaderRules:
    if rules is None:
        return _NO_RULES
    return HeaderRules(header_pairs(rules.set), header_pairs(rules.add), tuple(name.lower() for name in rules.remove))
