"""Lowers a whole Spec to its Plan and backends, and has the defaults of `sandbox`."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from hashlib import sha256
from typing import get_args
from urllib.parse import urlsplit

from fanroute.lowering.actions import lower_action, lower_fallback
from fanroute.lowering.auth import auth_of_route, lower_auths
from fanroute.lowering.cors import cors_of, lower_cors, lower_origins, preflight_route
from fanroute.lowering.headers import lower_rules, lower_secret_headers
from fanroute.lowering.keys import lower_grip_sig
from fanroute.lowering.logs import lower_logs
from fanroute.lowering.match import lower_exact_path, lower_matches
from fanroute.lowering.rate_limits import lower_limit
from fanroute.plan.backend import PORTS, PUBLISH_BACKEND, Backend, BackendOptions
from fanroute.plan.health import health_route
from fanroute.plan.literals import python_literal
from fanroute.spec import document
from fanroute.spec.defaults import with_defaults
from fanroute.spec.profiles import with_profiles
from fanroute.spec.sandbox import MIB, Sandbox
from fanroute_runtime.plan import Action, Hold, PathFault, Plan, Redirect, Route, SandboxLimits, StoreEntry, WebSocket
from fanroute_runtime.plan.auth import Auth

# The number of requests that a sandbox takes if the file does not say it, and two times in seconds.
DEFAULT_MAX_REQUESTS, DEFAULT_MAX_LIFETIME, DEFAULT_NEXT_REQUEST_TIMEOUT = 1000, 60, 1
# How many hexadecimal digits of its digest a fingerprint has: a chance match with another build's route has odds of one in 2**64.
FINGERPRINT_DIGITS = 16


def lower_plan(spec: document.Spec, files: Mapping[str, bytes]) -> Plan:
    """Returns the Plan of a Spec, without the answer of `health`. `files` has the content of each file that the Spec names."""
    loopback = next((name for name, backend in spec.backends.items() if backend.loopback), "")
    spec_routes = with_defaults(with_profiles(spec)).routes
    auths = lower_auths(spec_routes, files)
    token = StoreEntry("secret", spec.publishing.secret_store, spec.publishing.name) if spec.publishing else None
    routes = tuple(
        route
        for index, spec_route in enumerate(spec_routes)
        for route in _routes(spec_route, index, loopback, files, auths, token)
    )
    if spec.health is not None:
        routes = (health_route(lower_exact_path(spec.health)), *routes)
    fallbacks = tuple(lower_fallback(name, backend.fallback) for name, backend in spec.backends.items() if backend.fallback)
    return Plan(
        spec.service.name,
        routes,
        fallbacks,
        lower_grip_sig(spec.fanout, files),
        _limits(spec.sandbox),
        _refused_paths(spec.paths),
        debug=None if spec.debug is None else StoreEntry("secret", spec.debug.secret_store, spec.debug.name),
        logs=lower_logs(spec.logs),
    )


def _limits(sandbox: Sandbox) -> SandboxLimits:
    return SandboxLimits(
        sandbox.max_requests or DEFAULT_MAX_REQUESTS,
        sandbox.max_lifetime or DEFAULT_MAX_LIFETIME,
        sandbox.next_request_timeout or DEFAULT_NEXT_REQUEST_TIMEOUT,
        (sandbox.max_memory or 0) // MIB,
        sandbox.max_backend_requests or SandboxLimits().max_backend_requests,
    )


def _refused_paths(paths: document.Paths) -> tuple[PathFault, ...]:
    return tuple(fault for fault in get_args(PathFault) if getattr(paths, fault) == "reject")


def lower_backends(spec: document.Spec) -> tuple[Backend, ...]:
    """Returns the backends of a Spec, sorted by name."""
    found = [_backend(name, backend, spec.service.name) for name, backend in spec.backends.items()]
    return tuple(sorted([*found, *([PUBLISH_BACKEND] if spec.publishing else [])], key=lambda backend: backend.name))


def _backend(name: str, backend: document.Backend, service: str) -> Backend:
    if backend.url is None:
        host = backend.host or document.default_domain(service)
        return Backend(name, host.lower(), PORTS["https"], tls=True, loopback=True, local=None)
    url = urlsplit(backend.url)
    port = url.port or PORTS[url.scheme]
    options = BackendOptions(**{each.name: value for each in fields(BackendOptions) if (value := getattr(backend, each.name))})
    return Backend(name, url.hostname or "", port, url.scheme == "https", False, backend.local, options)


def _routes(
    spec: document.Route,
    index: int,
    loopback: str,
    files: Mapping[str, bytes],
    auths: Mapping[int, Auth],
    token: StoreEntry | None,
) -> Iterator[Route]:
    """Yields a route for each of its paths, after those for its preflight requests if it has `cors`."""
    first, *further = lower_matches(spec.match)
    lowered = lower_action(spec, loopback, files, token)
    limit = lower_limit(spec.limit)
    auth = auth_of_route(auths.get(id(spec.auth)), lowered, limit)
    route = Route(
        name=spec.name or document.default_name(index),
        match=first,
        action=_without_token(lowered, auth),
        origins=lower_origins(spec.origins or []),
        request_headers=lower_rules(spec.request_headers),
        response_headers=lower_rules(spec.response_headers),
        secret_headers=lower_secret_headers(spec.request_headers),
        auth=auth,
        limit=limit,
    )
    cors = cors_of(spec)
    if cors is not None:
        yield from (preflight_route(replace(route, match=match), cors) for match in (first, *further))
        route = replace(route, cors=lower_cors(cors))
    (action,) = spec.actions()
    for number, match in enumerate((first, *further)):
        yield _with_fingerprint(replace(route, match=match, alternative=number), action)


def _without_token(action: Action, auth: Auth | None) -> Action:
    """Returns an action that gives no token to the server that a redirect leads to."""
    if auth is None or not isinstance(action, Redirect) or not action.keep_query:
        return action
    return replace(action, drop_query=tuple(place.name for place in auth.places if place.kind == "query"))


def _with_fingerprint(route: Route, action: str) -> Route:
    """Adds a fingerprint to a route that the edge answers: its action's key in routes.yaml, and a digest of all but its name.

    With it, a pin shows that it names a route of this build and not one of another build. The digest is the same on every
    machine: a Plan has only tuples, texts, bytes and numbers, and `ascii` always writes these in the same way. Fields with their
    defaults do not count, so a new version of Fanroute keeps the fingerprints of routes that it changes nothing about.
    """
    if not isinstance(route.action, Hold | WebSocket):
        return route
    content = python_literal(replace(route, name=""), ascii).encode()
    return replace(route, fingerprint=f"{action}-{sha256(content).hexdigest()[:FINGERPRINT_DIGITS]}")
