"""Fuzzes headers: allowed origins, hop-by-hop headers, the content type of WebSocket events, and header rules."""

import re

from fanroute.plan.request import RequestData
from fanroute_runtime.http.client import ClientRequest
from fanroute_runtime.http.cors import add_cors_headers, cors_headers
from fanroute_runtime.http.headers import apply_rules, hop_by_hop_names
from fanroute_runtime.http.media_types import is_websocket_events
from fanroute_runtime.messages import Answer
from fanroute_runtime.plan import Cors, HeaderRules
from tests.fuzz.target import Target

# Origins as in a Plan, and as regular expressions of the origins that they allow.
ORIGINS = {
    "https://chat.example.com": r"https://chat\.example\.com",
    "https://*.example.org:8443": r"https://[a-z0-9_.-]+\.example\.org:8443",
    "http://*.localhost": r"http://[a-z0-9_.-]+\.localhost",
    "capacitor://localhost": "capacitor://localhost",
    "null": "null",
}
ALLOWED = Cors(tuple(ORIGINS), (("access-control-allow-credentials", b"true"),))
ANSWER = Answer(200, (("vary", b"Accept"), ("x-a", b"1")), b"body")
HOP_BY_HOP = "Connection Keep-Alive Proxy-Connection TE Trailer Transfer-Encoding Upgrade".lower().split()


def check_origin(origin: bytes) -> None:
    """Checks that an allowed page's origin is repeated unchanged, and that no other is."""
    allowed = any(re.fullmatch(pattern, origin.decode("latin-1"), re.ASCII) for pattern in ORIGINS.values())
    client = ClientRequest(RequestData("GET", "http://a/", (("origin", origin),)), through_fanout=False)
    answer = add_cors_headers(ANSWER, cors_headers(ALLOWED, client))
    expected = (("access-control-allow-origin", origin), *ALLOWED.headers) if allowed else ()
    assert answer.headers == (("x-a", b"1"), ("vary", b"Accept, Origin"), *expected)
    assert (answer.status, answer.body) == (200, b"body")


def check_connection(data: bytes) -> None:
    """Checks two Connection headers and lines of names: headers that Connection names, and all hop-by-hop ones, are removed."""
    lines = data.decode("latin-1").split("\n")
    connections, names = lines[:2], re.findall(r"[!#$%&'*+.^_`|~\w-]+", "\n".join(lines[2:]).lower(), re.ASCII)
    listed = re.compile(r"(?:^|,)\s*({})\s*(?=,|$)".format("|".join(map(re.escape, names)) or "(?!)"), re.IGNORECASE)
    named = {name.lower() for connection in connections for name in listed.findall(connection)}
    gone = [name for name in names if name in HOP_BY_HOP or name in named]
    assert hop_by_hop_names(names, [connection.encode("latin-1") for connection in connections]) == gone


def check_content_type(data: bytes) -> None:
    """Checks several Content-Types: one for events is enough, at any position."""
    values = data.decode("latin-1").split("\n")
    wanted = re.compile(r"(?:[^,]*,)*\s*application/websocket-events\s*(?:[;,].*)?", re.IGNORECASE | re.DOTALL)
    asked = RequestData("POST", "http://a/", tuple(("content-type", value.encode("latin-1")) for value in values))
    assert is_websocket_events(asked) == any(map(wanted.fullmatch, values))


def check_rules(data: bytes) -> None:
    """Checks header rules, from lines: first a message's headers, then rules after `set`, `add` and `remove`."""
    lines: dict[str, list[tuple[str, bytes]]] = {"": [], "set": [], "add": [], "remove": []}
    for line in data.splitlines():
        name, _, value = line.partition(b":")
        kind, _, name = name.decode("latin-1").rpartition(" ")
        if kind in lines and all(name != other for others in list(lines.values())[1:] for other, _ in others):
            lines[kind].append((name, value))
    rules = HeaderRules(tuple(lines["set"]), tuple(lines["add"]), tuple(name for name, _ in lines["remove"]))
    headers = dict.fromkeys([name for kind in lines.values() for name, _ in kind])
    result = apply_rules(rules, tuple(lines[""]))
    for name in headers:
        values, before = ([value for other, value in pairs if other == name] for pairs in (result, lines[""]))
        if name in rules.remove:
            assert values == []
        elif name in dict(rules.set):
            assert values == [dict(rules.set)[name]]
        else:
            assert values == before + ([dict(rules.add)[name]] if name in dict(rules.add) else [])
    assert {name for name, _ in result} <= set(headers)


ORIGIN_SEEDS = [
    b"https://chat.example.com",
    b"https://a.b.example.org:8443",
    b"http://x.localhost",
    b"capacitor://localhost",
    b"null",
    b"https://example.org:8443",
    b"https://chat.example.com.evil.com",
]
ORIGIN_WORDS = [
    *b"https:// http:// .example.org:8443 .localhost evil.com @ : . / * %2e _ - A \\ # ? null".split(),
    *[b" ", b"\n", b"\xe9"],
]
LINES = [
    b"keep-alive, X-Hop ,te\n\nx-hop\nupgrade\nx-other\nTE\nconnection",
    b",,\tclose;x\nx-a\nclose\nx-a",
    b'"x-a", x-b\n\nx-a\nx-b',
]
LINE_WORDS = [
    *b"connection keep-alive upgrade te trailer x-hop , ; : ,, set add remove x-a: x-b".split(),
    *[b"\n", b" ", b"\t", b"\xa0"],
]
TYPES = [
    b"application/websocket-events",
    b"text/plain\n Application/WebSocket-Events ; charset=utf-8",
    b"application/websocket-events+x",
    b"a;b=c, application/websocket-events,",
]
RULES = [b"x-a:1\nx-a:2\nx-b:3\nset x-a:4\nadd x-b:5\nremove x-c", b"remove x-a\nx-a:1\nadd x-d:6"]
TARGETS = [
    Target("origins", check_origin, ORIGIN_SEEDS, ORIGIN_WORDS),
    Target("connections", check_connection, LINES, LINE_WORDS),
    Target(
        "content types", check_content_type, TYPES, [b";", b",", b" ", b"\t", b"\x0b", b"\xa0", b"text/html", b"-events", b"\n"]
    ),
    Target("header rules", check_rules, RULES, LINE_WORDS),
]
