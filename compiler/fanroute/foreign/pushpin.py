"""Reads the lines of Pushpin's `routes` file, and writes its words. Pure.

Source: src/proxy/routesfile.cpp and domainmap.cpp of https://github.com/fastly/pushpin.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

# Longer lines are refused, in characters.
MAX_LINE = 8192
# The characters that end a word, or begin a quoted part of it.
_SPECIAL = frozenset('", #')

Cell = tuple[bool, str]
# Every kind of request that `proto` and `ssl` tell apart: if it opens a WebSocket, and its scheme.
CELLS: tuple[Cell, ...] = ((False, "https"), (False, "http"), (True, "https"), (True, "http"))


class BadLine(Exception):
    """Raised for a line that Pushpin does not accept."""


@dataclass(frozen=True, slots=True)
class Section:
    """Represents a condition or a target: a value, and its properties in order, which may repeat."""

    value: str
    properties: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str | None:
        """Returns the value of a property, None without it. The last one counts, as in Pushpin."""
        return dict(self.properties).get(name)

    def has(self, name: str) -> bool:
        return self.get(name) is not None


@dataclass(frozen=True, slots=True)
class Rule:
    """Represents a line. `domain` is "*" for any host without lines of its own, and "" if only an id leads to the line."""

    line: int
    domain: str
    websocket: bool | None
    scheme: Literal["http", "https"] | None
    path: str
    condition: Section
    targets: tuple[Section, ...]

    def takes(self, cell: Cell) -> bool:
        """Returns True if the line takes this kind of request, if it has the right host and path."""
        return self.websocket in (None, cell[0]) and self.scheme in (None, cell[1])

    def beats(self, best: "Rule") -> bool:
        """Returns True if Pushpin prefers this line to an earlier one that takes the same request."""
        if (self.websocket is None) != (best.websocket is None):
            return best.websocket is None
        return len(self.path.encode()) > len(best.path.encode()) or (best.scheme is None and self.scheme is not None)


def parse_line(text: str) -> list[Section]:
    """Returns the condition and the targets of a line, [] for an empty one or a comment. Raises BadLine."""
    sections: list[Section] = []
    at = 0
    while True:
        while text[at : at + 1] == " ":
            at += 1
        if at == len(text) or text[at] == "#":
            return sections
        words, at = _words(text, at)
        value = "" if "=" in words[0] else words.pop(0)
        sections.append(Section(value, tuple(map(_property, words))))


def _words(text: str, at: int) -> tuple[list[str], int]:
    """Returns the words of a section, which commas separate, and the index of its end."""
    words = []
    while True:
        word, at = _word(text, at)
        words.append(word)
        if text[at : at + 1] != ",":
            return words, at
        at += 1


def _word(text: str, at: int) -> tuple[str, int]:
    """Returns a word without its quotes, and the index of its end."""
    parts = []
    while at < len(text) and (text[at] not in _SPECIAL or text[at] == '"'):
        if text[at] == '"':
            part, at = _quoted(text, at + 1)
        else:
            part, at = text[at], at + 1
        parts.append(part)
    return "".join(parts), at


def _quoted(text: str, at: int) -> tuple[str, int]:
    """Returns a quoted part, and the index after the quote that ends it."""
    parts = []
    while at < len(text) and text[at] != '"':
        if text[at] == "\\":
            at += 1
            if text[at : at + 1] not in ("\\", '"'):
                raise BadLine("a backslash in quotes must be followed by another one or by a quote")
        parts.append(text[at])
        at += 1
    if at == len(text):
        raise BadLine("a quote is not closed")
    return "".join(parts), at + 1


def _property(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    if not name:
        raise BadLine("a property has no name")
    return name, value


def read_rule(text: str, line: int) -> Rule | None:
    """Returns the rule of a line, None for an empty one or a comment. Raises BadLine."""
    if len(text) > MAX_LINE:
        raise BadLine(f"the line has more than {MAX_LINE} characters")
    sections = parse_line(text)
    if not sections:
        return None
    condition, *targets = sections
    if not targets:
        raise BadLine("the line has no target")
    if condition.get("path_beg") == "":
        raise BadLine("path_beg is empty")
    schemes: dict[str | None, Literal["http", "https"] | None] = {None: None, "yes": "https", "no": "http"}
    kinds = {None: None, "http": False, "ws": True}
    proto, ssl = condition.get("proto"), condition.get("ssl")
    if proto not in kinds:
        raise BadLine("proto must be 'http' or 'ws'")
    if ssl not in schemes:
        raise BadLine("ssl must be 'yes' or 'no'")
    if not condition.value and not condition.get("id"):
        raise BadLine("the condition has neither a domain nor an id")
    path = condition.get("path_beg") or ""
    return Rule(line, condition.value, kinds[proto], schemes[ssl], path, condition, tuple(targets))


def headers_of(condition: Section) -> Iterator[tuple[str, str]]:
    """Yields the request headers that a condition sets, or removes if the value is "". Raises BadLine.

    If a header occurs twice, Pushpin keeps the first.
    """
    names = set()
    for key, value in condition.properties:
        if key == "header":
            name, colon, content = value.partition(":")
            if not name or not colon:
                raise BadLine("header must be 'name:value'")
            if name.lower() not in names:
                yield name, content.strip(" ")
            names.add(name.lower())


def address_of(target: str) -> tuple[str, int] | None:
    """Returns the host and the port of a target, None if it has another form."""
    host, colon, port = target[1:].partition("]:") if target.startswith("[") else target.partition(":")
    if not colon or not port.isascii() or not port.isdecimal() or not 1 <= int(port[:6]) <= 65535:
        return None
    return host, int(port)


def quoted(word: str) -> str:
    """Returns a word as Pushpin reads it, in quotes if it needs them."""
    if not _SPECIAL & set(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def contains(prefix: str, path: str) -> bool:
    """Returns True if a `path_beg` contains another one, segment by segment: "/a" contains "/a/b" and "/a/", but not "/ab"."""
    return not prefix or path == prefix or path.startswith(prefix if prefix.endswith("/") else f"{prefix}/")


def prefixes_of(path: str) -> list[str]:
    """Returns every `path_beg` that contains a path, the shortest first: "", "/", "/a", "/a/" and "/a/b" for "/a/b"."""
    ends = [end for end in range(1, len(path)) if path[end] == "/" or path[end - 1] == "/"]
    return list(dict.fromkeys(["", *(path[:end] for end in ends), path]))
