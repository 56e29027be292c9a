"""Finds where a name is defined that a value refers to."""

from lsprotocol import types

from fanroute.editor.document import Document
from fanroute.editor.language import is_backend_name


def definition_at(document: Document, position: types.Position) -> types.Location | None:
    """Returns the place of the backend that is named at a position, None if no backend of the file is."""
    cursor = document.cursor(position)
    if cursor is None or cursor.is_key or not is_backend_name(cursor.path):
        return None
    span = cursor.parts.keys.get(("backends", cursor.before + cursor.after))
    return types.Location(document.uri, document.positions.range_of(span)) if span else None
