"""Defines a draft of a routes.yaml, with remarks about all that another tool's file says and routes.yaml cannot. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fanroute.diagnostics.printable import printable

Data = dict[str, Any]
# How much of a word of another tool's file a remark shows, in characters.
MAX_SHOWN = 60


class NotImported(Exception):
    """Raised if a file gives no routes. `line` begins at 1, and is 0 if the reason is no single line."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


@dataclass(frozen=True, slots=True)
class Remark:
    """Says what a line of the other file means, if routes.yaml does not say the same. The first line is 1."""

    line: int
    text: str


@dataclass(slots=True)
class Part:
    """Represents a backend or a route of the draft: its data, and the remarks that stand above it."""

    data: Data
    remarks: list[Remark] = field(default_factory=list)


@dataclass(slots=True)
class Draft:
    """Represents a routes.yaml before it is written. `remarks` are about lines that became no route. They stand at the top."""

    backends: dict[str, Part] = field(default_factory=dict)
    routes: list[Part] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def all_remarks(self) -> list[Remark]:
        """Returns the remarks about the whole file, by line."""
        parts = [*self.backends.values(), *self.routes]
        return sorted((*self.remarks, *(remark for part in parts for remark in part.remarks)), key=lambda remark: remark.line)


def shown(text: str) -> str:
    """Returns a word of another tool's file for a remark: printable, and not too long."""
    return printable(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")


def draft_text(draft: Draft, source: str, service: str) -> str:
    """Returns a draft as YAML, which still has to be formatted. `source` names the other file, and `service` the service."""
    lines = [f"# Made by `fanroute import` from {shown(source)}.", *_comments(draft.remarks), "version: 1"]
    lines += [f"service: {_flow({'name': service})}", "", "backends:"]
    backends = draft.backends or {"origin": Part({"url": "https://origin.example.com"})}
    for name, backend in backends.items():
        lines += [*_comments(backend.remarks, "  "), f"  {_flow(name)}: {_flow(backend.data)}"]
    lines += ["", "routes:"]
    for route in draft.routes:
        keys = [f"{_flow(key)}: {_flow(value)}" for key, value in route.data.items()]
        lines += [*_comments(route.remarks, "  "), f"  - {keys[0]}", *(f"    {key}" for key in keys[1:])]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    """Returns data as JSON, which is YAML too."""
    return json.dumps(value, ensure_ascii=False)


def _comments(remarks: Iterable[Remark], indent: str = "") -> Iterator[str]:
    return (f"{indent}# line {remark.line}: {remark.text}" for remark in remarks)
