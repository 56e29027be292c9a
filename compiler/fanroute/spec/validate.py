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
from fanroute.diagnostics.printable import in_yaml, quoted
from fanroute.diagnostics.rule import Rule
from fanroute.spec.suggestions import FORMER_NAMES, NOT_HERE, OTHER_NAMES, model_at, places_of, suggest_value
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
# The most other places in which a key is said to belong.
MAX_PLACES = 6
# How much alike two words must be, from 0 to 1: for a suggestion, and to be preferred to a key in another place.
MUCH_ALIKE, ALMOST_THE_SAME = 0.6, 0.85
# Keys that users often forget to write above the keys that belong under them.
_FORGOTTEN_PARENTS = ("match", "defaults", "service")
_TYPE_NAMES = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number"}
# How the keys of a whole file begin.
_FORMS = {
    "version": "version: 1",
    "service": "service: {name: NAME}",
    "backends": 'backends: {origin: {url: "https://HOST"}}',
    "routes": "routes: [{forward: BACKEND}]",
}
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
    invalid = [_from_pydantic(detail, source, model) for detail in details]
    # What is wrong with the use of a value that is not valid would be the same cause, told twice.
    told = {error.span for error in invalid if error.rule is FR204}
    found = [*source.diagnostics, *(error for error in checks(source) if error.span not in told), *invalid]
    # What an environment has is in the data twice: there, and where it takes the place of the file's own.
    return found if not source.moved else list({_identity(error): error for error in reversed(found)}.values())


def _identity(diagnostic: Diagnostic) -> tuple[str, str, Span]:
    return diagnostic.code, diagnostic.message, diagnostic.span


def _correct_keys(details: list[Any], model: type[Model], source: Source) -> Source | None:
    """Returns the source with each unknown key renamed or moved as its error suggests. Returns None if nothing changes."""
    unknown = [_known_path(detail["loc"], source) for detail in details if detail["type"] == "extra_forbidden"]
    if not unknown:
        return None
    data, keys = deepcopy(source.data), set(source.keys)
    for path in unknown:
        if meant := _meant(path, source, model):
            *above, key = path
            mapping, (place, name) = reduce(getitem, above, data), meant
            keys.add(name)
            if place == path[:-1]:
                _rename(mapping, key, name)
            elif isinstance(target := _mapping_at(place, data), dict):
                target.setdefault(name, mapping.pop(key))
    return None if data == source.data else replace(source, data=data, keys=keys, routes=None)


def _rename(mapping: dict[Any, Any], key: Any, name: str) -> None:
    """Renames a key and keeps its place, unless there is one of this name already."""
    if name not in mapping:
        renamed = {name if other == key else other: value for other, value in mapping.items()}
        mapping.clear()
        mapping.update(renamed)


def _mapping_at(path: Path, data: Any) -> Any:
    """Returns the value at a path. Makes the last mapping of the path if there is none."""
    if path and isinstance(path[-1], str):
        reduce(getitem, path[:-1], data).setdefault(path[-1], {})
    return reduce(getitem, path, data)


def did_you_mean(word: str, known: Iterable[str], what: str, meant: str = "") -> str:
    """Suggests a known word in place of an unknown one, and lists the known ones. `what` is what they are called."""
    known = list(known)
    close = meant or _closest(word, known)
    further = f" and {len(known) - MAX_LISTED} more" if len(known) > MAX_LISTED else ""
    all_known = f"{what}: {', '.join(known[:MAX_LISTED]) or 'none'}{further}"
    return f"did you mean '{close}'? {all_known}" if close else all_known


def _closest(word: str, known: list[str], likeness: float = MUCH_ALIKE) -> str:
    """Returns the known word that is most like another one, without regard to case. Returns "" if none is so much like it."""
    folded = {name.lower(): name for name in reversed(known[:MAX_COMPARED])}
    close = get_close_matches(word.lower(), folded, n=1, cutoff=likeness)
    return folded[close[0]] if close else ""


def is_much_alike(word: str, other: str) -> bool:
    """Returns True if one of two words can have been meant for the other."""
    return word == other or _closest(word, [other]) == other


def _from_pydantic(detail: Any, source: Source, model: type[Model]) -> Diagnostic:
    """Turns an error of pydantic's into a diagnostic."""
    path, kind = _known_path(detail["loc"], source), detail["type"]
    if kind == "extra_forbidden":
        return Diagnostic(FR201, f"unknown key '{path[-1]}'", source.key_span(path), _suggest_key(path, source, model))
    if kind == "missing":
        key = detail["loc"][-1]
        return Diagnostic(FR202, f"the key '{key}' is missing", source.key_span(path), f"add '{_FORMS.get(key, f'{key}:')}'")
    if kind == "fanroute":
        context = detail["ctx"]
        span = source.key_span(path) if detail["loc"][-1] == "[key]" else source.value_span(path)
        return Diagnostic(FR204, context["message"], span, context["suggestion"])
    return Diagnostic(FR204, *_wrong_value(detail, path, source, model))


def _suggest_key(path: Path, source: Source, model: type[Model]) -> str:
    """Suggests what to do with an unknown key."""
    *above, key = path
    known = keys_at((*above,), model)
    place, name = _meant(path, source, model) or ((*above,), "")
    if len(place) > len(above):
        others = "…, " if source.has(place) else ""
        return f"write it under '{place[-1]}', as in '{place[-1]}: {{{others}{name}: …}}'"
    if len(place) < len(above):
        has_one = source.has((*place, name))
        if path[len(place)] == "environments":
            instead = "remove it here" if has_one else "write it beside 'environments'"
            return f"'{name}' is the same in all environments: {instead}"
        if has_one:
            return f"'{path[len(place)]}' has a '{name}' beside it: write it there, or remove it here"
        return f"write {'it' if name == key else quoted(name)} beside '{path[len(place)]}', not in it"
    if name and name != key and name == _visible(str(key)):
        hidden = next(c for c in str(key) if not c.isprintable())
        return f"write '{name}' without the character {quoted(hidden)}, which cannot be seen"
    if name and FORMER_NAMES.get(str(key)) == name:
        return f"it is now called '{name}'"
    elsewhere = "" if name else NOT_HERE.get(str(key)) or _elsewhere(str(key), model)
    return elsewhere or did_you_mean(str(key), known, "keys here", name)


def _elsewhere(key: str, model: type[Model]) -> str:
    """Says where a key belongs that has this name, or is meant by it, in a few other places. Returns "" if there are none."""
    for name in (key, *OTHER_NAMES.get(key.lower(), ())):
        places = [place for place in places_of(model).get(name, ()) if place and not place.startswith("environments.")]
        if 0 < len(places) <= MAX_PLACES:
            *others, last = (f"'{place}'" for place in places)
            listed = f"{', '.join(others)} or {last}" if others else last
            return f"it belongs in {listed}" if name == key else f"it is called '{name}' here, and belongs in {listed}"
    return ""


def _meant(path: Path, source: Source, model: type[Model]) -> tuple[Path, str] | None:
    """Returns the place and name of the key that an unknown key was meant to be. Returns None if that is not clear.

    The place is the path of a mapping: the same one, one in it, or one around it.
    """
    *above, last = path
    key, known = str(last), keys_at((*above,), model)
    former = FORMER_NAMES.get(key, "")
    if former in known and not isinstance(reduce(getitem, path, source.data), dict):
        return (*above,), former
    theirs = OTHER_NAMES.get(key.lower(), ())
    mapping = reduce(getitem, above, source.data)
    free = [name for name in theirs if name in known and name not in mapping and key.lower() not in known]
    if close := free[0] if free else _closest(_visible(key), known, ALMOST_THE_SAME):
        return (*above,), close
    for name in (key, *theirs):
        place = (*above,) if name in known else _place_for(name, (*above,), source, model)
        if place is not None and (name == key or not source.has((*place, name))):
            return place, name
    close = "" if key in NOT_HERE else _closest(key, known)
    # A key of another place that only looks like one of this place is no slip of the pen.
    close = "" if key in places_of(model) and not key.startswith(close) else close
    return ((*above,), close) if close else None


def _visible(key: str) -> str:
    """Returns a key without characters that cannot be seen."""
    return "".join(c for c in key if c.isprintable())


def _place_for(key: str, above: Path, source: Source, model: type[Model]) -> Path | None:
    """Returns the path of a mapping, in or around another one, in which a key is known. Returns None if there is none."""
    mapping = reduce(getitem, above, source.data)
    # A file can have any number of unknown keys, so this goes through the known ones only.
    known = keys_at(above, model)
    inside = [name for name in known if name in mapping and not isinstance(mapping[name], list)]
    inside += (name for name in _FORGOTTEN_PARENTS if name in known and name not in mapping)
    around = (above[:length] for length in range(len(above) - 1, -1, -1))
    mappings = (place for place in around if isinstance(reduce(getitem, place, source.data), dict))
    return next((place for place in (*((*above, name) for name in inside), *mappings) if key in keys_at(place, model)), None)


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
            expected = context["expected"].replace("True", "true")
            suggestion = "write true, or leave the key out" if expected == "true" else f"write {expected}"
            if value in ("ws", "wss") and path[-2:] == ("match", "scheme"):
                suggestion = f"write scheme: {'http' if value == 'ws' else 'https'}, websocket: true"
            message = f"{name} cannot be {quoted(value) if isinstance(value, str) else in_yaml(value)}"
        case "greater_than_equal" | "less_than_equal":
            message, suggestion = f"{name} is out of range", detail["msg"].replace("Input should be", "write a number")
        case "too_long":
            message, suggestion = f"{name} has too many items", f"keep {context['max_length']} at most"
        case "too_short":
            form = _FORMS.get(str(path[-1]) if len(path) == 1 else "")
            message, suggestion = f"{name} is empty", f"write {form}" if form else "add at least one item"
        case error:
            got, required = _TYPE_NAMES.get(type(value), "text"), _EXPECTED.get(error)
            message = f"{name} must be {required}, not {got}" if required else f"{name} cannot be {got}"
            key = str(path[-1]) if path and not isinstance(path[-1], int) else ""
            suggestion = suggest_value(value, error, key, model_at(path, model))
    return message, source.value_span(path), suggestion


def _name_of(path: Path) -> str:
    """Returns what messages call the value at a path."""
    if not path:
        return "the file"
    return f"an item of '{path[-2]}'" if isinstance(path[-1], int) else f"'{path[-1]}'"


def keys_at(path: Path, annotation: Any) -> list[str]:
    """Returns the keys of the mapping at a path in a model's data. Returns an empty list if there is no known mapping."""
    model = model_at(path, annotation)
    return list(model.model_fields) if model else []
