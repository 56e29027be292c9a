"""Finds where a name is defined that a value refers to, and the file that it names."""

from lsprotocol import types

from fanroute.editor.document import Document


def definition_at(document: Document, position: types.Position) -> types.Location | None:
    """Returns the place of the backend, profile, route or included file that is named at a position, None if there is none."""
    cursor = document.cursor(position)
    if cursor is None or cursor.is_key:
        return None
    name = cursor.before + cursor.after
    match cursor.path:
        case ("routes", _, "include") if document.kind == "routes":
            return document.included_at(name)
    part = document.language.defined_in(cursor.path)
    return document.defined_at(part, name) if part else None
