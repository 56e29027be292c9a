"""Tests the import of Netlify's `_redirects`, with forms of lines that are used in public repositories."""

from typing import Any

import pytest

from fanroute.foreign import netlify_import
from fanroute.foreign.draft import NotImported, draft_text
from fanroute.foreign.netlify_import import import_redirects
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
    redirect = {"redirect": {"location": "/blog", "status": 301}}
    assert routes_of("# moved\n/news  /blog  # by hand\n") == [
        {"match": {"path": "/news"}, **redirect},
        {"match": {"path": "/news/"}, **redirect},
        FILES,
    ]
    assert [remark.partition(",")[0].partition(" keep")[0] for remark in remarks_of("# moved\n/news /blog")] == [
        "2: without '!' after the status",
        "2: the site's own files are no part of the file: write where they are as `url`",
        "2: the redirect does not",
    ]


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
    assert routes_of(line)[0] == {"match": match, "redirect": {"location": location, "status": int(line.split()[-1].strip("!"))}}


def test_a_site_with_one_page() -> None:
    assert routes_of("/* /index.html 200") == [{"match": {"path": "/*"}, "forward": "site"}]
    assert "1: the server of the site's files must answer this with /index.html and status 200" in remarks_of(
        "/* /index.html 200"
    )
    assert routes_of("/a/* /404.html 404")[:2] == [{"match": {"path": path}, "forward": "site"} for path in ("/a", "/a/*")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/blog/* /news/:splat", "a location cannot have the rest of a path"),
        ("/api/* https://api.example.com/:splat 200", "name a backend for 'https://api.example.com/:splat'"),
        ("/gone/* /x 410", "status 410 has no equal"),
        ("/a/* //evil.com/", "'//evil.com/' cannot be a location"),
        ("/a/* /{b}", "'/{b}' cannot be a location"),
    ],
)
def test_a_line_without_an_equal_keeps_its_place(line: str, words: str) -> None:
    prefix = line.partition("/*")[0]
    assert routes_of(line) == [{"match": {"path": path}, **REFUSAL} for path in (prefix, f"{prefix}/*")] + [FILES]
    assert any(words in remark for remark in remarks_of(line))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/a /b 302 Country=ca", "'Country=ca' cannot be matched"),
        ("/a /b 200! Role=admin Language=en", "'Role=admin Language=en' cannot be matched"),
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
    monkeypatch.setattr(netlify_import, "MAX_LINES", 2)
    with pytest.raises(NotImported) as refused:
        import_redirects("/a /b\n# c\n/c /d\n/e /f\n")
    assert refused.value.line == 4


def test_another_host_for_the_whole_site() -> None:
    """Tests the most usual line of all, whose location has the rest of the path."""
    assert routes_of("https://www.example.com/* https://example.com/:splat 301!") == [
        {"match": {"host": "www.example.com", "scheme": "https", "path": "/*"}, **REFUSAL},
        FILES,
    ]


def test_functions_of_the_site() -> None:
    assert routes_of("/api/* /.netlify/functions/:splat 200\n/* /index.html 200") == [
        {"match": {"path": "/api"}, "forward": "site"},
        {"match": {"path": "/api/*"}, "forward": "site"},
        {"match": {"path": "/*"}, "forward": "site"},
    ]
