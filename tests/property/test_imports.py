"""Tests with changed files of other tools that an import refuses a file with one message, or makes a valid routes.yaml."""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.cli.diff_report import compare
from fanroute.foreign.draft import Draft, NotImported, Part, draft_text
from fanroute.foreign.joined import join_routes
from fanroute.foreign.literals import whole_pattern
from fanroute.foreign.netlify_import import import_redirects
from fanroute.foreign.recognize import KINDS
from fanroute.formatting.formatter import format_routes
from fanroute.pipeline import compile_routes
from fanroute_runtime.matching.pattern import compile_pattern
from fanroute_runtime.matching.pattern_syntax import BadPattern
from fanroute_runtime.plan import Redirect
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


# Texts for the target of a rule that binds nothing, as the files of each kind have them.
PARTS = ["{", "}", "{a}", "{rest}", "{query.q}", "{*}", "{?}", "%", "%7B", "*", "$", "é", "a", "/"]
LITERALS = st.lists(
    st.sampled_from(["{", "}", "{a}", "{rest}", "{query.q}", "{*}", "{?}", "%", "%7B", "*", "$", "é", "a", "/"]), max_size=6
)


def netlify_line(text: str) -> str:
    return f"/a q=1 /x{text} 302"


def vercel_route(text: str) -> str:
    return json.dumps({"routes": [{"src": "/a", "status": 302, "headers": {"Location": f"/x{text}"}}]})


def pushpin_line(text: str) -> str:
    return f'*,path_beg=/a,replace_beg="/x{text}/y" a.example.com:80,over_http'


@pytest.mark.parametrize(
    ("kind", "written"), [("netlify-redirects", netlify_line), ("vercel", vercel_route), ("pushpin-routes", pushpin_line)]
)
@given(words=LITERALS)
def test_no_text_of_a_file_is_a_reference(kind: str, written: Callable[[str], str], words: list[str]) -> None:
    text = "".join(words)
    draft = KINDS[kind].import_routes(written(text))
    plan = compile_routes(draft_text(draft, "x", "edge").encode(), INPUTS).plan
    action = plan.routes[0].action
    template = action.location if isinstance(action, Redirect) else action.rewrite.path if action.rewrite else None
    if template is None:  # a `rewrite` or `location` that cannot be said, which a remark tells
        assert any("path is not changed" in remark.text or "501" in remark.text for remark in draft.all_remarks())
        return
    assert all(isinstance(part, str) for part in template)
    assert unquote("".join(template)) == unquote(f"/x{text}" if kind != "pushpin-routes" else f"/x{text}/y")


@given(
    st.lists(
        st.tuples(st.sampled_from(["/a", "/a/*", "/:x", "/b/:x", "/:y"]), st.sampled_from(["/t", "/u"])), min_size=1, max_size=5
    )
)
def test_joined_routes_answer_as_before(lines: list[tuple[str, str]]) -> None:
    """Tests with the exact analysis that no request gets another answer when routes with the same action become one."""
    text = "\n".join(f"{source} {target} 302" for source, target in lines)
    joined = import_redirects(text)
    apart = Draft(joined.backends, [Part(route) for part in joined.routes for route in separated(part.data)])
    one, other = (compile_routes(draft_text(draft, "x", "edge").encode(), INPUTS) for draft in (joined, apart))
    assert not compare((one.plan, one.backends), (other.plan, other.backends)).changes
    assert join_routes(apart).routes == [Part(part.data) for part in joined.routes]


def separated(route: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns a route for each path of a route."""
    paths = route.get("match", {}).get("path")
    return [route | {"match": route["match"] | {"path": path}} for path in paths] if isinstance(paths, list) else [route]


@given(st.lists(st.sampled_from([*"ab^$|", "(a|b)", "[|^]", "\\\\$", "a*"]), min_size=1, max_size=6).map("".join))
def test_a_pattern_fits_what_an_expression_finds(expression: str) -> None:
    """Tests expressions as JSON Schema has them, with Python's own as the judge. Other anchors than at the ends are refused."""
    pattern = whole_pattern(expression)
    try:
        search, automaton = re.compile(expression), compile_pattern(pattern)
    except (re.error, BadPattern):
        return
    for value in ("a", "b", "ab", "ba", "aab", "bb", "a$", "|", "x", "xa", "ax", "^b"):
        assert (search.search(value) is not None) == automaton.matches(value), (expression, pattern, value)


def test_every_kind_has_a_sample() -> None:
    assert set(SAMPLES) == set(KINDS)
