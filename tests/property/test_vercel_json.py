"""Tests with generated rules that the import of a vercel.json sends each request where Vercel's own expressions send it."""

import json
import re
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from fanroute.foreign.draft import draft_text
from fanroute.foreign.vercel_import import import_vercel
from fanroute.pipeline import compile_routes
from fanroute.plan.request import RequestData
from fanroute.plan.trace import Tracer
from fanroute_runtime.plan import Redirect
from tests.conftest import INPUTS

# Segments as path-to-regexp has them, each with the expression that it makes of them.
MIDDLE = {"a": "/a", ":id": "/([^/]+?)", "(a|b)": "/(a|b)", r":n(\d+)": r"/(\d+)", "x-:id": "/x-([^/]+?)"}
LAST = {
    **MIDDLE,
    ":rest*": "(?:/((?:[^/]+?)(?:/(?:[^/]+?))*))?",
    ":id?": "(?:/([^/]+?))?",
    "(.*)": "/(.*)",
    ":more(a.*)": "/(a.*)",
    ":other([^b]+)": "/([^b]+)",
}
# The same in the older list `routes`, whose sources are expressions.
OLDER = {
    "a": "/a",
    "(a|b)": "/(a|b)",
    "([^/]+)": "/([^/]+)",
    "(.*)": "/(.*)",
    r"(\d+)": r"/(\d+)",
    "a(/.*)?": "/a(/.*)?",
    "b/?": "/b/?",
}
WORDS = ["a", "b", "7", "x-a", "ab"]
PATHS = ["/", *(f"/{one}" for one in WORDS), *map("/{0[0]}/{0[1]}".format, product(WORDS, WORDS)), "/a/b/7", "/b/a/x-a"]


def sources(middle: dict[str, str], last: dict[str, str]) -> st.SearchStrategy[tuple[str, str]]:
    """Generates sources, each with its expression."""

    def join(parts: tuple[list[str], str]) -> tuple[str, str]:
        return "/" + "/".join([*parts[0], parts[1]]), "".join(middle[part] for part in parts[0]) + last[parts[1]]

    distinct = st.lists(st.sampled_from(sorted(middle)), max_size=2, unique_by=lambda part: ":id" in part or part)
    return st.tuples(distinct, st.sampled_from(sorted(last))).filter(names_are_distinct).map(join)


def names_are_distinct(parts: tuple[list[str], str]) -> bool:
    names = re.findall(r":(\w+)", "/".join([*parts[0], parts[1]]))
    return len(names) == len(set(names))


def locations(text: str) -> list[str | None]:
    """Returns where each of PATHS is redirected to, or None."""
    compiled = compile_routes(draft_text(import_vercel(text), "vercel.json", "edge").encode(), INPUTS)
    tracer = Tracer(compiled.plan, compiled.loopback)
    found: list[str | None] = []
    for path in PATHS:
        route = tracer.route_of(RequestData("GET", f"https://a.com{path}", (("host", b"a.com"),)))
        action = route.action if route else None
        found.append(str(action.location[0]) if isinstance(action, Redirect) else None)
    return found


def first_of(expressions: list[str]) -> list[str | None]:
    """Returns the target of the first expression for each of PATHS, or None."""
    # A path is never empty: what fits "" takes "/".
    fitting = ((number for number, one in enumerate(expressions) if fits(one, path)) for path in PATHS)
    return [None if (number := next(numbers, None)) is None else f"/to/{number}" for numbers in fitting]


def fits(expression: str, path: str) -> bool:
    return re.fullmatch(expression, path) is not None or (path == "/" and re.fullmatch(expression, "") is not None)


@given(st.lists(sources(MIDDLE, LAST), min_size=1, max_size=5))
def test_redirects_take_the_paths_of_path_to_regexp(made: list[tuple[str, str]]) -> None:
    rules = [{"source": source, "destination": f"/to/{number}"} for number, (source, _) in enumerate(made)]
    assert locations(json.dumps({"redirects": rules})) == first_of([expression for _, expression in made])


@given(st.lists(sources({key: OLDER[key] for key in ("a", "(a|b)", "([^/]+)")}, OLDER), min_size=1, max_size=5), st.booleans())
def test_older_routes_take_the_paths_of_their_expressions(made: list[tuple[str, str]], anchored: bool) -> None:
    rules = [
        {"src": f"^{source}$" if anchored else source, "status": 301, "headers": {"Location": f"/to/{number}"}}
        for number, (source, _) in enumerate(made)
    ]
    assert locations(json.dumps({"routes": rules})) == first_of([expression for _, expression in made])
