"""Tests that every key of the language is in a valid golden case, and in one with a diagnostic on it or its value."""

from collections.abc import Iterator
from pathlib import Path as Folder
from typing import Any, get_args, get_origin

from fanroute.diagnostics.diagnostic import Invalid, Span
from fanroute.pipeline import compile_routes
from fanroute.spec.document import Backend, EnvironmentBackend, Spec
from fanroute.spec.types import Model
from fanroute.syntax.source import Path, decode, parse_yaml
from tests.conftest import ENVIRONMENT, inputs_of
from tests.golden.test_cases import CASES

# A key: its model's name, and its own.
Key = tuple[str, str]

# The codes of diagnostics about an unknown or a missing key.
NOT_OF_A_KEY = {"FR201", "FR202"}


def key_of(model: type[Model], name: str) -> Key:
    """Returns a key of a model. One that differs in an environment is the same key."""
    return (Backend if model is EnvironmentBackend else model).__name__, name


def all_keys(annotation: Any) -> Iterator[Key]:
    """Yields the keys of a model, and of the models within it."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        for name, field in annotation.model_fields.items():
            yield key_of(annotation, name)
            yield from all_keys(field.annotation)
    for part in get_args(annotation):
        yield from all_keys(part)


def keys_in(data: Any, annotation: Any, path: Path = ()) -> Iterator[tuple[Path, Key]]:
    """Yields the known keys in data with their paths, in order."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        for name in data if isinstance(data, dict) else ():
            if name in annotation.model_fields:
                yield (*path, name), key_of(annotation, name)
                yield from keys_in(data[name], annotation.model_fields[name].annotation, (*path, name))
    elif get_origin(annotation) is dict and isinstance(data, dict):
        for name, value in data.items():
            yield from keys_in(value, get_args(annotation)[1], (*path, name))
    elif get_origin(annotation) is list and isinstance(data, list):
        for index, item in enumerate(data):
            yield from keys_in(item, get_args(annotation)[0], (*path, index))
    else:
        for part in get_args(annotation):
            yield from keys_in(data, part, path)


def used_and_reported(folder: Folder) -> tuple[set[Key], set[Key]]:
    """Returns the keys of a case if it is valid, and the keys that its diagnostics point at: the last key before each."""
    raw = (folder / "routes.yaml").read_bytes()
    try:
        diagnostics, valid = compile_routes(raw, inputs_of(folder)).diagnostics, True
    except Invalid as invalid:
        diagnostics, valid = tuple(invalid.diagnostics), False
    try:
        source = parse_yaml(decode(raw), ENVIRONMENT)
    except Invalid:
        return set(), set()
    places: list[tuple[Span, Key]] = [(source.key_span(path), key) for path, key in keys_in(source.data, Spec)]
    reported = set()
    for diagnostic in diagnostics:
        before = [(span, key) for span, key in places if span <= diagnostic.span and diagnostic.code not in NOT_OF_A_KEY]
        reported |= {max(before)[1]} if before else set()
    return {key for _, key in places} if valid else set(), reported


def test_every_key_has_a_valid_case_and_a_diagnostic() -> None:
    cases = [used_and_reported(folder) for folder in CASES]
    keys = set(all_keys(Spec))
    assert ("Match", "path") in keys
    assert keys - {key for used, _ in cases for key in used} == set(), "in no valid case"
    assert keys - {key for _, reported in cases for key in reported} == set(), "in no case with a diagnostic at it"
