"""A routes.yaml in its canonical form: the same data and comments, keys in the reference's order. Pure."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import yaml

from fanroute.diagnostics.diagnostic import Invalid
from fanroute.formatting.scalars import literal, written
from fanroute.formatting.tree import Part, laid_out
from fanroute.pipeline import compile_routes
from fanroute.spec.document import Spec
from fanroute.spec.inputs import Inputs
from fanroute.spec.validate import keys_at, validate
from fanroute.syntax.source import Path, decode, parse_yaml, plain_scalar_value

INDENT = "  "
# The longest line that what is written in braces or brackets takes, in characters.
MAX_LINE = 100


class Changed(Exception):
    """The formatted text would not say the same as the text it was made of."""


def formatted(raw: bytes, inputs: Inputs) -> str:
    """A routes.yaml, formatted. Raises Invalid for one that cannot be read, and Changed rather than change what it says."""
    text = decode(raw)
    source = parse_yaml(text)
    if source.diagnostics:
        raise Invalid(source.diagnostics)
    if not isinstance(source.data, dict) or not source.data:
        validate(Spec, source)
    try:
        layout = laid_out(text)
        before = _said(layout), _compiled(text, inputs)
        result = _written(layout)
        after = _said(laid_out(result)), _compiled(result, inputs)
    except yaml.YAMLError:
        raise Changed from None
    if after != before:
        raise Changed
    return result


def _said(part: Part) -> tuple[Any, Counter[str]]:
    """The data and the comments of a layout."""
    return _data(part.value), Counter(_comments(part))


def _data(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return {key.value: _data(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_data(item) for item in node.value]
    assert isinstance(node, yaml.ScalarNode)
    return node.value if node.style else plain_scalar_value(node.value)


def _comments(part: Part) -> Iterator[str]:
    yield from filter(None, (*part.above, part.beside, *part.below))
    for child in part.children:
        yield from _comments(child)


def _compiled(text: str, inputs: Inputs) -> Any:
    """What a text compiles to, or what is wrong with it."""
    try:
        compiled = compile_routes(text.encode(), inputs)
    except Invalid as invalid:
        return sorted((diagnostic.code, diagnostic.message) for diagnostic in invalid.diagnostics)
    return compiled.plan, compiled.backends


def _written(root: Part) -> str:
    lines = [*_head(root), *_children(root, (), "")]
    return "\n".join(lines).strip("\n") + "\n"


def _head(root: Part) -> list[str]:
    """The comments that stay at the top, whichever key comes first."""
    first = root.children[0]
    if _in_order(root, ())[0] is first:
        return []
    last_blank = max((i for i, line in enumerate(first.above) if not line), default=len(first.above))
    head, first.above = [*_indented(first.above[:last_blank], "")], first.above[last_blank + 1 :]
    return [*head, ""] if head and head[-1] else head


def _in_order(part: Part, path: Path) -> list[Part]:
    """A part's children, keys as in the reference; those it does not have, as names, stay in their order at the end."""
    known = keys_at(path, Spec) if isinstance(part.value, yaml.MappingNode) else []
    return sorted(part.children, key=lambda child: known.index(_name(child)) if _name(child) in known else len(known))


def _name(part: Part) -> str:
    return str(part.key.value) if part.key else ""


def _within(path: Path, child: Part) -> Path:
    """The path of a child; keys do not differ from item to item."""
    return (*path, _name(child) if child.key else 0)


def _children(part: Part, path: Path, indent: str) -> list[str]:
    """The lines of a part's children, below each other."""
    lines: list[str] = []
    for child in _in_order(part, path):
        shown = _shown(child, _within(path, child), indent)
        first = _first_of_content(shown)
        lines += _indented([*child.above, *shown[:first]], indent, after_blank=not lines)
        lines += shown[first:]
    return [*lines, *_indented(part.below, indent)]


def _first_of_content(lines: list[str]) -> int:
    """The index of the first line that is neither a comment nor blank."""
    return next(i for i, line in enumerate(lines) if line and not line.lstrip().startswith("#"))


def _indented(comments: list[str], indent: str, after_blank: bool = False) -> Iterator[str]:
    """Comments and the blank lines between them, never two in a row."""
    for comment in comments:
        if comment:
            yield indent + comment
        elif not after_blank:
            yield ""
        after_blank = not comment


def _shown(part: Part, path: Path, indent: str) -> list[str]:
    """The lines of a key or an item; of an item, first the comments that stand above it."""
    head = f"{indent}{written(part.key.value, flow=False)}:" if part.key else f"{indent}-"
    beside = f"  {part.beside}" if part.beside else ""
    value = part.value
    block = literal(value.value) if isinstance(value, yaml.ScalarNode) and value.style in ("|", ">") else None
    if block:
        header, *text = block
        return [f"{head} {header}{beside}", *(indent + INDENT + line if line else "" for line in text)]
    line = f"{head} {_on_one_line(part, path, flow=False)}"
    if not part.children or (part.flow and len(line) <= MAX_LINE):
        return [line + beside]
    lines = _children(part, path, indent + INDENT)
    if part.key:
        return [head + beside, *lines]
    # An item begins with its first key, so what is said beside or above that stands above the item.
    first = _first_of_content(lines)
    above = [*([part.beside] if part.beside else []), *(line.strip() for line in lines[:first])]
    return [*above, head + lines[first][len(head) :], *lines[first + 1 :]]


def _on_one_line(part: Part, path: Path, flow: bool) -> str:
    """A value in braces or brackets where it has parts; `flow` is whether it stands within others."""
    value = part.value
    if isinstance(value, yaml.ScalarNode):
        return written(value.value, flow) if _is_text(value) else str(value.value)
    parts = []
    for child in _in_order(part, path):
        name = f"{written(_name(child), flow=True)}: " if child.key else ""
        parts.append(name + _on_one_line(child, _within(path, child), flow=True))
    opening, closing = "{}" if isinstance(value, yaml.MappingNode) else "[]"
    return f"{opening}{', '.join(parts)}{closing}"


def _is_text(node: yaml.ScalarNode) -> bool:
    return bool(node.style) or isinstance(plain_scalar_value(node.value), str)
