"""Explains and redacts what a local edge reports: says why a route does not match, and hides tokens. Pure."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from fanroute.devserver.config import Stores
from fanroute.devserver.events import Answered, Event, Header
from fanroute.plan.describe import match_text
from fanroute.plan.request import LOCAL_CLIENT, RequestData
from fanroute.plan.trace import Trace, Tracer
from fanroute_runtime.plan import Match, Plan, Route

# A request in a line of Viceroy's log: its method, its host, and its target.
_REQUEST = re.compile(r"\b([A-Z]+) (?:http://)?([^/\s]+)(/\S*)")

# Stands for a secret.
HIDDEN = "…"
# What a percent-encoded character begins with, however often it is encoded.
_PERCENT = "%(?:25)*"
# A JSON Web Token (RFC 7519, and RFC 7516 with five parts): a JSON object in base64url begins like this. It is hidden wherever a
# client writes it, also if it is percent-encoded.
_BASE64URL = rf"(?:[\w-]|{_PERCENT}(?i:2d|3\d|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9a]))"
_DOT = rf"(?:\.|{_PERCENT}2[Ee])"
_RUN = re.compile(f"{_BASE64URL}+")
_START = re.compile(f"(?:e|{_PERCENT}65)(?:y|{_PERCENT}79)(?:J|{_PERCENT}4[Aa])")
_TOKEN = re.compile(f"{_BASE64URL}*{_DOT}{_BASE64URL}*(?:{_DOT}{_BASE64URL}*)?(?:{_DOT}{_BASE64URL}+){{0,2}}")
# The user and password of a URL, which can be a token (RFC 3986, 3.2.1).
_USER = re.compile(r"(?<=://)[^/?#\s]*@")
# What can follow a URL in a text, and need not belong to its last parameter.
_CLOSING = "\"'`,;:.)]}>"
# The names of headers whose values are secrets.
# A browser's WebSocket has no other place for a token than its subprotocols.
_SECRET_HEADER = re.compile(
    r"(?i)auth|cookie|fanroute.debug|grip-sig|key|passw|secret|session|token|credential|csrf|xsrf|jwt|ticket|sec-websocket-protocol"
)
# Headers whose names fit that, and whose values are none: they are part of a WebSocket's handshake, or a challenge.
_PUBLIC_HEADERS = ("sec-websocket-key", "www-authenticate", "proxy-authenticate")

Found = TypeVar("Found", bound=Event)


# What a request to a local edge may miss a route by: its host, or its client's address.
ONLY_HOST, ONLY_ADDRESS = ("host",), ("client_ip",)


def host_mismatch(trace: Trace, plan: Plan) -> str:
    """Names the first route that a request misses only by its host or its client's address.

    Returns "" if there is none, or if the request has the host of the route that takes it: then its host is no oversight.
    """
    if trace.route is not None and plan.routes[trace.route].match.hosts:
        return ""
    for step, route in zip(trace.steps, plan.routes, strict=False):
        if step.mismatches in (ONLY_HOST, ONLY_ADDRESS):
            return mismatch_text(route, step.mismatches)
    return ""


def mismatch_text(route: Route, mismatches: tuple[str, ...]) -> str:
    """Says that a request misses a route only by its host or its client's address."""
    if mismatches == ONLY_HOST:
        hosts = match_text(Match(hosts=route.match.hosts, host_parameter=route.match.host_parameter))
        return f"only the host does not match: the route '{route.name}' is for {hosts}"
    networks = match_text(Match(client_ips=route.match.client_ips))
    return f"only the client's address does not match: the route '{route.name}' is for requests {networks}"


def make_explainer(tracer: Tracer, hosts: Mapping[str, str]) -> Callable[[str], str]:
    """Returns a function that adds the result of `host_mismatch` to a line of Viceroy's log.

    The line has only the request's method, host and target. So a condition on a header counts as if the header were missing.

    Args:
        tracer: for the Plan that the edge serves.
        hosts: the entries of the local store that `host_entries` returns.
    """
    stores = Stores().with_local_store(hosts).config

    def explain(line: str) -> str:
        found = _REQUEST.search(line)
        if found is None:
            return line
        method, host, target = found.groups()
        request = RequestData(method, f"http://{host}{target}", configs=stores, address=LOCAL_CLIENT)
        mismatch = host_mismatch(tracer.trace(request), tracer.plan)
        return f"{line} ({mismatch})" if mismatch else line

    return explain if has_hosts(tracer.plan) else lambda line: line


def has_hosts(plan: Plan) -> bool:
    """Returns True if a route matches a host or a client's address."""
    return any(route.match.hosts or route.match.client_ips for route in plan.routes)


def token_parameters(plan: Plan) -> list[str]:
    """Returns the names of the query parameters in which a Plan's routes accept tokens."""
    auths = {route.auth for route in plan.routes if route.auth}
    return sorted({place.name for auth in auths for place in auth.places if place.kind == "query"})


def secret_headers(plan: Plan) -> set[str]:
    """Returns the names of the headers, in lower case, to which a Plan's routes give secrets, or in which they accept tokens."""
    places = {place for route in plan.routes if route.auth for place in route.auth.places}
    accepting = {place.name for place in places if place.kind == "header"}
    return accepting | {name for route in plan.routes for name, _, _ in route.secret_headers}


def make_redactor(parameters: Collection[str]) -> Callable[[str], str]:
    """Returns a function that replaces the tokens in a text by `…`.

    These are the values of some query parameters, however their names are spelt, JSON Web Tokens anywhere, and the users and
    passwords of URLs.
    """
    names = "|".join(map(_name_pattern, sorted(parameters)))
    pattern = re.compile(rf"([?&](?:{names})=)([^&#\s]*)") if parameters else None

    def redact(text: str) -> str:
        text = pattern.sub(_without_value, text) if pattern else text
        return _USER.sub(f"{HIDDEN}@", _without_tokens(text))

    return redact


def _without_tokens(text: str) -> str:
    """Returns a text with hidden JSON Web Tokens. It takes a time that is proportional to the length, whatever a client sends."""
    parts, done = [], 0
    for run in _RUN.finditer(text):
        start = _START.search(text, max(run.start(), done), run.end())
        token = _TOKEN.match(text, start.start()) if start else None
        if start and token:
            parts += [text[done : start.start()], HIDDEN]
            done = token.end()
    return "".join([*parts, text[done:]])


def _without_value(parameter: re.Match[str]) -> str:
    """Returns a parameter with a hidden value, and what closes a quotation after it. A quote within a value ends nothing."""
    name, value = parameter.groups()
    return f"{name}{HIDDEN}{value[len(value.rstrip(_CLOSING)) :]}"


def _hidden_user(host: str) -> str:
    """Returns a host without the user and password that a client can write before it."""
    _, at, name = host.rpartition("@")
    return f"{HIDDEN}@{name}" if at else host


def redacted(event: Found, hide: Callable[[str], str], hidden: Collection[str] = ()) -> Found:
    """Returns an event without secrets: `hide` is applied to each text, and headers with secrets lose their values.

    These are the headers with a name in `hidden`, and those whose names say that they have a secret.
    """
    changed: Found = _redacted(event, hide, hidden)
    return changed


def _redacted(value: Any, hide: Callable[[str], str], hidden: Collection[str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, Header):
        name = value.name.lower()
        is_secret = name in hidden or (_SECRET_HEADER.search(name) and name not in _PUBLIC_HEADERS)
        shown = _hidden_user(value.value) if name == "host" else value.value
        return Header(value.name, HIDDEN if is_secret else hide(shown))
    if isinstance(value, tuple):
        return tuple(_redacted(item, hide, hidden) for item in value)
    if isinstance(value, Answered):
        value = replace(value, host=_hidden_user(value.host))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{each.name: _redacted(getattr(value, each.name), hide, hidden) for each in fields(value)})
    return value


def _name_pattern(name: str) -> str:
    """Returns a pattern for all spellings of a parameter's name: characters can be percent-encoded, and a space can be `+`."""
    return "".join(map(_character_pattern, name))


def _character_pattern(character: str) -> str:
    encoded = "".join(f"%{byte:02x}" for byte in character.encode())
    return f"(?:{re.escape('+' if character == ' ' else character)}|(?i:{encoded}))"
