"""Cross-site WebSocket hijacking: pages that may open a WebSocket with the cookies of whoever visits them (RFC 6455, 10.2)."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.plan.routes import declared_routes
from fanroute.rules.cors import place_of_cors
from fanroute.spec import raw
from fanroute.syntax.source import Source
from fanroute_runtime.origins import ANY
from fanroute_runtime.plan import Hold, Plan, Template, WebSocket

FR430 = Rule(
    "FR430",
    "warning",
    "a WebSocket lets in no more pages than `cors` does",
    "Browsers hide an endpoint's answer from pages that `cors` does not name, but they hide nothing of a WebSocket. "
    "Without `origins`, a page that may not read a channel by `sse`, `stream` or `long_poll` may read it by the "
    "WebSocket, with its visitor's cookies. The warning compares channels as they are written.",
    START + "  self: {loopback: true}\nroutes:\n  - match: {path: /events}\n"
    "    sse: {channel: news, cors: {origins: 'https://chat.example.com'}}\n"
    "  - match: {path: /socket}\n    websocket: {channel: news}\n",
    "Say whose pages may open it: `origins: https://chat.example.com`, or `origins: '*'` if all may.",
)


def sockets_are_no_wider(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """FR430"""
    kept: dict[Template, tuple[int, tuple[str, ...]]] = {}
    routes = declared_routes(plan)
    for index, route in enumerate(routes):
        if isinstance(route.action, Hold) and route.cors and route.cors.origins != ANY:
            for channel in route.action.channels:
                kept.setdefault(channel.name, (index, route.cors.origins))
    for (index, written), route in zip(raw.routes(source), routes, strict=True) if kept else ():
        # A page knows no token of its visitor's but a cookie, of which FR243 tells.
        if isinstance(route.action, WebSocket) and route.auth is None and raw.origins_of(source, index, written) is None:
            found = next((kept[channel.name] for channel in route.action.channels if channel.name in kept), None)
            if found:
                yield _wider(source, index, *found)


def _wider(source: Source, index: int, other: int, origins: tuple[str, ...]) -> Diagnostic:
    """Of a WebSocket that any page may open, where only those of some origins may read the same by another route."""
    ((path, given),) = raw.action_mappings(other, source.data["routes"][other])
    message = "pages of any origin may open this WebSocket, on a channel that only some may read"
    mend = f"add 'origins: [{', '.join(origins)}]', or 'origins: \"*\"' if any page may"
    note = Note("who may read it", source.value_span((*(place_of_cors(source, path, given) or path), "origins")))
    return Diagnostic(FR430, message, source.key_span(("routes", index, "websocket")), mend, (note,))
