"""Explains the key or value under the mouse, with the words of docs/reference.md and an example."""

import yaml
from lsprotocol import types

from fanroute.editor.cursor import Cursor
from fanroute.editor.document import Document
from fanroute.editor.language import description_at, example_of, is_required, nodes_at
from fanroute.spec.reference_page import describe_value
from fanroute.syntax.source import Path


def hover_at(document: Document, position: types.Position) -> types.Hover | None:
    """Returns the explanation of what is at a position, None if there is nothing to explain."""
    cursor = document.cursor(position)
    text = _explanation(_explained_path(cursor)) if cursor and cursor.before + cursor.after else ""
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None


def _explained_path(cursor: Cursor) -> Path:
    """Returns the path of the key at the cursor, or of the key whose value or item is there."""
    path = (*cursor.path, cursor.before + cursor.after) if cursor.is_key else cursor.path
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _explanation(path: Path) -> str:
    nodes = nodes_at(path) if path else []
    if not nodes:
        return ""
    key = str(path[-1])
    example = yaml.safe_dump({key: example_of(nodes[0])}, default_flow_style=True, sort_keys=False, width=1000).strip()[1:-1]
    parts = [f"`{key}`: {describe_value(nodes[0], is_required(path))}", description_at(path), f"```yaml\n{example}\n```"]
    return "\n\n".join(filter(None, parts))
