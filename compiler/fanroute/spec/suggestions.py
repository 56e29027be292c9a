"""Says what to write in place of a value of another kind than is wanted. Pure."""

import json
from typing import Any, get_args, get_origin

from pydantic import ValidationError

from fanroute.spec.types import Model

# Texts that mean true or false elsewhere, such as in YAML 1.1.
_BOOLEANS = dict.fromkeys(("yes", "on", "true", "y", "1"), "true") | dict.fromkeys(("no", "off", "false", "n", "0"), "false")


def suggest_value(given: Any, kind: str, key: str, model: type[Model] | None) -> str:
    """Returns what to write under a key in place of what is given; "" if that is not known.

    Args:
        given: what is written there.
        kind: pydantic's type of error.
        key: the key; "" for an item of a list, or the file itself.
        model: what is wanted, if it is a mapping of known keys.
    """
    if kind == "string_type" and isinstance(given, bool | int):
        return "put it in quotes"
    if not key:
        return ""
    match kind:
        case "string_type":
            text = given.get("backend") if isinstance(given, dict) else given[0] if len(given) == 1 else None
            return f"write {key}: {json.dumps(text, ensure_ascii=False)}" if isinstance(text, str) else ""
        case "bool_type":
            meant = _BOOLEANS.get(str(given).lower())
            return f"write {key}: {meant}" if meant else f"write {key}: true, or {key}: false"
        case "int_type":
            return f"write {key}: {given}" if str(given).isdecimal() else ""
        case "list_type" if isinstance(given, dict):
            return f"write {key}: {json.dumps([*given], ensure_ascii=False)}"
        case "dict_type":
            return f"write {key}: {{NAME: …}}"
    fitting = _only_key_for(given, model) if model else ""
    return f"write {key}: {{{fitting}: {json.dumps(given, ensure_ascii=False)}}}" if fitting else ""


def _only_key_for(given: Any, model: type[Model]) -> str:
    """Returns the only required key of a mapping, or the only key at all, that takes a value; "" if there is no such key."""
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    # A list can be meant for more than it fits.
    known = required or ([] if isinstance(given, list) else [*model.model_fields])
    fitting = [name for name in known if _fits(model, {name: given})]
    return fitting[0] if len(fitting) == 1 else ""


def _fits(model: type[Model], data: Any) -> bool:
    try:
        model.model_validate(data)
    except ValidationError:
        return False
    return True


def model_at(path: tuple[str | int, ...], annotation: Any) -> type[Model] | None:
    """Returns the model of the mapping at a path of a model's data; None if the path leads to no mapping of ours."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        if not path:
            return annotation
        field = annotation.model_fields.get(str(path[0]))
        return model_at(path[1:], field.annotation) if field else None
    inner = get_args(annotation)
    if get_origin(annotation) is list and not (path and isinstance(path[0], int)):
        return model_at(path, inner[-1])  # one item is short for a list of it
    if get_origin(annotation) in (list, dict):
        return model_at(path[1:], inner[-1]) if path else None
    return next((model for model in (model_at(path, part) for part in inner) if model), None)
