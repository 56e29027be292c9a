"""Tests that a misspelt key is one error: errors that follow from it are not reported."""

from collections.abc import Iterator
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid
from fanroute.pipeline import compile_routes
from fanroute.routetests.document import RouteTests
from fanroute.routetests.read import read_tests
from fanroute.spec.document import Spec
from fanroute.spec.suggestions import NOT_HERE, OTHER_NAMES
from fanroute.spec.types import Model
from fanroute.spec.validate import keys_at
from fanroute.syntax.source import Source, parse_yaml
from tests.conftest import INPUTS, REPOSITORY, inputs_of

FOLDERS = sorted(path.parent for path in (REPOSITORY / "examples").glob("*/routes.yaml"))
BEGIN = "version: 1\nservice: {name: x}\n"
BACKENDS = "backends: {origin: {url: 'https://a.example.com'}, self: {loopback: true}}\n"
KEYS = "{algorithm: HS256, secret_store: a, name: b}"


def wrong(text: str) -> list[tuple[str, str]]:
    """Returns the codes and messages of the errors in a routes.yaml."""
    with pytest.raises(Invalid) as invalid:
        compile_routes(text.encode(), INPUTS)
    return told(invalid.value.diagnostics)


def told(diagnostics: list[Diagnostic]) -> list[tuple[str, str]]:
    return [(found.code, found.message) for found in diagnostics]


def known_keys(source: Source, model: type) -> Iterator[tuple[str | int, ...]]:
    """Returns the paths of all keys in a file that the language knows."""

    def within(path: tuple[str | int, ...], data: object) -> Iterator[tuple[str | int, ...]]:
        parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
        for key, value in parts:
            if key in keys_at(path, model):
                yield (*path, key)
            yield from within((*path, key), value)

    yield from within((), source.data)


def misspelt(source: Source, path: tuple[str | int, ...]) -> str:
    """Returns the text with the last letter of a key doubled."""
    return written(source, path, str(path[-1]) + str(path[-1])[-1])


def written(source: Source, path: tuple[str | int, ...], other: str) -> str:
    """Returns the text with a key replaced by another one."""
    span, key = source.key_span(path), str(path[-1])
    lines = source.text.splitlines(keepends=True)
    line, end = lines[span.line - 1], span.column - 1 + len(key)
    assert line[span.column - 1 : end] == key
    lines[span.line - 1] = line[: span.column - 1] + other + line[end:]
    return "".join(lines)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_key_of_an_example_may_be_misspelt(folder: Path) -> None:
    source = parse_yaml((folder / "routes.yaml").read_text())
    for path in known_keys(source, Spec):
        with pytest.raises(Invalid) as invalid:
            compile_routes(misspelt(source, path).encode(), inputs_of(folder))
        assert told(invalid.value.diagnostics) == [("FR201", f"unknown key '{path[-1]}{str(path[-1])[-1]}'")]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_each_key_of_an_example_may_be_in_capitals(folder: Path) -> None:
    source = parse_yaml((folder / "routes.yaml").read_text())
    for path in known_keys(source, Spec):
        key = str(path[-1])
        with pytest.raises(Invalid) as invalid:
            compile_routes(written(source, path, key.upper()).encode(), inputs_of(folder))
        (found,) = invalid.value.diagnostics
        assert (found.code, found.message) == ("FR201", f"unknown key '{key.upper()}'")
        assert found.suggestion.startswith(f"did you mean '{key}'? ")


@pytest.mark.parametrize("given", ["path: '/{id}'", "host: a.example.com", "method: POST", "query: {id: x}", "header: {x: y}"])
@pytest.mark.parametrize(("beside", "others"), [("", ""), ("match: {scheme: https}, ", "…, ")])
def test_what_is_matched_is_written_under_match(given: str, beside: str, others: str) -> None:
    key = given.partition(":")[0]
    channel = {"path": "{id}", "query": "{query.id}", "header": "{header.x}"}.get(key, "a")
    text = f"{BEGIN}{BACKENDS}routes: [{{{beside}{given}, public: true, stream: {{channel: '{channel}'}}}}]\n"
    with pytest.raises(Invalid) as invalid:
        compile_routes(text.encode(), INPUTS)
    assert told(invalid.value.diagnostics) == [("FR201", f"unknown key '{key}'")]
    assert invalid.value.diagnostics[0].suggestion == f"write it under 'match', as in 'match: {{{others}{key}: …}}'"


@pytest.mark.parametrize("text", [b"", b"# nothing\n", b"---\n"])
def test_empty_tests_are_no_routes(text: bytes) -> None:
    compiled = compile_routes(f"{BEGIN}{BACKENDS}routes: [{{handoff: origin}}]\n".encode(), INPUTS)
    with pytest.raises(Invalid) as invalid:
        read_tests(text, compiled)
    (found,) = invalid.value.diagnostics
    assert (found.code, found.suggestion) == ("FR104", "describe tests, as docs/testing.md shows")


def test_each_key_of_route_tests_may_be_misspelt() -> None:
    (folder,) = (folder for folder in FOLDERS if folder.name == "private-chat")
    compiled = compile_routes((folder / "routes.yaml").read_bytes(), inputs_of(folder))
    source = parse_yaml((folder / "routes.test.yaml").read_text())
    for path in known_keys(source, RouteTests):
        with pytest.raises(Invalid) as invalid:
            read_tests(misspelt(source, path).encode(), compiled)
        assert told(invalid.value.diagnostics) == [("FR201", f"unknown key '{path[-1]}{str(path[-1])[-1]}'")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{BACKENDS}routes: [{{handof: origin}}]", ["handof"]),
        (f"{BACKENDS.replace('backends', 'backend')}routes: [{{handoff: origin}}, {{stream: {{channel: a}}}}]", ["backend"]),
        (f"{BACKENDS.replace('url', 'ulr')}routes: [{{handoff: origin}}]", ["ulr"]),
        (f"{BACKENDS.replace('loopback', 'loop_back')}routes: [{{stream: {{channel: a}}}}]", ["loop_back"]),
        (f"{BACKENDS}routes: [{{handoff: origin, auth: {{keys: {KEYS.replace('algorithm', 'algoritm')}}}}}]", ["algoritm"]),
        (f"{BACKENDS}routes: [{{handoff: origin, auth: {{keys: {KEYS.replace('secret_', 'secret')}}}}}]", ["secretstore"]),
        (f"{BACKENDS}routes: [{{match: {{pth: '/{{id}}'}}, stream: {{channel: '{{id}}'}}}}]", ["pth"]),
        (f"{BACKENDS}routes: [{{mach: {{path: '/{{id}}'}}, steam: {{channel: '{{id}}'}}}}]", ["mach", "steam"]),
        (f"{BACKENDS}routes: [{{stream: {{meta: {{a: b}}}}, channel: a}}]", ["channel"]),
        (f"{BACKENDS}routes: [{{match: {{path: /a, stream: {{channel: a}}}}}}]", ["stream"]),
        (f"{BACKENDS}routes: [{{location: '/{{id}}', stream: {{topic: '{{id}}'}}}}]", ["location", "topic"]),
        (f"{BACKENDS}routes: [{{proxy: origin}}]", ["proxy"]),
    ],
)
def test_what_is_wrong_because_of_a_key_is_not_told(text: str, expected: list[str]) -> None:
    assert wrong(f"{BEGIN}{text}\n") == [("FR201", f"unknown key '{key}'") for key in expected]


@pytest.mark.parametrize("moved", ["version", "backends", "defaults", "sandbox"])
@pytest.mark.parametrize("into", [("service",), ("routes", 0), ("routes", 0, "match"), ("backends", "origin")])
def test_a_key_of_the_file_may_be_in_a_mapping(moved: str, into: tuple[str | int, ...]) -> None:
    """The file may lack the key, or have a mistake of its own."""
    data = {
        "version": 1,
        "service": {"name": "x"},
        "backends": {"origin": {"url": "https://a.example.com"}},
        "defaults": {"keep_alive": "25s"},
        "sandbox": {"max_requests": 1},
        "routes": [{"match": {"path": "/a"}, "handoff": "origin"}],
    }
    if moved == into[0]:
        return
    value = data.pop(moved)
    reduce(getitem, into, cast("Any", data))[moved] = value
    for others in ({}, {"surplus": 1}):
        found = wrong(yaml.safe_dump({**data, **others}))
        assert ("FR201", f"unknown key '{moved}'") in found
        assert {code for code, _ in found} == {"FR201"}


def test_what_is_wrong_anyway_is_told() -> None:
    """An error in the mapping of the misspelt key is reported, too."""
    keys = "{algoritm: HS256}"
    routes = f"[{{handof: origni, forward: nowhere}}, {{handoff: origin, auth: {{keys: {keys}}}}}, {{nothing: origin}}]"
    assert sorted(wrong(f"{BEGIN}{BACKENDS}routes: {routes}\n")) == [
        ("FR201", "unknown key 'algoritm'"),
        ("FR201", "unknown key 'handof'"),
        ("FR201", "unknown key 'nothing'"),
        ("FR203", "unknown backend 'nowhere'"),
        ("FR205", "this route has no action"),
        ("FR250", "this key is in no place"),
    ]


def every_key(model: type[Model]) -> Iterator[str]:
    for kind in model.__subclasses__():
        yield from kind.model_fields
        yield from every_key(kind)


def test_the_names_of_other_tools_mean_keys_of_ours() -> None:
    known = set(every_key(Model))
    assert {ours for each in OTHER_NAMES.values() for ours in each} <= known
    assert not set(OTHER_NAMES) & set(NOT_HERE)
