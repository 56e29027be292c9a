"""Says which keys and values routes.yaml can have at a path, from its JSON Schema. Pure."""

from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any

from fanroute.spec.editor_schema import needed_keys
from fanroute.spec.json_schema import routes_schema
from fanroute.syntax.source import Path

# A node of the JSON Schema.
Schema = dict[str, Any]


@cache
def _root() -> Schema:
    return routes_schema()


def alternatives(node: Schema) -> Iterator[Schema]:
    """Yields the nodes that a value can have, without references and alternatives."""
    if "$ref" in node:
        yield from alternatives(_root()["$defs"][node["$ref"].rpartition("/")[2]])
    elif "anyOf" in node:
        for alternative in node["anyOf"]:
            yield from alternatives(alternative)
    else:
        yield node


def nodes_at(path: Path) -> list[Schema]:
    """Returns the nodes for the value at a path. There are none if the path has an unknown key."""
    nodes = [_root()]
    for part in path:
        found = (_child(alternative, part) for node in nodes for alternative in alternatives(node))
        nodes = [child for child in found if child is not None]
    return nodes


def mappings_at(path: Path) -> list[Schema]:
    """Returns the nodes of mappings with known keys that can be at a path."""
    return [found for node in nodes_at(path) for found in alternatives(node) if "properties" in found]


def is_required(path: Path) -> bool:
    """Returns True if the mapping around a path must have the key at its end."""
    return any(path[-1] in mapping.get("required", ()) for mapping in mappings_at(path[:-1]))


# The parts of a file whose keys are names that values elsewhere refer to, by the title of such values.
_DEFINED_IN = {"a backend's name": "backends", "a profile's name": "auth_profiles"}


def defined_in(path: Path) -> str:
    """Returns the part of the file that defines the name which the value at a path is, "" if the value is no such name."""
    titles = (found.get("title") for node in nodes_at(path) for found in alternatives(node))
    return next((_DEFINED_IN[title] for title in titles if title in _DEFINED_IN), "")


def description_at(path: Path) -> str:
    """Returns what the reference says about the value at a path, "" if it is unknown."""
    for node in nodes_at(path):
        if text := node.get("description") or next(alternatives(node)).get("description"):
            return str(text)
    return ""


def example_of(node: Schema) -> Any:
    """Returns a value that a node allows. A mapping has its required keys, or its first key if none is required."""
    examples = [*node.get("examples", ()), *(node := next(alternatives(node))).get("examples", ())]
    if examples:
        return examples[0]
    match node:
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"properties": properties}:
            return {key: example_of(properties[key]) for key in next(needed_keys(node)) or [next(iter(properties))]}
        case {"type": "object"}:
            return {example_of(node["propertyNames"]): example_of(node["additionalProperties"])}
        case {"type": "array"}:
            return [example_of(node["items"])]
        case {"type": "integer"}:
            return node.get("minimum", 1)
        case {"type": "boolean"}:
            return True
    return "text"


def snippet(node: Schema, stops: Iterator[int] | None = None) -> str:
    """Returns a value with its required keys only, in braces and brackets, as a snippet in which the editor stops at each value.

    Source: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#snippet_syntax
    """
    stops = stops or count(1)
    node = next(alternatives(node))
    match node:
        case {"const": value}:
            return str(value).lower()
        case {"enum": values}:
            return f"${{{next(stops)}|{','.join(values)}|}}"
        case {"type": "boolean"}:
            return f"${{{next(stops)}|true,false|}}"
        case {"properties": properties} if keys := next(needed_keys(node)):
            return "{" + ", ".join(f"{key}: {snippet(properties[key], stops)}" for key in keys) + "}"
        case {"type": "object", "additionalProperties": dict(value)}:
            return f"{{${{{next(stops)}:{example_of(node['propertyNames'])}}}: {snippet(value, stops)}}}"
        case {"type": "object"}:
            return f"{{${next(stops)}}}"
        case {"type": "array"}:
            return f"[{snippet(node['items'], stops)}]"
    return f"${next(stops)}"


def _child(node: Schema, part: str | int) -> Schema | None:
    """Returns the node of a key or item in another node."""
    if isinstance(part, int):
        return node.get("items")
    values = node.get("additionalProperties")
    child: Schema | None = node.get("properties", {}).get(part)
    return child or (values if isinstance(values, dict) else None)
