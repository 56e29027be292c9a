"""Tests matching with single requests, and against a naive matcher."""

import string
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute_runtime.matching.decision_tree import Matcher
from fanroute_runtime.matching.predicates import Segments, bound_value, host_name, path_segments, split_uri
from fanroute_runtime.plan import Bound, Condition, Handoff, Match, Parameter, PathPattern, Route


def route(name: str, path: str | None = None, *hosts: str) -> Route:
    pattern = None
    if path is not None:
        segments = tuple(Parameter(part[1:-1]) if part.startswith("{") else part for part in path.split("/")[1:])
        pattern = PathPattern(segments[:-1], rest=True) if segments[-1] == "*" else PathPattern(segments)
    return Route(name, Match(hosts, pattern), Handoff("origin"))


@dataclass
class Asked:
    """A client's request as plain data."""

    host: str = "x"
    path: str = "/"
    method: str = "GET"
    scheme: str = "https"
    websocket: bool = False
    query: dict[str, str | None] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def segments(self) -> Segments:
        return path_segments(self.path)

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


REST = PathPattern(("files",), rest=True, bound_rest=Parameter("rest"))


@pytest.mark.parametrize(
    ("path", "bound"),
    [
        ("/files/a", "a"),
        ("/files/a/b", "a/b"),
        ("/files/a/", "a/"),
        ("/files/a//b", "a//b"),
        ("/files/%61/%C3%A9", "a/é"),
        ("/files/a%252Fb", "a%2Fb"),
        ("/files/...", "..."),
        ("/files", None),
        ("/files/", None),
        ("/files//a", None),
        ("/files/a%2Fb", None),
        ("/files/x/a%2Fb", None),
        ("/files/..", None),
        ("/files/a/.", None),
        ("/files/a/%2e%2e/b", None),
        ("/files/a/%FF", None),
        ("/file/a", None),
    ],
)
def test_the_rest_of_a_path(path: str, bound: str | None) -> None:
    """Different segments give different texts: a slash within a segment is never bound."""
    of_rest, asked = Route("", Match(path=REST), Handoff("origin")), Asked(path=path)
    assert fits(of_rest.match, path=path) == (bound is not None)
    if bound is not None:
        assert bound_value(Bound("path", "rest"), of_rest, asked) == bound
        assert fits(Match(path=PathPattern(("files",), rest=True, bound_rest=Parameter("rest", "[^x]+"))), path=path)
        assert not fits(Match(path=PathPattern(("files",), rest=True, bound_rest=Parameter("rest", "x.*"))), path=path)


def fits(match: Match, **facts: Any) -> bool:
    return Matcher((Route("", match, Handoff("origin")),)).match(Asked(**facts)) is not None


ROUTES = (
    route("exact", "/test/stream", "*.edgecompute.app"),
    route("rest", "/test/*", "*.edgecompute.app", "www.example.com"),
    route("root", "/"),
    route("unicode", "/caf\u00e9"),
    route("slash", "/end/"),
    route("host", None, "only.example.com"),
    route("room", "/rooms/{room}/events"),
    route("folder", "/files/{folder}/*"),
)


@pytest.mark.parametrize(
    ("host", "path", "name"),
    [
        ("a.edgecompute.app", "/test/stream", "exact"),
        ("a.edgecompute.app", "/test/str%65am", "exact"),
        ("a.edgecompute.app", "/test%2Fstream", None),
        ("a.edgecompute.app", "/test/%73tream/", "rest"),
        ("a.edgecompute.app", "/test/", "rest"),
        ("a.edgecompute.app", "/test", None),
        ("a.edgecompute.app", "/test/%ff", "rest"),
        ("edgecompute.app", "/test/stream", None),
        (".edgecompute.app", "/test/stream", None),
        ("www.example.com", "/test/stream", "rest"),
        ("a.www.example.com", "/test/stream", None),
        ("x", "/", "root"),
        ("x", "//", None),
        ("x", "*", None),
        ("x", "/caf%C3%A9", "unicode"),
        ("x", "/caf%c3%a9", "unicode"),
        ("x", "/caf%E9", None),
        ("x", "/end/", "slash"),
        ("x", "/end", None),
        ("x", "/%2565nd/", None),
        ("only.example.com", "*", "host"),
        ("x", "/rooms/blue/events", "room"),
        ("x", "/rooms/b%C3%A9/events", "room"),
        ("x", "/rooms/%2565/events", "room"),
        ("x", "/rooms//events", None),
        ("x", "/rooms/../events", None),
        ("x", "/rooms/%2E./events", None),
        ("x", "/rooms/a%2Fb/events", None),
        ("x", "/rooms/%FF/events", None),
        ("x", "/rooms/blue/events/", None),
        ("x", "/rooms/blue", None),
        ("x", "/files/a/", "folder"),
        ("x", "/files/a/b/%FF", "folder"),
        ("x", "/files/a", None),
        ("x", "/files//b", None),
    ],
)
def test_a_request_gets_its_route(host: str, path: str, name: str | None) -> None:
    found = Matcher(ROUTES).match(Asked(host, path))
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("A.Example.COM", "a.example.com"),
        ("a.example.com:8080", "a.example.com"),
        ("a.example.com.", "a.example.com"),
        ("a.example.com.:443", "a.example.com"),
        ("user:pass@a.example.com:1", "a.example.com"),
        ("a.edgecompute.app@evil.com", "evil.com"),
        ("[::1]", "[::1]"),
        ("[::1]:8080", "[::1]"),
        ("", ""),
    ],
)
def test_a_host_is_its_authoritys(authority: str, host: str) -> None:
    assert host_name(authority) == host


@pytest.mark.parametrize(
    ("uri", "authority", "path", "query"),
    [
        ("http://a:1/b/c?d#e", "a:1", "/b/c", "d"),
        ("https://a", "a", "/", ""),
        ("https://a?x?y", "a", "/", "x?y"),
        ("https://a:1*", "a:1", "/", ""),
        ("https://a*/*", "a*", "/*", ""),
        ("http://a//b?", "a", "//b", ""),
        ("/b?c=http://d/e", "", "/b", "c=http://d/e"),
        ("/b/http://c", "", "/b/http://c", ""),
        ("http://a/b#/c?d", "a", "/b", ""),
        ("", "", "/", ""),
    ],
)
def test_a_uri_is_split(uri: str, authority: str, path: str, query: str) -> None:
    assert split_uri(uri) == (authority, path, query)


SEGMENT = st.text(st.sampled_from([*string.printable, "é", "✓", "\U0001f600"]), max_size=4)


@given(st.lists(SEGMENT, min_size=1))
def test_segments_come_back(segments: list[str]) -> None:
    path = "".join("/" + quote(segment, safe="") for segment in segments)
    assert path_segments(path) == tuple(segments)


@given(st.text())
def test_any_path_has_segments(path: str) -> None:
    assert all(segment is None or isinstance(segment, str) for segment in path_segments(path))


@given(st.text())
def test_any_uri_is_split(uri: str) -> None:
    authority, path, query = split_uri(uri)
    assert path
    assert not set(authority) & set("/?#")
    assert not set(path) & set("?#")
    assert "#" not in query
    host_name(authority)


LABELS = st.sampled_from(["a", "b", "edge"])
HOSTS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
PATHS = st.lists(st.sampled_from(["a", "b", "", "."]), min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
PATTERNS = st.one_of(st.none(), PATHS, PATHS.map(lambda path: path + "/*"), st.just("/*"))


def naive(route: Route, pattern: str | None, host: str, path: str) -> bool:
    """Matches a pattern character by character, for hosts and paths without anything to decode."""
    fits_host = not route.match.hosts or any(
        host == wanted or (wanted[0] == "*" and host.endswith(wanted[1:]) and len(host) > len(wanted) - 1)
        for wanted in route.match.hosts
    )
    if pattern is None:
        return fits_host
    return fits_host and (path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern)


@given(st.lists(st.tuples(PATTERNS, st.lists(st.one_of(HOSTS, HOSTS.map("*.{}".format)), max_size=2)), max_size=6), HOSTS, PATHS)
def test_the_first_that_matches_wins(rules: list[tuple[str | None, list[str]]], host: str, path: str) -> None:
    routes = tuple(route(str(index), pattern, *hosts) for index, (pattern, hosts) in enumerate(rules))
    expected = next((r for r, (pattern, _) in zip(routes, rules, strict=True) if naive(r, pattern, host, path)), None)
    assert Matcher(routes).match(Asked(host, path)) == expected


@pytest.mark.parametrize(
    ("match", "facts", "near"),
    [
        (Match(methods=("GET", "POST")), [{"method": "GET"}, {"method": "POST"}], [{"method": "HEAD"}, {"method": "get"}]),
        (Match(scheme="https"), [{}], [{"scheme": "http"}]),
        (Match(websocket=True), [{"websocket": True}], [{}]),
        (Match(websocket=False), [{}], [{"websocket": True}]),
        (
            Match(headers=(Condition("a", ("1", "2")),)),
            [{"headers": {"a": "1"}}, {"headers": {"a": "2", "b": "3"}}],
            [{}, {"headers": {"a": "3"}}, {"headers": {"a": ""}}, {"headers": {"b": "1"}}],
        ),
        (Match(headers=(Condition("a"),)), [{"headers": {"a": ""}}], [{}, {"headers": {"b": ""}}]),
        (Match(headers=(Condition("a", present=False),)), [{}, {"headers": {"b": ""}}], [{"headers": {"a": ""}}]),
        (
            Match(query=(Condition("a", ("1",)), Condition("b"))),
            [{"query": {"a": "1", "b": None}}],
            [{}, {"query": {"a": "1"}}, {"query": {"a": None, "b": ""}}, {"query": {"A": "1", "b": ""}}],
        ),
        (Match(query=(Condition("a", present=False),)), [{}], [{"query": {"a": ""}}, {"query": {"a": None}}]),
        (
            Match(query=(Condition("a", pattern="[0-9]*"),)),
            [{"query": {"a": "12"}}, {"query": {"a": ""}}],
            [{}, {"query": {"a": None}}, {"query": {"a": "1x"}}, {"query": {"A": "1"}}],
        ),
        (
            Match(headers=(Condition("a", pattern="[0-9]*"),)),
            [{"headers": {"a": "12"}}, {"headers": {"a": ""}}],
            [{}, {"headers": {"a": "12 "}}, {"headers": {"b": "1"}}],
        ),
        (
            Match(path=PathPattern(("a", Parameter("b", "[^x]*"), Parameter("c", ".+")))),
            [{"path": "/a/b/c"}, {"path": "/a/%C3%A9/x"}],
            [
                {"path": path}
                for path in (
                    "/a/x/c",
                    "/a/bx/c",
                    "/a//c",
                    "/a/../c",
                    "/a/b%2Fb/c",
                    "/a/%FF/c",
                    "/a/b/%0A",
                    "/a/b",
                    "/a",
                    "/a/b/c/",
                )
            ],
        ),
        (
            Match(path=PathPattern((Parameter("b", "[0-9]+"),), rest=True)),
            [{"path": "/1/"}, {"path": "/12/x/y"}],
            [{"path": "/1"}, {"path": "/x/1"}, {"path": "/1x/"}],
        ),
        (
            Match(hosts=("*.a.com", "*.b.a.com")),
            [{"host": "c.a.com"}, {"host": ".b.a.com"}, {"host": "b.a.com"}, {"host": "c.b.a.com"}],
            [{"host": "a.com"}, {"host": ".a.com"}, {"host": "xa.com"}, {"host": ""}],
        ),
    ],
)
def test_a_match_and_its_near_misses(match: Match, facts: list[dict[str, Any]], near: list[dict[str, Any]]) -> None:
    assert all(fits(match, **asked) for asked in facts)
    assert not any(fits(match, **asked) for asked in near)
