"""Matches requests naively, as docs/language says, on the text of the request and with Python's `re` for patterns."""

import re
from socket import AF_INET, AF_INET6, inet_pton
from urllib.parse import unquote_plus, unquote_to_bytes, urlsplit

from fanroute.plan.request import RequestData
from fanroute_runtime.plan import Condition, Match, Parameter, PathPattern, Route


def first(routes: tuple[Route, ...], asked: RequestData) -> Route | None:
    """Returns the first route that a client's request fits."""
    return next((route for route in routes if fits(route.match, asked)), None)


def fits(match: Match, asked: RequestData) -> bool:
    parts = urlsplit(asked.url)
    upgrade = [value.lower() for name, value in asked.headers if name == "upgrade"]
    query = [pair.partition("=") for pair in parts.query.split("&") if pair]
    return (
        (not match.hosts or any(_host_fits(wanted, parts.hostname or "", match.host_parameter) for wanted in match.hosts))
        and (match.path is None or _path_fits(match.path, parts.path.split("/")[1:]))
        and (not match.methods or asked.verb in match.methods)
        and match.scheme in (None, parts.scheme)
        and (not match.client_ips or any(is_within(asked.address, network) for network in match.client_ips))
        and match.websocket in (None, b"websocket" in upgrade and asked.verb == "GET")
        and all(_holds(c, _values(asked, c.name)) for c in match.headers)
        and all(_holds(c, [_form_text(v) for n, _, v in query if _form_text(n) == c.name]) for c in match.query)
    )


def is_within(address: str | None, network: str) -> bool:
    """Returns True if an address is in a network, bit by bit. An IPv4 address that is mapped into IPv6 counts as IPv4."""
    if address is None:
        return False
    name, _, prefix = network.partition("/")
    one, other = _bits(address), _bits(name)
    ignored = len(_bits(name, unmapped=False)) - int(prefix or "128" if ":" in name else prefix or "32")
    return len(one) == len(other) and one[: len(one) - ignored] == other[: len(other) - ignored]


def _bits(address: str, unmapped: bool = True) -> str:
    packed = inet_pton(AF_INET6 if ":" in address else AF_INET, address)
    packed = packed.removeprefix(bytes(10) + b"\xff\xff") if unmapped else packed
    return "".join(f"{byte:08b}" for byte in packed)


def _host_fits(wanted: str, host: str, bound: Parameter | None) -> bool:
    host = host.lower().removesuffix(".")
    if bound:
        label = host.removesuffix(wanted[1:])
        is_label = re.fullmatch("(?!-)[a-z0-9_-]{1,63}(?<!-)", label, re.ASCII) is not None
        return label != host and is_label and _pattern_fits(bound.pattern or ".*", label)
    return len(host) >= len(wanted) and host.endswith(wanted[1:]) if wanted.startswith("*.") else host == wanted


def _path_fits(path: PathPattern, segments: list[str]) -> bool:
    if path.rest:
        rest, segments = segments[len(path.segments) :], segments[: len(path.segments)]
        if not rest or (path.bound_rest and not _rest_fits(path.bound_rest.pattern, rest)):
            return False
    return len(segments) == len(path.segments) and all(map(_segment_fits, path.segments, segments))


def _rest_fits(pattern: str, rest: list[str]) -> bool:
    try:
        texts = [unquote_to_bytes(raw).decode() for raw in rest]
    except UnicodeDecodeError:
        return False
    has_faults = texts[0] == "" or any(text in (".", "..") or "/" in text for text in texts)
    return not has_faults and _pattern_fits(pattern or r"(?s:.*)", "/".join(texts))


def _segment_fits(wanted: str | Parameter, raw: str) -> bool:
    try:
        text = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        return False
    if isinstance(wanted, str):
        return text == wanted
    return text not in ("", ".", "..") and "/" not in text and _pattern_fits(wanted.pattern or r"(?s:.*)", text)


def _form_text(raw: str) -> str | None:
    try:
        return unquote_plus(raw, errors="strict")
    except UnicodeDecodeError:
        return None


def _values(asked: RequestData, name: str) -> list[str]:
    """Returns the values of a header. Several Cookie lines are one value (RFC 9113, 8.2.3)."""
    values = [value.decode("latin-1") for other, value in asked.headers if other == name]
    return ["; ".join(filter(None, values))] if name == "cookie" and values else values


def _holds(condition: Condition, values: list[str | None]) -> bool:
    """Returns True if a condition holds, given all values of its name."""
    if condition.values:
        return bool(values) and values[0] in condition.values
    if condition.pattern:
        return bool(values) and values[0] is not None and _pattern_fits(condition.pattern, values[0])
    return bool(values) == condition.present


def _pattern_fits(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.ASCII) is not None
