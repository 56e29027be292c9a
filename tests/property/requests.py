"""Provides strategies for requests that match the routes of a routes.yaml, and for near misses."""

import re
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from fanroute.plan.request import RequestData
from tests.property.language import ADDRESSES
from tests.property.reference import listed

Data = dict[str, Any]
Pairs = list[tuple[str, bytes]]

VALUES = st.sampled_from(["", "1", "2", "a", "b", "pro", "team", "é", "a,b", "a b", "x" * 300])
# Path segments as sent: hard to read, or easy to confuse with others.
SEGMENTS = st.sampled_from(
    [
        "",
        ".",
        "..",
        "%2e%2E",
        "%2F",
        "a%2Fb",
        "..%2Fb",
        "%FF",
        "%C3%A9",
        "a%2Cb",
        "%zz",
        "%",
        "a",
        "b",
        "rooms",
        "*",
        "%7Broom%7D",
        "a;b",
        "a%00",
        "..;a",
        "a%2f..",
        "%5C",
    ]
)
FOREIGN = [
    "null",
    "http://chat.example.com",
    "https://chat.example.com.evil.com",
    "https://a.example.org:8443",
    "https://x@b",
    "http://127.0.0.1",
    "http://127.0.0.1:80a",
    "http://127.0.0.1:",
]
TWEAKS = st.sampled_from(["host", "path", "method", "scheme", "upgrade", "header", "query"])
AUTHORITIES = st.sampled_from(["", "a", "b.a", "chat", "x-1.a", "[::1]:80", "u@a", "a@b", ".a", "a.b.chat"])


# What stands in a request where a host binds a label: labels, and texts that are none.
HOST_LABELS = st.sampled_from(
    [
        "a",
        "X-1",
        "_c",
        "xn--bcher-kva",
        "0",
        "x" * 63,
        "x" * 64,
        "-a",
        "a-",
        "",
        "a.b",
        "a..b",
        "%61",
        "a%2eb",
        "a@b",
        "a~",
        "{x}",
    ]
)


def _as_sendable(label: str) -> str:
    """Returns a text that can stand in a host without ending it: this one, or another if it would end it."""
    return label if label.isascii() and label.isprintable() and not set(label) & set("/?#@:[] \\") else "a"


@st.composite
def escaped(draw: st.DrawFn, text: str) -> str:
    """Generates a text as sent, with some characters percent-encoded even if they need not be."""
    shown = [draw(st.sampled_from([character, character, _hex(character)])) for character in text]
    return quote("".join(shown), safe="%~!$'()*;:@,.-_")


def _hex(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


@st.composite
def requests(draw: st.DrawFn, spec: Data) -> RequestData:
    """Generates a request that fits one of the routes, or misses it in up to two ways."""
    match = draw(st.sampled_from(spec["routes"])).get("match", {})
    tweaks = draw(st.one_of(st.just([]), st.lists(TWEAKS, max_size=2)))
    url = draw(_schemes(match, "scheme" in tweaks)) + "://" + draw(_authority(match, "host" in tweaks))
    url += draw(_path(match, "path" in tweaks)) + draw(_query(match, "query" in tweaks))
    headers = draw(_headers(match, "header" in tweaks)) + draw(_origin(url))
    if match.get("websocket", draw(st.sampled_from([False, False, True]))) != ("upgrade" in tweaks):
        headers.append(("upgrade", draw(st.sampled_from([b"websocket", b"WebSocket"]))))
    elif "upgrade" in tweaks:
        headers.append(("upgrade", draw(st.sampled_from([b"h2c", b"websockets", b""]))))
    method = draw(_methods(match, "method" in tweaks))
    if draw(st.sampled_from([False] * 7 + [True])):
        headers, method = [*headers, ("access-control-request-method", method.encode())], "OPTIONS"
    address = draw(st.sampled_from([*ADDRESSES, None]))
    return RequestData(method, url, tuple(draw(st.permutations(headers))), address=address)


@st.composite
def _origin(draw: st.DrawFn, url: str) -> Pairs:
    """Generates no Origin header, or one with a listed origin, the service's own, or one that looks like it."""
    own = url.lower().split("/")[0] + "//" + url.lower().split("/")[2].split("?")[0]
    origin = draw(
        st.sampled_from(["", "", "", "https://chat.example.com", "http://127.0.0.1:5173", own, *FOREIGN, own + ".evil.com"])
    )
    return [("origin", origin.encode())] if origin else []


def _schemes(match: Data, other: bool) -> st.SearchStrategy[str]:
    wanted = match.get("scheme")
    return st.just(wanted) if wanted and not other else st.sampled_from(["https", "http"])


def _methods(match: Data, other: bool) -> st.SearchStrategy[str]:
    wanted = match.get("method")
    return (
        st.sampled_from(listed(wanted))
        if wanted and not other
        else st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "get", "QUERY"])
    )


@st.composite
def _authority(draw: st.DrawFn, match: Data, other: bool) -> str:
    if "host" not in match or other:
        return draw(AUTHORITIES)
    host = draw(st.sampled_from(listed(match["host"])))
    if host.startswith("*"):
        host = draw(st.sampled_from(["x", "x.y", "X"])) + host[1:]
    if host.startswith("{"):
        name, _, parent = host[1:].partition("}")
        fitting = _fitting(match["where"][name]) if name in match.get("where", {}) else st.just("acme")
        host = draw(st.one_of(fitting.map(_as_sendable), HOST_LABELS)) + parent
    case = draw(st.sampled_from([str, str.upper, str.lower]))
    return case(host) + draw(st.sampled_from(["", "", ".", ":8080", ".:80"]))


@st.composite
def _path(draw: st.DrawFn, match: Data, other: bool) -> str:
    usual = "/" + "/".join(draw(st.lists(st.sampled_from(["a", "b"]), max_size=2)))
    wanted = draw(st.sampled_from(listed(match.get("path", usual))))[1:].split("/")
    rest = wanted[-1] == "*" or wanted[-1].endswith("...}")
    where = match.get("where", {})
    segments = [draw(_segment(part, where) if part.startswith("{") else escaped(part)) for part in wanted[: -1 if rest else None]]
    segments += [*draw(_rest(wanted[-1], where))] if rest else []
    if other:
        place = draw(st.integers(0, len(segments)))
        how = draw(st.sampled_from(["add", "drop", "replace", "join"]))
        segments[place : place + (how != "add")] = [] if how == "drop" else [draw(SEGMENTS)]
        segments = ["%2F".join(segments)] if how == "join" else segments
    return "/" + "/".join(segments)


@st.composite
def _rest(draw: st.DrawFn, written: str, where: Data) -> list[str]:
    """Generates the segments for `*` or `{rest...}`."""
    if written[1:-4] in where and draw(st.booleans()):
        return quote(draw(_fitting(where[written[1:-4]]))).split("/")
    return draw(st.lists(st.one_of(SEGMENTS, st.sampled_from(["a", "b", ""])), min_size=1, max_size=3))


@st.composite
def _segment(draw: st.DrawFn, parameter: str, where: Data) -> str:
    """Generates a segment for a path parameter."""
    if parameter[1:-1] in where:
        return quote(draw(_fitting(where[parameter[1:-1]])), safe="")
    return draw(st.one_of(st.sampled_from(["a", "blue", "b%6Cue", "%C3%A9"]), SEGMENTS))


@st.composite
def _query(draw: st.DrawFn, match: Data, other: bool) -> str:
    pairs = []
    for name, condition in match.get("query", {}).items():
        value = draw(_value(condition))
        if value is not None:
            pairs.append(f"{draw(_form(name))}={draw(_form(value))}")
    if other:
        pairs = draw(st.permutations(pairs))[: draw(st.integers(0, len(pairs)))]
        pairs += draw(
            st.lists(
                st.sampled_from(["id=1", "id", "ID=a", "id=%FF", "%FF=1", "after=", "=", "a=b=c", "?", "i%64=2"]), max_size=2
            )
        )
        pairs = draw(st.permutations(pairs))
    return ("?" if pairs or draw(st.booleans()) else "") + "&".join(pairs)


@st.composite
def _form(draw: st.DrawFn, text: str) -> str:
    coded = quote(text, safe="'()*")
    return coded.replace("%20", draw(st.sampled_from(["+", "%20"])))


@st.composite
def _headers(draw: st.DrawFn, match: Data, other: bool) -> Pairs:
    headers: Pairs = []
    for name, condition in match.get("header", {}).items():
        value = draw(_value(condition))
        if value is not None and re.fullmatch("(?![ \t])[\t -~\x80-\xff]*(?<![ \t])", value):
            headers.append((name.lower(), value.encode("latin-1")))
    if other:
        headers = headers[: draw(st.integers(0, len(headers)))]
        further = st.tuples(st.sampled_from(["x-plan", "authorization", "cookie", "x-a", "x-forwarded-host"]), VALUES)
        headers += [(name, value.encode("latin-1")) for name, value in draw(st.lists(further, max_size=2))]
    return headers


@st.composite
def _value(draw: st.DrawFn, condition: Any) -> str | None:
    """Generates a value that fits a condition, or None if the condition demands that there is no value."""
    if isinstance(condition, dict) and "present" in condition:
        return draw(VALUES) if condition["present"] else None
    if isinstance(condition, dict) and "pattern" in condition:
        return draw(_fitting(condition["pattern"]))
    values = condition["values"] if isinstance(condition, dict) else listed(condition)
    return str(draw(st.sampled_from(values)))


def _fitting(pattern: str) -> st.SearchStrategy[str]:
    """Generates texts that fit a pattern, and some that may not."""
    return st.one_of(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True).map(lambda text: text[:80]), VALUES)
