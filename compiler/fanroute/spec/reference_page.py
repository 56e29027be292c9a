"""Generates docs/reference.md, which documents the keys of routes.yaml, from the JSON Schema. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fanroute.spec.json_schema import routes_schema

_INTRODUCTION = """\
# routes.yaml, key by key

This page lists every key, with a section for each mapping. [Write a routes.yaml](language/index.md) explains how they
work together. A key is optional unless it is marked **required**. `NAME` stands for a name that you choose, `[]` for each item
of a list. A duration is written as `25s`, `2m` or `1h`. `fanroute schema` prints the same as a JSON Schema, for editors.
`pytest --update` generates this page from the code.
"""

Schema = dict[str, Any]


@dataclass(slots=True)
class Section:
    """A mapping of known keys, and the paths at which it can be in the file."""

    mapping: Schema
    paths: list[str] = field(default_factory=list)
    # How many keys from the end of a path are in the title.
    depth: int = 1

    @property
    def title(self) -> str:
        """Returns the keys that have this mapping as their value, each once."""
        keys = (path.replace(".NAME", "").replace("[]", "").split(".") for path in self.paths)
        return ", ".join(dict.fromkeys(".".join(names[-self.depth :]) for names in keys)) or "the file"

    @property
    def anchor(self) -> str:
        """Returns the anchor that GitHub gives the section's heading."""
        return self.title.replace(",", "").replace(".", "").replace(" ", "-")

    def key_anchor(self, key: str) -> str:
        """Returns the anchor of a key's row."""
        return f"{self.anchor}-{key}"


def reference_page() -> str:
    """Returns the text of docs/reference.md."""
    sections = sections_of(routes_schema())
    contents = "".join(f"- [{section.title}](#{section.anchor})\n" for section in sections.values())
    return "\n".join([_INTRODUCTION, contents, *(_render(section, sections) for section in sections.values())])


def sections_of(root: Schema) -> dict[str, Section]:
    """Returns a section for each mapping of a JSON Schema, by its reference ("" is the file itself)."""
    sections: dict[str, Section] = {}
    _collect(root, "", root, sections)
    for section in sections.values():
        # What differs in an environment is called like what it differs from.
        if all(path.startswith("environments.") for path in section.paths) and section.title != "environments":
            section.depth = max(path.count(".") + 1 for path in section.paths)
    titles = Counter(section.title for section in sections.values())
    for section in [section for section in sections.values() if titles[section.title] > 1]:
        section.depth += 1
    return sections


def _collect(node: Schema, path: str, root: Schema, sections: dict[str, Section]) -> None:
    """Adds the sections of a node of the JSON Schema: one for each mapping, by its reference ("" is the file itself)."""
    for suffix, child in children(node):
        _collect(child, f"{path}{suffix}", root, sections)
    reference = node.get("$ref", "" if node is root else None)
    if reference is None:
        return
    mapping = resolve(reference, root)
    known = reference in sections
    sections.setdefault(reference, Section(mapping)).paths.append(path)
    for key, child in () if known else mapping["properties"].items():
        _collect(child, f"{path}.{key}".lstrip("."), root, sections)


def children(node: Schema) -> Iterator[tuple[str, Schema]]:
    """Yields the alternatives, items and values of a node of the JSON Schema, each with what it appends to the node's path."""
    yield from (("", alternative) for alternative in node.get("anyOf", ()))
    if "items" in node:
        yield "[]", node["items"]
    if isinstance(node.get("additionalProperties"), dict):
        yield ".NAME", node["additionalProperties"]


def resolve(reference: str, root: Schema) -> Schema:
    """Returns the mapping that a reference of a JSON Schema leads to."""
    mapping: Schema = root["$defs"][reference.rpartition("/")[2]] if reference else root
    return mapping


def _render(section: Section, sections: dict[str, Section]) -> str:
    """Renders a section: the description of the mapping, its paths, and a row for each key."""
    heading = f"## {section.title}\n\n{section.mapping['description']}\n"
    paths = [f"`{path}`" for path in section.paths if path]
    where = f"\nUsed at {', '.join(paths)}.\n" if paths else ""
    required = section.mapping.get("required", ())
    rows = []
    for key, node in section.mapping["properties"].items():
        anchor = f'<a id="{section.key_anchor(key)}"></a>'
        rows.append(f"| {anchor}`{key}` | {_value(node, key in required, sections)} | {_cell(node['description'])} |")
    return "\n".join([heading + where, "| key | value | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _value(node: Schema, required: bool, sections: dict[str, Section]) -> str:
    default = f"; `{str(node['default']).lower()}` if not given" if "default" in node else ""
    return _cell(_describe(node, sections)) + (", **required**" if required else "") + default


def _describe(node: Schema, sections: dict[str, Section]) -> str:
    """Describes the values that a node of the JSON Schema allows."""
    match node:
        case {"$ref": reference}:
            return f"[a mapping](#{sections[reference].anchor})" if reference in sections else "a mapping"
        case {"anyOf": alternatives}:
            return ", or ".join(
                _describe(alternative | _list_limits(node, alternative), sections) for alternative in alternatives
            )
        case {"const": value}:
            return f"`{str(value).lower()}`"
        case {"enum": values}:
            *others, last = (f"`{value}`" for value in values)
            return f"{', '.join(others)} or {last}"
        case {"type": "array"}:
            return f"a list{_limits(node)}, each {_describe(node['items'], sections)}"
        case {"type": "object"}:
            names = _describe(node["propertyNames"], sections).removeprefix("a ")
            return f"by {names}: {_describe(node['additionalProperties'], sections)}"
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"type": "integer"}:
            return f"a number{_limits(node)}"
        case _:
            return str(node.get("title", "text"))


def _list_limits(node: Schema, alternative: Schema) -> Schema:
    """Returns the limits of a list that has a short form. The schema has them beside `anyOf`, not in the list's alternative."""
    return {name: node[name] for name in ("maxItems",) if name in node and alternative.get("type") == "array"}


def _limits(node: Schema) -> str:
    if "maxItems" in node:
        return f" of {node['maxItems']} at most"
    least, most = node.get("minimum"), node.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return f" of {least} at least" if least is not None else f" of {most} at most" if most is not None else ""


def _cell(text: str) -> str:
    """Escapes a text for a cell of a table."""
    return text.replace("|", "\\|")


def describe_value(node: Schema, required: bool = False) -> str:
    """Describes in Markdown the values of a key, from its node of the JSON Schema, and says if the key is required."""
    return _value(node, required, {})
