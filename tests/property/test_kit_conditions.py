"""Tests with generated code in three languages that the import of a kit sends each request where the code sends it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanroute.foreign.draft import draft_text
from fanroute.foreign.kit_import import import_kit
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute_runtime.plan import Forward, Handoff
from tests.conftest import INPUTS

# Requests: their method, host and path.
Asked = tuple[str, str, str]
PATHS = ["/", "/a", "/a/", "/a/b", "/ab", "/ab/c", "/b/a", "/x.css", "/a/x.css", "/c/b", "/b"]
ASKED: list[Asked] = [*product(["GET", "POST"], ["a.com", "x.b.com"], PATHS)]


@dataclass(frozen=True)
class Term:
    """A condition: its code in each language, and the requests that it takes."""

    code: dict[str, str]
    takes: Callable[[Asked], bool]


def call(word: str, javascript: str, rust: str, go: str, takes: Callable[[str, str], bool]) -> Term:
    code = {
        "javascript": f'path.{javascript}("{word}")',
        "rust": f'path.{rust}("{word}")',
        "go": f'strings.{go}(path, "{word}")',
    }
    return Term(code, lambda asked: takes(asked[2], word))


def comparison(index: int, word: str, operator: str) -> Term:
    subjects = {
        "javascript": ("request.method", "url.hostname", "path"),
        "rust": ("req.get_method_str()", "req.get_url().host_str()", "path"),
        "go": ("r.Method", "r.Host", "path"),
    }
    code = {language: f'{names[index]} {operator} "{word}"' for language, names in subjects.items()}
    code["javascript"] = code["javascript"].replace("==", "===") if word != "/ab" else code["javascript"]
    return Term(code, lambda asked: (asked[index] == word) == (operator == "=="))


def negated(term: Term) -> Term:
    return Term({language: f"!({text})" for language, text in term.code.items()}, lambda asked: not term.takes(asked))


def joined(one: Term, operator: str, other: Term) -> Term:
    code = {language: f"({text} {operator} {other.code[language]})" for language, text in one.code.items()}
    if operator == "&&":
        return Term(code, lambda asked: one.takes(asked) and other.takes(asked))
    return Term(code, lambda asked: one.takes(asked) or other.takes(asked))


def begins(word: str) -> Term:
    return call(word, "startsWith", "starts_with", "HasPrefix", str.startswith)


def ends(word: str) -> Term:
    return call(word, "endsWith", "ends_with", "HasSuffix", str.endswith)


def contains(word: str) -> Term:
    return call(word, "includes", "contains", "Contains", str.__contains__)


BEGINS = st.sampled_from(["/a", "/a/", "/", "/b"]).map(begins)
ENDS = st.sampled_from([".css", "/b", "b", "/"]).map(ends)
CONTAINS = st.sampled_from(["b", "/a", "/a/", "/", "a/"]).map(contains)
WORDS = [(0, "GET"), (0, "POST"), (1, "a.com"), (1, "x.b.com"), (2, "/a"), (2, "/ab"), (2, "/a/b")]
EQUAL = st.tuples(st.sampled_from(WORDS), st.sampled_from(["==", "!="])).map(lambda made: comparison(*made[0], made[1]))
TERMS = st.recursive(
    BEGINS | ENDS | CONTAINS | EQUAL,
    lambda inner: inner.map(negated) | st.builds(joined, inner, st.sampled_from(["&&", "||"]), inner),
    max_leaves=3,
)
# An `if` with perhaps an `else if` and an `else`, then another `if`.
BRANCHES = st.lists(st.tuples(TERMS, st.booleans()), min_size=1, max_size=3)


def code_of(language: str, branches: list[tuple[Term, bool]]) -> str:
    """Returns a kit in which each branch sends its requests to a backend of its own. True is for an `else` before it."""
    answers = {
        "javascript": 'return fetch(request, {{ backend: "{0}" }});',
        "rust": 'req.send("{0}")?.send_to_client();\n return Ok(());',
        "go": 'resp, err := r.Send(ctx, "{0}")\n return',
    }
    heads = {
        "javascript": 'addEventListener("fetch", (event) => event.respondWith(handle(event.request)));\n'
        "async function handle(request) {\n const url = new URL(request.url);\n const path = url.pathname;\n",
        "rust": "fn main() -> Result<(), Error> {\n let req = Request::from_client();\n let path = req.get_path().to_string();\n",
        "go": "func main() {\n fsthttp.ServeFunc(func(ctx context.Context, w fsthttp.ResponseWriter, r *fsthttp.Request) {\n"
        " path := r.URL.Path\n",
    }
    ends = {
        "javascript": 'return createFanoutHandoff(request, "rest");\n}\n',
        "rust": 'Ok(req.handoff_fanout("rest")?)\n}\n',
        "go": 'handoff.Fanout("rest")\n})\n}\n',
    }
    text = heads[language]
    for number, (term, is_else) in enumerate(branches):
        condition = f"({term.code[language]})" if language == "javascript" else term.code[language]
        text = text.rstrip() + " else " if is_else and number else text
        text += f"if {condition} {{\n {answers[language].format(f'b{number}')}\n }}\n"
    return text + ends[language]


@pytest.mark.parametrize("language", ["javascript", "rust", "go"])
@given(branches=BRANCHES)
def test_a_kit_sends_each_request_where_its_code_does(language: str, branches: list[tuple[Term, bool]]) -> None:
    draft = import_kit(code_of(language, branches))
    if any(re.match("not understood|left out", remark.text) for remark in draft.all_remarks()):
        return
    compiled = compile_routes(draft_text(draft, "x", "edge").encode(), INPUTS)
    tracer = Tracer(compiled.plan, compiled.loopback)
    for asked in ASKED:
        method, host, path = asked
        route = tracer.route_of(RequestData(method, f"https://{host}{path}", (("host", host.encode()),)))
        action = route.action if route else None
        assert isinstance(action, Forward | Handoff)
        expected = next((f"b{number}" for number, (term, _) in enumerate(branches) if term.takes(asked)), "rest")
        assert action.backend == expected, asked


@pytest.mark.parametrize("language", ["javascript", "rust", "go"])
def test_most_of_the_code_is_understood(language: str) -> None:
    """Tests that the test above compares something: each term alone is understood, also its opposite."""
    terms = [begins("/a"), ends("b"), contains("/a")]
    terms += [comparison(index, word, operator) for index, word in WORDS for operator in ("==", "!=")]
    for term in [*terms, *map(negated, terms)]:
        draft = import_kit(code_of(language, [(term, False)]))
        assert not [one.text for one in draft.all_remarks() if "not understood" in one.text], term.code[language]
