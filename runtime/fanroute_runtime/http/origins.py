"""Compares the Origin of a request (RFC 6454) with those that a route allows."""

from fanroute_runtime.http.client import ClientRequest

ANY = ("*",)
# The characters that the `*` of an origin pattern may stand for: labels of a host, or at its end a port.
_LABELS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_PORT = frozenset("0123456789")


def matches_origin(origin: str, origins: tuple[str, ...]) -> bool:
    """Returns True if the value of the header Origin is one of `origins`. Each may be a pattern with `*.` or `:*`."""
    return any(_matches_pattern(origin, *pattern.split("*")) if "*" in pattern else origin == pattern for pattern in origins)


def may_open_websocket(client: ClientRequest, origins: tuple[str, ...]) -> bool:
    """Returns True unless a page of another origin than `origins` opens a WebSocket. Without `origins`, any page may.

    Pages of the service itself always may. Browsers send Origin with every WebSocket (RFC 6455, 4.1 and 10.2). A client without
    Origin is not a browser, so no page can make it send a user's cookies.
    """
    if not origins or not client.websocket:
        return True
    origin = client.header("origin")
    return origin is None or matches_origin(origin, origins) or is_own_origin(client, origin)


def is_own_origin(client: ClientRequest, origin: str) -> bool:
    """Returns True if an origin is that of pages which the service itself serves under the host of the request."""
    return origin == f"{client.proto}://{client.authority.lower()}"


def _matches_pattern(origin: str, start: str, end: str) -> bool:
    rest = origin[len(start) : len(origin) - len(end)]
    return origin == start + rest + end and rest != "" and (_LABELS if end else _PORT).issuperset(rest)
