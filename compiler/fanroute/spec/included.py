"""Puts the routes of included files in the place of the items of `routes` that name them.

An included file has `routes` and nothing else, so it can neither change the service nor include other files. Its routes keep
their positions, with the file's name.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Note, Span
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec.inputs import Inputs
from fanroute.spec.types import is_file_path
from fanroute.spec.validate import did_you_mean
from fanroute.syntax.source import FR104, Path, Source, decode, parse_yaml
from fanroute.syntax.spans import Block, Node, children_of

FR272 = Rule(
    "FR272",
    "error",
    "an included file has something else than routes, or is included wrongly",
    "An item `include: FILE` of `routes` stands for the routes of this file. The file has `routes` only, because what belongs to "
    "the whole service, such as its backends, has one place: routes.yaml. Its routes cannot include other files, so the order of "
    "all routes can be read in routes.yaml.",
    START + "routes:\n  - include: teams/chat.yaml\n    match: {path: /chat/*}\n  - handoff: origin\n",
    "Write `include` alone in its item, each file once, and keep everything but `routes` in routes.yaml.",
)

FR273 = Rule(
    "FR273",
    "error",
    "an included file cannot be read, or is too large",
    "The path begins at the folder of routes.yaml and stays within it, even if it follows links, so that a copy of the folder "
    "builds the same component. All included files together may have as many bytes as routes.yaml itself.",
    START + "routes:\n  - include: teams/chat.yaml\n  - handoff: origin\n",
    "Name a file in the folder.",
)

# The most bytes that all included files have together: as many as routes.yaml itself may have.
MAX_INCLUDED = 4 << 20


def included_paths(source: Source) -> list[tuple[int, str]]:
    """Returns the valid paths of included files, each with the index of its item in `routes`."""
    return included_paths_of(source.data)


def included_paths_of(data: Any) -> list[tuple[int, str]]:
    """Returns the same for the data of a file."""
    routes = data.get("routes") if isinstance(data, dict) else None
    items = enumerate(routes) if isinstance(routes, list) else ()
    found = ((index, item.get("include")) for index, item in items if isinstance(item, dict))
    return [(index, path) for index, path in found if isinstance(path, str) and is_file_path(path)]


def with_included(source: Source, inputs: Inputs) -> Source:
    """Returns a file with the routes of the files that it includes. Errors in them are in its `diagnostics`."""
    if "include" not in source.keys or not included_paths(source):
        return source
    return _Including(source, inputs).result()


class _Including:
    """Puts included routes in a copy of a Source."""

    def __init__(self, source: Source, inputs: Inputs) -> None:
        self._source = source
        self._inputs = inputs
        self._data: list[Any] = []
        self._nodes: dict[str | int, Node] = {}
        self._left = MAX_INCLUDED
        # The index of the item that includes a file, by the file's path.
        self._first: dict[PurePosixPath, int] = {}
        self._result = replace(
            source,
            keys=set(source.keys),
            variables=[],
            unexpanded=dict(source.unexpanded),
            diagnostics=list(source.diagnostics),
            files={},
            texts={},
            routes=None,
        )

    def result(self) -> Source:
        paths, items = dict(included_paths(self._source)), self._source.data["routes"]
        root, routes = self._node(()), self._node(("routes",))
        for index, item in enumerate(items):
            if index in paths:
                self._include(index, item, paths[index])
            else:
                self._variables(self._source, index, "")
                self._nodes[len(self._data)] = children_of(routes)[index]
                self._data.append(item)
        self._result.variables = [
            *(use for use in self._source.variables if use.path[:1] != ("routes",)),
            *self._result.variables,
        ]
        self._result.data = self._source.data | {"routes": self._data}
        block = Block(routes[1].start_mark, routes[1].end_mark, self._nodes)
        children = dict(children_of(root)) | {"routes": (routes[0], block)}
        self._result.root = None, Block(root[1].start_mark, root[1].end_mark, children)
        return self._result

    def _node(self, path: Path) -> Any:
        node: Any = self._source.root
        for part in path:
            node = children_of(node)[part]
        return node

    def _variables(self, source: Source, index: int, file: str) -> None:
        """Keeps the texts with variables of a route, which comes next."""
        for use in source.variables:
            if use.path[:2] == ("routes", index):
                path = ("routes", len(self._data), *use.path[2:])
                self._result.variables.append(use._replace(path=path, span=replace(use.span, file=file)))

    def _include(self, index: int, item: dict[str, Any], path: str) -> None:
        """Adds the routes of a file, or reports why not. In that case, None takes their place, as for any value with an error."""
        at: Path = ("routes", index)
        errors = [*self._misplaced(index, item, path)]
        if not errors:
            file = (PurePosixPath(self._inputs.folder) / path).as_posix()
            try:
                raw = self._inputs.read(path, self._left)
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                span = self._source.value_span((*at, "include"))
                suggestion = "write its path from the folder of routes.yaml"
                errors = [Diagnostic(FR273, f"the file '{path}' cannot be read: {reason}", span, suggestion)]
            else:
                self._left -= len(raw)
                errors = self._add(raw, file, at)
        if errors:
            self._result.diagnostics += errors
            self._nodes[len(self._data)] = self._node(at)
            self._data.append(None)

    def _misplaced(self, index: int, item: dict[str, Any], path: str) -> Iterator[Diagnostic]:
        for key in item:
            if key != "include":
                span = self._source.key_span(("routes", index, key))
                yield Diagnostic(FR272, f"'{key}' is beside an 'include'", span, "write it in the included file, at its routes")
        first = self._first.setdefault(PurePosixPath(path), index)
        if first != index:
            note = Note("the first time", self._source.value_span(("routes", first, "include")))
            span = self._source.value_span(("routes", index, "include"))
            yield Diagnostic(FR272, f"the file '{path}' is included twice", span, "keep one of them", (note,))

    def _add(self, raw: bytes, file: str, at: Path) -> list[Diagnostic]:
        """Adds the routes of a file with this content, which the item at a path includes. Returns the errors instead, if any."""
        try:
            text = decode(raw)
            if text == self._source.text:
                return [
                    Diagnostic(FR272, "the file includes itself", self._source.value_span((*at, "include")), "remove the item")
                ]
            self._result.texts[file] = text
            source = parse_yaml(text, self._inputs.variables)
        except Invalid as invalid:
            suggestion = "begin it with 'routes:'"
            found = [replace(one, suggestion=suggestion) if one.rule is FR104 else one for one in invalid.diagnostics]
            return _in_file(file, found)
        errors = [*_faults(source)]
        if errors or source.data["routes"] is None:  # that was reported when it was parsed
            return _in_file(file, [*source.diagnostics, *errors])
        self._result.keys |= source.keys
        self._result.unexpanded |= source.unexpanded
        self._result.diagnostics += _in_file(file, source.diagnostics)
        nodes = children_of(children_of(source.root or (None, None))["routes"])
        for index, route in enumerate(source.data["routes"]):
            self._variables(source, index, file)
            self._result.files[len(self._data)] = file
            self._nodes[len(self._data)] = nodes[index]
            self._data.append(route)
        return []


def _faults(source: Source) -> Iterator[Diagnostic]:
    """Yields what is wrong with an included file besides its routes."""
    data = source.data
    if not isinstance(data, dict):
        yield Diagnostic(
            FR272, "an included file must be a mapping with 'routes'", source.value_span(()), "begin it with 'routes:'"
        )
        return
    others = [key for key in data if key != "routes"]
    for key in others:
        meant = did_you_mean(key, ["routes"], "the only key")
        suggestion = meant if meant.startswith("did you mean") else "write it in routes.yaml"
        yield Diagnostic(FR272, f"an included file has only 'routes', not '{key}'", source.key_span((key,)), suggestion)
    if others:
        return
    if "routes" not in data:
        yield Diagnostic(FR272, "an included file must have 'routes'", source.key_span(()), "add 'routes:'")
        return
    routes = data["routes"]
    if not isinstance(routes, list) or not routes:
        if routes is not None:
            yield Diagnostic(
                FR272,
                "'routes' must be a list with at least one route",
                source.value_span(("routes",)),
                "begin each route with '- '",
            )
        return
    for index, route in enumerate(routes):
        if isinstance(route, dict) and "include" in route:
            span = source.key_span(("routes", index, "include"))
            yield Diagnostic(FR272, "an included file cannot include others", span, "include it in routes.yaml")


def _in_file(file: str, diagnostics: list[Diagnostic]) -> list[Diagnostic]:
    """Returns diagnostics of a file as those of the file that includes it."""

    def moved(span: Span) -> Span:
        return replace(span, file=file)

    return [
        replace(one, span=moved(one.span), notes=tuple(replace(note, span=note.span and moved(note.span)) for note in one.notes))
        for one in diagnostics
    ]
