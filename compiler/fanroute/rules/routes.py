"""The rules of a whole routes.yaml about actions and what stands beside them, one function a code."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec import raw
from fanroute.spec.actions import BACKEND_ANSWERED
from fanroute.spec.document import default_domain
from fanroute.syntax.source import Source

FR230 = Rule(
    "FR230",
    "error",
    "a backend is another service",
    "A request that is sent to this service itself would get the same route again. After a handoff, Fanout's request "
    "gets a 403 (or 508) instead of a second handoff. After a `forward`, the requests would go round until Fastly stops "
    "them. Endpoints of the edge need no such route, because they use the loopback backend anyway.",
    START + "  self: {loopback: true}\nroutes:\n  - handoff: self\n",
    "Name a server of yours, or write how the edge should answer: `stream`, `sse`, `long_poll`, `websocket` or `respond`.",
)

FR231 = Rule(
    "FR231",
    "error",
    "a route's action can serve what its match takes",
    "A WebSocket begins with a GET that asks for one, and goes through the edge by `websocket`, `tunnel` or `handoff` only. "
    "With a match that says otherwise, the action could answer nothing but errors.",
    START + "routes:\n  - match: {path: /ws, websocket: true}\n    forward: origin\n",
    "Change the match, or the action.",
)


# Which requests an action can do nothing with, by the value of `websocket` in the match, and the mend.
NOT_FOR: dict[str, tuple[bool | None, str]] = {
    **dict.fromkeys(("stream", "sse", "long_poll"), (True, "leave it out, or make the action a 'websocket:'")),
    "forward": (True, "write 'tunnel:' for a WebSocket"),
    "websocket": (False, "leave it out"),
    "tunnel": (False, "leave it out, or write 'forward:' for what is no WebSocket"),
}
SOCKETS = ("websocket", "tunnel")


def backends_are_others(source: Source) -> Iterator[Diagnostic]:
    """FR230"""
    domain = _domain(source)
    here = {name: _leads_here(backend, domain) for name, backend in raw.backends(source).items() if isinstance(backend, dict)}
    for index, route in raw.routes(source):
        for action in BACKEND_ANSWERED:
            path, name = raw.backend_of(index, route, action) or ((), "")
            if here.get(name):
                loop = "the request would come back, and get a 403" if action == "handoff" else "the request would come in again"
                message = f"'{action}' to '{name}', which is this service: {loop}"
                note = Note("the backend", source.key_span(("backends", name, here[name])))
                yield Diagnostic(FR230, message, source.value_span(path), "name a server of yours", (note,))


def _leads_here(backend: dict[str, Any], domain: str) -> str:
    """The key by which a backend is this service itself, which has that domain; "" where it is another."""
    if "loopback" in backend:
        return "loopback"
    try:
        host = urlsplit(str(backend.get("url", ""))).hostname
    except ValueError:
        return ""
    return "url" if host == domain else ""


def _domain(source: Source) -> str:
    """The domain that the service is published under."""
    loopback = next((found for found in raw.backends(source).values() if isinstance(found, dict) and "loopback" in found), {})
    service = source.data.get("service")
    name = service.get("name") if isinstance(service, dict) else None
    return str(loopback.get("host") or default_domain(str(name))).lower()


def actions_fit_their_match(source: Source) -> Iterator[Diagnostic]:
    """FR231"""
    for index, route in raw.routes(source):
        match = route.get("match")
        if isinstance(match, dict) and ("websocket" in match or "method" in match):
            for action in raw.actions(route):
                yield from _unfit(source, index, match, action)


def _unfit(source: Source, index: int, match: dict[str, Any], action: str) -> Iterator[Diagnostic]:
    def unfit(key: str, message: str, mend: str) -> Diagnostic:
        note = Note("the action", source.key_span(("routes", index, action)))
        return Diagnostic(FR231, message, source.value_span(("routes", index, "match", key)), mend, (note,))

    asks, mend = NOT_FOR.get(action, (None, ""))
    if asks is not None and match.get("websocket") is asks:
        yield unfit("websocket", f"'{action}' for {'a WebSocket' if asks else 'what is no WebSocket'}", mend)
    if action in SOCKETS and not _takes_get(match.get("method", "GET")):
        yield unfit("method", f"'{action}' without GET, by which every WebSocket begins", "leave it out, or add GET")


def _takes_get(methods: Any) -> bool:
    return "GET" in methods if isinstance(methods, list) else methods == "GET" or not isinstance(methods, str)


RULES = {backends_are_others: BACKEND_ANSWERED, actions_fit_their_match: ("websocket", "method")}
