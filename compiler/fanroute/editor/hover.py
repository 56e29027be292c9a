"""Explains the key or value under the mouse, with the words of docs/reference.md and an example."""

import yaml
from lsprotocol import types

from fanroute.editor.cursor import Cursor
from fanroute.editor.document import Document
from fanroute.editor.language import Language
from fanroute.spec.reference_page import describe_value
from fanroute.syntax.source import Path


def hover_at(document: Document, position: types.Position) -> types.Hover | None:
    """Returns the explanation of what is at a position, None if there is nothing to explain."""
    cursor = document.cursor(position)
    text = _explanation(_explained_path(cursor), document.language) if cursor and cursor.before + cursor.after else ""
    return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text)) if text else None


def _explained_path(cursor: Cursor) -> Path:
    """Returns the path of the key at the cursor, or of the key whose value or item is there."""
    path = (*cursor.path, cursor.before + cursor.after) if cursor.is_key else cursor.path
    while path and isinstance(path[-1], int):
        path = path[:-1]
    return path


def _explanation(path: Path, language: Language) -> str:
    nodes = language.nodes_at(path) if path else []
    if not nodes:
        return ""
    key, node = str(path[-1]), nodes[0]
    example = yaml.safe_dump({key: language.example_of(node)}, default_flow_style=True, sort_keys=False, width=1000)
    form = f"`{key}`: {describe_value(node, language.is_required(path))}"
    return "\n\n".join(filter(None, [form, language.description_at(path), f"```yaml\n{example.strip()[1:-1]}\n```"]))
