"""YAML text to plain data, with the place of everything.

Scalars are narrow: `true` and `false`, decimal integers, and text; `on`, `010` or `1e3` are text. A key without a
value is a mistake: nothing in the language means nothing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from fanroute.diagnostics import Diagnostic, Invalid, Note, Span
from fanroute.environment import expand, takes_variables

Path = tuple[str | int, ...]

_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "false": False}
_NOTHING = ("", "null", "~")
_PLAIN_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map")}


@dataclass(slots=True)
class Source:
    """A file's data and the spans of its parts: by path from the root, of each value and of each key.

    `diagnostics` are the mistakes that left a tree; the values they concern are None in `data`.
    """

    text: str
    data: Any = None
    values: dict[Path, Span] = field(default_factory=dict)
    keys: dict[Path, Span] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def key_span(self, path: Path) -> Span:
        """Where a key is; for what has no key (an item, the file itself) its first key or its value."""
        if path in self.keys:
            return self.keys[path]
        first = next((span for key, span in self.keys.items() if key[:-1] == path), None)
        return first or self.value_span(path)

    def value_span(self, path: Path) -> Span:
        """Where a value is, or the nearest thing around it that exists; a block is pointed at by its key."""
        while path and path not in self.values:
            path = path[:-1]
        span = self.values.get(path, Span())
        return span if span.line == span.end_line else self.keys.get(path, _first_line(span))


def decode(raw: bytes) -> str:
    """A file's bytes as text. Raises Invalid for what is not UTF-8 text."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid("FR102", "the file is not UTF-8 text", _span_at(raw[: error.start].decode())) from None
    control = _NOT_TEXT.search(text)
    if control:
        raise _invalid("FR102", f"the file has a control character, {control.group()!r}", _span_at(text[: control.start()]))
    return text


def load(text: str, environment: Mapping[str, str] | None = None) -> Source:
    """YAML text as a Source, with the environment's values where variables stand.

    Raises Invalid for the one mistake after which there is no tree.
    """
    try:
        documents = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(error, text) from None
    except RecursionError:
        raise _invalid("FR103", "the file is nested too deeply", Span()) from None
    except ValueError as error:  # PyYAML checks no number in an escape or a directive
        raise _invalid("FR103", f"a number out of range: {error}", Span()) from None
    if not documents or _is_empty(documents[0]):
        raise _invalid("FR104", "the file is empty", Span(), "describe routes, as README.md shows")
    source = Source(text)
    reader = _Reader(source, environment or {})
    source.data = reader.read(documents[0], ())
    for extra in documents[1:]:
        reader.report("FR106", "a second document", extra)
    return source


class _Loader(yaml.BaseLoader):
    """Takes every scalar as text, leaves only explicit tags different from the plain ones, and refuses aliases."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            place = Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2)
            raise _invalid("FR106", "an alias", place, "write the value out where it is used")
        return super().compose_node(parent, index)


class _Reader:
    """Reads nodes to data, noting spans and mistakes."""

    def __init__(self, source: Source, environment: Mapping[str, str]) -> None:
        self.source = source
        self.environment = environment

    def report(self, code: str, message: str, node: yaml.Node, suggestion: str = "") -> None:
        self.source.diagnostics.append(Diagnostic(code, message, _first_line(_span(node)), suggestion))

    def read(self, node: yaml.Node, path: Path) -> Any:
        self.source.values[path] = _span(node)
        if node.tag not in _PLAIN_TAGS:
            self.report("FR106", f"the tag {node.tag!r}", node, "leave the tag out")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        if node.style is None and node.value in _NOTHING:
            mend = "give one, or leave the key out"
            self.source.diagnostics.append(Diagnostic("FR107", "a value is missing", self.source.key_span(path), mend))
            return None
        if self._is_broken(node):
            return None
        return self._expanded(node, path) if "${" in node.value and takes_variables(path) else _scalar(node)

    def _expanded(self, node: yaml.ScalarNode, path: Path) -> str | None:
        """A scalar with its variables' values; None, and reported, where there is something wrong with them."""
        text, wrong = expand(node.value, self.environment)
        if not wrong and _NOT_TEXT.search(text):
            wrong = [("the value of a variable is not text", "")]
        for message, mend in wrong:
            self.source.diagnostics.append(Diagnostic("FR210", message, self.source.value_span(path), mend))
        return None if wrong else text

    def _is_broken(self, node: yaml.ScalarNode) -> bool:
        """Whether an escape has made what is no text; then it is reported."""
        broken = any("\ud800" <= character <= "\udfff" for character in node.value)
        if broken:
            self.report("FR102", "half of a surrogate pair", node, "write the character itself")
        return broken

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.report("FR103", "a key that is not text", key)
            elif self._is_broken(key):
                continue
            elif key.value in data:
                first = Note("first here", self.source.keys[(*path, key.value)])
                message, span = f"the key '{key.value}' stands twice", _first_line(_span(key))
                self.source.diagnostics.append(Diagnostic("FR105", message, span, "keep one", (first,)))
            else:
                self.source.keys[(*path, key.value)] = _span(key)
                data[key.value] = self.read(value, (*path, key.value))
        return data


def _is_empty(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and not node.value and node.style is None)


def _scalar(node: yaml.ScalarNode) -> str | int | bool:
    text: str = node.value
    if node.style is not None:
        return text
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


def _span(node: yaml.Node) -> Span:
    start, end = node.start_mark, node.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _first_line(span: Span) -> Span:
    """A span of one line stays; of a longer one, its first character."""
    if span.line == span.end_line:
        return span
    return Span(span.line, span.column, span.line, span.column + 1)


def _span_at(before: str) -> Span:
    """The one character that follows a text."""
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return Span(line, column, line, column + 1)


def _invalid(code: str, message: str, span: Span, suggestion: str = "") -> Invalid:
    return Invalid([Diagnostic(code, message, span, suggestion)])


def _yaml_error(error: yaml.MarkedYAMLError, text: str) -> Invalid:
    mark = error.problem_mark or error.context_mark
    span = Span(mark.line + 1, mark.column + 1, mark.line + 1, mark.column + 2) if mark else Span()
    lines = text.splitlines()
    indent = re.match(r" *(\t)", lines[span.line - 1]) if span.line <= len(lines) else None
    if indent:
        column = indent.start(1) + 1
        tab = Span(span.line, column, span.line, column + 1)
        return _invalid("FR103", "a tab in the indentation", tab, "indent with spaces")
    unquoted = span.line <= len(lines) and lines[span.line - 1][: span.column].endswith("${")
    mend = "put a value with '${…}' in quotes" if unquoted else error.context or ""
    return _invalid("FR103", error.problem or "not YAML", span, mend)
