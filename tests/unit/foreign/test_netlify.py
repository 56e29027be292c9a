"""Tests the import of Netlify's `_redirects`, with forms of lines that are used in public repositories."""

import re
from typing import Any

import pytest

from fanroute.foreign import netlify_import
from fanroute.foreign.draft import NotImported, draft_text
from fanroute.foreign.netlify_import import import_redirects, import_toml
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS

REFUSAL = {"respond": {"status": 501, "body": "Not implemented\n"}}
FILES = {"name": "files", "forward": "site"}


def routes_of(text: str) -> list[dict[str, Any]]:
    """Returns the routes of a file, which are valid together too."""
    draft = import_redirects(text)
    compile_routes(draft_text(draft, "_redirects", "edge").encode(), INPUTS)
    return [route.data for route in draft.routes]


def remarks_of(text: str) -> list[str]:
    return [f"{remark.line}: {remark.text}" for remark in import_redirects(text).all_remarks()]


def test_a_redirect() -> None:
    redirect = {"redirect": {"location": "/blog", "keep_query": True, "status": 301}}
    assert routes_of("# moved\n/news  /blog  # by hand\n") == [
        {"match": {"path": ["/news", "/news/"]}, **redirect},
        FILES,
    ]
    assert [remark.partition(",")[0] for remark in remarks_of("# moved\n/news /blog")] == [
        "2: without '!' after the status",
        "2: the site's own files are no part of the file: write where they are as `url`",
    ]
    assert "1: the redirect does not keep the query of the request" in remarks_of("/news /blog?old")


@pytest.mark.parametrize(
    ("line", "match", "location"),
    [
        ("/u/:userName /users/:userName 302", {"path": "/u/{username}"}, "/users/{username}"),
        ("/s id=:id a=b /t/:id 301!", {"query": {"id": {"present": True}, "a": "b"}, "path": "/s"}, "/t/{query.id}"),
        ("/d/:a/:b /n?y=:b 308", {"path": "/d/{a}/{b}"}, "/n?y={b}"),
        ("http://old.com/a https://new.com/é 307", {"host": "old.com", "scheme": "http", "path": "/a"}, "https://new.com/%C3%A9"),
    ],
)
def test_what_a_redirect_binds(line: str, match: dict[str, Any], location: str) -> None:
    kept = {} if "=" in line else {"keep_query": True}
    redirect = {"location": location, "status": int(line.split()[-1].strip("!"))}
    both = match | {"path": [match["path"], f"{match['path']}/"]}
    assert routes_of(line)[0] == {"match": both, "redirect": redirect | kept}


def test_a_site_with_one_page() -> None:
    assert routes_of("/* /index.html 200") == [{"match": {"path": "/*"}, "forward": "site"}]
    assert "1: the server of the site's files must answer this with /index.html and status 200" in remarks_of(
        "/* /index.html 200"
    )
    assert routes_of("/a/* /404.html 404")[0] == {"match": {"path": ["/a", "/a/*"]}, "forward": "site"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/api/* https://:splat.example.com/ 200", "name a backend for 'https://:splat.example.com/'"),
        ("/api/* https://api.example.com/?a={b} 200", "name a backend for 'https://api.example.com/?a={b}'"),
        ("/api/* https://api.example.com/?a=1&a=2 200", "name a backend for 'https://api.example.com/?a=1&a=2'"),
        ("/gone/* /x 410", "status 410 has no equal"),
        ("/a/* https://[:splat", "'https://[:splat' cannot be a location"),
        ("/a/* https://[:splat 200", "name a backend for 'https://[:splat'"),
        ("/a/* //evil.com/", "'//evil.com/' cannot be a location"),
    ],
)
def test_a_line_without_an_equal_keeps_its_place(line: str, words: str) -> None:
    prefix = line.partition("/*")[0]
    assert routes_of(line) == [{"match": {"path": [prefix, f"{prefix}/*"]}, **REFUSAL}, FILES]
    assert any(words in remark for remark in remarks_of(line))


def test_a_redirect_with_the_rest_of_the_path() -> None:
    def route(path: str | list[str], location: str, **keys: Any) -> dict[str, Any]:
        return {"match": {"path": path}, "redirect": {"location": location, **keys, "status": 301}}

    assert routes_of("/blog/* /news/:splat") == [
        route(["/blog", "/blog/"], "/news/", keep_query=True),
        route("/blog/{rest...}", "/news/{rest}", keep_query=True),
        FILES,
    ]
    assert routes_of("/u/:id/* https://a.example.com/:splat?user=:id")[1] == route(
        "/u/{id}/{rest...}", "https://a.example.com/{rest}?user={id}"
    )
    assert routes_of("/en/* /:splat")[1] == route("/en/{rest...}", "/{rest}", keep_query=True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/a /b 302 Country=ca", "'Country=ca' cannot be matched"),
        ("/a /b 200! Role=admin Language=en", "'Role=admin Language=en' cannot be matched. Its requests get a later line"),
        ("/a /b Language=en,fr", "'Language=en,fr' cannot be matched"),
        ("/a /b 403! Country=kp", "'Country=kp' cannot be matched. Its requests get a later line. They are not refused"),
        ("/a/ /a", "'/a/' leads to its own path, at most with another slash at the end"),
        ("https://a.com/b https://a.com/b/ 301!", "'https://a.com/b' leads to its own path"),
        ("/docs/preset-* /docs/:splat", "'/docs/preset-*' cannot be matched. Its requests get a later line"),
        ("/a x=1 x=2 /b", "'/a' names a query parameter twice"),
        ("/a?x=1 /b", "no path has a '?' or '#', as '/a?x=1'"),
        ("/a#x /b", "no path has a '?' or '#', as '/a#x'"),
        ("/a", "it does not say where the requests go"),
        ("/a b /c", "'b' is no condition on a query"),
        ("a /b", "'a' cannot be matched"),
        ("/x/../y /b", "'/x/../y' cannot be matched"),
        ("/a/*/b /c", "'/a/*/b' cannot be matched"),
        ("http://[/a /c", "'http://[/a' is not a URL"),
        ("http://é.com/a /c", "'http://é.com/a' cannot be matched"),
        (f"/{'a' * 9000} /c", "the line has more than 8192 characters"),
    ],
)
def test_a_line_that_is_left_out_is_named(line: str, words: str) -> None:
    assert f"2: left out: {words}" in " ".join(remark for remark in remarks_of(f"/ok /b\n{line}"))
    with pytest.raises(NotImported):
        import_redirects(line)


def test_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlify_import, "MAX_RULES", 2)
    with pytest.raises(NotImported) as refused:
        import_redirects("/a /b\n# c\n/c /d\n/e /f\n")
    assert refused.value.line == 4


@pytest.mark.parametrize(
    ("line", "location"),
    [
        ("/a/:id /{id}/:id", "/%7Bid%7D/{id}"),
        ("/a/:id /{query.id}?x={id}", "/%7Bquery.id%7D?x=%7Bid%7D"),
        ("/a/:year/:month /b/:year-:month.html", "/b/{year}-{month}.html"),
        ("/a/:year/:year2 /b/:year2/:year", "/b/{year2}/{year}"),
        ("/a/:_Id /b/:_Id", "/b/{id}"),
        ("/a /50%/*", "/50%25/*"),
        ("/a q=:q /b/:q/c", "/b/{query.q}/c"),
        ("/a q=:q /b?x=y&q=:q", "/b?x=y&q={query.q}"),
        ("/a q=a%20b /c", "/c"),
        ("/a /b/:splat", "/b/:splat"),
    ],
)
def test_a_target_is_text_besides_what_the_line_binds(line: str, location: str) -> None:
    route = routes_of(line)[0]
    assert route["redirect"]["location"] == location
    assert ("':splat' stands for nothing, so it is text" in " ".join(remarks_of(line))) == (":splat" in line)
    assert "%20" not in str(route["match"])


def test_the_rest_in_the_middle_of_a_target() -> None:
    made = routes_of("/a/* /b/:splat/c 302")
    assert [(route["match"]["path"], route["redirect"]["location"]) for route in made[:2]] == [
        (["/a", "/a/"], "/b//c"),
        ("/a/{rest...}", "/b/{rest}/c"),
    ]
    assert routes_of("/a/* /:splat/c")[0] == {"match": {"path": ["/a", "/a/"]}, **REFUSAL}


def test_another_host_for_the_whole_site() -> None:
    """Tests the most usual line of all, whose location has the rest of the path."""
    assert routes_of("https://www.example.com/* https://example.com/:splat 301!") == [
        {
            "match": {"host": "www.example.com", "scheme": "https", "path": "/*"},
            "redirect": {"host": "example.com", "status": 301},
        },
        FILES,
    ]
    assert routes_of("/docs/* http://docs.example.com/docs/:splat")[0]["redirect"] == {
        "scheme": "http",
        "host": "docs.example.com",
        "status": 301,
    }
    for other in ("https://example.com:8443/", "https://example.com/new/"):
        made = [route["redirect"]["location"] for route in routes_of(f"/* {other}:splat 301!")[:2]]
        assert made == [other, f"{other}{{rest}}"]


def test_functions_of_the_site() -> None:
    assert routes_of("/api/* /.netlify/functions/:splat 200\n/* /index.html 200") == [
        {"match": {"path": ["/api", "/api/*"]}, "forward": "site"},
        {"match": {"path": "/*"}, "forward": "site"},
    ]


def toml_routes(text: str) -> list[dict[str, Any]]:
    draft = import_toml(text)
    compile_routes(draft_text(draft, "netlify.toml", "edge").encode(), INPUTS)
    return [route.data for route in draft.routes]


def toml_remarks(text: str) -> list[str]:
    return [f"{remark.line}: {remark.text}" for remark in import_toml(text).all_remarks()]


def test_tables_are_lines() -> None:
    table = '[[redirects]]\nfrom = "/u/:id"\nto = "/users/:id"\nstatus = 302\nquery = {tab = ":tab"}\nforce = true\n'
    assert toml_routes(table) == routes_of("/u/:id tab=:tab /users/:id 302!")
    assert toml_routes('redirects = [{from = "/a", to = "/b"}]') == routes_of("/a /b")
    older = '[[redirects]]\norigin = "/a"\ndestination = "/b"\nparams = {x = "1"}\n'
    assert toml_routes(older) == routes_of("/a x=1 /b")


@pytest.mark.parametrize(
    ("line", "rewrites"),
    [
        ("/api/* https://api.example.com/:splat 200", [{"strip_prefix": "/api"}]),
        ("/* https://api.example.com/v2/:splat 200", [{"add_prefix": "/v2"}]),
        ("/u/:id/* https://api.example.com/v2/:id/:splat 200", [{"strip_prefix": "/u/{id}", "add_prefix": "/v2/{id}"}]),
        (
            "/u/:id https://api.example.com/v2/:id?k=a+b&id=:id 200",
            [{"path": "/v2/{id}", "query": {"set": {"k": "a b", "id": "{id}"}}}],
        ),
        ("/a https://api.example.com/ 200", [{"path": "/"}]),
        ("/a https://api.example.com/%7Bid%7D/{id}/50% 200", [{"path": "/%7Bid%7D/%7Bid%7D/50%25"}]),
        ("/api/* https://api.example.com/b/:splat/c 200", [{"path": "/b//c"}, {"path": "/b/{rest}/c"}]),
        ("/api/* https://api.example.com/:splat.json 200", [{"path": "/.json"}, {"path": "/{rest}.json"}]),
        (
            "/api/* https://api.example.com/?a=:splat 200",
            [{"path": "/", "query": {"set": {"a": value}}} for value in ("", "{rest}")],
        ),
        ("/a q=:q https://api.example.com/:q?q=x-:q 200", [{"path": "/{query.q}", "query": {"set": {"q": "x-{query.q}"}}}]),
    ],
)
def test_a_proxy_with_another_path_is_a_rewrite(line: str, rewrites: list[Any]) -> None:
    *made, last = routes_of(line)
    assert [part["forward"] for part in (made if last == FILES else [*made, last])] == [
        {"backend": "api", "rewrite": rewrite} for rewrite in rewrites
    ]


def test_a_proxy_with_the_same_path_gets_a_backend() -> None:
    table = '[[redirects]]\nfrom = "/api/*"\nto = "https://api.example.com:8443/api/:splat"\nstatus = 200\n'
    table += 'headers = {X-From = "edge"}'
    headers = {"request_headers": {"set": {"X-From": "edge"}}}
    assert toml_routes(table) == [
        {"match": {"path": ["/api", "/api/*"]}, "forward": "api", **headers},
        FILES,
    ]
    assert import_toml(table).backends["api"].data == {"url": "https://api.example.com:8443"}
    reserved = table.replace("X-From", "Host")
    assert "1: the header Host is left out: " in "\n".join(toml_remarks(reserved))
    assert "request_headers" not in toml_routes(reserved)[0]


HEADERS = """[[headers]]
for = "/*"
[headers.values]
X-A = "1"
Basic-Auth = "ann:secret"

[[headers]]
for = "/static/*"
  [headers.values]
  Cache-Control = ["public", "max-age=60"]
  x-a = "2"
[[headers]]
for = "/*.js"
values = {X-B = "1"}
[[redirects]]
from = "/robots.txt"
to = "/robots.txt"
status = 200
force = true
"""


def test_headers_of_answers() -> None:
    static = {"x-a": "2", "Cache-Control": "public,max-age=60"}

    def route(path: str | list[str], headers: dict[str, str], **keys: Any) -> dict[str, Any]:
        return {"match": {"path": path, **keys}, "forward": "site", "response_headers": {"set": headers}}

    assert toml_routes(HEADERS) == [
        route(["/robots.txt", "/robots.txt/"], {"X-A": "1"}),
        route("/static", static),
        route("/static/{rest...}", {**static, "X-B": "1"}, where={"rest": r".*\.js"}),
        route("/{rest...}", {"X-A": "1", "X-B": "1"}, where={"rest": r".*\.js"}),
        route("/static/*", static),
        {**FILES, "response_headers": {"set": {"X-A": "1"}}},
    ]
    one = HEADERS.replace("/robots.txt", "/app.js")
    assert toml_routes(one)[0] == route("/app.js", {"X-A": "1", "X-B": "1"})
    remarks = toml_remarks(HEADERS)
    assert "1: left out: Basic-Auth for '/*': the edge asks for no password, so anybody gets these files" in remarks
    two = HEADERS + '[[headers]]\nfor = "/a*b*"\nvalues = {X-C = "1"}\n[[headers]]\nfor = "/*.css"\nvalues = {X-C = "1"}\n'
    assert "20: left out: the headers for '/a*b*', which cannot be matched" in toml_remarks(two)
    text = "23: a file that several paths with a pattern take gets only the headers of the first such route"
    assert text in toml_remarks(two)
    assert not any("secret" in remark for remark in remarks)


@pytest.mark.parametrize(
    ("lines", "remark"),
    [
        ('conditions = {Country = ["fr", "be"], Role = ["admin"]}', "3: left out: 'Country=fr,be Role=admin' cannot be matched"),
        ("status = true", "3: left out: 'True' is no status"),
        ("query = 5", "3: left out: its 'query' is no table"),
        ('signed = "KEY"', "6: signed: requests to the server are not signed"),
        (
            "[redirects.rate_limit]\nwindow_limit = 5",
            "6: rate_limit: write it as `limit` of the route, which counts requests a second",
        ),
        ("colour = 1", "6: colour: unknown to Netlify"),
        ("[[edge_functions]]\nfunction = 'geo'\npath = '/x'", "6: left out: the edge function 'geo' for '/x'"),
        ("[build]\npublish = 'dist'", "no part of routing: redirects_note, build"),
    ],
)
def test_what_a_table_says_otherwise_is_named(lines: str, remark: str) -> None:
    text = f'redirects_note = """\n"""\n[[redirects]]\nfrom = "/a"\nto = "/b"\n{lines}\n[[redirects]]\nfrom = "/c"\nto = "/d"\n'
    assert remark in "\n".join(toml_remarks(text))
    assert {"match": {"path": ["/c", "/c/"]}, "redirect": {"location": "/d", "keep_query": True, "status": 301}} in toml_routes(
        text
    )


def test_a_header_on_several_lines() -> None:
    text = """[[headers]]\nfor = "/a"\n[headers.values]\nCache-Control = '''\n  max-age=0,\n  no-cache'''\n"""
    assert toml_routes(text)[0]["response_headers"] == {"set": {"Cache-Control": "max-age=0, no-cache"}}


def test_brackets_within_a_text_are_no_table() -> None:
    text = 'note = """\n[[redirects]]\n"""\n[[redirects]]\nfrom = "/a"\nto = "/b"\n'
    assert all(remark.startswith(("2: ", "1: ")) for remark in toml_remarks(text))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[build]\npublish = 'a'\n", 0, "it has no [[redirects]] and no [[headers]]"),
        ("[[redirects]]\nfrom = \n", 2, "it is not TOML: Invalid value"),
        ("[[redirects]]\nfrom = '/a'\nfrom = '/b'\n", 3, "it is not TOML: Cannot overwrite a value"),
        ("a = " + "[" * 100000, 0, "it is nested too deeply"),
        ("a = 1979-99-99\n[[redirects]]\nfrom='/a'\nto='/b'", 1, "it is not TOML"),
        ("redirects = 5", 1, "'redirects' is no list of tables"),
        ("[[redirects]]\nto = '/b'\n", 1, "left out: it has no 'from', or no 'to', as text"),
    ],
)
def test_a_bad_toml_is_refused(text: str, line: int, words: str) -> None:
    with pytest.raises(NotImported, match=re.escape(words)) as refused:
        import_toml(text)
    assert refused.value.line == line
