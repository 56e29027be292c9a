"""Checks backends: FR203, FR206, FR207, FR230 and FR412."""

import socket
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.rules.check import ValidFile, plan_check, source_check
from fanroute.spec import raw
from fanroute.spec.actions import BACKEND_ANSWERED, EDGE_ANSWERED
from fanroute.spec.backend_options import SERVER_OPTIONS
from fanroute.spec.document import default_domain
from fanroute.spec.types import is_name
from fanroute.spec.validate import did_you_mean
from fanroute.syntax.source import Source

FR203 = Rule(
    "FR203",
    "error",
    "a route names a backend that is not defined",
    "A route without its backend could only fail, and it would fail at the edge, after the deployment.",
    START + "routes:\n  - handoff: orgin\n",
    "Use the name of a backend under `backends`, or define this one there.",
)


@source_check(*BACKEND_ANSWERED)
def check_backend_names(source: Source) -> Iterator[Diagnostic]:
    """Reports FR203: a route names a backend that is not defined."""
    backends = raw.backends(source)
    if not backends:
        return  # that is an error of its own
    for index, route in raw.routes(source):
        for action in BACKEND_ANSWERED:
            path, name = raw.backend_of(index, route, action) or ((), "")
            if path and name not in backends and is_name(name):  # what is no name is an error of its own
                suggestion = did_you_mean(name, backends, "backends")
                yield Diagnostic(FR203, f"unknown backend '{name}'", source.value_span(path), suggestion)


FR206 = Rule(
    "FR206",
    "error",
    "a backend has neither `url` nor `loopback`, or keys of both kinds",
    "A backend is either a server, with a `url`, or this service itself, with `loopback: true`. The keys `local`, "
    "`strict_paths`, the time-outs and the other hosts are for a server, and `host` is for a loopback backend.",
    START + '  self: {loopback: true, local: "http://127.0.0.1:3000"}\nroutes:\n  - handoff: origin\n',
    "Keep the keys of one kind.",
)


@source_check()
def check_backend_kinds(source: Source) -> Iterator[Diagnostic]:
    """Reports FR206: a backend is not of exactly one kind, or has a key of the other kind."""
    for name, backend in raw.backends(source).items():
        if not isinstance(backend, dict):
            continue
        kinds = {"url", "loopback"} & set(backend)
        if len(kinds) != 1:
            message = f"the backend '{name}' has {'both' if kinds else 'neither'} 'url' {'and' if kinds else 'nor'} 'loopback'"
            span, suggestion = source.key_span(("backends", name)), "a backend has exactly one of them"
            if added := next((kind for kind in sorted(kinds) if ("backends", name, kind) in source.moved), ""):
                span = source.key_span(("backends", name, added))
                suggestion = f"leave '{added}' out: a backend is of the same kind in all environments"
            yield Diagnostic(FR206, message, span, suggestion)
            continue
        of_servers = ("local", "strict_paths", *SERVER_OPTIONS)
        for key, kind in (*((key, "url") for key in of_servers), ("host", "loopback")):
            if key in backend and kind not in kinds:
                span = source.key_span(("backends", name, key))
                suggestion = "write 'override_host' for the Host that the server gets" if key == "host" else "remove it"
                yield Diagnostic(FR206, f"'{key}' is only for a backend with '{kind}'", span, suggestion)


FR207 = Rule(
    "FR207",
    "error",
    "the endpoints of the edge do not have exactly one loopback backend",
    "Fanout takes its instructions from a backend's answer. For `stream`, `sse`, `long_poll` and `websocket`, that backend is "
    "this service itself, which needs a backend with `loopback: true`. With two of them it would not be clear which one Fanout "
    "asks.",
    START + "routes:\n  - sse: {channel: news}\n",
    "Define exactly one backend with `loopback: true`.",
)


@source_check()
def check_loopback_backend(source: Source) -> Iterator[Diagnostic]:
    """Reports FR207: an endpoint of the edge has no loopback backend, or the file has several."""
    backends = {name: backend for name, backend in raw.backends(source).items() if isinstance(backend, dict)}
    # A backend of both kinds is an error of its own.
    loopbacks = [name for name, backend in backends.items() if "loopback" in backend and "url" not in backend]
    for name in loopbacks[1:]:
        span = source.key_span(("backends", name))
        note = Note("the first one", source.key_span(("backends", loopbacks[0])))
        message = f"'{name}' is a second loopback backend, in addition to '{loopbacks[0]}'"
        yield Diagnostic(FR207, message, span, "keep one of them", (note,))
    is_missing = not any("loopback" in backend for backend in backends.values())
    for index, route in raw.routes(source) if is_missing else ():
        for action in raw.actions(route):
            if action in EDGE_ANSWERED:
                span = source.key_span(("routes", index, action))
                suggestion = "add 'self: {loopback: true}' to the backends"
                yield Diagnostic(FR207, f"'{action}' needs a loopback backend", span, suggestion)


FR230 = Rule(
    "FR230",
    "error",
    "a route sends requests back to this service",
    "A request that is sent to this service again would get the same route again. After a `handoff`, Fanout's request gets a "
    "403 (or 508) instead of a second handoff. After a `forward`, the requests would go round until Fastly stops them. "
    "Endpoints of the edge, such as `sse`, need no such route: they use the loopback backend by themselves.",
    START + "  self: {loopback: true}\nroutes:\n  - handoff: self\n",
    "Name one of your servers, or choose how the edge answers: `stream`, `sse`, `long_poll`, `websocket` or `respond`.",
)


@source_check(*BACKEND_ANSWERED)
def check_self_requests(source: Source) -> Iterator[Diagnostic]:
    """Reports FR230: a route's backend is this service itself."""
    domain = _domain(source)
    self_keys = {name: _self_key(backend, domain) for name, backend in raw.backends(source).items() if isinstance(backend, dict)}
    for index, route in raw.routes(source):
        for action in BACKEND_ANSWERED:
            path, name = raw.backend_of(index, route, action) or ((), "")
            if self_keys.get(name):
                loop = "they would come back and get a 403" if action == "handoff" else "they would come back again and again"
                message = f"'{action}' sends requests to '{name}', which is this service: {loop}"
                note = Note("the backend", source.key_span(("backends", name, self_keys[name])))
                yield Diagnostic(FR230, message, source.value_span(path), "name one of your servers", (note,))


def _self_key(backend: dict[str, Any], domain: str) -> str:
    """Returns the key that makes a backend this service itself, which has the domain; "" if it is another server."""
    if "loopback" in backend:
        return "" if "url" in backend else "loopback"  # one of both kinds is an error of its own
    try:
        host = urlsplit(str(backend.get("url", ""))).hostname
    except ValueError:
        return ""
    return "url" if host == domain else ""


def _domain(source: Source) -> str:
    """Returns the domain that the service is published under."""
    backends = raw.backends(source).values()
    loopback = next((backend for backend in backends if isinstance(backend, dict) and "loopback" in backend), {})
    service = source.data.get("service")
    name = service.get("name") if isinstance(service, dict) else None
    return str(loopback.get("host") or default_domain(str(name))).lower()


FR412 = Rule(
    "FR412",
    "warning",
    "a backend's address cannot be reached from Fastly",
    "The `url` is the address of the server in production. From Fastly's machines, `localhost`, a private address such as "
    "10.0.0.5, or a name without a domain leads to another machine, or nowhere.",
    "version: 1\nservice: {name: chat-edge}\nbackends:\n  origin: {url: 'http://localhost:3000'}\nroutes:\n"
    "  - match: {path: /live}\n    handoff: origin\n",
    "Write the public address as `url`, and the private one as `local`, which only `fanroute serve` uses.",
)

# Domains that the public DNS does not have (RFC 6761, 6762 and 8375, and the one that ICANN reserved for private use).
_PRIVATE_DOMAINS = (".localhost", ".local", ".home.arpa", ".internal", ".test", ".invalid")


@plan_check
def check_backend_addresses(file: ValidFile) -> Iterator[Diagnostic]:
    """Reports FR412: Fastly cannot reach the address of a backend."""
    for name, backend in raw.backends(file.source).items():
        if "url" in backend and _is_private(urlsplit(backend["url"]).hostname or ""):
            suggestion = "write the server's public address, and this one as 'local', which only the local edges use"
            span = file.source.value_span(("backends", name, "url"))
            yield Diagnostic(FR412, "Fastly cannot reach this address: it is private", span, suggestion)


def _is_private(host: str) -> bool:
    """Returns True if the public Internet does not have this address or name."""
    try:
        # inet_aton reads addresses as browsers and curl do: `127.1` is one, too.
        return not ip_address(socket.inet_aton(host)).is_global
    except OSError:
        return "." not in host or f".{host}".endswith(_PRIVATE_DOMAINS)
