"""Says which keys and values a file can have at a path, from the JSON Schema of its kind. Pure."""

from collections.abc import Iterator
from functools import cache
from itertools import count
from typing import Any, Literal

from fanroute.routetests.editor_schema import route_tests_schema
from fanroute.spec.editor_schema import needed_keys
from fanroute.spec.json_schema import included_schema, routes_schema
from fanroute.syntax.source import Path

# A node of the JSON Schema.
Schema = dict[str, Any]
# A routes.yaml, a file that it includes, or its route tests.
Kind = Literal["routes", "included", "tests"]

_SCHEMAS = {"routes": routes_schema, "included": included_schema, "tests": route_tests_schema}
# The parts of a routes.yaml whose keys are names that values elsewhere refer to, by the title of such values.
_DEFINED_IN = {"a backend's name": "backends", "a profile's name": "auth_profiles"}


class Language:
    """The keys and values of one kind of file."""

    def __init__(self, root: Schema) -> None:
        self._root = root

    def alternatives(self, node: Schema) -> Iterator[Schema]:
        """Yields the nodes that a value can have, without references and alternatives."""
        if "$ref" in node:
            yield from self.alternatives(self._root["$defs"][node["$ref"].rpartition("/")[2]])
        elif "anyOf" in node:
            for alternative in node["anyOf"]:
                yield from self.alternatives(alternative)
        else:
            yield node

    def nodes_at(self, path: Path) -> list[Schema]:
        """Returns the nodes for the value at a path. There are none if the path has an unknown key."""
        nodes = [self._root]
        for part in path:
            found = (_child(alternative, part) for node in nodes for alternative in self.alternatives(node))
            nodes = [child for child in found if child is not None]
        return nodes

    def values_at(self, path: Path) -> Iterator[Schema]:
        """Yields the nodes for the value at a path, without references and alternatives."""
        for node in self.nodes_at(path):
            yield from self.alternatives(node)

    def mappings_at(self, path: Path) -> list[Schema]:
        """Returns the nodes of mappings with known keys that can be at a path."""
        return [found for found in self.values_at(path) if "properties" in found]

    def is_required(self, path: Path) -> bool:
        """Returns True if the mapping around a path must have the key at its end."""
        return any(path[-1] in mapping.get("required", ()) for mapping in self.mappings_at(path[:-1]))

    def defined_in(self, path: Path) -> str:
        """Returns the part of routes.yaml that defines the name which the value at a path is, "" if the value is no such name.

        It is `routes` for the name of a route, which only route tests refer to.
        """
        match path:
            case ("tests", _, "expect", "route"):
                return "routes"
            case ("tests", _, "expect", "backend"):
                return "backends"
        titles = (found.get("title") for found in self.values_at(path))
        return next((_DEFINED_IN[title] for title in titles if title in _DEFINED_IN), "")

    def description_at(self, path: Path) -> str:
        """Returns what the reference says about the value at a path, "" if it is unknown."""
        for node in self.nodes_at(path):
            if text := node.get("description") or next(self.alternatives(node)).get("description"):
                return str(text)
        return ""

    def example_of(self, node: Schema) -> Any:
        """Returns a value that a node allows. A mapping has its required keys, or its first key if none is required."""
        examples = [*node.get("examples", ()), *(node := next(self.alternatives(node))).get("examples", ())]
        if examples:
            return examples[0]
        match node:
            case {"const": value} | {"enum": [value, *_]}:
                return value
            case {"properties": properties}:
                keys = next(needed_keys(node)) or [next(iter(properties))]
                return {key: self.example_of(properties[key]) for key in keys}
            case {"type": "object"}:
                return {self.example_of(node["propertyNames"]): self.example_of(node["additionalProperties"])}
            case {"type": "array"}:
                return [self.example_of(node["items"])]
            case {"type": "integer"}:
                return node.get("minimum", 1)
            case {"type": "boolean"}:
                return True
        return "text"

    def snippet(self, node: Schema, stops: Iterator[int] | None = None) -> str:
        """Returns a value with its required keys only, in braces and brackets, as a snippet. The editor stops at each value.

        Source: https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/#snippet_syntax
        """
        stops = stops or count(1)
        node = next(self.alternatives(node))
        match node:
            case {"const": value}:
                return str(value).lower()
            case {"enum": values}:
                return f"${{{next(stops)}|{','.join(values)}|}}"
            case {"type": "boolean"}:
                return f"${{{next(stops)}|true,false|}}"
            case {"properties": properties} if keys := next(needed_keys(node)):
                return "{" + ", ".join(f"{key}: {self.snippet(properties[key], stops)}" for key in keys) + "}"
            case {"type": "object", "additionalProperties": dict(value)}:
                return f"{{${{{next(stops)}:{self.example_of(node['propertyNames'])}}}: {self.snippet(value, stops)}}}"
            case {"type": "object"}:
                return f"{{${next(stops)}}}"
            case {"type": "array"}:
                return f"[{self.snippet(node['items'], stops)}]"
        return f"${next(stops)}"


@cache
def language_of(kind: Kind) -> Language:
    """Returns the keys and values of a kind of file."""
    return Language(_SCHEMAS[kind]())


def _child(node: Schema, part: str | int) -> Schema | None:
    """Returns the node of a key or item in another node."""
    if isinstance(part, int):
        return node.get("items")
    values = node.get("additionalProperties")
    child: Schema | None = node.get("properties", {}).get(part)
    return child or (values if isinstance(values, dict) else None)
