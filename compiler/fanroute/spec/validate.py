"""A file's data as a model: pydantic's errors as diagnostics, each at its place."""

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
    "A misspelt key that is ignored is a condition or option that silently does not hold.",
    START + "routes:\n  - match: {pth: /chat}\n    handoff: origin\n",
    "Correct the spelling, or move the key to where it belongs; docs/reference.md has all of them.",
)

FR202 = Rule(
    "FR202",
    "error",
    "a required key is missing",
    "A default is taken only where one is obvious; this key has none.",
    START + "routes:\n  - respond: {body: hello}\n",
    "Add the key to the mapping that is pointed at.",
)

FR204 = Rule(
    "FR204",
    "error",
    "a value is not valid for its key",
    "Values are read narrowly: `on` is text and not `true`, `1` is a number and not text, and a path, host, channel or "
    "duration must be one that can occur.",
    START + "routes:\n  - respond: {status: 99}\n",
    "Write a value of the kind that is asked for.",
)


Valid = TypeVar("Valid", bound=Model)
# What is wrong with a file besides what its model says.
Rules = Callable[[Source], Iterable[Diagnostic]]

# How many known words are compared with an unknown one, and how many are told.
MAX_COMPARED, MAX_LISTED = 200, 30
# Keys that are often left out above those that belong under them.
_LEVELS = ("match", "defaults")
# What YAML's reader makes of a value, in words.
_KINDS = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number"}


def validate(model: type[Valid], source: Source, rules: Rules = lambda source: ()) -> Valid:
    """The file's data as a model.

    Raises Invalid with all that is wrong with it: what the reader says, what the rules say, and what the model says. What is
    wrong only because a key is misspelt is not told.
    """
    valid, details = _validated(model, source)
    wrong = _wrong(details, model, source, rules)
    spelt = _spelt_as_suggested(details, model, source)
    if spelt:
        others = [detail for detail in _validated(model, spelt)[1] if detail["type"] != "extra_forbidden"]
        still = {_told(found) for found in _wrong(others, model, spelt, rules)}
        wrong = [found for found in wrong if found.rule is FR201 or _told(found) in still]
    if wrong or valid is None:
        raise Invalid(wrong)
    return valid


def _validated(model: type[Valid], source: Source) -> tuple[Valid | None, list[Any]]:
    """The file's data as a model, None if it is none, and pydantic's errors."""
    try:
        return model.model_validate(source.data), []
    except ValidationError as error:
        # Where the reader has left None, it has said why.
        return None, [detail for detail in error.errors() if detail["input"] is not None]


def _wrong(details: list[Any], model: type[Model], source: Source, rules: Rules) -> list[Diagnostic]:
    return [*source.diagnostics, *rules(source), *(_from_pydantic(detail, source, model) for detail in details)]


def _told(found: Diagnostic) -> tuple[str, str, Span]:
    return found.code, found.message, found.span


def _spelt_as_suggested(details: list[Any], model: type[Model], source: Source) -> Source | None:
    """The source with each unknown key as, or where, its mistake's suggestion has it; None if there is no such key."""
    data, keys = deepcopy(source.data), set(source.keys)
    for detail in details:
        if detail["type"] != "extra_forbidden":
            continue
        path = _known_path(detail["loc"], source)
        *above, key = path
        mapping = reduce(getitem, above, data)
        if under := _level_of(path, source, model):
            if isinstance(mapping.setdefault(under, {}), dict):
                mapping[under].setdefault(key, mapping.pop(key))
        elif close := _closest(str(key), keys_at(path[:-1], model)):
            keys.add(close)
            if close not in mapping:
                given = {close if name == key else name: value for name, value in mapping.items()}
                mapping.clear()
                mapping.update(given)
    return None if data == source.data else replace(source, data=data, keys=keys, routes=None)


def did_you_mean(word: str, known: Iterable[str], what: str) -> str:
    """A suggestion for a word that is not among the known ones, which are called `what`."""
    known = list(known)
    close = _closest(word, known)
    further = f" and {len(known) - MAX_LISTED} more" if len(known) > MAX_LISTED else ""
    all_known = f"{what}: {', '.join(known[:MAX_LISTED])}{further}"
    return f"did you mean '{close}'? {all_known}" if close else all_known


def _closest(word: str, known: list[str]) -> str:
    """The known word that is most like another one, whatever the case of their letters; "" if none is much like it."""
    folded = {name.lower(): name for name in reversed(known[:MAX_COMPARED])}
    close = get_close_matches(word.lower(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def _from_pydantic(detail: Any, source: Source, model: type[Model]) -> Diagnostic:
    path, kind = _known_path(detail["loc"], source), detail["type"]
    if kind == "extra_forbidden":
        key = str(path[-1])
        if under := _level_of(path, source, model):
            others = "…, " if source.has((*path[:-1], under)) else ""
            suggestion = f"write it under '{under}', as in '{under}: {{{others}{key}: …}}'"
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


def _level_of(path: Path, source: Source, model: type[Model]) -> str:
    """Returns the key beside an unknown one, or one that could stand there, under which that is known; "" if there is none."""
    *above, key = path
    beside = reduce(getitem, above, source.data)
    # A file can have any number of unknown keys, so only the known ones are gone through.
    known = keys_at((*above,), model)
    names = [name for name in known if name in beside and not isinstance(beside[name], list)]
    names += (name for name in _LEVELS if name in known and name not in beside)
    return next((name for name in names if key in keys_at((*above, name), model)), "")


def _known_path(loc: Path, source: Source) -> Path:
    """The part of an error's location that stands in the file; a one-string short form has no index there."""
    path: Path = ()
    for part in loc:
        if source.has((*path, part)):
            path = (*path, part)
    return path


def _wrong_value(detail: Any, path: Path, source: Source, model: type[Model]) -> tuple[Any, ...]:
    name = _called(path)
    got = _KINDS.get(type(detail["input"]), "text")
    context = detail.get("ctx", {})
    match detail["type"]:
        case "literal_error":
            expected = _as_yaml(context["expected"])
            suggestion = "write true, or leave the key out" if expected == "true" else f"it is {expected}"
            if detail["input"] in ("ws", "wss") and path[-1] == "scheme":
                suggestion = f"write scheme: {'http' if detail['input'] == 'ws' else 'https'}, websocket: true"
            message = f"{name} cannot be {_as_yaml(detail['input'])}"
        case "string_type":
            message, suggestion = f"{name} is text, not {got}", _suggest_instead(detail, path, model)
        case "greater_than_equal" | "less_than_equal":
            message, suggestion = f"{name} is out of range", detail["msg"].replace("Input should be", "it is")
        case "too_long":
            message, suggestion = f"{name} has too many items", f"{context['max_length']} at most"
        case "too_short":
            message, suggestion = f"{name} is empty", "give at least one"
        case kind:
            wanted = {"model_type": "a mapping", "dict_type": "a mapping", "list_type": "a list", "bool_type": "true or false"}
            wanted |= {"int_type": "a number", "model_attributes_type": "a mapping"}
            message = f"{name} is {wanted.get(kind, 'of another kind')}, not {got}"
            suggestion = _suggest_instead(detail, path, model)
    return message, source.value_span(path), suggestion


def _suggest_instead(detail: Any, path: Path, model: type[Model]) -> str:
    key = str(path[-1]) if path and not isinstance(path[-1], int) else ""
    return suggest_value(detail["input"], detail["type"], key, model_at(path, model))


def _as_yaml(value: Any) -> str:
    return {"True": "true", "False": "false"}.get(str(value), str(value))


def _called(path: Path) -> str:
    if not path:
        return "the file"
    return f"an item of '{path[-2]}'" if isinstance(path[-1], int) else f"'{path[-1]}'"


def keys_at(path: tuple[str | int, ...], annotation: Any) -> list[str]:
    """The keys known in the mapping at a path of a model's data; none where the path leads to no mapping of ours."""
    model = model_at(path, annotation)
    return list(model.model_fields) if model else []
