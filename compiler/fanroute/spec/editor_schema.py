"""Prepares a JSON Schema for editors: adds titles, Markdown, links and snippets. Pure.

Many editors use the YAML language server. It reads `markdownDescription` and `defaultSnippets`, which JSON Schema does not have.
Other programs ignore them.
Source: https://github.com/redhat-developer/yaml-language-server, and its behaviour.
"""

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import yaml

from fanroute.spec.json_schema import routes_schema
from fanroute.spec.reference_page import Schema, Section, children, resolve, sections_of

_REFERENCE = "docs/reference.md"


def routes_editor_schema() -> Schema:
    """Returns the JSON Schema of routes.yaml for editors. Each key names its row in the reference."""
    return editor_schema(routes_schema(), lambda section, key: f"{_REFERENCE}#{section.key_anchor(key)}")


def editor_schema(root: Schema, link: Callable[[Section, str], str]) -> Schema:
    """Returns a JSON Schema with what editors show.

    Args:
        root: the JSON Schema of a file.
        link: returns the address at which a key is documented, from the key's section and its name.
    """
    mappings = {reference: _mapping(section, root, link) for reference, section in sections_of(root).items()}
    whole = mappings.pop("")
    definitions = {reference.rpartition("/")[2]: mapping for reference, mapping in mappings.items()}
    return {**whole, "title": root["title"], "$defs": definitions}


def _mapping(section: Section, root: Schema, link: Callable[[Section, str], str]) -> Schema:
    """Returns a mapping with a title, snippets, and its keys as `_key` describes them."""
    keys = {key: _key(key, node, root, link(section, key)) for key, node in section.mapping["properties"].items()}
    bodies = [keys_body(section.mapping, needed, root, count(1)) for needed in needed_keys(section.mapping)]
    # The language server completes a single key by itself.
    snippets = [{"label": ", ".join(body), "body": body} for body in bodies if len(body) > 1]
    shown = _without(section.mapping, "examples")
    return {**shown, "title": section.title, "properties": keys} | ({"defaultSnippets": snippets} if snippets else {})


def _key(key: str, node: Schema, root: Schema, address: str) -> Schema:
    """Returns the node of a key with a description in Markdown.

    The description has the default, because the language server inserts a `default` where nobody asked for it. It also has the
    examples that contain mappings, because the language server lists those as `[object Object]`.
    """
    reference = _target(node, root)
    of_key, of_mapping = node["description"], resolve(reference, root)["description"] if reference else ""
    repeats = of_mapping.startswith(of_key.rstrip("."))
    about = [text for text in ("" if repeats else of_key, of_mapping) if text]
    default = [f"`{str(node['default']).lower()}` if not given."] if "default" in node else []
    examples = [f"```yaml\n{_yaml({key: example})}```" for example in _examples(node, root) if _has_mapping(example)]
    paragraphs = [*about, *default, *examples, f"[{address}]({address})"]
    simple = [example for example in node.get("examples", ()) if not _has_mapping(example)]
    shown: Schema = {"title": key, **_without(node, "default", "examples"), "markdownDescription": "\n\n".join(paragraphs)}
    if simple:
        shown["examples"] = simple
    if "minProperties" in node:
        shown["defaultSnippets"] = [{"label": key, "body": _body(node, root, count(1))}]
    return shown


def _target(node: Schema, root: Schema) -> str | None:
    """Returns the reference to the mapping that a node or one of its alternatives, items or values is. None if none is."""
    return node.get("$ref") or next((found for _, child in children(node) if (found := _target(child, root))), None)


def _examples(node: Schema, root: Schema) -> list[Any]:
    """Returns the examples of a node, or of what it refers to."""
    match node:
        case {"examples": examples}:
            return list(examples)
        case {"$ref": reference}:
            return list(resolve(reference, root).get("examples", ()))
        case {"anyOf": alternatives}:
            found = (_examples(alternative, root) for alternative in alternatives)
            return next((examples for examples in found if any(map(_has_mapping, examples))), [])
        case {"type": "array", "items": items}:
            return [[example] for example in _examples(items, root)]
        case _:
            return []


def needed_keys(mapping: Schema) -> Iterator[list[str]]:
    """Yields each smallest set of keys that a mapping can have: the required ones and those of an alternative."""
    for alternative in mapping.get("oneOf", [{"required": []}]):
        needed = {*mapping.get("required", ()), *alternative["required"]}
        yield [key for key in mapping["properties"] if key in needed]


def keys_body(mapping: Schema, keys: list[str], root: Schema, tabs: Iterator[int]) -> Schema:
    """Returns the part of a snippet for some keys of a mapping. `tabs` numbers the places that the user fills in."""
    return {key: _body(mapping["properties"][key], root, tabs) for key in keys}


def _body(node: Schema, root: Schema, tabs: Iterator[int]) -> Any:
    """Returns the part of a snippet for a value: of a mapping, only the keys that it needs."""
    match node:
        case {"const": value}:
            return value
        case {"enum": values}:
            return f"${{{next(tabs)}|{','.join(map(str, values))}|}}"
        case {"$ref": reference}:
            mapping = resolve(reference, root)
            needed = next(needed_keys(mapping))
            return keys_body(mapping, needed, root, tabs) if needed else f"{{${next(tabs)}}}"
        case {"anyOf": [first, *_]}:
            return _body(first, root, tabs)
        case {"type": "array", "items": items}:
            return [_body(items, root, tabs)]
        case {"type": "object", "propertyNames": names, "additionalProperties": values}:
            return {_body(names, root, tabs): _body(values, root, tabs)}
        case _:
            example = re.sub(r"[\\$}]", r"\\\g<0>", str(node.get("examples", [""])[0]))
            return f"${{{next(tabs)}:{example}}}"


def _has_mapping(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(map(_has_mapping, value)))


def _without(node: Schema, *names: str) -> Schema:
    return {name: value for name, value in node.items() if name not in names}


class _Dumper(yaml.SafeDumper):
    """Indents the items of a list, as `fanroute fmt` does."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _yaml(data: Any) -> str:
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
