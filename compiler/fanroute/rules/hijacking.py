"""Cross-site WebSocket hijacking: pages that may open a WebSocket with the cookies of whoever visits them (RFC 6455, 10.2)."""

from collections.abc import Iterator

from fanroute.diagnostics.diagnostic import Diagnostic, Note
from fanroute.plan.routes import written_routes
from fanroute.rules.cors import place_of_cors
from fanroute.rules.texts.advice import FR430
from fanroute.spec import raw
from fanroute.syntax.source import Source
from fanroute_runtime.origins import ANY
from fanroute_runtime.plan import Hold, Plan, Template, WebSocket


def sockets_are_no_wider(source: Source, plan: Plan) -> Iterator[Diagnostic]:
    """FR430"""
    kept: dict[Template, tuple[int, tuple[str, ...]]] = {}
    routes = written_routes(plan)
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
    ((path, given),) = raw.mappings(other, source.data["routes"][other])
    message = "pages of any origin may open this WebSocket, on a channel that only some may read"
    mend = f"add 'origins: [{', '.join(origins)}]', or 'origins: \"*\"' if any page may"
    note = Note("who may read it", source.value_span((*(place_of_cors(source, path, given) or path), "origins")))
    return Diagnostic(FR430, message, source.key_span(("routes", index, "websocket")), mend, (note,))
