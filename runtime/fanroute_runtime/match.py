"""Which route a request gets. Routes are compiled once, when the component is built."""

from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from fanroute_runtime.plan import PathPattern, Route

# A path's segments; a segment that is not UTF-8 when decoded is None, and equal to no literal.
Segments = tuple[str | None, ...]


def host_name(authority: str) -> str:
    """The host of an authority (RFC 3986, 3.2), lower-case, without userinfo, port or a final dot."""
    host = authority.rpartition("@")[2]
    end = host.find(":", host.find("]") + 1)
    if end >= 0:
        host = host[:end]
    return host.lower().removesuffix(".")


def split_uri(uri: str) -> tuple[str, str]:
    """Authority and raw path of an absolute URI, or of an origin-form target (`/path?query`)."""
    authority = ""
    scheme, separator, rest = uri.partition("://")
    if separator and "/" not in scheme:
        end = next((i for i, c in enumerate(rest) if c in "/?#"), len(rest))
        authority, uri = rest[:end], rest[end:]
    return authority, uri.partition("#")[0].partition("?")[0] or "/"


def path_segments(path: str) -> Segments:
    """A raw path's segments, each percent-decoded once: an encoded slash stays within its segment."""
    return tuple(map(_decoded, path.split("/")[1:]))


def _decoded(segment: str) -> str | None:
    if "%" not in segment:
        return segment
    try:
        return unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        return None


class Matcher:
    """The routes of a Plan, ready to be asked."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        self._rules = tuple((_host_test(route.hosts), _path_test(route.path), route) for route in routes)

    def match(self, host: str, path: str) -> Route | None:
        """The first route for a host name (see `host_name`) and a raw path, or None."""
        segments = path_segments(path)
        for fits_host, fits_path, route in self._rules:
            if fits_path(segments) and fits_host(host):
                return route
        return None


def _host_test(hosts: tuple[str, ...]) -> Callable[[str], bool]:
    if not hosts:
        return lambda host: True
    exact = frozenset(host for host in hosts if not host.startswith("*"))
    suffixes = tuple(host[1:] for host in hosts if host.startswith("*"))
    return lambda host: host in exact or (host.endswith(suffixes) and host not in suffixes)


def _path_test(pattern: PathPattern | None) -> Callable[[Segments], bool]:
    if pattern is None:
        return lambda segments: True
    wanted, size = pattern.segments, len(pattern.segments)
    if pattern.rest:
        return lambda segments: len(segments) > size and segments[:size] == wanted
    return lambda segments: segments == wanted
