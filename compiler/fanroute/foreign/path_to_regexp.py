"""Turns the paths of path-to-regexp, which Vercel uses, and simple regular expressions into paths of routes.yaml. Pure.

Source: https://github.com/pillarjs/path-to-regexp (version 6) and https://vercel.com/docs/project-configuration
"""

import re
from dataclasses import dataclass, field

from fanroute.foreign.draft import Data, shown
from fanroute.foreign.literals import filled, path_text, pattern_text
from fanroute.foreign.site import REST, BadRule
from fanroute.spec.placeholders import parameter_name

# Stands for a value that no reference has.
UNBOUND = "{?}"

_ANY_REST = (".*", ".+")
_ANY_SEGMENT = ("[^/]+", "[^/]*", "[^/]+?", "[^\\/]+", "[^\\/]*")
_OPTIONAL_SLASH = re.compile(r"(\(/\?\)|/\?)$")
_NOT_AHEAD = re.compile(r"\(\?!(?P<words>[^()]*)\)\.[*+]")
_NAME = re.compile(r":([A-Za-z_]\w*)")
_NAMED_GROUP = re.compile(r"\?<([A-Za-z_]\w*)>")
# A pattern that may fit a slash, or that only a path-to-regexp of Vercel understands.
_BEYOND_SEGMENT = re.compile(r"/|(?<!\\)\.|\[\^|\(\?[!=<]")
_LOOKS_AROUND = re.compile(r"\(\?[!=<]")
# What a regular expression has, and path-to-regexp has not.
_RAW_SYNTAX = re.compile(r"[\[\]|+*?^$]")


@dataclass(slots=True)
class Paths:
    """Represents the requests of a source.

    Attributes:
        paths: the paths of routes.yaml that together take them.
        where: patterns of the parameters.
        bound: what a target may refer to, such as `:id` or `$1`, as references of routes.yaml, REST, or UNBOUND.
        excluded: beginnings of the rest that the source does not take.
        remarks: in which the paths differ.
    """

    paths: tuple[str, ...] = ()
    where: Data = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    excluded: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)

    def target(self, written: str) -> str:
        """Returns a target with the references of routes.yaml."""
        return filled(written, self.bound, r"(?!\w)(?:\([^()]*\))?[*+]?")


@dataclass(frozen=True, slots=True)
class _Group:
    """Represents a parameter or group: the names that targets use for it, its pattern, and `*`, `+`, `?` or nothing after it."""

    names: tuple[str, ...]
    pattern: str | None
    modifier: str


def read_source(source: str) -> Paths:
    """Returns the paths for a source of path-to-regexp. Raises BadRule."""
    return _Reader(source, False).read()


def read_expression(expression: str) -> Paths:
    """Returns the paths for a regular expression over a path, as in Vercel's `routes`. Raises BadRule."""
    text = expression.removeprefix("^").removesuffix("$").removeprefix("/?")
    text = re.sub(r"\(\?:/\(\.\*\)\)\?$", "/:rest*", text if text.startswith("/") else f"/{text}")
    text = re.sub(r"(?<![(.\\])\.[*+]$", "(?:.*)", text)
    return _Reader(re.sub(r"(?<=/)(\[\^/\][+*])(?=/|$)", r"(?:\1)", text), True).read()


class _Reader:
    def __init__(self, source: str, is_expression: bool) -> None:
        self._source = source
        self._is_expression = is_expression
        self._groups = self._parameters = 0
        self._made = Paths()

    def read(self) -> Paths:
        """Returns the paths. Raises BadRule."""
        if not self._source.startswith("/"):
            raise self._refused()
        text = self._source
        optional = _OPTIONAL_SLASH.search(text)
        if optional:
            text = text[: optional.start()]
            self._groups += optional[0].startswith("(")
        *first, last = [self._items(segment) for segment in _segments(text[1:])]
        base = "".join(f"/{self._segment(items)}" for items in first)
        paths = [f"{base}{end}" or "/" for end in self._last(last)]
        if optional:
            paths = [f"{path.rstrip('/')}{slash}" or "/" for path in paths for slash in ("", "/")]
        self._made.paths = tuple(dict.fromkeys(paths))
        return self._made

    def _refused(self) -> BadRule:
        return BadRule(f"'{shown(self._source)}' cannot be matched. Its requests get a later rule")

    def _items(self, segment: str) -> list[str | _Group]:
        """Returns the texts and groups of a segment."""
        items: list[str | _Group] = []
        at = 0
        while at < len(segment):
            char = segment[at]
            if char == "\\" and at + 1 < len(segment):
                items.append(segment[at + 1])
                at += 2
            elif char == "(":
                group, at = self._group(segment, at, "")
                items.append(group)
            elif name := _NAME.match(segment, at):
                group, at = self._group(segment, at, name[1])
                items.append(group)
            elif char in "{})" or (_RAW_SYNTAX.match(char) and self._is_expression):
                raise self._refused()
            else:
                items.append(char)
                at += 1
        return items

    def _group(self, segment: str, at: int, name: str) -> tuple[_Group, int]:
        """Returns the group at a place, and the place after it."""
        at += len(name) + 1 if name else 0
        pattern = None
        counts = True
        if segment[at : at + 1] == "(":
            end = closing(segment, at)
            if end is None:
                raise self._refused()
            pattern, at = segment[at + 1 : end], end + 1
            if named := _NAMED_GROUP.match(pattern):
                name, pattern = named[1], pattern[named.end() :]
            elif pattern.startswith("?:"):
                pattern, counts = pattern.removeprefix("?:"), False
        self._groups += counts
        modifier = segment[at : at + 1] if segment[at : at + 1] in ("*", "+", "?") else ""
        numbers = (f"${self._groups}",) if counts else ()
        return _Group((*((f":{name}", f"${name}") if name else ()), *numbers), pattern, modifier), at + len(modifier)

    def _segment(self, items: list[str | _Group]) -> str:
        """Returns a segment that is not the last one."""
        groups = [item for item in items if isinstance(item, _Group)]
        if not groups:
            return _literal(items)
        if any(group.modifier for group in groups):
            raise self._refused()
        if len(items) == 1:
            return self._parameter(groups[0], groups[0].pattern)
        pattern = "".join(self._pattern_within(item) if isinstance(item, _Group) else pattern_text(item) for item in items)
        self._bind(_Group(tuple(name for group in groups for name in group.names), None, ""), UNBOUND)
        name = f"segment{len(self._made.where) + 1}"
        self._made.where[name] = pattern
        return f"{{{name}}}"

    def _pattern_within(self, group: _Group) -> str:
        """Returns the pattern of a group that is a part of a segment."""
        if group.pattern is None or group.pattern in _ANY_SEGMENT:
            return "[^/]+"
        if _BEYOND_SEGMENT.search(group.pattern):
            raise self._refused()
        return f"({group.pattern})"

    def _parameter(self, group: _Group, pattern: str | None) -> str:
        """Returns a parameter for a whole segment."""
        if pattern is not None and pattern not in _ANY_SEGMENT and _BEYOND_SEGMENT.search(pattern):
            raise self._refused()
        self._parameters += 1
        own = next((name[1:] for name in group.names if name[1:2].isalpha()), "")
        name = parameter_name(own) if own else f"part{self._parameters}"
        if f"{{{name}}}" in self._made.bound.values():
            raise self._refused()
        if pattern is not None and pattern not in _ANY_SEGMENT:
            self._made.where[name] = pattern
        self._bind(group, f"{{{name}}}")
        return f"{{{name}}}"

    def _last(self, items: list[str | _Group]) -> list[str]:
        """Returns the ends of the paths, each with its slash."""
        if len(items) > 1 and any(isinstance(item, _Group) and _is_rest(item) for item in items[:-1]):
            return [f"/{self._rest_with_text(items)}"]
        last = items[-1] if items and isinstance(items[-1], _Group) else None
        if last is None or (len(items) > 1 and last.pattern not in (*_ANY_REST, "/.*")):
            return [f"/{self._segment(items)}"]
        ahead = _NOT_AHEAD.fullmatch(last.pattern or "")
        if last.pattern == "/.*":  # `/api(/.*)?`
            self._bind(last, f"/{REST}")
            base = self._segment(items[:-1])
            return [f"/{base}", f"/{base}/*"] if last.modifier == "?" else [f"/{base}/*"]
        if len(items) > 1:  # `/api(.*)`
            if any(isinstance(item, _Group) for item in items[:-1]):
                raise self._refused()
            text = _literal(items[:-1])
            self._bind(last, f"/{REST}")
            self._made.remarks.append(f"'{shown(self._source)}' also takes paths such as /{shown(text)}x, and the routes do not")
            return [f"/{text}", f"/{text}/*"]
        if last.pattern in _ANY_REST or ahead or (last.pattern is None and last.modifier in ("*", "+")):
            self._bind(last, REST)
            self._made.excluded = tuple(word for word in ahead["words"].split("|") if word) if ahead else ()
            return ["", "/*"] if last.modifier == "*" and last.pattern is None else ["/*"]
        if last.modifier == "?":
            return ["", f"/{self._parameter(last, last.pattern)}"]
        if not last.modifier and _BEYOND_SEGMENT.search(last.pattern or "") and not _LOOKS_AROUND.search(last.pattern or ""):
            return [f"/{self._parameter_of_rest(last)}"]
        return [f"/{self._segment(items)}"]

    def _parameter_of_rest(self, group: _Group) -> str:
        """Returns a parameter for the rest of the path, whose pattern may fit a slash, such as `:slug(lucide-.*)`."""
        name = self._parameter(group, None)[1:-1]
        self._made.where[name] = group.pattern
        return f"{{{name}...}}"

    def _rest_with_text(self, items: list[str | _Group]) -> str:
        """Returns a parameter for the rest of the path, which has to end as the items say, such as `:file*.woff2`."""
        groups = [item for item in items if isinstance(item, _Group)]
        if any(group.modifier and not _is_rest(group) for group in groups):
            raise self._refused()
        parts = ("" if isinstance(item, str) else ".*" if _is_rest(item) else self._pattern_within(item) for item in items)
        pattern = "".join(part or pattern_text(str(item)) for part, item in zip(parts, items, strict=True))
        self._bind(_Group(tuple(name for group in groups for name in group.names), None, ""), UNBOUND)
        self._made.where["rest"] = pattern
        return "{rest...}"

    def _bind(self, group: _Group, value: str) -> None:
        self._made.bound |= dict.fromkeys(group.names, value)


def _is_rest(group: _Group) -> bool:
    """Returns True if a group may take several segments."""
    return group.pattern in _ANY_REST if group.pattern else group.modifier in ("*", "+")


def _segments(path: str) -> list[str]:
    """Splits a path at the slashes that are in no group."""
    segments, depth, start = [], 0, 0
    for at, char in enumerate(path):
        if path[at - 1 : at] == "\\":
            continue
        depth += (char == "(") - (char == ")")
        if char == "/" and not depth:
            segments.append(path[start:at])
            start = at + 1
    return [*segments, path[start:]]


def closing(text: str, at: int) -> int | None:
    """Returns the place of the parenthesis that closes the one at a place, None without it."""
    depth = 0
    for place in range(at, len(text)):
        if text[place - 1 : place] != "\\" or place == at:
            depth += (text[place] == "(") - (text[place] == ")")
        if not depth:
            return place
    return None


def _literal(items: list[str | _Group]) -> str:
    return path_text("".join(item for item in items if isinstance(item, str)))
