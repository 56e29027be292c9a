"""Finds where a name is defined that a value refers to."""

from lsprotocol import types

from fanroute.editor.document import Document
from fanroute.editor.language import defined_in


def definition_at(document: Document, position: types.Position) -> types.Location | None:
    """Returns the place of the backend or profile that is named at a position, None if the file has none of that name."""
    cursor = document.cursor(position)
    part = "" if cursor is None or cursor.is_key else defined_in(cursor.path)
    if cursor is None or not part:
        return None
    span = cursor.parts.keys.get((part, cursor.before + cursor.after))
    return types.Location(document.uri, document.positions.range_of(span)) if span else None
