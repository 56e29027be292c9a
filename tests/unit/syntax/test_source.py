"""Tests the YAML parser: both of PyYAML's parsers give the same result, and no file can crash the process."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.syntax.source import MAX_DEPTH, Path, Source, decode, parse_yaml
from tests.conftest import ENVIRONMENT
from tests.golden.test_cases import CASES

VALID = [folder for folder in CASES if (folder / "app.py").exists()]


def paths(data: Any, path: Path = ()) -> Iterator[Path]:
    """Yields the path of every value in a file's data."""
    yield path
    if isinstance(data, dict | list):
        for part, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from paths(value, (*path, part))


def all_of(source: Source) -> Any:
    """Returns everything that a Source says about its file."""
    places = {path: (source.key_span(path), source.value_span(path)) for path in paths(source.data)}
    return source.data, source.diagnostics, places


def outcome(raw: bytes) -> Any:
    try:
        return all_of(parse_yaml(decode(raw), ENVIRONMENT))
    except Invalid as invalid:
        return invalid.diagnostics


def python_alone(raw: bytes) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml, "__with_libyaml__", False)
        return outcome(raw)


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_both_parsers_give_the_same(folder: Any) -> None:
    raw = (folder / "routes.yaml").read_bytes()
    assert outcome(raw) == python_alone(raw)


@pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML is here without libyaml")
@pytest.mark.parametrize("folder", VALID, ids=lambda folder: folder.name)
def test_a_valid_file_is_read_by_libyaml_alone(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "BaseLoader")
    parse_yaml(decode((folder / "routes.yaml").read_bytes()), ENVIRONMENT)


@pytest.mark.parametrize(
    "text",
    [
        "a: {b: /c?d}\n",  # libyaml takes a question mark in plain text
        "a: {b? : c}\n",
        "a: |#b\n",  # and a comment that touches the bar
        "{? : a}\n",  # an empty key is elsewhere
        "a:\tb\n",
        "- a: b",  # so is the end of a file whose last line has none
        "é: [😀, '\u2028', b]\nc: d\n",
        "\ufeff\ufeffa: b\n",
        "%YAML 1.1\n---\na: b\n",
        "a: |2\n   b\n  c\n",
        "a: >-\n  b\n\n  c\n",
        "a: 'b\n  c'\n",
    ],
)
def test_where_they_differ_python_decides(text: str) -> None:
    raw = text.encode()
    assert outcome(raw) == python_alone(raw)


def test_places_are_in_characters() -> None:
    source = parse_yaml("'é😀': {b: 😀, c: d}\n")
    span = source.value_span(("é😀", "c"))
    assert (span.line, span.column, span.end_column) == (1, 17, 18)


def test_a_place_that_is_not_there_is_the_nearest_around_it() -> None:
    source = parse_yaml("a:\n  b: c\n")
    assert source.value_span(("a", "b", "x", 0)) == source.value_span(("a", "b"))
    assert source.key_span(("a", "x")) == source.key_span(("a",)) == source.value_span(("a",))
    assert source.key_span(()) == source.key_span(("a",))
    assert Source("").value_span(("a",)).line == 1


def test_how_deep_a_file_may_be() -> None:
    assert parse_yaml("[" * MAX_DEPTH + "]" * MAX_DEPTH + "\n").data is not None
    with pytest.raises(Invalid, match="nested too deeply"):
        parse_yaml("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "\n")


DEEP = {
    "lists": "'[' * 100_000",
    "mappings": "'{a: ' * 100_000",
    "both": "'[{a: ' * 50_000",
    "closed": "'[' * 100_000 + ']' * 100_000 + '\\n'",
    "block lists": "'- ' * 100_000 + 'a\\n'",
    "block mappings": "''.join(' ' * i + 'a:\\n' for i in range(3_000))",
    "complex keys": "'? ' * 100_000 + 'a\\n'",
    "keys of mappings": "'{? ' * 100_000 + '\\n'",
    "under a key that stands twice": "'a: b\\na: ' + '[' * 100_000 + '\\n'",
    "under a tag": "'!a ' + '[' * 100_000 + '\\n'",
    "in a second document": "'a: b\\n---\\n' + '[' * 100_000 + '\\n'",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=list(DEEP))
def test_deep_nesting_is_refused(text: str) -> None:
    """Parses in a process of its own, which must not crash, with 512 MB of memory and 20 s of processor time."""
    code = f"""
import resource
from fanroute.diagnostics.diagnostic import Invalid
from fanroute.syntax.source import parse_yaml
resource.setrlimit(resource.RLIMIT_AS, (1 << 29, 1 << 29))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
try:
    parse_yaml({text})
except Invalid as invalid:
    print(invalid)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "the file is nested too deeply\n", "")
