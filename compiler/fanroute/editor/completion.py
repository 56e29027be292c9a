"""Completes keys and values at the cursor, also in a file that is broken while somebody types it."""

import re
from collections.abc import Iterator

from lsprotocol import types

from fanroute.editor.cursor import Cursor, value_at
from fanroute.editor.document import Document
from fanroute.editor.language import Language, Schema
from fanroute.spec.actions import ACTIONS
from fanroute.spec.raw import bound_references
from fanroute.spec.template import match_parameters
from fanroute.syntax.source import Path

# Characters after which an editor asks for completions by itself, beside those of words.
TRIGGERS = ["{", "[", " ", ":", ".", '"']
# Methods of HTTP (RFC 9110, 9.1, and RFC 5789), for `method`.
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# Registered claims (RFC 7519, 4.1) and the scope of OAuth 2.0 (RFC 8693, 4.2).
_CLAIMS = ("sub", "iss", "aud", "jti", "scope")
# A reference that is not finished, and a word that is not.
_OPEN_REFERENCE = re.compile(r"\{[a-z0-9_.-]*\Z")
_WORD = re.compile(r"[^\s,\[\]{}\"']*\Z")
# The beginning of a line where a mapping can begin.
_LINE_START = re.compile(r" *(?:- +)*\Z")
_COLON = re.compile(r"[\w-]*[\"']?\s*:")


def completions_at(document: Document, position: types.Position, snippets: bool) -> list[types.CompletionItem]:
    """Returns what can be written at a position. `snippets` is True if the editor can fill in snippets."""
    cursor = document.cursor(position)
    if cursor is None:
        return []
    offset = document.positions.offset_of(position)
    before, after = document.text[:offset].rpartition("\n")[2], document.text[offset:].partition("\n")[0]
    reference = _OPEN_REFERENCE.search(cursor.before)
    if reference and not cursor.is_key and _takes_references(cursor.path):
        written = len(cursor.before) - reference.start()
        place = document.positions.between(offset - written, offset + after.startswith("}"))
        return [_value(text, place, types.CompletionItemKind.Variable) for text in _references(cursor, document)]
    word = _WORD.search(before)
    begin = word.start() if word else len(before)
    place = document.positions.between(offset - len(before) + begin, offset)
    has_value = _COLON.match(after) is not None
    language = document.language
    known = _keys(cursor, language) if cursor.is_key or _LINE_START.match(before[:begin]) else ()
    keys = [
        _key(key, node, required, place, has_value, language.snippet(node) if snippets and not has_value else None)
        for key, node, required in known
    ]
    values = [] if cursor.is_key and cursor.siblings else [*_values(cursor, document)]
    return [*keys, *(_value(text, place, kind) for text, kind in values)]


def _keys(cursor: Cursor, language: Language) -> Iterator[tuple[str, Schema, bool]]:
    """Yields the keys that the mapping at the cursor can still have, each with its node and True if it must be there."""
    for mapping in language.mappings_at(cursor.path):
        required = set(mapping.get("required", ()))
        choices = [set(choice["required"]) for choice in mapping.get("oneOf", ())]
        chosen = any(choice & cursor.siblings for choice in choices)
        excluded = cursor.siblings | (set().union(*(c for c in choices if not c & cursor.siblings)) if chosen else set())
        yield from ((key, node, key in required) for key, node in mapping["properties"].items() if key not in excluded)
    for key in _names(cursor) if not language.mappings_at(cursor.path) else ():
        if key not in cursor.siblings:
            yield key, next(iter(language.nodes_at((*cursor.path, key))), {}), False


def _names(cursor: Cursor) -> Iterator[str]:
    """Yields the names that a mapping without fixed keys can have: parameters of the match, and claims."""
    match cursor.path:
        case (*route, "match", "where"):
            yield from match_parameters(value_at(cursor.parts.data, (*route, "match")))
        case (*_, "auth", "claims") | ("auth_profiles", _, "claims"):
            yield from _claims(cursor)


def _values(cursor: Cursor, document: Document) -> Iterator[tuple[str, types.CompletionItemKind]]:
    """Yields the values that the key, or the item of a list, at the cursor can have."""
    if part := document.language.defined_in(cursor.path):
        yield from ((name, types.CompletionItemKind.Reference) for name in document.names_in(part))
    for node in document.language.values_at(cursor.path):
        match node:
            case {"const": value}:
                yield str(value).lower(), types.CompletionItemKind.Value
            case {"enum": values}:
                yield from ((value, types.CompletionItemKind.EnumMember) for value in values)
            case {"type": "boolean"}:
                yield from ((value, types.CompletionItemKind.Value) for value in ("true", "false"))
            case {"title": "a method"}:
                yield from ((method, types.CompletionItemKind.EnumMember) for method in _METHODS)
            case {"title": "a claim"}:
                yield from ((claim, types.CompletionItemKind.Field) for claim in _claims(cursor))
            case {"title": "a channel"}:
                yield from ((channel, types.CompletionItemKind.Value) for channel in _channels(cursor))


def _takes_references(path: Path) -> bool:
    """Returns True if a value can refer to the request: those of actions, and what claims are compared with."""
    return len(path) > 3 and path[0] == "routes" and (path[2] in ACTIONS or "claims" in path)


def _references(cursor: Cursor, document: Document) -> Iterator[str]:
    """Yields the references that a value of the route at the cursor can contain."""
    route = cursor.path[:2]
    yield from bound_references(value_at(cursor.parts.data, (*route, "match")))
    has_auth = value_at(cursor.parts.data, (*route, "auth")) or value_at(document.root_parts.data, ("defaults", "auth"))
    if "claims" not in cursor.path and has_auth:
        yield from (f"{{claim.{claim}}}" for claim in _claims(cursor))


def _claims(cursor: Cursor) -> list[str]:
    """Returns the claims that the file names, and usual ones."""
    auths = [path for path in cursor.parts.keys if path[-1] == "auth" or path[:-1] == ("auth_profiles",)]
    named = (value_at(cursor.parts.data, (*auth, "claims")) for auth in auths)
    lists = (value_at(cursor.parts.data, (*auth, "channels")) for auth in auths)
    found = [name for claims in named if isinstance(claims, dict) for name in claims]
    return [*dict.fromkeys([*found, *(name for name in lists if name and isinstance(name, str)), *_CLAIMS])]


def _channels(cursor: Cursor) -> list[str]:
    """Returns the channels of the file's other routes that are the same for all requests."""
    paths = [path for path in cursor.parts.keys if path[-1] == "channel" and path != cursor.path]
    values = (value_at(cursor.parts.data, path) for path in paths)
    return [*dict.fromkeys(value for value in values if value and isinstance(value, str) and "{" not in value)]


def _key(
    key: str, node: Schema, required: bool, place: types.Range, has_value: bool, snippet: str | None
) -> types.CompletionItem:
    text = key if has_value else f"{key}: {snippet or ''}"
    return types.CompletionItem(
        label=key,
        kind=types.CompletionItemKind.Property,
        detail="required" if required else None,
        documentation=node.get("description"),
        sort_text=f"{'0' if required else '1'}{key}",
        insert_text_format=types.InsertTextFormat.PlainText if snippet is None else types.InsertTextFormat.Snippet,
        text_edit=types.TextEdit(place, text),
    )


def _value(text: str, place: types.Range, kind: types.CompletionItemKind) -> types.CompletionItem:
    return types.CompletionItem(label=text, kind=kind, text_edit=types.TextEdit(place, text))
