"""Puts a client's token in the place where a route looks for it. Pure."""

from urllib.parse import quote

from fanroute_runtime.plan.auth import TokenPlace

# With this header, a WebSocket's client offers subprotocols (RFC 6455, 11.3.4).
PROTOCOLS = "Sec-WebSocket-Protocol"


def place_token(url: str, token: str, place: TokenPlace | None) -> tuple[str, list[tuple[str, str]]]:
    """Returns a URL or target with a token in its query, or the header that has the token instead.

    If `place` is None, that is Authorization.
    """
    if place and place.kind == "query":
        separator = "&" if "?" in url else "?"
        return f"{url}{separator}{quote(place.name, safe='')}={quote(token, safe='')}", []
    return url, [_header(token, place)]


def _header(token: str, place: TokenPlace | None) -> tuple[str, str]:
    match place:
        case TokenPlace("cookie", name):
            return "Cookie", f"{name}={token}"
        case TokenPlace("header", name):
            return name.title(), token
        case TokenPlace("protocol", name):
            return PROTOCOLS, f"{name}, {token}"
    return "Authorization", f"Bearer {token}"


def header_of_script(place: TokenPlace) -> str:
    """Returns the header that a page's script must set to send a token in a place, or "" if it needs none."""
    return {"authorization": "Authorization", "header": place.name.title()}.get(place.kind, "")
