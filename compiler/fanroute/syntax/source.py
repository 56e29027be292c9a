"""Parses YAML text to plain data, and keeps the position of every part of it.

Scalars have few types: `true` and `false`, decimal integers, and text. `on`, `010` and `1e3` are text. A key without a value is
an error, because no key of the language has a meaning without one.

PyYAML has two parsers: libyaml, which is some twenty times faster, and one in Python, whose error messages are better. A file is
parsed with libyaml first. The parser in Python takes over if libyaml is not installed or finds an error, or if the two may
understand the text differently.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import yaml

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.printable import quoted
from fanroute.diagnostics.rule import Rule
from fanroute.syntax.mending import explain, quote, suggest_space
from fanroute.syntax.spans import (
    Block,
    Children,
    Node,
    character_at,
    children_of,
    shorten,
    span_after,
    span_of,
    value_span_of,
)
from fanroute.syntax.variables import VariableError, expand_variables, takes_variables, variable_names

FR102 = Rule(
    "FR102",
    "error",
    "the file is not UTF-8 text",
    "The same bytes mean different text in other encodings, so only UTF-8 is accepted. "
    "Control characters and halves of surrogate pairs are refused too: editors hide them, and no header can contain them. "
    "In this example, `\\xe9` stands for a single byte of the file, which is an `é` in Latin-1. In UTF-8, an `é` has two bytes.",
    b'version: 1\nservice: {name: "caf\xe9"}\n',
    "Save the file as UTF-8.",
)

FR103 = Rule(
    "FR103",
    "error",
    "the file is not well-formed YAML",
    "After a syntax error, the meaning of the rest of the file is uncertain, so only this error is reported. "
    "Frequent causes are a tab in the indentation, an unclosed bracket, and a value with `: ` or `#` without quotes.",
    START + "routes:\n\t- handoff: origin\n",
    "Indent with spaces, close every bracket, and put text with special characters in quotes.",
)

FR104 = Rule(
    "FR104",
    "error",
    "the file is empty",
    "A file that is empty or has only comments describes no service.",
    "# nothing yet\n",
    "Begin with the example at the top of docs/language/index.md.",
)

FR105 = Rule(
    "FR105",
    "error",
    "a key appears twice in its mapping",
    "Many YAML readers keep the last of two values without a warning. Here, one of them would be lost.",
    START + "routes:\n  - match: {path: /a, path: /b}\n    handoff: origin\n",
    "Keep one of them. If the key takes alternatives, write them as a list; otherwise write two routes.",
)

FR106 = Rule(
    "FR106",
    "error",
    "the file has an anchor, an alias, a tag or a second document",
    "A few lines with aliases can expand to gigabytes, and tags can name types of a programming language. "
    "Without them, everything about a route is in one place.",
    START + "routes:\n  - match: &chat {path: /chat}\n    handoff: origin\n  - match: *chat\n    handoff: origin\n",
    "Write the value out where it is used, remove tags, and keep one document in a file.",
)

FR107 = Rule(
    "FR107",
    "error",
    "a key has no value",
    "An empty value has often been forgotten, or its lines are not indented far enough. "
    "No key of the language has a meaning without a value.",
    START + "routes:\n  - match:\n    handoff: origin\n",
    "Give the key a value, or remove the key. For empty text, write `''`.",
)


# The path of a value in the data: the keys and indices that lead to it from the root.
Path = tuple[str | int, ...]

# How deeply mappings and lists may be nested. The language needs less than ten levels.
MAX_DEPTH = 64

_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "false": False}
_NULLS = ("", "null", "~")
# The key whose mapping becomes a part of the one around it (https://yaml.org/type/merge.html).
_MERGE = "<<"
# Tags with which other tools read a variable of the environment.
_VARIABLE_TAGS = ("env", "env_var", "envvar")
_BEYOND_UNICODE = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# White space that the two parsers may understand differently.
_UNUSUAL_SPACE = "\t\r\x85\u2028\u2029\ufeff"
# A comment that touches a block scalar's `|` or `>`. The two parsers may understand it differently, too.
_COMMENT_AT_BLOCK = re.compile(r"[|>][0-9+-]*#")


class VariableUse(NamedTuple):
    """Represents a text with variables: its path in the data, its spelling in the file, its span, and its errors."""

    path: Path
    text: str
    span: Span
    errors: list[VariableError]


@dataclass(slots=True)
class Source:
    """A parsed file: its data, and the position of every part of it.

    Attributes:
        text: the file's text.
        data: mappings, lists, texts, numbers and booleans. A value with an error is None.
        keys: the keys of all mappings, wherever they are.
        variables: each text with variables.
        unexpanded: maps an expanded text to its spelling in the file. Messages show the spelling, because values can be secret.
        diagnostics: the errors after which parsing could go on.
        root: the position of the whole data.
        files: maps the index of each included route to the name of its file.
        texts: the text of each included file, by its name.
        moved: maps the path of a value that comes from elsewhere in the file to its path there.
        routes: used only by `spec.raw.routes`, to compute its result once.
    """

    text: str
    data: Any = None
    keys: set[str] = field(default_factory=set)
    variables: list[VariableUse] = field(default_factory=list)
    unexpanded: dict[str, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    root: Node | None = None
    files: dict[int, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    moved: dict[Path, Path] = field(default_factory=dict)
    routes: list[tuple[int, dict[str, Any]]] | None = None

    def has(self, path: Path) -> bool:
        """Returns True if there is a value at a path."""
        return self._node(path) is not None

    def key_span(self, path: Path) -> Span:
        """Returns the span of a key. For an item or the file itself, returns that of its first key, or of its value."""
        node = self._node(path)
        if node is None:
            return self.value_span(path)
        key = node[0] or next((key for key, _ in children_of(node).values() if key), None)
        return self._in_its_file(path, span_of(key)) if key else self.value_span(path)

    def value_span(self, path: Path) -> Span:
        """Returns the span of a value, or of its key if it has several lines. A path that does not exist counts as its parent."""
        node = self._node(path)
        if node is None:
            return self.value_span(path[:-1]) if path else Span()
        return self._in_its_file(path, value_span_of(node))

    def lines_of(self, path: Path) -> tuple[int, int]:
        """Returns the first and the last line of what is at a path, with its key. The path must exist."""
        node = self._node(path)
        assert node is not None
        key, value = node
        return (key or value).start_mark.line + 1, value.end_mark.line + (value.end_mark.column > 0)

    def _in_its_file(self, path: Path, span: Span) -> Span:
        """Returns the span of what is at a path, with the name of the file that it is in."""
        if not self.files or len(path) < 2:
            return span
        key, index, *_ = self._origin(path)
        file = self.files.get(index) if key == "routes" and isinstance(index, int) else None
        return replace(span, file=file) if file else span

    def _node(self, path: Path) -> Node | None:
        node = self.root
        for part in self._origin(path) if self.moved else path:
            node = children_of(node).get(part) if node else None
        return node

    def _origin(self, path: Path) -> Path:
        """Returns where in the file the value at a path is."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.moved:
                return self.moved[path[:length]] + path[length:]
        return path


def decode(raw: bytes) -> str:
    """Decodes a file's bytes. Raises Invalid (FR102) if they are not UTF-8, or contain control characters."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(FR102, "the file is not UTF-8 text", span_after(error.object[: error.start].decode())) from None
    control = _NOT_TEXT.search(text)
    if control:
        raise _invalid(
            FR102, f"the file contains a control character, {quoted(control.group())}", span_after(text[: control.start()])
        )
    return text


def parse_yaml(text: str, variables: Mapping[str, str] | None = None) -> Source:
    """Parses YAML text, and expands the variables in it.

    Errors after which parsing can go on are in the Source's `diagnostics`. Raises Invalid for any other error.
    """
    variables = variables or {}
    if yaml.__with_libyaml__ and not _may_parse_differently(text):
        with suppress(yaml.YAMLError, Invalid):
            events = iter(yaml.CBaseLoader(text).get_event, None)
            source = _compose(text, _refuse_question_marks(events) if "?" in text else events, variables)
            # The parsers can also differ in empty text without quotes. As a value it is an error, and as a key it is "".
            if not source.diagnostics and "" not in source.keys:
                return source
    try:
        return _compose(text, yaml.parse(text, Loader=yaml.BaseLoader), variables)
    except yaml.MarkedYAMLError as error:
        raise _invalid(FR103, *explain(error, text)) from None
    except (ValueError, OverflowError):  # PyYAML does not check the range of numbers in escapes and directives
        number = _BEYOND_UNICODE.search(text)
        span = span_after(text[: number.start()]) if number else Span()
        raise _invalid(FR103, "a number is out of range", span, "write the character itself" if number else "") from None


def _may_parse_differently(text: str) -> bool:
    """Returns True if libyaml and the parser in Python may understand the text differently, as far as a quick look shows."""
    if not text.endswith("\n") or text.startswith("%") or "\n%" in text or any(space in text for space in _UNUSUAL_SPACE):
        return True
    return "#" in text and _COMMENT_AT_BLOCK.search(text) is not None


def _refuse_question_marks(events: Iterator[Any]) -> Iterator[Any]:
    """Passes libyaml's events on. Raises YAMLError at a plain scalar with a `?`: the parser in Python may read it differently."""
    for event in events:
        if type(event) is yaml.ScalarEvent and not event.style and "?" in event.value:
            raise yaml.YAMLError
        yield event


def _compose(text: str, events: Iterator[Any], variables: Mapping[str, str]) -> Source:
    """Makes a Source of a parser's events. Raises Invalid, and whatever the parser raises."""
    source = Source(text)
    roots = (next(events) for event in events if isinstance(event, yaml.DocumentStartEvent))
    first = next(roots, None)
    if first is not None:
        source.data, value = _Composer(events, variables, source).compose(first)
        source.root = None, value
    for root in roots:
        _, value = _Composer(events, variables, Source(text)).compose(root)
        span = shorten(span_of(value))
        source.diagnostics.append(Diagnostic(FR106, "the file has a second document", span, "keep one document in a file"))
    if first is None or (isinstance(first, yaml.ScalarEvent) and not first.value and not first.style):
        raise _invalid(FR104, "the file is empty", Span(), "begin with the example in README.md")
    return source


def plain_scalar_value(text: str) -> str | int | bool:
    """Returns the value of a scalar without quotes."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


class _Composer:
    """Composes a document's events to data. Adds positions, keys, variables and errors to the Source."""

    def __init__(self, events: Iterator[Any], variables: Mapping[str, str], source: Source) -> None:
        self.events = events
        self.values = variables
        self.keys = source.keys
        self.diagnostics = source.diagnostics
        self.source = source

    def compose(self, event: Any, path: Path = (), key: Any = None) -> tuple[Any, Any]:
        """Returns the data of the node that begins with an event (None after an error), and its scalar event or Block."""
        data: Any
        value, kind = event, type(event)
        if kind is yaml.ScalarEvent:
            data = self._scalar(event, path, key)
        elif kind is yaml.AliasEvent:
            suggestion = f"write the value out here; if the text '*{event.anchor}' is meant, put it in quotes"
            if type(key) is yaml.ScalarEvent and key.value == _MERGE:
                suggestion = f"write the keys of '&{event.anchor}' out here, in place of '{_MERGE}'"
            raise _invalid(FR106, "aliases are not supported", character_at(event.start_mark), suggestion)
        elif len(path) == MAX_DEPTH:
            raise _invalid(FR103, "the file is nested too deeply", character_at(event.start_mark))
        else:
            data, end, children = self._mapping(path) if kind is yaml.MappingStartEvent else self._sequence(path)
            value = Block(event.start_mark, end.end_mark, children)
        if event.anchor is not None or event.tag is not None:
            self._report_properties(event, value)
        return data if event.tag is None else None, value

    def _mapping(self, path: Path) -> tuple[dict[str, Any] | None, Any, Children]:
        """Reads the rest of a mapping. Returns its data (None after an error), the event that ends it, and the nodes in it."""
        data: dict[str, Any] = {}
        children: dict[str | int, Node] = {}
        while type(key := next(self.events)) is not yaml.MappingEndEvent:
            name = self._key(key, children, path)
            item, value = self.compose(next(self.events), (*path, name or ""), key)
            if name == _MERGE and not key.style:
                self._merge(key, item, value, data, children)
            elif name is not None:
                data[name], children[name] = item, (key, value)
        only = next(iter(children.values())) if len(children) == 1 else None
        return None if only and _is_bare(*only) else data, key, children

    def _merge(self, key: Any, item: Any, value: Any, data: dict[str, Any], children: dict[str | int, Node]) -> None:
        """Reports a merge key. Reads its mapping as a part of the one around it, so that this is the only error."""
        self._report(FR106, f"merge keys are not supported: '{_MERGE}'", key, "write its keys here, without it")
        if isinstance(item, dict):
            data.update((name, one) for name, one in item.items() if name not in data)
            children.update((name, node) for name, node in value.children.items() if name not in children)

    def _sequence(self, path: Path) -> tuple[list[Any], Any, Children]:
        """Reads the rest of a sequence. Returns the same as `_mapping`."""
        data: list[Any] = []
        children: dict[str | int, Node] = {}
        while type(event := next(self.events)) is not yaml.SequenceEndEvent:
            item, value = self.compose(event, (*path, len(data)))
            children[len(data)] = None, value
            data.append(item)
        return data, event, children

    def _key(self, event: Any, known: Children, path: Path) -> str | None:
        """Returns a key's text, None after an error."""
        if type(event) is not yaml.ScalarEvent:
            self._report(FR103, "a key must be text", self.compose(event, (*path, ""))[1])
            return None
        name: str = event.value
        if event.anchor is not None or event.tag is not None:
            self._report_properties(event, event)
        if event.style and self._report_surrogate(event):
            return None
        if name in known:
            first = Note("first used here", span_of(known[name][0]))
            self._report(FR105, f"the key '{name}' appears twice", event, "keep one of them", (first,))
            return None
        self.keys.add(name)
        return name

    def _scalar(self, event: Any, path: Path, key: Any) -> str | int | bool | None:
        text: str = event.value
        if event.style and self._report_surrogate(event):
            return None
        if "${" in text and takes_variables(path):
            return self._expanded(event, key, path)
        if event.style:
            return text
        if text in _NULLS:
            suggestion = _suggest_value(key, event) if type(key) is yaml.ScalarEvent else "write a value"
            self._report(FR107, "a value is missing", key or event, suggestion)
            return None
        return plain_scalar_value(text)

    def _expanded(self, event: Any, key: Any, path: Path) -> str | None:
        """Returns a scalar with its variables expanded, None after an error."""
        text, errors = expand_variables(event.value, self.values)
        if any(self.values.get(name) for name in variable_names(event.value)):
            self.source.unexpanded[text] = event.value
        if not errors and _NOT_TEXT.search(text):
            errors = [VariableError("", "the value of a variable has control characters, or is not UTF-8", "set it to text")]
        self.source.variables.append(VariableUse(path, event.value, value_span_of((key, event)), errors))
        return None if errors else text

    def _report_surrogate(self, event: Any) -> bool:
        """Reports FR102 if an escape in a scalar made half of a surrogate pair. Returns True then."""

        found = event.style == '"' and _SURROGATE.search(event.value) is not None
        if found:
            self._report(FR102, "an escape gives half of a surrogate pair", event, "write the character itself")
        return found

    def _report_properties(self, event: Any, value: Any) -> None:
        """Reports the anchor and the tag of a node."""
        if event.anchor is not None:
            self._report(FR106, f"anchors are not supported: '&{event.anchor}'", value, "remove the anchor")
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            is_variable = tag.strip("!").lower() in _VARIABLE_TAGS
            suggestion = "write '${NAME}' for a variable of the environment" if is_variable else "remove the tag"
            self._report(FR106, f"tags are not supported: {quoted(tag)}", value, suggestion)

    def _report(self, rule: Rule, message: str, value: Any, suggestion: str = "", notes: tuple[Note, ...] = ()) -> None:
        self.diagnostics.append(Diagnostic(rule, message, shorten(span_of(value)), suggestion, notes))


def _is_bare(key: Any, value: Any) -> bool:
    """Returns True if a key is written without `:` and a value, as in `{name}`."""
    ends = [(span.end_line, span.end_column) for span in (span_of(key), span_of(value))]
    return type(value) is yaml.ScalarEvent and ends[0] == ends[1]


def _suggest_value(key: Any, value: Any) -> str:
    """Suggests what to write for a key without a value."""
    if spaced := "" if key.style else suggest_space(key.value):
        return spaced
    text = f"{{{key.value}}}"
    more = f", or put {quote(text)} in quotes if text is meant" if _is_bare(key, value) else ", or remove the key"
    return f"write a value{more}"


def _invalid(rule: Rule, message: str, span: Span, suggestion: str = "") -> Invalid:
    return Invalid([Diagnostic(rule, message, span, suggestion)])
