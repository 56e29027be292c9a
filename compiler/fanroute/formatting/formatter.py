"""Formats a routes.yaml: keeps data and comments, and puts keys in the order of the reference. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.formatting.scalars import block_scalar, yaml_scalar
from fanroute.formatting.tree import Entry, parse_tree
from fanroute.pipeline import check_routes
from fanroute.spec.document import Spec
from fanroute.spec.inputs import Inputs
from fanroute.spec.validate import keys_at, validate
from fanroute.syntax.source import Path, decode, parse_yaml, plain_scalar_value

INDENT = "  "
# The longest line with braces or brackets, in characters.
MAX_LINE = 100


class MeaningChanged(Exception):
    """Reports that the formatted text does not have the same meaning as the original."""


def format_routes(raw: bytes, inputs: Inputs) -> str:
    """Formats a routes.yaml. Raises Invalid if it cannot be parsed, and MeaningChanged rather than change its meaning."""
    text = decode(raw)
    source = parse_yaml(text)
    if source.diagnostics:
        raise Invalid(source.diagnostics)
    if not isinstance(source.data, dict) or not source.data:
        validate(Spec, source)
    try:
        root = parse_tree(text)
        before = _content(root), _compiled(text, inputs)
        result = _render(root)
        after = _content(parse_tree(result)), _compiled(result, inputs)
    except yaml.YAMLError:
        raise MeaningChanged from None
    if after != before:
        raise MeaningChanged
    return result


def _content(root: Entry) -> tuple[Any, Counter[str]]:
    """Returns the data and the comments of a tree."""
    return _data(root.value), Counter(_comments(root))


def _data(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {key.value: _data(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_data(item) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    return node.value if node.style else plain_scalar_value(node.value)


def _comments(entry: Entry) -> Iterator[str]:
    yield from filter(None, (*entry.above, entry.beside, *entry.below))
    for child in entry.children:
        yield from _comments(child)


def _compiled(text: str, inputs: Inputs) -> Any:
    """Returns what a text compiles to, or its errors."""
    checked = check_routes(text.encode(), inputs)
    errors = sorted((one.code, one.message) for one in checked.diagnostics if one.severity == "error")
    return errors, {name: (one.plan, one.backends) for name, one in checked.compiled.items()}


def _render(root: Entry) -> str:
    lines = [*_head(root), *_child_lines(root, (), "")]
    return "\n".join(lines).strip("\n") + "\n"


def _head(root: Entry) -> list[str]:
    """Removes the comments from the first key that must stay at the top of the text, and returns them.

    These are the comments above its last blank line, or all of them without one. If this key stays first, there are none.
    """
    first = root.children[0]
    if _in_order(root, ())[0] is first:
        return []
    last_blank = max((i for i, line in enumerate(first.above) if not line), default=len(first.above))
    head, first.above = [*_indented(first.above[:last_blank], "")], first.above[last_blank + 1 :]
    return [*head, ""] if head and head[-1] else head


def _in_order(entry: Entry, path: Path) -> list[Entry]:
    """Returns the children of an entry in the order of the reference. Other keys, such as names, come last in their own order."""
    known = keys_at(path, Spec) if isinstance(entry.value, yaml.MappingNode) else []
    return sorted(entry.children, key=lambda child: known.index(_name(child)) if _name(child) in known else len(known))


def _name(entry: Entry) -> str:
    return str(entry.key.value) if entry.key else ""


def _child_path(path: Path, child: Entry) -> Path:
    """Returns the path of a child. All items of a list have the same keys, so any index will do."""
    return (*path, _name(child) if child.key else 0)


def _child_lines(entry: Entry, path: Path, indent: str) -> list[str]:
    """Returns the lines of an entry's children, with their comments."""
    lines: list[str] = []
    for child in _in_order(entry, path):
        child_lines = _lines(child, _child_path(path, child), indent)
        first = _first_of_content(child_lines)
        lines += _indented([*child.above, *child_lines[:first]], indent, after_blank=not lines)
        lines += child_lines[first:]
    return [*lines, *_indented(entry.below, indent)]


def _first_of_content(lines: list[str]) -> int:
    """Returns the index of the first line that is neither a comment nor blank."""
    return next(i for i, line in enumerate(lines) if line and not line.lstrip().startswith("#"))


def _indented(comments: list[str], indent: str, after_blank: bool = False) -> Iterator[str]:
    """Yields comments and the blank lines between them, but no two blank lines in a row."""
    for comment in comments:
        if comment:
            yield indent + comment
        elif not after_blank:
            yield ""
        after_blank = not comment


def _lines(entry: Entry, path: Path, indent: str) -> list[str]:
    """Returns the lines of a key or an item. An item can begin with comments, which belong above it."""
    head = f"{indent}{yaml_scalar(entry.key.value, in_flow=False)}:" if entry.key else f"{indent}-"
    beside = f"  {entry.beside}" if entry.beside else ""
    value = entry.value
    block = block_scalar(value.value) if isinstance(value, yaml.ScalarNode) and value.style in ("|", ">") else None
    if block:
        header, *text = block
        return [f"{head} {header}{beside}", *(indent + INDENT + line if line else "" for line in text)]
    line = f"{head} {_on_one_line(entry, path, in_flow=False)}"
    if not entry.children or (entry.is_flow and len(line) <= MAX_LINE):
        return [line + beside]
    lines = _child_lines(entry, path, indent + INDENT)
    if entry.key:
        return [head + beside, *lines]
    # The first line of an item has its first key, so the comments of both go above the item.
    first = _first_of_content(lines)
    above = [*([entry.beside] if entry.beside else []), *(line.strip() for line in lines[:first])]
    return [*above, head + lines[first][len(head) :], *lines[first + 1 :]]


def _on_one_line(entry: Entry, path: Path, in_flow: bool) -> str:
    """Returns a value on one line, with braces or brackets if necessary. `in_flow` is True within others."""
    value = entry.value
    if isinstance(value, yaml.ScalarNode):
        return yaml_scalar(value.value, in_flow) if _is_text(value) else str(value.value)
    items = []
    for child in _in_order(entry, path):
        name = f"{yaml_scalar(_name(child), in_flow=True)}: " if child.key else ""
        items.append(name + _on_one_line(child, _child_path(path, child), in_flow=True))
    opening, closing = "{}" if isinstance(value, yaml.MappingNode) else "[]"
    return f"{opening}{', '.join(items)}{closing}"


def _is_text(node: yaml.ScalarNode) -> bool:
    return bool(node.style) or isinstance(plain_scalar_value(node.value), str)
