"""YAML text to plain data, with the place of everything.

Scalars are narrow: `true` and `false`, decimal integers, and text; `on`, `010` or `1e3` are text. A key without a
value is a mistake: nothing in the language means nothing.

Of PyYAML's two parsers libyaml's is some twenty times faster, and the one in Python words mistakes better. So a text is read
with the first, and with the second where that one finds a mistake, is not there, or may understand the text otherwise.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.syntax.spans import Block, Parts, Place, character_at, first_line, parts_of, span_after, span_of, value_span_of
from fanroute.syntax.variables import Wrong, expand, names_in, takes_variables

FR102 = Rule(
    "FR102",
    "error",
    "the file is UTF-8 text",
    "The same bytes are different text in other encodings, so only one encoding is taken. "
    "Control characters and halves of surrogate pairs are not text: editors hide them, and no header can carry them.",
    b'version: 1\nservice: {name: "caf\xe9"}\n',
    "Save the file as UTF-8.",
)

FR103 = Rule(
    "FR103",
    "error",
    "the file is well-formed YAML",
    "After a mistake in the syntax, the rest of the file has no certain meaning, so this is told alone. "
    "Frequent reasons are a tab in the indentation, an unclosed bracket, and a value with `: ` or `#` without quotes.",
    START + "routes:\n\t- handoff: origin\n",
    "Indent with spaces, close what is open, and put text with special characters in quotes.",
)

FR104 = Rule(
    "FR104",
    "error",
    "the file says something",
    "A file that is empty, or has only comments, describes no service.",
    "# nothing yet\n",
    "Begin with the example at the top of docs/routes.md.",
)

FR105 = Rule(
    "FR105",
    "error",
    "a key stands once in its mapping",
    "Many YAML readers keep the last of two values and say nothing; here one of them would be lost.",
    START + "routes:\n  - match: {path: /a, path: /b}\n    handoff: origin\n",
    "Keep one of them; where a key takes alternatives, write them as a list, and otherwise as two routes.",
)

FR106 = Rule(
    "FR106",
    "error",
    "no anchors, aliases, tags or further documents",
    "A few lines with aliases can stand for gigabytes, and tags can name types of a programming language. "
    "Without them, what a route does is read in one place.",
    START + "routes:\n  - match: &chat {path: /chat}\n    handoff: origin\n  - match: *chat\n    handoff: origin\n",
    "Write the value out where it is used, leave tags away, and keep one document a file.",
)

FR107 = Rule(
    "FR107",
    "error",
    "every key has a value",
    "An empty value is often one that was forgotten, or one whose lines are not indented far enough. "
    "No key of the language means anything without a value.",
    START + "routes:\n  - match:\n    handoff: origin\n",
    "Give the key a value, or leave the key out; for empty text, write `''`.",
)


Path = tuple[str | int, ...]

# How deep mappings and lists may stand within each other; the language needs less than ten.
MAX_DEPTH = 64

_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_BOOLEANS = {"true": True, "false": False}
_NOTHING = ("", "null", "~")
_BEYOND_UNICODE = re.compile(r"\\U(?!000|0010)[0-9A-Fa-f]{8}")
_SURROGATE = re.compile("[\ud800-\udfff]")
# What the two parsers may understand differently: other white space, a comment after `|`.
_PECULIAR = "\t\r\x85\u2028\u2029\ufeff"
# Where a text without quotes begins with one of YAML's signs.
_ANCHORS = ("while scanning an alias", "while scanning an anchor")
_BARE = re.compile(r"[*&@`%|>!][^\s,\[\]{}#]*")
# Where a `*` alone stands for anything, and what to write there instead; "" is for a header or query parameter.
_ANY = re.compile(r"\b(?:(host|method|path): *\[?(?:[^:\[\]{}]*, *)?|(?:header|query): *\{[^{}]*: *)$")
_SUGGESTIONS_FOR_ANY = dict.fromkeys(("host", "method"), "leave '{0}' out: without it, any {0} matches") | {
    "path": 'write "/*"',
    "": "write {{present: true}} if any value is meant",
}
_SIGNS = {"*": "an alias begins", "&": "an anchor begins"}
_COMMENT_OF_BLOCK = re.compile(r"[|>][0-9+-]*#")


@dataclass(slots=True)
class Source:
    """A file's data, and where each part of it is, by its path from the root.

    `variables` are the texts with variables in it, each with its place and what `expand` says is wrong. `written` is what stands
    there, by what it became if it has a variable's value, which no message tells. `keys` are the keys of all its mappings.
    `diagnostics` are the mistakes that left a tree; the values they concern are None in `data`. `routes` are kept here by
    `parts.routes`.
    """

    text: str
    data: Any = None
    keys: set[str] = field(default_factory=set)
    variables: list[tuple[str, Span, list[Wrong]]] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)
    root: Place | None = None
    routes: list[tuple[int, dict[str, Any]]] | None = None

    def has(self, path: Path) -> bool:
        """Whether there is a value at a path."""
        return self._place(path) is not None

    def key_span(self, path: Path) -> Span:
        """Where a key is; for what has no key (an item, the file itself) its first key or its value."""
        place = self._place(path)
        if place is None:
            return self.value_span(path)
        key = place[0] or next((key for key, _ in parts_of(place).values() if key), None)
        return span_of(key) if key else self.value_span(path)

    def value_span(self, path: Path) -> Span:
        """Where a value is, or the nearest thing around it that exists; a block is pointed at by its key."""
        place = self._place(path)
        if place is None:
            return self.value_span(path[:-1]) if path else Span()
        return value_span_of(place)

    def _place(self, path: Path) -> Place | None:
        place = self.root
        for part in path:
            place = parts_of(place).get(part) if place else None
        return place


def decode(raw: bytes) -> str:
    """A file's bytes as text. Raises Invalid for what is not UTF-8 text."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(FR102, "the file is not UTF-8 text", span_after(error.object[: error.start].decode())) from None
    control = _NOT_TEXT.search(text)
    if control:
        raise _invalid(FR102, f"the file has a control character, {control.group()!r}", span_after(text[: control.start()]))
    return text


def parse_yaml(text: str, environment: Mapping[str, str] | None = None) -> Source:
    """YAML text as a Source, with the environment's values where variables stand.

    Raises Invalid for the one mistake after which there is no tree.
    """
    environment = environment or {}
    if yaml.__with_libyaml__ and not _is_peculiar(text):
        with suppress(yaml.YAMLError, Invalid):
            events = iter(yaml.CBaseLoader(text).get_event, None)
            source = _read(text, _undisputed(events) if "?" in text else events, environment)
            # Empty text without quotes they may give otherwise, too: a value is a mistake then, a key is the empty one.
            if not source.diagnostics and "" not in source.keys:
                return source
    try:
        return _read(text, yaml.parse(text, Loader=yaml.BaseLoader), environment)
    except yaml.MarkedYAMLError as error:
        raise _yaml_error(error, text) from None
    except (ValueError, OverflowError):  # PyYAML checks no number in an escape or a directive
        number = _BEYOND_UNICODE.search(text)
        span = span_after(text[: number.start()]) if number else Span()
        raise _invalid(FR103, "a number out of range", span, "write the character itself" if number else "") from None


def _is_peculiar(text: str) -> bool:
    """Whether the two parsers may understand a text differently, as is seen at once."""
    if not text.endswith("\n") or text.startswith("%") or "\n%" in text or any(character in text for character in _PECULIAR):
        return True
    return "#" in text and _COMMENT_OF_BLOCK.search(text) is not None


def _undisputed(events: Iterator[Any]) -> Iterator[Any]:
    """Events of libyaml. Raises YAMLError at what the other parser may give otherwise: bare text that has a `?`."""
    for event in events:
        if type(event) is yaml.ScalarEvent and not event.style and "?" in event.value:
            raise yaml.YAMLError
        yield event


def _read(text: str, events: Iterator[Any], environment: Mapping[str, str]) -> Source:
    """The text as one of PyYAML's parsers understands it. Raises Invalid, or what the parser does."""
    source = Source(text)
    roots = (next(events) for event in events if isinstance(event, yaml.DocumentStartEvent))
    first = next(roots, None)
    if first is not None:
        source.data, marked = _Reader(events, environment, source).node(first)
        source.root = None, marked
    for root in roots:
        _, marked = _Reader(events, environment, Source(text)).node(root)
        source.diagnostics.append(Diagnostic(FR106, "a second document", first_line(span_of(marked))))
    if first is None or (isinstance(first, yaml.ScalarEvent) and not first.value and not first.style):
        raise _invalid(FR104, "the file is empty", Span(), "describe routes, as README.md shows")
    return source


def plain_scalar_value(text: str) -> str | int | bool:
    """What a scalar without quotes is."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return int(text) if _INTEGER.fullmatch(text) else text


class _Reader:
    """Reads a document's events to data, noting places, keys and mistakes in a source."""

    def __init__(self, events: Iterator[Any], environment: Mapping[str, str], source: Source) -> None:
        self.events = events
        self.environment = environment
        self.keys = source.keys
        self.diagnostics = source.diagnostics
        self.source = source

    def node(self, event: Any, path: Path = (), key: Any = None) -> tuple[Any, Any]:
        """The node that begins with an event: its data, None where a mistake leaves none, and what has its marks."""
        data: Any
        marked, kind = event, type(event)
        if kind is yaml.ScalarEvent:
            data = self._scalar(event, path, key)
        elif kind is yaml.AliasEvent:
            suggestion = f"write the value out where it is used; or '*{event.anchor}', in quotes, if that text is meant"
            raise _invalid(FR106, "an alias", character_at(event.start_mark), suggestion)
        elif len(path) == MAX_DEPTH:
            raise _invalid(FR103, "the file is nested too deeply", character_at(event.start_mark))
        else:
            data, end, parts = self._mapping(path) if kind is yaml.MappingStartEvent else self._sequence(path)
            marked = Block(event.start_mark, end.end_mark, parts)
        if event.anchor is not None or event.tag is not None:
            self._report_tag(event, marked)
        return data if event.tag is None else None, marked

    def _mapping(self, path: Path) -> tuple[dict[str, Any], Any, Parts]:
        """The rest of a mapping: its data, the event that ends it, and its parts."""
        data: dict[str, Any] = {}
        parts: dict[str | int, Place] = {}
        while type(key := next(self.events)) is not yaml.MappingEndEvent:
            name = self._key(key, parts, path)
            value, marked = self.node(next(self.events), (*path, name or ""), key)
            if name is not None:
                data[name], parts[name] = value, (key, marked)
        return data, key, parts

    def _sequence(self, path: Path) -> tuple[list[Any], Any, Parts]:
        """The rest of a sequence, likewise."""
        data: list[Any] = []
        parts: dict[str | int, Place] = {}
        while type(event := next(self.events)) is not yaml.SequenceEndEvent:
            item, marked = self.node(event, (*path, len(data)))
            parts[len(data)] = None, marked
            data.append(item)
        return data, event, parts

    def _key(self, event: Any, known: Parts, path: Path) -> str | None:
        """A key's text; None for a mistake."""
        if type(event) is not yaml.ScalarEvent:
            self._report(FR103, "a key that is not text", self.node(event, (*path, ""))[1])
            return None
        name: str = event.value
        if event.anchor is not None or event.tag is not None:
            self._report_tag(event, event)
        if event.style and self._is_broken(event):
            return None
        if name in known:
            first = Note("first here", span_of(known[name][0]))
            self._report(FR105, f"the key '{name}' stands twice", event, "keep one", (first,))
            return None
        self.keys.add(name)
        return name

    def _scalar(self, event: Any, path: Path, key: Any) -> str | int | bool | None:
        text: str = event.value
        if event.style and self._is_broken(event):
            return None
        if "${" in text and takes_variables(path):
            return self._expanded(event, key)
        if event.style:
            return text
        if text in _NOTHING:
            self._report(FR107, "a value is missing", key or event, "give one, or leave the key out")
            return None
        return plain_scalar_value(text)

    def _expanded(self, event: Any, key: Any) -> str | None:
        """A scalar with its variables' values; None, and noted with the variables, where there is something wrong with them."""
        text, wrong = expand(event.value, self.environment)
        if any(self.environment.get(name) for name in names_in(event.value)):
            self.source.written[text] = event.value
        if not wrong and _NOT_TEXT.search(text):
            wrong = [("", "the value of a variable is not text", "")]
        self.source.variables.append((event.value, value_span_of((key, event)), wrong))
        return None if wrong else text

    def _is_broken(self, event: Any) -> bool:
        """Whether an escape has made what is no text; then it is reported."""
        broken = event.style == '"' and _SURROGATE.search(event.value) is not None
        if broken:
            self._report(FR102, "half of a surrogate pair", event, "write the character itself")
        return broken

    def _report_tag(self, event: Any, marked: Any) -> None:
        """Report a node's tag, and its anchor."""
        if event.anchor is not None:
            self._report(FR106, f"the anchor '&{event.anchor}'", marked, "leave the anchor out")
        if event.tag is not None:
            self._report(FR106, f"the tag {event.tag!r}", marked, "leave the tag out")

    def _report(self, rule: Rule, message: str, marked: Any, suggestion: str = "", notes: tuple[Note, ...] = ()) -> None:
        self.diagnostics.append(Diagnostic(rule, message, first_line(span_of(marked)), suggestion, notes))


def _invalid(rule: Rule, message: str, span: Span, suggestion: str = "") -> Invalid:
    return Invalid([Diagnostic(rule, message, span, suggestion)])


def _yaml_error(error: yaml.MarkedYAMLError, text: str) -> Invalid:
    mark = error.problem_mark or error.context_mark
    span = character_at(mark) if mark else Span()
    lines = text.splitlines()
    indent = re.match(r" *(\t)", lines[span.line - 1]) if span.line <= len(lines) else None
    if indent:
        column = indent.start(1) + 1
        tab = Span(span.line, column, span.line, column + 1)
        return _invalid(FR103, "a tab in the indentation", tab, "indent with spaces")
    start = character_at(error.context_mark) if error.context in _ANCHORS and error.context_mark else span
    if error.context in _ANCHORS or "cannot start any token" in (error.problem or ""):
        bare = _BARE.match(_line(lines, start), start.column - 1)
        if bare:
            return _needs_quotes(bare[0].rstrip(":"), start, _line(lines, start)[: start.column - 1])
    braces = re.search(r"(\$|\S)\{$", _line(lines, span)[: span.column]) if "but got '{'" in (error.problem or "") else None
    suggestion = f"put a value with '{'$' if braces[1] == '$' else ''}{{…}}' in quotes" if braces else error.context or ""
    return _invalid(FR103, error.problem or "not YAML", span, suggestion)


def _line(lines: list[str], span: Span) -> str:
    return lines[span.line - 1] if span.line <= len(lines) else ""


def _needs_quotes(text: str, start: Span, before: str) -> Invalid:
    """The mistake of a text without quotes that begins with a sign of YAML's own, as `*.example.com` does.

    `before` is what stands before it in its line.
    """
    span = Span(start.line, start.column, start.line, start.column + len(text))
    found = _ANY.search(before) if text == "*" else None
    if found:
        suggestion = _SUGGESTIONS_FOR_ANY[found[1] or ""].format(found[1])
        return _invalid(FR103, "in YAML, an alias begins with '*'", span, suggestion)
    message = f"'{text}' must be quoted: in YAML, {_SIGNS.get(text[0], 'nothing can begin')} with '{text[0]}'"
    return _invalid(FR103, message, span, f"write {_in_quotes(text)}")


def _in_quotes(text: str) -> str:
    return f'"{text}"' if not set(text) & set('"\\') else "'" + text.replace("'", "''") + "'"
