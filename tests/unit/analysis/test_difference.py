"""Compares the difference of two files with their answers to every request of small universes, and with examples."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fanroute.analysis.box import Point
from fanroute.analysis.difference import Side, find_changes
from fanroute.cli.diff_report import Difference, compare, text_lines
from fanroute.pipeline import compile_routes
from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.matching.predicates import Matchable, bound_value
from fanroute_runtime.plan import Bound, Plan, Redirect, Route
from tests.conftest import REPOSITORY, inputs_of
from tests.golden.test_cases import CASES
from tests.support import universe

OWN = (REPOSITORY / "routes.yaml").read_text()
START = """version: 1
service: {name: x}
backends: {origin: {url: "https://a.example.com"}, other: {url: "https://b.example.com"}, self: {loopback: true}}
routes:
"""


def compared(old: str, new: str) -> Difference:
    before, after = (compile_routes(text.encode(), inputs_of(REPOSITORY)) for text in (old, new))
    return compare((before.plan, before.backends), (after.plan, after.backends))


def told(old: list[str], new: list[str]) -> list[str]:
    """Returns the lines for two lists of routes, each route a flow mapping."""
    texts = (START + "".join(f"  - {{{route}}}\n" for route in routes) for routes in (old, new))
    return list(text_lines(compared(*texts)))


CHAT = "name: chat, match: {path: /chat}, handoff: origin"
ROOM = 'name: room, match: {path: "/rooms/{room}"}, stream: {channel: "r-{room}"}'
ROOM_X = 'name: room-x, match: {path: /rooms/x}, stream: {channel: "r-x"}'
MOVED = 'name: moved, match: {path: "/old/{page}"}, redirect: {location: "/new/{page}"}'
HOST = "name: host, match: {host: a.example.com}, redirect: {host: b.example.com}"
MOVED_E = 'name: moved-e, match: {path: "/old/é"}, redirect: {location: "/new/%C3%A9"}'
ODD = "name: odd, match: {path: /chat, header: {x: [' ', ✓]}}, handoff: other"
PATHS = "name: x, match: {path: ['/a/{x}', '/b/{x}']}, stream: {channel: 'x-{x}'}"
PATHS_APART = [f"name: {name}, match: {{path: '/{name}/{{x}}'}}, stream: {{channel: 'x-{{x}}'}}" for name in "ab"]
CONTENT = "name: content, match: {path: '/c/{rest...}'}, redirect: {location: '/d/{rest}?x={rest}'}"
CONTENT_FIRST = "name: two, match: {path: '/c/{a}/{b...}'}, redirect: {location: '/d/{a}/{b}?x={a}/{b}'}"
CONTENT_OF_TWO = "name: two, match: {path: '/c/{a}/{b}'}, redirect: {location: '/d/{a}/{b}?x={a}/{b}'}"
REST = "name: rest, handoff: origin"
PREFIX = "match: {path: /api/*}, forward: {backend: origin, rewrite: {strip_prefix: /api}}"
API_A = "match: {path: '/api/{a}'}, forward: {backend: origin, rewrite: {%s}}"
GO = "match: {path: '/go/{a}'}, redirect: %s"
SUB = "match: {path: /x}, respond: {status: 200}, auth: {%s}"
KEY_A, KEY_B = (f"{{algorithm: HS256, secret_store: s, name: {name}}}" for name in "ab")
# Pairs of routes that do the same.
SPELLINGS = [
    # Rewrites.
    (API_A % "strip_prefix: /api", API_A % "path: '/{a}'"),
    (API_A % "strip_prefix: /api", API_A % "strip_prefix: '/api/{a}', add_prefix: '/{a}'"),
    (API_A % "strip_prefix: /api, add_prefix: /v2", API_A % "path: '/v2/{a}'"),
    (API_A % "add_prefix: /v2", API_A % "path: '/v2/api/{a}'"),
    (API_A % "path: '/%61%70i/{a}'", "match: {path: '/api/{a}'}, forward: origin"),
    ("match: {path: /api/*}, forward: origin", PREFIX.replace("strip_prefix: /api", "strip_prefix: /api, add_prefix: /api")),
    ("match: {path: /a/b}, forward: {backend: origin, rewrite: {path: /b}}", PREFIX.replace("api/*", "a/b").replace("api", "a")),
    (
        "match: {path: '/r/{x...}'}, handoff: {backend: origin, rewrite: {path: '/{x}'}}",
        "match: {path: '/r/{y...}'}, handoff: {backend: origin, rewrite: {strip_prefix: /r}}",
    ),
    (API_A % "query: {set: {a: '1', b: '2'}, remove: [c, d]}", API_A % "query: {set: {b: '2', a: '1'}, remove: [d, c]}"),
    (API_A % "query: {remove: c}", API_A % "query: {remove: [c]}"),
    (
        "match: {path: /x, query: {q: {present: false}}}, forward: origin",
        "match: {path: /x, query: {q: {present: false}}}, forward: {backend: origin, rewrite: {query: {remove: q}}}",
    ),
    (
        "match: {path: /api/v1/*}, forward: {backend: origin, rewrite: {strip_prefix: /api}}",
        "match: {path: /api/v1/*}, forward: {backend: origin, rewrite: {strip_prefix: /api/v1, add_prefix: /v1}}",
    ),
    # Redirects and links.
    (GO % "'/to/{a}'", GO % "{location: '/to/{a}', status: 302, keep_query: false}"),
    (GO % "'/%74o/{a}'", GO % "'/to/{a}'"),
    (GO % "{host: b.example.com, path: '/to/{a}', keep_query: false}", GO % "'https://b.example.com/to/{a}'"),
    (GO % "{host: b.example.com}", GO % "{location: 'https://b.example.com/go/{a}', keep_query: true}"),
    (GO % "{host: b.example.com, path: /}", GO % "{location: 'https://b.example.com', keep_query: true}"),
    # Short and long forms.
    ("forward: origin", "forward: {backend: origin}"),
    ("forward: {backend: origin, cache: {ttl: 60s}}", "forward: {backend: origin, cache: {ttl: 1m}}"),
    ("respond: {status: 200, headers: {X-A: '1', X-B: '2'}}", "respond: {status: 200, headers: {x-b: '2', x-a: '1'}}"),
    (
        "forward: origin, request_headers: {set: {A: '1', B: '2'}, remove: [C, D]}",
        "forward: origin, request_headers: {remove: [d, c], set: {b: '2', a: '1'}}",
    ),
    ("match: {path: /x}, stream: {channel: [a, b]}", "match: {path: /x}, stream: {channel: [{name: b}, a]}"),
    (
        "match: {path: /x}, stream: {channel: {name: a, filters: [skip-self]}, meta: {user: u, x: '1'}}",
        "match: {path: /x}, stream: {channel: [{name: a, filters: [skip-self]}], meta: {x: '1', user: u}}",
    ),
    (
        "match: {path: /x}, websocket: {channel: a}, origins: https://a.example.com",
        "match: {path: /x}, websocket: {channel: a}, origins: ['https://a.example.com']",
    ),
    (
        "match: {path: /x}, websocket: {channel: a}, origins: ['https://a.example.com', 'https://b.example.com:443']",
        "match: {path: /x}, websocket: {channel: a}, origins: ['https://b.example.com', 'https://a.example.com']",
    ),
    # Tokens.
    (
        SUB % f"keys: {KEY_A}, claims: {{a.b: x, c: [y, z]}}",
        SUB % f"keys: [{KEY_A}], claims: {{c: [z, y], a.b: {{values: [x]}}}}",
    ),
    (SUB % f"keys: {KEY_A}, claims: {{/kubernetes/io/x: a}}", SUB % f"keys: {KEY_A}, claims: {{kubernetes.io.x: a}}"),
    (
        SUB % f"keys: {KEY_A}, claims: {{scope: {{every_word: [a, b]}}}}",
        SUB % f"keys: {KEY_A}, claims: {{scope: {{every_word: [b, a]}}}}",
    ),
    (SUB % f"keys: {KEY_A}, claims: {{scope: {{word: a}}}}", SUB % f"keys: {KEY_A}, claims: {{scope: {{word: [a]}}}}"),
    (SUB % f"keys: [{KEY_A}, {KEY_B}], issuer: [i, j]", SUB % f"keys: [{KEY_B}, {KEY_A}], issuer: [j, i], leeway: 10s"),
]
RELAY = "name: relay, forward: origin, request_headers: {set: {X-Key: {secret: s/a, prefix: P}}}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param([CHAT, ROOM], [ROOM, CHAT], id="order"),
        pytest.param([CHAT, REST], [REST], id="a route that does what the next one does"),
        pytest.param([CHAT], [CHAT.replace("name: chat", "name: talk")], id="a name"),
        pytest.param([ROOM], [ROOM.replace("{room}", "{r}")], id="a parameter's name"),
        pytest.param([ROOM], [ROOM, ROOM_X.replace("r-x", "y")], id="a route that gets nothing"),
        pytest.param([ROOM], [ROOM_X, ROOM], id="the text that would be bound"),
        pytest.param([MOVED], [MOVED_E, MOVED], id="the text that would be bound, encoded"),
        pytest.param([PATHS], [PATHS_APART[0], PATHS_APART[1]], id="a route for each path"),
        pytest.param([PREFIX], [PREFIX.replace("/*", "/v1/*"), PREFIX], id="the prefix of a longer path"),
        pytest.param([PREFIX], [API_A % "path: '/{a}'", PREFIX], id="a path"),
        *(pytest.param([one], [other], id=f"{one} and {other}") for one, other in SPELLINGS),
        pytest.param([PATHS], [PATHS.replace("['/a/{x}', '/b/{x}']", "['/b/{x}', '/a/{x}']")], id="paths in order"),
        pytest.param([CONTENT], [CONTENT_FIRST, CONTENT], id="the rest that would be bound, in two parts"),
        pytest.param([CONTENT], [CONTENT_OF_TWO, CONTENT], id="the rest that would be bound, of two segments"),
        pytest.param(
            [CHAT],
            [ODD, CHAT],
            id="what no header is",
        ),
    ],
)
def test_no_request_changes(old: list[str], new: list[str]) -> None:
    assert told(old, new) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            [PATHS],
            [PATHS_APART[0]],
            ["GET https://example.com/b/x", "  - x: stream, text/plain on x-{x}", "  + no route: 404"],
        ),
        (
            [CONTENT],
            [CONTENT.replace("{rest...}", "{rest}")],
            ["GET https://example.com/c/x/", "  - content: 302 to /d/{rest}?x={rest}", "  + no route: 404"],
        ),
        (
            [CONTENT],
            [CONTENT.replace("/c/{rest...}'", "/c/{rest...}', where: {rest: '[a-z]+/[a-z]+|.'}")],
            ["GET https://example.com/c/aa", "  - content: 302 to /d/{rest}?x={rest}", "  + no route: 404"],
        ),
        ([CHAT], [], ["GET https://example.com/chat", "  - chat: handoff to https://a.example.com", "  + no route: 404"]),
        (
            [CHAT, REST],
            [CHAT.replace("origin", "other"), REST],
            [
                "GET https://example.com/chat",
                "  - chat: handoff to https://a.example.com",
                "  + chat: handoff to https://b.example.com (differs in backend)",
            ],
        ),
        (
            [ROOM, REST],
            [ROOM.replace("r-{room}", "r-{room}x"), REST],
            [
                "GET https://example.com/rooms/x",
                "  - room: stream, text/plain on r-{room}",
                "  + room: stream, text/plain on r-{room}x (differs in channels)",
            ],
        ),
        (
            # Both answer the same if the room is x.
            [ROOM],
            [ROOM.replace("r-{room}", "r-x")],
            [
                "GET https://example.com/rooms/y",
                "  - room: stream, text/plain on r-{room}",
                "  + room: stream, text/plain on r-x (differs in channels)",
            ],
        ),
        (
            [ROOM],
            [ROOM.replace('"/rooms/{room}"', '"/rooms/{room}", where: {room: "[a-z]+"}')],
            ["GET https://example.com/rooms/0", "  - room: stream, text/plain on r-{room}", "  + no route: 404"],
        ),
        *(
            (
                [RELAY],
                [RELAY.replace(old, new)],
                [
                    "GET https://example.com/",
                    "  - relay: forward to https://a.example.com",
                    "  + relay: forward to https://a.example.com (differs in secret headers)",
                ],
            )
            for old, new in (("s/a", "s/b"), ("s/a", "t/a"), (", prefix: P", ""), ("X-Key", "X-Other"))
        ),
        (
            [CHAT, REST.replace("origin", "other")],
            [CHAT.replace("/chat", "/chat, method: GET"), REST.replace("origin", "other")],
            [
                "POST https://example.com/chat",
                "  - chat: handoff to https://a.example.com",
                "  + rest: handoff to https://b.example.com (differs in backend)",
            ],
        ),
        (
            [HOST],
            [HOST.replace("}", ", keep_query: false}").replace(", keep_query: false", "", 1)],
            [
                "GET https://a.example.com/",
                "  - host: 302 to https://b.example.com, with the path and query",
                "  + host: 302 to https://b.example.com, with the path (differs in keep query)",
            ],
        ),
    ],
)
def test_a_request_changes(old: list[str], new: list[str], expected: list[str]) -> None:
    keep = "name: keep, match: {path: /keep}, respond: {status: 200}"
    assert told([*old[:1], keep, *old[1:]], [*new[:1], keep, *new[1:]] if new else [keep]) == expected


@pytest.mark.parametrize(
    ("one", "other", "request_line"),
    [
        (API_A % "strip_prefix: /api", API_A % "path: '/v/{a}'", "GET https://example.com/api/x"),
        # They differ for all paths but one.
        (PREFIX, PREFIX.replace("strip_prefix: /api", "path: /"), "GET https://example.com/api//"),
        (API_A % "strip_prefix: /api", API_A % "path: /x", "GET https://example.com/api/y"),
        ("forward: origin", "forward: {backend: origin, rewrite: {query: {remove: q}}}", "GET https://example.com//"),
        (API_A % "query: {remove: q}", API_A % "add_prefix: /api, strip_prefix: /api", "GET 'https://example.com/api/x?q=%FF'"),
        ("forward: origin", "forward: {backend: origin, rewrite: {query: {set: {q: ''}}}}", "GET https://example.com/"),
        (API_A % "query: {set: {q: '1'}}", API_A % "query: {set: {q: '2'}}", "GET https://example.com/api/x"),
        (GO % "{host: b.example.com}", GO % "'https://b.example.com/go/{a}'", "GET https://example.com/go/x"),
        (GO % "'/to/{a}'", GO % "'/to/{a}?'", "GET https://example.com/go/x"),
        (SUB % f"keys: {KEY_A}, claims: {{a.b: x}}", SUB % f"keys: {KEY_A}, claims: {{/a.b: x}}", "GET https://example.com/x"),
        (
            SUB % f"keys: {KEY_A}, token: [{{query: a}}, authorization]",
            SUB % f"keys: {KEY_A}, token: [authorization, {{query: a}}]",
            "GET https://example.com/x",
        ),
        ("forward: {backend: origin, cache: pass}", "forward: {backend: origin, cache: {ttl: 0s}}", "GET https://example.com/"),
    ],
)
def test_what_is_not_the_same(one: str, other: str, request_line: str) -> None:
    assert told([one], [other])[0] == told([other], [one])[0] == request_line


@pytest.mark.parametrize("cache", ["pass", "{ttl: 6m}", "{ttl: 5m, stale_while_revalidate: 1m}", "{stale_while_revalidate: 5m}"])
def test_what_is_cached_changes_requests(cache: str) -> None:
    old = "name: api, forward: {backend: origin, cache: {ttl: 5m}}"
    _, before, after = told([old], [old.replace("{ttl: 5m}", cache)])
    assert before == "  - api: forward, caches answers for 300 s to https://a.example.com"
    assert after.endswith("(differs in cache)")


@pytest.mark.parametrize("option", ["first_byte_timeout: 2m", "override_host: c.example.com", "sni_host: c.example.com"])
def test_an_option_of_a_backend_changes_requests(option: str) -> None:
    old = f"{START}  - {{name: api, forward: origin}}\n"
    new = old.replace('{url: "https://a', f'{{{option}, url: "https://a')
    (change,) = compared(old, new).changes
    assert (change.old.route, change.differs) == ("api", ["backend"])


@pytest.mark.parametrize(
    "key",
    [
        "{algorithm: ES256, config_store: keys, name: a}",
        "{algorithm: [ES256, RS256], jwks: true, config_store: keys, name: a}",
        "{algorithm: ES256, jwks: true, secret_store: keys, name: a}",
        "{algorithm: ES256, jwks: true, config_store: keys, name: b}",
    ],
)
def test_another_key_is_a_change(key: str) -> None:
    auth = "auth: {keys: %s}"
    before = auth % "{algorithm: ES256, jwks: true, config_store: keys, name: a}"
    assert told([f"{CHAT}, {before}"], [f"{CHAT}, {auth % key}"]) == [
        "GET https://example.com/chat",
        "  - chat: handoff, auth to https://a.example.com",
        "  + chat: handoff, auth to https://a.example.com (differs in auth)",
    ]


@pytest.mark.parametrize(
    ("fault", "path", "by_default"),
    [
        ("dot_segments", "/.", "reject"),
        ("backslashes", "/%5C", "reject"),
        ("controls", "/%00", "reject"),
        ("empty_segments", "//", "keep"),
        ("encoded_slashes", "/x%2Fy", "keep"),
        ("parameters", "/%3B", "keep"),
    ],
)
def test_a_path_is_refused_from_now_on(fault: str, path: str, by_default: str) -> None:
    """The other way round, a path that was refused is served."""
    rejecting, keeping = (START.replace("routes:", f"paths: {{{fault}: {how}}}\nroutes:") for how in ("reject", "keep"))
    rest = f"  - {{{REST}}}\n"
    taken, refused = "rest: handoff to https://a.example.com", "no route: 400, because of its path"
    told = [f"GET https://example.com{path}", f"  - {taken}", f"  + {refused}"]
    assert list(text_lines(compared(keeping + rest, rejecting + rest))) == told
    assert list(text_lines(compared(rejecting + rest, keeping + rest))) == [told[0], f"  - {refused}", f"  + {taken}"]
    unsaid = rejecting if by_default == "reject" else keeping
    assert list(text_lines(compared(START + rest, unsaid + rest))) == []


@pytest.mark.parametrize("folder", [folder for folder in CASES if (folder / "app.py").exists()], ids=lambda folder: folder.name)
def test_a_file_does_what_it_does(folder: Path) -> None:
    compiled = compile_routes((folder / "routes.yaml").read_bytes(), inputs_of(folder))
    assert all(change.request is None for change in compare(*2 * [(compiled.plan, compiled.backends)]).changes)


def test_where_a_backend_is() -> None:
    """Only the address in production counts. The name of a backend and its local URL do not change what a request gets."""
    assert not compared(OWN, OWN.replace("origin", "app").replace("127.0.0.1:3000", "127.0.0.1:4000")).changes
    (change,) = compared(OWN, OWN.replace("app.example.com", "b.example.com")).changes
    assert (change.old.route, change.differs) == ("everything-else", ["backend"])


def test_what_a_client_gets_instead_of_a_backend() -> None:
    """A fallback counts for a backend to which a route forwards."""
    forward = OWN.replace("handoff: origin", "forward: origin")
    with_fallback = forward.replace("{url: ", "{fallback: {status: 503}, url: ")
    (change,) = compared(forward, with_fallback).changes
    assert change.differs == ["fallback"]


def answered(plan: Plan, request: Point) -> tuple[str | None, str]:
    """Returns what a request gets: the name of its route, and the answer as text."""
    if universe.is_refused(request, plan.refused_paths):
        return None, "400"
    route = Matcher(plan.routes).match(request)
    if route is None:
        return None, "404"
    return route.name, str(with_values(route, request))


def with_values(route: Route, request: Matchable) -> object:
    if not isinstance(route.action, Redirect):
        return route.action
    parts = route.action.location
    values = {part: bound_value(part, route, request) for part in parts if isinstance(part, Bound)}
    written = {part: str(value and quote(value, safe="/" if part.source == "path" else "")) for part, value in values.items()}
    location = "".join(written[part] if isinstance(part, Bound) else part for part in parts)
    return location, route.action.keep_path, route.action.keep_query


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_all_requests_of_a_universe_agree(data: st.DataObject) -> None:
    dimensions = data.draw(universe.DIMENSIONS)
    old, new = (Plan("x", data.draw(universe.routes(dimensions)), refused_paths=data.draw(universe.FAULTS)) for _ in range(2))
    before, after = Side(old, ()), Side(new, ())
    found = set()
    for change in find_changes(before, after):
        assert change.request is not None
        got, gets = answered(old, change.request), answered(new, change.request)
        names = tuple(route and route.name for route in (before.routes[change.old], after.routes[change.new]))
        assert (got[0], gets[0]) == names
        assert got[1] != gets[1]
        found.add((*names, got[1] == "400", gets[1] == "400"))
    for request in universe.requests(dimensions):
        got, gets = answered(old, request), answered(new, request)
        assert got[1] == gets[1] or (got[0], gets[0], got[1] == "400", gets[1] == "400") in found
