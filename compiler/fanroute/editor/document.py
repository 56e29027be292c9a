"""Represents a file that is open in an editor, with the routes.yaml that it belongs to."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from errno import EFBIG
from functools import cached_property
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any

from lsprotocol.types import Location, Position, PositionEncodingKind, Range
from pygls.uris import to_fs_path

from fanroute.diagnostics.diagnostic import Invalid, Span
from fanroute.editor.cursor import Cursor, Parts, find_cursor, read_parts
from fanroute.editor.language import Kind, Language, language_of
from fanroute.editor.positions import Positions
from fanroute.pipeline import Checked, Compiled, check_routes, compile_plan
from fanroute.project.folder import MAX_TEXT
from fanroute.project.workspace import Workspace
from fanroute.spec.included import included_paths_of
from fanroute.syntax.source import decode

# The names of files that can be included, and in how many folders above one a routes.yaml is looked for.
_SUFFIXES, _MAX_ABOVE = (".yaml", ".yml"), 16


@dataclass(frozen=True)
class Document:
    """A text that an editor has open, at a path. Saved or not, the text counts and not the file.

    Files that the text names are read from the folder, as in a build, and nothing outside of it. A file that is open, too, has
    the editor's text.

    Args:
        uri: the document's, as the editor has it.
        path: of the file.
        positions: the text.
        kind: what the file is.
        routes: the path of the routes.yaml that it belongs to; None if it is one.
        opened: the texts of the open files, by their real paths.
        included_as: the path under which the routes.yaml includes it, as diagnostics name it; "" if it is not included.
    """

    uri: str
    path: Path
    positions: Positions
    kind: Kind = "routes"
    routes: Path | None = None
    opened: Mapping[Path, str] = field(default_factory=dict)
    included_as: str = ""

    @property
    def text(self) -> str:
        return self.positions.text

    @property
    def root(self) -> Path:
        """Returns the path of the routes.yaml that the document is, or belongs to."""
        return self.routes or self.path

    @property
    def language(self) -> Language:
        return language_of(self.kind)

    @cached_property
    def workspace(self) -> "_Folder":
        opened = self.opened if self.routes else {**self.opened, _real(self.path): self.text}
        return _Folder(self.root, opened)

    @cached_property
    def root_text(self) -> str:
        """Returns the text of the routes.yaml, "" if it cannot be read."""
        return self.text if self.routes is None else self.workspace.text_of(self.root)

    @cached_property
    def root_parts(self) -> Parts:
        """Returns the parts of the routes.yaml that can be read."""
        return read_parts(self.root_text)

    def check(self) -> Checked:
        """Compiles the routes.yaml in all environments, as `fanroute check` does. Raises Invalid if it cannot be parsed."""
        return check_routes(self.workspace.read_routes(), self.workspace.inputs())

    def compile_plan(self) -> Compiled:
        """Compiles the routes.yaml without looking for warnings. Raises Invalid."""
        return compile_plan(self.workspace.read_routes(), self.workspace.inputs())

    def cursor(self, position: Position) -> Cursor | None:
        """Returns what is at a position, None if nothing can be there."""
        return find_cursor(self.text, *self.positions.place_of(self.positions.offset_of(position)))

    def included_files(self) -> dict[str, tuple[int, str]]:
        """Returns the files that the routes.yaml includes, by their names in diagnostics: the index of the item, and the path."""
        return _included_files(self.root, self.root_parts)

    def is_open(self, file: str) -> bool:
        """Returns True if the editor has a file open, by its name in diagnostics."""
        return _real(Path(file)) in self.opened

    def is_here(self, span: Span) -> bool:
        """Returns True if a place of a diagnostic about the routes.yaml is in this document."""
        return span.file == self.included_as and self.kind != "tests"

    def location_of(self, span: Span) -> Location:
        """Returns a place of a diagnostic about the routes.yaml, or of one about this document if that has route tests."""
        is_own = self.kind == "tests" or self.is_here(span)
        return Location(self.uri, self.positions.range_of(span)) if is_own else self._location_in_routes(span)

    def _location_in_routes(self, span: Span) -> Location:
        """Returns a place in the routes.yaml or in a file that it includes."""
        path = Path(span.file) if span.file else self.root
        return Location(path.as_uri(), self._positions(path).range_of(span))

    def _positions(self, path: Path) -> Positions:
        text = self.root_text if path == self.root else self.workspace.text_of(path)
        return Positions(text, self.positions.encoding)

    def defined_at(self, part: str, name: str) -> Location | None:
        """Returns the place of a name that a part of the routes.yaml defines, None if it has no such name."""
        if part == "routes":
            span = next((span for route, span in self.named_routes() if route == name), None)
        else:
            span = self.root_parts.keys.get((part, name))
        return self._location_in_routes(span) if span else None

    def names_in(self, part: str) -> list[str]:
        """Returns the names that a part of the routes.yaml defines."""
        if part == "routes":
            return [name for name, _ in self.named_routes()]
        defined = self.root_parts.data.get(part) if isinstance(self.root_parts.data, dict) else None
        return [*defined] if isinstance(defined, dict) else []

    def named_routes(self) -> list[tuple[str, Span]]:
        """Returns the names of routes that have one, and their places. Those of included files come last."""
        found = [("", self.root_parts)]
        found += [(file, read_parts(self.workspace.text_of(Path(file)))) for file in self.included_files()]
        return [
            (route["name"], Span(span.line, span.column, span.end_line, span.end_column, file))
            for file, parts in found
            for index, route in _routes(parts)
            if isinstance(route.get("name"), str) and (span := parts.keys.get(("routes", index, "name")))
        ]

    def included_at(self, path: str) -> Location | None:
        """Returns the beginning of an included file, by its path from the folder. Returns None if there is no such file."""
        file = self.root.parent / path
        is_there = self.is_open(str(file)) or self.workspace.has(path)
        return Location(file.as_uri(), Range(Position(0, 0), Position(0, 0))) if is_there else None


def open_document(
    uri: str,
    texts: Mapping[str, str],
    encoding: PositionEncodingKind | str,
    names: Sequence[str],
    within: Sequence[Path] = (),
) -> Document | None:
    """Returns an open document that is served, None for any other.

    Args:
        uri: the document's.
        texts: the texts of all open documents, by their URIs.
        encoding: what positions count.
        names: the names of files of routes.
        within: the folders that the editor has open. A routes.yaml that includes the document is not looked for outside of them.
    """
    path = _path_of(uri)
    if path is None or uri not in texts:
        return None
    positions = Positions(texts[uri], encoding)
    opened = {_real(one): text for other, text in texts.items() if (one := _path_of(other))}
    if path.name in names:
        return Document(uri, path, positions, opened=opened)
    for name in names:
        routes = path.with_name(name)
        if Workspace(routes).tests == path:
            return Document(uri, path, positions, "tests", routes, opened)
    for routes in _routes_above(path, names, within):
        document = Document(uri, path, positions, "included", routes, opened)
        for file in document.included_files():
            if _real(Path(file)) == _real(path):
                return Document(uri, path, positions, "included", routes, opened, file)
    return None


def _routes_above(path: Path, names: Sequence[str], within: Sequence[Path]) -> list[Path]:
    """Returns the paths that a routes.yaml can have which includes a file. The nearest one comes first."""
    if path.suffix not in _SUFFIXES:
        return []
    folders = [folder for folder in [*path.parents][:_MAX_ABOVE] if not within or any(map(folder.is_relative_to, within))]
    return [folder / name for folder in folders for name in names]


class _Folder(Workspace):
    """The files around a routes.yaml. Those that are open in the editor have the editor's text."""

    def __init__(self, routes: Path, opened: Mapping[Path, str]) -> None:
        text = opened.get(_real(routes))
        super().__init__(routes, None if text is None else BytesIO(_encoded(text)))
        self._opened = opened

    def read(self, path: str, limit: int = MAX_TEXT) -> bytes:
        folder = self.routes.parent
        file = _real(folder / path)
        if file not in self._opened or not file.is_relative_to(_real(folder)):
            return super().read(path, limit)
        raw = _encoded(self._opened[file])
        if len(raw) > limit:
            raise OSError(EFBIG, f"it has more than {limit:,} bytes")
        return raw

    def text_of(self, path: Path) -> str:
        """Returns the text of routes.yaml or of a file that it includes, "" if it cannot be read."""
        try:
            return decode(self.read_routes() if path == self.routes else self.read(str(path.relative_to(self.routes.parent))))
        except (OSError, ValueError, Invalid):
            return ""

    def has(self, path: str) -> bool:
        """Returns True if there is a file within the folder at a path."""
        file = _real(self.routes.parent / path)
        return file.is_file() and file.is_relative_to(_real(self.routes.parent))


def _included_files(routes: Path, parts: Parts) -> dict[str, tuple[int, str]]:
    return {(PurePosixPath(routes.parent) / path).as_posix(): (index, path) for index, path in included_paths_of(parts.data)}


def _routes(parts: Parts) -> list[tuple[int, dict[str, Any]]]:
    routes = parts.data.get("routes") if isinstance(parts.data, dict) else None
    return [(index, route) for index, route in enumerate(routes if isinstance(routes, list) else ()) if isinstance(route, dict)]


def _path_of(uri: str) -> Path | None:
    path = to_fs_path(uri)
    return None if path is None or "\0" in path else Path(path)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _encoded(text: str) -> bytes:
    # The editor can hold halves of surrogate pairs, which are reported as any other text that is not UTF-8.
    return text.encode("utf-8", "surrogatepass")
