"""Tests the snippets of the documents: `fanroute check` has no complaint about a routes.yaml, and each command exists."""

import ast
import json
import re
import tomllib
from collections.abc import Callable
from dataclasses import replace

import pytest
import yaml

from fanroute.diagnostics import text_report
from fanroute.pipeline import check_routes, compile_routes
from fanroute.routetests.read import read_tests
from fanroute.spec.inputs import Inputs
from tests.support.snippets import Snippet, complete, documents, key_files, snippets

# It is generated, and its examples are wrong on purpose: test_docs.py tests them.
DOCUMENTS = [path for path in documents() if path.name != "diagnostics.md"]
SNIPPETS = [snippet for document in DOCUMENTS for snippet in snippets(document)]


PARSERS: dict[str, Callable[[str], object]] = {"json": json.loads, "python": ast.parse, "toml": tomllib.loads}
YAML = [snippet for snippet in SNIPPETS if snippet.language == "yaml"]
ROUTES = [snippet for snippet in YAML if snippet.file == "routes.yaml"]
TESTS = [snippet for snippet in YAML if snippet.file == "routes.test.yaml"]
OTHERS = [snippet for snippet in YAML if snippet.file not in ("routes.yaml", "routes.test.yaml")]


@pytest.mark.parametrize("snippet", ROUTES, ids=str)
def test_a_routes_yaml_is_right(snippet: Snippet) -> None:
    """A whole file has no warnings either, except those whose codes it names. A part is completed, and has no errors."""
    raw = snippet.text if snippet.is_whole else yaml.safe_dump(complete(snippet.text), sort_keys=False)
    checked = check_routes(raw.encode(), inputs_of(snippet, raw))
    named = set(re.findall(r"FR\d{3}", snippet.text))
    found = [
        one
        for one in checked.diagnostics
        if one.code not in named and (one.severity == "error" or (snippet.is_whole and one.severity == "warning"))
    ]
    assert not found, text_report.render(found, str(snippet), raw)


@pytest.mark.parametrize("snippet", TESTS, ids=str)
def test_a_routes_test_yaml_is_right(snippet: Snippet) -> None:
    """Its tests are for the last whole routes.yaml before it."""
    routes = [one for one in SNIPPETS if one.page == snippet.page and one.is_whole and one.line < snippet.line][-1]
    compiled = compile_routes(routes.text.encode(), inputs_of(routes, routes.text))
    assert read_tests(snippet.text.encode(), compiled)


@pytest.mark.parametrize("snippet", OTHERS, ids=str)
def test_any_other_file_is_yaml(snippet: Snippet) -> None:
    assert isinstance(yaml.safe_load(snippet.text), dict)


@pytest.mark.parametrize("snippet", [snippet for snippet in SNIPPETS if snippet.language in PARSERS], ids=str)
def test_a_program_or_data_can_be_read(snippet: Snippet) -> None:
    PARSERS[snippet.language](snippet.text)


def inputs_of(snippet: Snippet, raw: str) -> Inputs:
    """Returns the inputs of a routes.yaml: the files that it names are those of the page, keys, or of a line of text."""
    keys = dict(key_files(yaml.safe_load(raw)))
    shown = {one.file: one.text.encode() for one in SNIPPETS if one.page == snippet.page}

    def read(path: str, limit: int) -> bytes:
        if path.endswith(".yaml"):
            return shown.get(path, b"routes:\n  - match: {path: /another-file}\n    respond: {status: 404}\n")
        return keys.get(path, b"Hello\n")

    return replace(Inputs(), read=read)


@pytest.mark.parametrize("text", ["sse: {chanel: a}", "routes: []", "- match: {path: rooms}\n  forward: origin"])
def test_what_is_wrong_is_noticed(text: str) -> None:
    with pytest.raises(AssertionError, match="FR2"):
        test_a_routes_yaml_is_right(Snippet("page.md", 1, "yaml", text))


def test_there_are_snippets() -> None:
    assert len(ROUTES) > 40 and TESTS and OTHERS
