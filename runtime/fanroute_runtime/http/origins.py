"""Compares the Origin of a request (RFC 6454) with those that a route allows."""

from fanroute_runtime.http.client import ClientRequest

ANY = ("*",)
# The characters that the `*` of an origin pattern may stand for: labels of a host.
_LABELS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def matches_origin(origin: str, origins: tuple[str, ...]) -> bool:
    """Returns True if the value of the header Origin is one of `origins`. Each of them may be a pattern with `*.`."""
    return any(_matches_pattern(origin, *pattern.split("*")) if "*" in pattern else origin == pattern for pattern in origins)


def may_open_websocket(client: ClientRequest, origins: tuple[str, ...]) -> bool:
    """Returns True unless a page of another origin than `origins` opens a WebSocket. Without `origins`, any page may.

    Pages of the service itself always may. Browsers send Origin with every WebSocket (RFC 6455, 4.1 and 10.2). A client without
    Origin is not a browser, so no page can make it send a user's cookies.
    """
    if not origins or not client.websocket:
        return True
    origin = client.header("origin")
    return origin is None or matches_origin(origin, origins) or origin == f"{client.proto}://{client.authority.lower()}"


def _matches_pattern(origin: str, start: str, end: str) -> bool:
    labels = origin[len(start) : -len(end)]
    return origin == start + labels + end and labels != "" and _LABELS.issuperset(labels)
