"""Tests with changed files of other tools that an import refuses a file with one message, or makes a valid routes.yaml."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.foreign.draft import NotImported, draft_text
from fanroute.foreign.recognize import KINDS
from fanroute.formatting.formatter import format_routes
from fanroute.pipeline import compile_routes
from tests.conftest import INPUTS, times
from tests.unit.foreign.test_kit import GO, JAVASCRIPT, NEWS, RUST
from tests.unit.foreign.test_netlify import HEADERS
from tests.unit.foreign.test_openapi import EVENTS, document

VERCEL = {
    "redirects": [
        {
            "source": "/a/:id(\\d+)/:rest*",
            "destination": "/b/:rest*?x=:id",
            "permanent": False,
            "has": [{"type": "host", "value": "a.b"}],
        },
        {"source": "/((?!api).*)", "destination": "https://c.example.com/$1", "missing": [{"type": "query", "key": "q"}]},
    ],
    "rewrites": [{"source": "/api/(.*)", "destination": "https://api.example.com/$1"}],
    "headers": [{"source": "/(.*).js", "headers": [{"key": "X-A", "value": "1"}]}],
    "routes": [{"src": "^/x(/.*)?$", "dest": "/y$1", "methods": ["GET"], "status": 200, "headers": {"X-B": "2"}}],
}
OPENAPI = document(
    {"/a/{id}": {"parameters": [{"name": "id", "in": "path", "schema": {"pattern": "^x$"}}], "get": {"responses": EVENTS}}},
    security=[{"jwt": []}],
    components={"securitySchemes": {"jwt": {"type": "http", "scheme": "bearer"}}},
)
PUSHPIN = """*,path_beg=/a,replace_beg=/b,as_host=x.com a.example.com:80,ssl,over_http
a.com,no_grip b.example.com:80
"""
SAMPLES = {
    "pushpin-routes": PUSHPIN,
    "netlify-redirects": "/a/:b/* /c/:splat?d=:b 302\nhttps://a.com/* https://b.com/:splat 301!\n/x y=:z https://d.com/:z 200\n",
    "netlify-toml": HEADERS,
    "vercel": json.dumps(VERCEL, indent=1),
    "openapi": json.dumps(OPENAPI, indent=1),
    "fanout-kit": RUST,
}
FURTHER = [("fanout-kit", JAVASCRIPT), ("fanout-kit", GO), ("fanout-kit", NEWS)]
# What is put in the place of a part of a file.
PIECES = [
    "",
    " ",
    "\n",
    '"',
    "'",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "/",
    "//",
    "*",
    ":",
    ":a",
    "{a}",
    "$1",
    "\\",
    "..",
    "%",
    "é",
    "\x7f",
    "🙂",
    "null",
    "1",
]
PIECES += [
    "http://",
    "https://[",
    "/{rest...}",
    "\u2028",
    "a" * 300,
    ".*",
    "(?!",
    "?",
    "#",
    "&",
    "=",
    "&a [*a]",
    "<<: ",
    "!!python/x",
    "- ",
]


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    """Generates a text that differs from another one in a few places."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 6)))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[end:]
    return text


@pytest.mark.parametrize(("kind", "sample"), [*SAMPLES.items(), *FURTHER])
@times(0.3)
@given(data=st.data())
def test_an_import_is_refused_or_valid(kind: str, sample: str, data: st.DataObject) -> None:
    text = data.draw(changed(sample))
    try:
        draft = KINDS[kind].import_routes(text)
    except NotImported as error:
        assert str(error).isprintable()
        assert "\n" not in str(error)
        return
    written = draft_text(draft, "x", "edge")
    compile_routes(format_routes(written.encode(), INPUTS).encode(), INPUTS)
    lines = text.count("\n") + 1
    assert all(1 <= remark.line <= lines and remark.text.isprintable() for remark in draft.all_remarks())


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == set(KINDS)
