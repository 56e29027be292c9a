"""Validates a file's data against a model, and turns pydantic's errors into diagnostics with their positions."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from difflib import get_close_matches
from functools import reduce
from operator import getitem
from typing import Any, TypeVar

from pydantic import ValidationError

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec.suggestions import model_at, suggest_value
from fanroute.spec.types import Model
from fanroute.syntax.source import Path, Source

FR201 = Rule(
    "FR201",
    "error",
    "a key is unknown",
    "If a misspelt key were ignored, a condition or option would silently have no effect.",
    START + "routes:\n  - match: {pth: /chat}\n    handoff: origin\n",
    "Correct the spelling, or move the key to where it belongs. docs/reference.md lists all keys.",
)

FR202 = Rule(
    "FR202",
    "error",
    "a required key is missing",
    "A key has a default only if the default is obvious, and this key has none.",
    START + "routes:\n  - respond: {body: hello}\n",
    "Add the key to the mapping that the error points at.",
)

FR204 = Rule(
    "FR204",
    "error",
    "a value is not valid for its key",
    "Values are read strictly: `on` is text and not `true`, and `1` is a number and not text. A path, host, channel or "
    "duration must be one that can occur.",
    START + "routes:\n  - respond: {status: 99}\n",
    "Write a value that the key accepts. docs/reference.md lists the values of every key.",
)


Valid = TypeVar("Valid", bound=Model)
# Checks across values, which a model cannot make.
Checks = Callable[[Source], Iterable[Diagnostic]]

# Limits: the known words that are compared with an unknown one, and those that a suggestion lists.
MAX_COMPARED, MAX_LISTED = 200, 30
# Keys that users often forget to write above the keys that belong under them.
_FORGOTTEN_PARENTS = ("match", "defaults")
_TYPE_NAMES = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number"}
# The type that is expected, by pydantic's type of the error.
_EXPECTED = {
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "list_type": "a list",
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a number",
}


def validate(model: type[Valid], source: Source, checks: Checks = lambda source: ()) -> Valid:
    """Returns a file's data as a model.

    Raises Invalid with all errors: those of the parser, of the checks and of the model. Errors that go away if each misspelt
    key is corrected as suggested are left out.
    """
    valid, details = _validate_model(model, source)
    errors = _errors(details, model, source, checks)
    corrected = _correct_keys(details, model, source)
    if corrected:
        others = [detail for detail in _validate_model(model, corrected)[1] if detail["type"] != "extra_forbidden"]
        remaining = {_identity(error) for error in _errors(others, model, corrected, checks)}
        errors = [error for error in errors if error.rule is FR201 or _identity(error) in remaining]
    if errors or valid is None:
        raise Invalid(errors)
    return valid


def _validate_model(model: type[Valid], source: Source) -> tuple[Valid | None, list[Any]]:
    """Returns the data as a model (None if it is not valid), and pydantic's errors."""
    try:
        return model.model_validate(source.data), []
    except ValidationError as error:
        # The parser leaves None in place of a value that it has already reported.
        return None, [detail for detail in error.errors() if detail["input"] is not None]


def _errors(details: list[Any], model: type[Model], source: Source, checks: Checks) -> list[Diagnostic]:
    return [*source.diagnostics, *checks(source), *(_from_pydantic(detail, source, model) for detail in details)]


def _identity(diagnostic: Diagnostic) -> tuple[str, str, Span]:
    return diagnostic.code, diagnostic.message, diagnostic.span


def _correct_keys(details: list[Any], model: type[Model], source: Source) -> Source | None:
    """Returns the source with each unknown key renamed or moved as its error suggests. Returns None if nothing changes."""
    unknown = [_known_path(detail["loc"], source) for detail in details if detail["type"] == "extra_forbidden"]
    if not unknown:
        return None
    data, keys = deepcopy(source.data), set(source.keys)
    for path in unknown:
        *above, key = path
        mapping = reduce(getitem, above, data)
        if parent := _parent_for(path, source, model):
            if isinstance(mapping.setdefault(parent, {}), dict):
                mapping[parent].setdefault(key, mapping.pop(key))
        elif close := _closest(str(key), keys_at(path[:-1], model)):
            keys.add(close)
            if close not in mapping:
                renamed = {close if name == key else name: value for name, value in mapping.items()}
                mapping.clear()
                mapping.update(renamed)
    return None if data == source.data else replace(source, data=data, keys=keys, routes=None)


def did_you_mean(word: str, known: Iterable[str], what: str) -> str:
    """Suggests a known word in place of an unknown one, and lists the known ones. `what` is what they are called."""
    known = list(known)
    close = _closest(word, known)
    further = f" and {len(known) - MAX_LISTED} more" if len(known) > MAX_LISTED else ""
    all_known = f"{what}: {', '.join(known[:MAX_LISTED])}{further}"
    return f"did you mean '{close}'? {all_known}" if close else all_known


def _closest(word: str, known: list[str]) -> str:
    """Returns the known word that is most like another one, without regard to case. Returns "" if none is much like it."""
    folded = {name.lower(): name for name in reversed(known[:MAX_COMPARED])}
    close = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def _from_pydantic(detail: Any, source: Source, model: type[Model]) -> Diagnostic:
    """Turns an error of pydantic's into a diagnostic."""
    path, kind = _known_path(detail["loc"], source), detail["type"]
    if kind == "extra_forbidden":
        key = str(path[-1])
        if parent := _parent_for(path, source, model):
            others = "…, " if source.has((*path[:-1], parent)) else ""
            suggestion = f"write it under '{parent}', as in '{parent}: {{{others}{key}: …}}'"
        else:
            suggestion = did_you_mean(key, keys_at(path[:-1], model), "keys here")
        return Diagnostic(FR201, f"unknown key '{key}'", source.key_span(path), suggestion)
    if kind == "missing":
        key = detail["loc"][-1]
        return Diagnostic(FR202, f"the key '{key}' is missing", source.key_span(path), f"add '{key}:'")
    if kind == "fanroute":
        context = detail["ctx"]
        span = source.key_span(path) if detail["loc"][-1] == "[key]" else source.value_span(path)
        return Diagnostic(FR204, context["message"], span, context["suggestion"])
    return Diagnostic(FR204, *_wrong_value(detail, path, source, model))


def _parent_for(path: Path, source: Source, model: type[Model]) -> str:
    """Returns the key of a mapping, present or possible, in which an unknown key would be known. Returns "" if there is none."""
    *above, key = path
    mapping = reduce(getitem, above, source.data)
    # A file can have any number of unknown keys, so this goes through the known ones only.
    known = keys_at((*above,), model)
    parents = [name for name in known if name in mapping and not isinstance(mapping[name], list)]
    parents += (name for name in _FORGOTTEN_PARENTS if name in known and name not in mapping)
    return next((parent for parent in parents if key in keys_at((*above, parent), model)), "")


def _known_path(loc: Path, source: Source) -> Path:
    """Returns the part of an error's location that is in the file. A short form of a list has no index there, for example."""
    path: Path = ()
    for part in loc:
        if source.has((*path, part)):
            path = (*path, part)
    return path


def _wrong_value(detail: Any, path: Path, source: Source, model: type[Model]) -> tuple[str, Span, str]:
    """Returns the message, span and suggestion for a value of the wrong type or out of range."""
    name, value, context = _name_of(path), detail["input"], detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            expected = _as_yaml(context["expected"])
            suggestion = "write true, or leave the key out" if expected == "true" else f"write {expected}"
            if value in ("ws", "wss") and path[-1] == "scheme":
                suggestion = f"write scheme: {'http' if value == 'ws' else 'https'}, websocket: true"
            message = f"{name} cannot be {_as_yaml(value)}"
        case "greater_than_equal" | "less_than_equal":
            message, suggestion = f"{name} is out of range", detail["msg"].replace("Input should be", "write a number")
        case "too_long":
            message, suggestion = f"{name} has too many items", f"keep {context['max_length']} at most"
        case "too_short":
            message, suggestion = f"{name} is empty", "add at least one item"
        case error:
            got, required = _TYPE_NAMES.get(type(value), "text"), _EXPECTED.get(error)
            message = f"{name} must be {required}, not {got}" if required else f"{name} cannot be {got}"
            key = str(path[-1]) if path and not isinstance(path[-1], int) else ""
            suggestion = suggest_value(value, error, key, model_at(path, model))
    return message, source.value_span(path), suggestion


def _as_yaml(value: Any) -> str:
    return {"True": "true", "False": "false"}.get(str(value), str(value))


def _name_of(path: Path) -> str:
    """Returns what messages call the value at a path."""
    if not path:
        return "the file"
    return f"an item of '{path[-2]}'" if isinstance(path[-1], int) else f"'{path[-1]}'"


def keys_at(path: Path, annotation: Any) -> list[str]:
    """Returns the keys of the mapping at a path in a model's data. Returns an empty list if there is no known mapping."""
    model = model_at(path, annotation)
    return list(model.model_fields) if model else []
