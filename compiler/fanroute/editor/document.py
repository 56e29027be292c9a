"""Represents a routes.yaml that is open in an editor."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from lsprotocol.types import Position

from fanroute.diagnostics.diagnostic import Span
from fanroute.editor.cursor import Cursor, find_cursor
from fanroute.editor.positions import Positions
from fanroute.pipeline import Checked, Compiled, check_routes, compile_plan
from fanroute.project.workspace import Workspace
from fanroute.spec.included import included_paths
from fanroute.syntax.source import parse_yaml


@dataclass(frozen=True)
class Document:
    """A text that an editor has open, at a path. Saved or not, the text counts and not the file.

    Files that the text names are read from the folder, as in a build, and nothing outside of it.
    """

    uri: str
    path: Path
    positions: Positions

    @property
    def text(self) -> str:
        return self.positions.text

    def _workspace(self) -> Workspace:
        # The editor can hold halves of surrogate pairs, which are reported as any other text that is not UTF-8.
        return Workspace(self.path, BytesIO(self.text.encode("utf-8", "surrogatepass")))

    def check(self) -> Checked:
        """Compiles the text in all environments, as `fanroute check` does. Raises Invalid if it cannot be parsed."""
        workspace = self._workspace()
        return check_routes(workspace.read_routes(), workspace.inputs())

    def compile_plan(self) -> Compiled:
        """Compiles the text without looking for warnings. Raises Invalid."""
        workspace = self._workspace()
        return compile_plan(workspace.read_routes(), workspace.inputs())

    def place_of_include(self, file: str) -> Span:
        """Returns the span of the path of an included file, which is known by its whole path."""
        source = parse_yaml(self.text)
        for index, path in included_paths(source):
            if (self.path.parent / path).as_posix() == file:
                return source.value_span(("routes", index, "include"))
        return Span()

    def cursor(self, position: Position) -> Cursor | None:
        """Returns what is at a position, None if nothing can be there."""
        return find_cursor(self.text, *self.positions.place_of(self.positions.offset_of(position)))
