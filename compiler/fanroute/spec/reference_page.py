"""The keys of routes.yaml as documentation, in Markdown, from its JSON Schema. Pure."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fanroute.spec.json_schema import routes_schema

_INTRODUCTION = """\
# routes.yaml, key by key

Every key there is, a section for each mapping; [routes.md](routes.md) tells how they work together. A key may be left out
unless it is **required**. `NAME` stands for a name of your own, `[]` for each item of a list; a duration is written as
`25s`, `2m` or `1h`. This page is made from the code by `pytest --update`; `fanroute schema` prints the same as a JSON Schema,
for editors.
"""

Schema = dict[str, Any]


@dataclass(slots=True)
class _Section:
    """A mapping of known keys, and where in the file it stands."""

    mapping: Schema
    places: list[str] = field(default_factory=list)
    # How many keys of a place are told, from its end.
    depth: int = 1

    @property
    def title(self) -> str:
        """The keys it stands under, each once."""
        keys = (place.replace(".NAME", "").replace("[]", "").split(".") for place in self.places)
        return ", ".join(dict.fromkeys(".".join(named[-self.depth :]) for named in keys)) or "the file"

    @property
    def anchor(self) -> str:
        """Its heading's, as GitHub makes it."""
        return self.title.replace(",", "").replace(".", "").replace(" ", "-")


def reference_page() -> str:
    """docs/reference.md."""
    root = routes_schema()
    sections: dict[str, _Section] = {}
    _collect(root, "", root, sections)
    titles = Counter(section.title for section in sections.values())
    for section in [section for section in sections.values() if titles[section.title] > 1]:
        section.depth += 1
    contents = "".join(f"- [{section.title}](#{section.anchor})\n" for section in sections.values())
    return "\n".join([_INTRODUCTION, contents, *(_written(section, sections) for section in sections.values())])


def _collect(node: Schema, place: str, root: Schema, sections: dict[str, _Section]) -> None:
    """Find the sections in a part of the schema: each mapping once, by its reference ("" is the file itself)."""
    for name, part in _parts(node):
        _collect(part, f"{place}{name}", root, sections)
    reference = node.get("$ref", "" if node is root else None)
    if reference is None:
        return
    mapping = _resolved(reference, root)
    known = reference in sections
    sections.setdefault(reference, _Section(mapping)).places.append(place)
    for key, part in () if known else mapping["properties"].items():
        _collect(part, f"{place}.{key}".lstrip("."), root, sections)


def _parts(node: Schema) -> Iterator[tuple[str, Schema]]:
    """What a value is made of, each with what its place is called beside the value's."""
    yield from (("", part) for part in node.get("anyOf", ()))
    if "items" in node:
        yield "[]", node["items"]
    if isinstance(node.get("additionalProperties"), dict):
        yield ".NAME", node["additionalProperties"]


def _resolved(reference: str, root: Schema) -> Schema:
    mapping: Schema = root["$defs"][reference.rpartition("/")[2]] if reference else root
    return mapping


def _written(section: _Section, sections: dict[str, _Section]) -> str:
    """One section: what the mapping is, where it stands, and a row for each key."""
    heading = f"## {section.title}\n\n{section.mapping['description']}\n"
    places = [f"`{place}`" for place in section.places if place]
    where = f"\nStands at {', '.join(places)}.\n" if places else ""
    required = section.mapping.get("required", ())
    rows = []
    for key, node in section.mapping["properties"].items():
        anchor = f'<a id="{section.anchor}-{key}"></a>'
        rows.append(f"| {anchor}`{key}` | {_value(node, key in required, sections)} | {_cell(node['description'])} |")
    return "\n".join([heading + where, "| key | value | meaning |", "| --- | --- | --- |", *rows]) + "\n"


def _value(node: Schema, required: bool, sections: dict[str, _Section]) -> str:
    default = f"; `{str(node['default']).lower()}` if left out" if "default" in node else ""
    return _cell(_words(node, sections)) + (", **required**" if required else "") + default


def _words(node: Schema, sections: dict[str, _Section]) -> str:
    """A value in words."""
    match node:
        case {"$ref": reference}:
            return f"[a mapping](#{sections[reference].anchor})"
        case {"anyOf": alternatives}:
            return ", or ".join(_words(alternative | _size(node, alternative), sections) for alternative in alternatives)
        case {"const": value}:
            return f"`{str(value).lower()}`"
        case {"enum": values}:
            *others, last = (f"`{value}`" for value in values)
            return f"{', '.join(others)} or {last}"
        case {"type": "array"}:
            return f"a list{_limits(node)}, each {_words(node['items'], sections)}"
        case {"type": "object"}:
            names = _words(node["propertyNames"], sections).removeprefix("a ")
            return f"by {names}: {_words(node['additionalProperties'], sections)}"
        case {"type": "boolean"}:
            return "`true` or `false`"
        case {"type": "integer"}:
            return f"a number{_limits(node)}"
        case _:
            return str(node.get("title", "text"))


def _size(node: Schema, alternative: Schema) -> Schema:
    """The limits of a list that are told beside its short form."""
    return {name: node[name] for name in ("maxItems",) if name in node and alternative.get("type") == "array"}


def _limits(node: Schema) -> str:
    if "maxItems" in node:
        return f" of {node['maxItems']} at most"
    least, most = node.get("minimum"), node.get("maximum")
    if least is not None and most is not None:
        return f" from {least} to {most}"
    return f" of {least} at least" if least is not None else f" of {most} at most" if most is not None else ""


def _cell(text: str) -> str:
    """A text in a cell of a table."""
    return text.replace("|", "\\|")
