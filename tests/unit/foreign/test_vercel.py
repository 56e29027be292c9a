"""Tests the import of `vercel.json`, with forms of rules that are used in public repositories."""

import json
import re
from typing import Any

import pytest

from fanroute.foreign import vercel_import
from fanroute.foreign.draft import Draft, NotImported, draft_text
from fanroute.foreign.vercel_import import import_vercel
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

REFUSAL = {"respond": {"status": 501, "body": "Not implemented\n"}}
FILES = {"name": "files", "forward": "site"}


def draft_of(**lists: Any) -> Draft:
    draft = import_vercel(json.dumps(lists, indent=1))
    compile_routes(draft_text(draft, "vercel.json", "edge").encode(), INPUTS)
    return draft


def routes_of(**lists: Any) -> list[dict[str, Any]]:
    """Returns the routes of lists of rules, which are valid together too."""
    return [route.data for route in draft_of(**lists).routes]


def remarks_of(**lists: Any) -> str:
    return "\n".join(f"{remark.line}: {remark.text}" for remark in draft_of(**lists).all_remarks())


def redirect(source: str, destination: str = "/z", **keys: Any) -> dict[str, Any]:
    return {"source": source, "destination": destination, **keys}


@pytest.mark.parametrize(
    ("keys", "status"),
    [({}, 308), ({"permanent": True}, 308), ({"permanent": False}, 307), ({"statusCode": 302}, 302)],
)
def test_a_redirect_has_the_status_of_vercel(keys: dict[str, Any], status: int) -> None:
    made = routes_of(redirects=[redirect("/a/:userId", "/b/:userId?x=1", **keys)])
    location = {"location": "/b/{user_id}?x=1", "status": status}
    assert made == [{"match": {"path": "/a/{user_id}"}, "redirect": location}, FILES]


@pytest.mark.parametrize(
    ("source", "destination", "matches", "location"),
    [
        (r"/p/:id(\d{1,})", "/n/:id", [{"path": "/p/{id}", "where": {"id": r"\d{1,}"}}], "/n/{id}"),
        ("/(de|fr)/docs", "/$1/help", [{"path": "/{part1}/docs", "where": {"part1": "de|fr"}}], "/{part1}/help"),
        ("/a(/?)", "/z", [{"path": ["/a", "/a/"]}], "/z"),
        ("/a/:rest*", "/z", [{"path": ["/a", "/a/*"]}], "/z"),
        ("/a/:rest+", "/z", [{"path": "/a/*"}], "/z"),
        ("/a/:b?", "/z", [{"path": "/a"}, {"path": "/a/{b}"}], "/z"),
        ("/:file*.woff2", "/z", [{"path": "/{rest...}", "where": {"rest": r".*\.woff2"}}], "/z"),
        ("/a/(.*)-(x|y).js", "/z", [{"path": "/a/{rest...}", "where": {"rest": r".*\-(x|y)\.js"}}], "/z"),
        ("/d/:slug(lu-?.*)", "/g/:slug", [{"path": "/d/{slug...}", "where": {"slug": "lu-?.*"}}], "/g/{slug}"),
        ("/:x([^a]+)", "/z/$1", [{"path": "/{x...}", "where": {"x": "[^a]+"}}], "/z/{x}"),
        ("/:x(a/b)", "/z", [{"path": "/{x...}", "where": {"x": "a/b"}}], "/z"),
        ("/page-:n", "/z", [{"path": "/{segment1}", "where": {"segment1": r"page\-[^/]+"}}], "/z"),
        (r"/a\.b\(c\)", "/z", [{"path": "/a.b%28c%29"}], "/z"),
    ],
)
def test_sources_of_path_to_regexp(source: str, destination: str, matches: list[Any], location: str) -> None:
    made = routes_of(redirects=[redirect(source, destination)])
    assert made == [
        *({"match": one, "redirect": {"location": location, "keep_query": True, "status": 308}} for one in matches),
        FILES,
    ]


@pytest.mark.parametrize(
    "source",
    [
        "/:file?.woff2",
        "/a/(.*)/b",
        "/{a/}?b",
        "/a/:b*/c",
        "/(a",
        "a",
        "/:a/:a",
        "/:x(a/b)/c",
        "/:x(a(?=b))",
        "/:x(a/b)?",
        "/a)",
        "/..",
        "/(?!a).*",
    ],
)
def test_a_source_that_cannot_be_matched_is_named(source: str) -> None:
    words = f"left out: '{source}' cannot be matched. Its requests get a later"
    assert words in remarks_of(redirects=[redirect(source), redirect("/ok")])


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        ({"type": "host", "value": "a.example.com"}, {"host": "a.example.com"}),
        ({"type": "host", "value": r"(?<name>.*)\.example\.com"}, {"host": "*.example.com"}),
        ({"type": "header", "key": "X-A"}, {"header": {"x-a": {"present": True}}}),
        ({"type": "header", "key": "X-A", "value": "b"}, {"header": {"x-a": "b"}}),
        ({"type": "header", "key": "X-A", "value": {"pre": "b.", "x": 1}}, None),
        ({"type": "header", "key": "X-A", "value": {"pre": "b."}}, {"header": {"x-a": {"pattern": r"b\..*"}}}),
        ({"type": "query", "key": "q", "value": "(?<page>.*)"}, {"query": {"q": {"present": True}}}),
        ({"type": "query", "key": "q", "value": "^[0-9]+$"}, {"query": {"q": {"pattern": "[0-9]+"}}}),
        ({"type": "query", "key": "q", "value": {"inc": ["a", "b"]}}, {"query": {"q": ["a", "b"]}}),
        ({"type": "cookie", "key": "s.id"}, {"header": {"cookie": {"pattern": r"(.*; ?)?s\.id=[^;]*(;.*)?"}}}),
        ({"type": "header", "key": "x-vercel-ip-country", "value": "GB"}, None),
        ({"type": "host", "value": "(a|b).example.com"}, None),
        ({"type": "moon", "key": "full"}, None),
    ],
)
def test_conditions(condition: dict[str, Any], match: dict[str, Any] | None) -> None:
    rules = [redirect("/a", has=[condition]), redirect("/ok")]
    if match is None:
        assert f"2: left out: the condition '{condition['type']}" in remarks_of(redirects=rules).replace("3: left", "2: left")
        assert len(routes_of(redirects=rules)) == 2
    else:
        assert routes_of(redirects=rules)[0]["match"] == {**match, "path": "/a"}


def test_a_header_that_must_be_missing() -> None:
    rules = [
        redirect("/a", missing=[{"type": "header", "key": "x-a"}]),
        redirect("/b", missing=[{"type": "host", "value": "b.com"}]),
    ]
    assert routes_of(redirects=rules)[0]["match"] == {"header": {"x-a": {"present": False}}, "path": "/a"}
    assert "left out: the condition 'host b.com' cannot be matched" in remarks_of(redirects=rules)


@pytest.mark.parametrize(
    ("conditions", "destination", "location"),
    [
        ([{"type": "query", "key": "q", "value": "(?<page>[0-9]+)"}], "/p/:page", "/p/{query.q}"),
        ([{"type": "query", "key": "q", "value": "^(?<page>.*)$"}], "/p/:page", "/p/{query.q}"),
        ([{"type": "header", "key": "X-Team", "value": "(?<team>a|b)"}], "/t/:team", "/t/{header.x-team}"),
        ([{"type": "header", "key": "X-Team"}], "/t?x=:X-Team", "/t?x={header.x-team}"),
        ([{"type": "query", "key": "q"}], "/s/:q", "/s/{query.q}"),
        ([{"type": "query", "key": "id", "value": "(?<id>x)"}], "/s/:id", "/s/{query.id}"),
        ([{"type": "host", "value": "a.example.com"}], "https://b.example.com/:host", "https://b.example.com/a.example.com"),
        ([{"type": "query", "key": "q", "value": "v(?<n>[0-9])"}], "/p/:n", None),
        ([{"type": "query", "key": "q", "value": "(?<a>x)(?<b>y)"}], "/p/:a", None),
        ([{"type": "cookie", "key": "c", "value": "(?<n>.*)"}], "/p/:n", None),
        ([{"type": "cookie", "key": "c"}], "/p/:c", None),
    ],
)
def test_a_destination_has_what_a_condition_binds(conditions: list[Any], destination: str, location: str | None) -> None:
    route, *_ = routes_of(redirects=[redirect("/a/:id", destination, has=conditions)])
    remarks = remarks_of(redirects=[redirect("/a/:id", destination, has=conditions)])
    if location is None:
        assert route == {"match": route["match"], **REFUSAL}
        assert "to which no target can refer" in remarks
    else:
        assert route["redirect"]["location"] == location
        assert "replace the 501" not in remarks


@pytest.mark.parametrize(
    ("written", "host", "location"),
    [
        (r"(?<tenant>[^.]+)\.example\.com", "{tenant}.example.com", "/b/{tenant}"),
        (r"(?<tenant>[^\.]+).example.com", "{tenant}.example.com", "/b/{tenant}"),
        (r"(?<tenant>.*)\.example\.com", "*.example.com", None),
        (r"(?<tenant>.+)\.example\.com", "*.example.com", None),
    ],
)
def test_a_group_of_a_host(written: str, host: str, location: str | None) -> None:
    """A target can refer to a whole label of the host. If it refers to another group, it gets a 501."""
    has = [{"type": "host", "value": written}]
    route, *_ = routes_of(redirects=[redirect("/a", "/b", has=has)])
    assert route["match"] == {"host": host, "path": "/a"}
    used = [redirect("/a", "/b/:tenant", has=has)]
    route = routes_of(redirects=used)[0]
    if location:
        assert (route["match"], route["redirect"]["location"]) == ({"host": host, "path": "/a"}, location)
    else:
        assert route == {"match": {"host": host, "path": "/a"}, **REFUSAL}
        assert "3: ':tenant' stands for " in remarks_of(redirects=used)
    assert routes_of(redirects=[redirect("/a", "/b/:host", has=has)])[0] == {"match": {"host": host, "path": "/a"}, **REFUSAL}


def test_a_label_without_a_name_of_its_own() -> None:
    """It gets one that is not of the path, and routes for hosts that bind others are not joined."""

    def made(source: str, *hosts: str) -> list[dict[str, Any]]:
        rules = [redirect(source, "/b", has=[{"type": "host", "value": host}]) for host in hosts]
        return [route["match"] for route in routes_of(redirects=rules)[: len(hosts)]]

    label, tenant = r"[^.]+\.example\.com", r"(?<tenant>[^.]+)\.example\.com"
    assert made("/a", label, tenant) == [
        {"host": "{label}.example.com", "path": "/a"},
        {"host": "{tenant}.example.com", "path": "/a"},
    ]
    assert made("/:tenant/:label", tenant) == [{"host": "{host_tenant}.example.com", "path": "/{tenant}/{label}"}]


@pytest.mark.parametrize(
    "destination", ["https://:tenant.example.org/a", "https://:tenant.example.org/b", "https://x-:tenant.example.org/"]
)
def test_a_label_in_the_host_of_a_target(destination: str) -> None:
    """A target has no host that a request chooses."""
    has = [{"type": "host", "value": r"(?<tenant>[^.]+)\.example\.com"}]
    route, *_ = routes_of(redirects=[redirect("/a", destination, has=has)])
    assert route == {"match": {"host": "{tenant}.example.com", "path": "/a"}, **REFUSAL}


def test_alternatives_in_a_cookie() -> None:
    made = routes_of(redirects=[redirect("/a", has=[{"type": "cookie", "key": "k", "value": "a|b"}])])
    assert made[0]["match"]["header"] == {"cookie": {"pattern": "(.*; ?)?k=(a|b)(;.*)?"}}


def test_braces_of_a_destination() -> None:
    """Tests that no brace of a file is a reference: in `routes` it is text, elsewhere a group of path-to-regexp."""
    assert routes_of(redirects=[redirect("/a/:id", "/b/{:id}?")])[0] == {"match": {"path": "/a/{id}"}, **REFUSAL}
    older = {"src": "/a/([^/]+)", "status": 301, "headers": {"Location": "/{part1}/$1/50%"}}
    assert routes_of(routes=[older])[0]["redirect"]["location"] == "/%7Bpart1%7D/{part1}/50%25"


@pytest.mark.parametrize(
    ("source", "destination", "rewrite"),
    [
        ("/u/:id", "https://api.example.com/user", {"path": "/user", "query": {"set": {"id": "{id}"}}}),
        ("/u/:id/:tab", "https://api.example.com/u/:id", {"path": "/u/{id}"}),
        ("/u/:id", "https://api.example.com/user?id=5", {"path": "/user", "query": {"set": {"id": "5"}}}),
        ("/u/:id", "https://api.example.com/u?x=:id", {"path": "/u", "query": {"set": {"x": "{id}", "id": "{id}"}}}),
        ("/u/(.*)", "https://api.example.com/user", {"path": "/user"}),
    ],
)
def test_parameters_that_a_path_does_not_have_are_a_query(source: str, destination: str, rewrite: dict[str, Any]) -> None:
    made = routes_of(rewrites=[redirect(source, destination)])
    assert made[0]["forward"] == {"backend": "api", "rewrite": rewrite}
    assert routes_of(redirects=[redirect("/u/:id", "/user")])[0]["redirect"]["location"] == "/user"


def test_rewrites_come_after_redirects() -> None:
    made = routes_of(
        rewrites=[
            redirect("/api/:path*", "https://api.example.com/api/:path*"),
            redirect("/v1/(.*)", "https://api.example.com/$1"),
            redirect("/me", "/me"),
            redirect("/((?!api|static/.*).*)", "/index.html"),
        ],
        redirects=[redirect("/a")],
    )
    assert made == [
        {"match": {"path": "/a"}, "redirect": {"location": "/z", "keep_query": True, "status": 308}},
        {"match": {"path": ["/api", "/api/*"]}, "forward": "api"},
        {"match": {"path": "/v1/*"}, "forward": {"backend": "api", "rewrite": {"strip_prefix": "/v1"}}},
        {"match": {"path": "/me"}, "forward": "site"},
        {"match": {"path": ["/static", "/static/*"]}, "forward": "site"},
        {"match": {"path": "/*"}, "forward": "site"},
    ]


def test_headers_of_answers() -> None:
    lists = {
        "headers": [
            {"source": "/(.*)", "headers": [{"key": "X-A", "value": "1"}]},
            {"source": "/fonts/(a|b).woff2", "headers": [{"key": "X-B", "value": "2"}]},
            {"source": "/x", "has": [{"type": "header", "key": "x-c"}], "headers": []},
            {"source": "/y", "headers": 5},
            {"source": "/z/:id", "headers": [{"key": "X-Id", "value": "a:id"}]},
        ],
        "functions": {},
        "cleanUrls": True,
    }
    match = {"path": "/fonts/{segment1}", "where": {"segment1": r"(a|b)\.woff2"}}
    assert routes_of(**lists) == [
        {"match": match, "forward": "site", "response_headers": {"set": {"X-A": "1", "X-B": "2"}}},
        {**FILES, "response_headers": {"set": {"X-A": "1"}}},
    ]
    for words in (
        "left out: headers for '/x' on a condition",
        "left out: its 'headers' are no list of objects",
        "left out: the header X-Id, which has a part of the path",
        "cleanUrls: paths",
    ):
        assert words in remarks_of(**lists)
    assert "no part of routing: functions" in remarks_of(**lists)


def test_older_routes() -> None:
    routes = [
        {"src": "^/assets/(.+)$", "headers": {"cache-control": "public"}, "continue": True},
        {"src": "/api(.*)", "dest": "/api$1", "methods": ["GET", "POST"]},
        {"src": "^/(private|docs)(/.*)?$", "status": 404},
        {"handle": "filesystem"},
        {"src": "/old", "status": 308, "headers": {"Location": "https://x.example.com/"}},
        {"src": "/[a-z]+", "status": 403},
        {"src": "/b", "dest": "/c", "continue": True},
        {"src": "/?(.*)", "dest": "server.js", "headers": {"X-A": "1"}, "locale": {}},
    ]
    methods = {"method": ["GET", "POST"]}
    gone = {"where": {"part1": "private|docs"}}
    assert routes_of(routes=routes) == [
        {"match": {**methods, "path": ["/api", "/api/*"]}, "forward": "site"},
        {"match": {**gone, "path": ["/{part1}", "/{part1}/*"]}, "respond": {"status": 404}},
        {"match": {"path": "/old"}, "redirect": {"location": "https://x.example.com/", "keep_query": True, "status": 308}},
        {"match": {"path": "/assets/*"}, "forward": "site", "response_headers": {"set": {"cache-control": "public"}}},
        {"match": {"path": "/*"}, "forward": "site", "response_headers": {"set": {"X-A": "1"}}},
    ]
    for words in (
        "'/api(.*)' also takes paths such as /apix, and the routes do not",
        "left out: 'handle: filesystem' decides for which requests the later rules are",
        "left out: '/[a-z]+' cannot be matched. Its requests get a later rule. They are not refused",
        "left out: 'continue' for '/b', whose requests get later rules too",
        "locale has no equal",
        "must answer this with server.js and status 200",
    ):
        assert words in remarks_of(routes=routes)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('{"redirects": [],}', 1, "it is not JSON"),
        ("[]", 0, "it is no JSON object"),
        ('{"functions": {}}', 0, "it has no 'redirects', 'rewrites', 'headers' or 'routes'"),
        ('{\n"redirects": {"a": 1}}', 2, "'redirects' is no list of objects"),
        ('{"redirects": [],\n"redirects": []}', 2, "the key 'redirects' appears twice in its mapping"),
        ('{"a": ' + "[" * 200 + "]" * 200 + "}", 1, "it is nested too deeply"),
        ("[" * 200000, 0, "it is nested too deeply"),
        ('{"a": ' + "1" * 5000 + "}", 0, "it has a number with too many digits"),
        ('{"rewrites": [\n{"source": "/(.*)", "destination": {"service": "web"}}]}', 2, "left out: its 'destination' is no text"),
        ('{"redirects": [{"source": "/a"}]}', 1, "left out: its 'destination' is no text"),
    ],
)
def test_a_bad_file_is_refused(text: str, line: int, words: str) -> None:
    with pytest.raises(NotImported, match=re.escape(words)) as refused:
        import_vercel(text)
    assert refused.value.line == line


def test_too_many_rules_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vercel_import, "MAX_RULES", 1)
    with pytest.raises(NotImported, match="more than 1 rules"):
        import_vercel(json.dumps({"redirects": [redirect("/a")], "rewrites": [redirect("/b")]}))


def test_escapes_of_json_stand_for_their_characters() -> None:
    text = '{\t"redirects": [\n\t{"source": "\\/a", "destination": "/\\ud83d\\ude00"}]}'
    assert import_vercel(text).routes[0].data == {
        "match": {"path": "/a"},
        "redirect": {"location": "/%F0%9F%98%80", "keep_query": True, "status": 308},
    }
