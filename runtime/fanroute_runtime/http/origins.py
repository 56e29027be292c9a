"""Origins: where the page comes from that has a browser send a request (RFC 6454)."""

from fanroute_runtime.http.client import ClientRequest

ANY = ("*",)
# What stands for the `*` of an origin pattern: labels of a host.
_LABELS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")


def matches_origin(origin: str, origins: tuple[str, ...]) -> bool:
    """Whether a header Origin has one of some origins, of which each may be a pattern with `*.`."""
    return any(_matches_pattern(origin, *pattern.split("*")) if "*" in pattern else origin == pattern for pattern in origins)


def may_open_websocket(client: ClientRequest, origins: tuple[str, ...]) -> bool:
    """Whether a request keeps to the origins whose pages may open a WebSocket; none given are any.

    The service's own pages always may. Browsers tell the origin with every WebSocket (RFC 6455, 4.1 and 10.2): who tells none
    is no browser, and has no cookies but its own.
    """
    if not origins or not client.websocket:
        return True
    origin = client.header("origin")
    return origin is None or matches_origin(origin, origins) or origin == f"{client.proto}://{client.authority.lower()}"


def _matches_pattern(origin: str, start: str, end: str) -> bool:
    labels = origin[len(start) : -len(end)]
    return origin == start + labels + end and labels != "" and _LABELS.issuperset(labels)
