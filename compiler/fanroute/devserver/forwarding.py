"""Forwards HTTP messages between clients and backends (RFC 9110, 7.6), within the limits that Pushpin has."""

from collections.abc import Iterable

import httpx
from aiohttp import web

from fanroute_runtime.http.headers import hop_by_hop_names

Headers = list[tuple[str, bytes]]

CONNECT_TIMEOUT, ANSWER_TIMEOUT = 5.0, 60.0  # seconds
# Longest bodies that are read whole, in bytes. The first two limits are Pushpin's: for an answer with instructions, and for one
# with WebSocket events. The third is for the beginning of a stream and for a link's answer. Pushpin forwards these as they
# arrive, without a limit.
MAX_INSTRUCTIONS_BODY, MAX_EVENTS_BODY, MAX_STREAM_BODY = 100_000, 1_000_000, 16 << 20


def end_to_end(headers: Headers) -> Headers:
    """Returns the headers without the hop-by-hop ones (RFC 9110, 7.6.1)."""
    connection = [value for name, value in headers if name.lower() == "connection"]
    hop_by_hop = set(hop_by_hop_names((name.lower() for name, _ in headers), connection))
    return [(name, value) for name, value in headers if name.lower() not in hop_by_hop]


def client_headers(answer: httpx.Response, without: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Returns the headers of an answer that its client gets: no hop-by-hop ones, no GRIP instructions, and none of `without`."""
    raw = end_to_end([(name.decode("latin-1"), value) for name, value in answer.headers.raw])
    return [
        (name, value.decode("utf-8", "surrogateescape"))
        for name, value in raw
        if not name.lower().startswith("grip-") and name.lower() not in without
    ]


def bad_gateway(backend: str, error: Exception) -> web.Response:
    """Returns the 502 for a backend that gave no answer."""
    return web.Response(status=502, text=f"The backend {backend!r} gave no answer: {error!r}\n")
