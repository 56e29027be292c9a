"""Represents the client's request as routes see it, the same on both passes.

On the second pass, Fanout sends a request of its own. The client's host and scheme are then in X-Forwarded-*, where the first
pass has put them, and the GET of a WebSocket has become a POST of events.
"""

from collections.abc import Callable, Collection, Container, Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from fanroute_runtime.http.headers import list_items
from fanroute_runtime.http.media_types import is_websocket_events
from fanroute_runtime.local import LOCAL_NAMES, resolve_local_name
from fanroute_runtime.matching.pin import Pin
from fanroute_runtime.matching.predicates import Segments, host_name, path_segments, split_uri
from fanroute_runtime.messages import Request
from fanroute_runtime.plan import Bound

Fact = TypeVar("Fact")


class lazy_property(Generic[Fact]):
    """Computes a property when it is first read, and keeps the value.

    `functools.cached_property` takes half as long again, for features that are not needed here.
    """

    def __init__(self, read: Callable[[Any], Fact]) -> None:
        self._read = read

    def __get__(self, client: Any, owner: type) -> Fact:
        fact = self._read(client)
        setattr(client, self._read.__name__, fact)  # found first from now on
        return fact


class ClientRequest:
    """Represents the client's request. Each fact is read from the host once, and only when it is needed.

    Args:
        request: the request that arrived.
        through_fanout: True if Fanout sent it, in the client's place.
        pin: the pin of the first pass, if it counts.
        link: True if Fanout requests a link by itself. Such a request has a path, but no headers of a client.
    """

    def __init__(self, request: Request, through_fanout: bool, pin: Pin | None = None, link: bool = False) -> None:
        self._request = request
        self.through_fanout = through_fanout
        self.pin = pin
        self.link = link

    @lazy_property
    def uri(self) -> str:
        """Returns the absolute URI."""
        return self._request.uri()

    @lazy_property
    def _target(self) -> tuple[str, str, str]:
        """Returns authority, raw path and raw query."""
        return split_uri(self.uri)

    @property
    def path(self) -> str:
        """Returns the raw path."""
        return self._target[1]

    @property
    def has_fragment(self) -> bool:
        """Returns True if the request target has a `#`, which HTTP does not allow there (RFC 9112, 3.2)."""
        return "#" in self.uri

    @lazy_property
    def names(self) -> list[str]:
        """Returns the names of the headers that the request has, in lower case."""
        return self._request.names()

    @lazy_property
    def authority(self) -> str:
        forwarded = self._forwarded_value("x-forwarded-host")
        return self._target[0] if forwarded is None else forwarded

    @lazy_property
    def host(self) -> str:
        """Returns the host that routes match. On a local edge, a name such as localhost stands for a host of the service."""
        return self._matched_scheme_and_host[1]

    @lazy_property
    def segments(self) -> Segments:
        return path_segments(self.path)

    @lazy_property
    def method(self) -> str:
        method = self._request.method()
        # Fanout POSTs a WebSocket's events in place of its GET.
        return "GET" if method == "POST" and self.through_fanout and is_websocket_events(self._request) else method

    @lazy_property
    def proto(self) -> str:
        """Returns the scheme of the client's connection."""
        return self._forwarded_value("x-forwarded-proto") or self._request.client_scheme()

    @lazy_property
    def scheme(self) -> str:
        """Returns the scheme that routes match: that of the connection, unless a local edge is configured with another one."""
        return self._matched_scheme_and_host[0] or self.proto

    @lazy_property
    def _matched_scheme_and_host(self) -> tuple[str, str]:
        """Returns the scheme ("" for the connection's) and host that routes match."""
        host = host_name(self.authority)
        return resolve_local_name(host, self._request) if host in LOCAL_NAMES and not self.through_fanout else ("", host)

    @lazy_property
    def websocket(self) -> bool:
        """Returns True if the client opens a WebSocket, which begins with a GET (RFC 6455, 4.1)."""
        if self.link:
            return False
        if self.through_fanout:
            return is_websocket_events(self._request)
        upgrades = (value.strip().lower() for value in self._request.values("upgrade"))
        return b"websocket" in upgrades and self.method == "GET"

    @lazy_property
    def address(self) -> str | None:
        """Returns the address of the client's connection. It is None on the second pass, whose connection is another one."""
        return None if self.through_fanout else self._request.client_address()

    def header(self, name: str) -> str | None:
        """Returns the first value of a header as Latin-1, or None if it is absent.

        HTTP/2 splits cookies into several lines, which are one header (RFC 9113, 8.2.3). They are joined.
        """
        value = None if self._counts_as_absent(name) else self._request.header(name)
        if name == "cookie" and value is not None:
            value = b"; ".join(filter(None, self._request.values(name)))
        return None if value is None else value.decode("latin-1")

    def values(self, name: str) -> list[bytes]:
        """Returns all values of a header, in order."""
        return [] if self._counts_as_absent(name) else self._request.values(name)

    @lazy_property
    def query(self) -> Mapping[str, str | None]:
        """Returns the first value of each query parameter. A value that is not UTF-8 is None."""
        values: dict[str, str | None] = {}
        for pair in filter(None, self._target[2].split("&")):
            name, _, value = pair.partition("=")
            decoded = decode_form(name)
            if decoded is not None:
                values.setdefault(decoded, decode_form(value))
        return values

    def has_several_values(self, bound: Bound) -> bool:
        """Returns True if a server may find a query parameter or header more than once, and read another value than the first.

        Some servers also split a query at `;`, ignore case in its names, or read `_` in a header's name as `-`
        (RFC 3875, 4.1.18).
        """
        if bound.source == "query":
            pairs = self._target[2].replace(";", "&").split("&")
            return [(decode_form(pair.partition("=")[0]) or "").lower() for pair in pairs].count(bound.name.lower()) > 1
        same_names = [name for name in self.names if name.replace("_", "-") == bound.name.replace("_", "-")]
        return sum(len(self._request.values(name)) for name in same_names) > 1

    def uri_without(self, names: Container[str | None]) -> str:
        """Returns the request's URI without the query parameters of the given names."""
        kept = [pair for pair in self._target[2].split("&") if decode_form(pair.partition("=")[0]) not in names]
        before = self.uri.partition("?")[0]
        return f"{before}?{'&'.join(kept)}" if kept else before

    def _counts_as_absent(self, name: str) -> bool:
        """Returns True for a header that is not the client's, or that Connection names. It counts as absent."""
        return self.link or name in self._connection_options

    @lazy_property
    def _connection_options(self) -> Collection[str]:
        """Returns the headers that the client's Connection names.

        They are meant for the edge alone (RFC 9110, 7.6.1), and some proxies remove them.
        """
        if self.through_fanout or "connection" not in self.names:
            return ()
        return list_items(self._request.values("connection")) - {"connection", "upgrade"}

    def _forwarded_value(self, name: str) -> str | None:
        """Returns an X-Forwarded header that the first pass has set, or None on the first pass itself."""
        return self.header(name) if self.through_fanout else None


def decode_form(text: str) -> str | None:
    """Decodes a name or value of a query (application/x-www-form-urlencoded). Returns None if it is not UTF-8."""
    try:
        return unquote_to_bytes(text.replace("+", " ")).decode()
    except UnicodeDecodeError:
        return None
