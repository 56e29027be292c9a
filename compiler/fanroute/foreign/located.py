"""Reads JSON, YAML and TOML of other tools as plain data, with the line of each part. Pure."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import yaml

from fanroute.foreign.draft import NotImported, shown

# The keys and indices that lead to a part of the data.
Path = tuple[str | int, ...]
# How deeply mappings and lists may be nested. OpenAPI documents have up to some forty levels.
MAX_DEPTH = 100

_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_SCALARS: dict[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_LINE_OF_ERROR = re.compile(r"\(at line (\d+)")
_TABLE = re.compile(r"\s*(\[\[?)\s*([\w.\"'-]+?)\s*\]\]?\s*(#.*)?")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*=")


@dataclass(slots=True)
class Located:
    """Represents a file's data, and the line where each part of it begins."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, *path: str | int) -> int:
        """Returns the line of a part, or of the closest part around it that is known. The first line is 1."""
        return next((self.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in self.lines), 1)


def read_json(text: str) -> Located:
    """Reads JSON. Raises NotImported."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise NotImported(f"it is not JSON: {error.msg}", error.lineno) from None
    except RecursionError:
        raise NotImported("it is nested too deeply") from None
    except ValueError:
        raise NotImported("it has a number with too many digits") from None
    # JSON is YAML too, if no tabs indent it and no pair of escapes stands for one character.
    whole = _PAIR.sub(lambda pair: json.loads(f'"{pair[0]}"'), text.replace("\t", " "))
    return read_yaml(whole)


def read_yaml(text: str) -> Located:
    """Reads YAML. Aliases and `<<` are resolved, tags are ignored. Raises NotImported."""
    if yaml.__with_libyaml__:
        with suppress(yaml.YAMLError, UnicodeEncodeError):
            return _compose(iter(yaml.CBaseLoader(text).get_event, None))
    try:
        return _compose(yaml.parse(text, Loader=yaml.BaseLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise NotImported(f"it is not well-formed: {error.problem}", mark.line + 1 if mark else 0) from None
    except (yaml.YAMLError, ValueError, OverflowError):
        raise NotImported("it is not well-formed") from None


def read_toml(text: str, *names: str) -> Located:
    """Reads TOML, with the lines of all top-level tables and of the tables in the lists of these names. Raises NotImported."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE_OF_ERROR.search(str(error))
        raise NotImported(f"it is not TOML: {str(error).partition(' (at ')[0]}", int(found[1]) if found else 0) from None
    except RecursionError:
        raise NotImported("it is nested too deeply") from None
    except ValueError:
        raise NotImported("it has a number or time that is out of range") from None
    lines: dict[Path, int] = {}
    for path, line in _toml_lines(text):
        lines.setdefault(path, line)
    for name in names:
        if isinstance(data.get(name), list) and (name, len(data[name])) in lines:  # brackets within a text
            lines = {path: line for path, line in lines.items() if path[0] != name} | {(name,): lines[name,]}
    return Located(data, lines)


def _toml_lines(text: str) -> Iterator[tuple[Path, int]]:
    """Yields the paths of tables and their keys, as they look line by line."""
    table: Path = ()
    counts: dict[str, int] = {}
    for line, content in enumerate(text.split("\n"), 1):
        if header := _TABLE.fullmatch(content.rstrip("\r")):
            first, *rest = re.sub("[\"']", "", header[2]).split(".")
            if header[1] == "[[" and not rest:
                counts[first] = counts.get(first, -1) + 1
            table = (first, counts[first], *rest) if first in counts else (first, *rest)
            yield (first,), line
            yield table, line
        elif key := _KEY.match(content):
            yield (*table, key[1]), line


class _Composer:
    """Makes data of the events of a YAML parser."""

    def __init__(self, events: Iterator[Any]) -> None:
        self.located = Located(None)
        self._events = events
        self._anchored: dict[str, Any] = {}

    def compose(self, event: Any, path: Path = ()) -> Any:
        """Returns the data of the node that begins with an event."""
        line = event.start_mark.line + 1
        self.located.lines.setdefault(path, line)
        if len(path) > MAX_DEPTH:
            raise NotImported("it is nested too deeply", line)
        if type(event) is yaml.AliasEvent:
            if event.anchor not in self._anchored:
                raise NotImported(f"the alias '{shown(str(event.anchor))}' stands for nothing", line)
            return self._anchored[event.anchor]
        read: dict[type, Callable[[Any, Path], Any]] = {
            yaml.MappingStartEvent: self._mapping,
            yaml.SequenceStartEvent: self._sequence,
            yaml.ScalarEvent: _scalar,
        }
        data = read[type(event)](event, path)
        if event.anchor is not None:
            self._anchored[event.anchor] = data
        return data

    def _mapping(self, _event: Any, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        while type(key := next(self._events)) is not yaml.MappingEndEvent:
            line = key.start_mark.line + 1
            if type(key) is not yaml.ScalarEvent:
                raise NotImported("a key is not text", line)
            name = key.value
            if name in data:
                raise NotImported(f"the key '{shown(name)}' appears twice in its mapping", line)
            self.located.lines[*path, name] = line
            value = self.compose(next(self._events), (*path, name))
            if name == "<<" and not key.style:
                for one in value if isinstance(value, list) else [value]:
                    merged = {**(one if isinstance(one, dict) else {}), **merged}
            else:
                data[name] = value
        return {**merged, **data}

    def _sequence(self, _event: Any, path: Path) -> list[Any]:
        data: list[Any] = []
        while type(event := next(self._events)) is not yaml.SequenceEndEvent:
            data.append(self.compose(event, (*path, len(data))))
        return data


def _compose(events: Iterator[Any]) -> Located:
    starts = (next(events) for event in events if isinstance(event, yaml.DocumentStartEvent))
    first = next(starts, None)
    if first is None:
        raise NotImported("it is empty")
    composer = _Composer(events)
    composer.located.data = composer.compose(first)
    second = next(starts, None)
    if second is not None:
        raise NotImported("it has a second document", second.start_mark.line + 1)
    return composer.located


def _scalar(event: Any, _path: Path) -> Any:
    text = event.value
    if event.style:
        return text
    return int(text) if _INTEGER.fullmatch(text) else _SCALARS.get(text, text)
