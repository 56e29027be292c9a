"""Recognizes path placeholders of other routers, which are plain text here, and suggests what to write instead. Pure."""

import re
from typing import Any

from fanroute.spec.template import REST

_TYPE = "int|float|uuid|slug|str|string"
_NAME = r"(?P<name>[A-Za-z_]\w*)"
# Placeholders for one segment. `type` or `pattern` is what the segment has to fit.
_SEGMENT = (
    rf":{_NAME}",
    rf"\[{_NAME}\]",
    rf"<{_NAME}>",
    rf"<(?P<type>{_TYPE}):{_NAME}>",
    rf"<{_NAME}:(?P<type>{_TYPE})>",
    rf"\${_NAME}",
    rf":{_NAME}\((?P<pattern>.+)\)",
    r"\^?\((?P<pattern>.*[^*+(|].*)\)[*+]?\$?",
    r"(?P<pattern>\[.+\](?:[*+]|\{\d+(?:,\d*)?\}))",
)
# Placeholders for the rest of the path.
_REST = (
    rf"\*{_NAME}",
    r"\*\*",
    rf":{_NAME}[*+]",
    rf"\[?\[\.\.\.{_NAME}\]\]?",
    rf"<path:{_NAME}>",
    rf"<{_NAME}:path>",
    r"\(?\.[*+]\)?\$?",
)
# The first characters of all of these, and a text that has none of them.
_FIRST = frozenset(":[<$^(*.")
PLAIN = re.compile(r"[^:\[<$^(*.%]*", re.DOTALL)
# What to write in place of those that have no name.
REST_SUGGESTION = "end the path with '/*' for any rest, or with '/{rest...}' to bind it"
# A segment in braces that other routers, or a slip of the pen, have for the rest of the path.
_BRACED_REST = re.compile(
    r"\{[*.…+]*([A-Za-z_]\w*)?(?:[*.…+]+|:(?:path|[*+]|\.[*+]|\*\*))\}|\{[*.…+]+([A-Za-z_]\w*)?\}|\{path:([A-Za-z_]\w*)\}"
)
# Placeholders within a longer text. After a letter or digit, `:` and `$` begin none.
_WITHIN = re.compile(r"\[[A-Za-z_]\w*\]|<(?:\w+:)?[A-Za-z_]\w*>|(?<!\w)[:$][A-Za-z_]\w*|%[A-Za-z_]\w*%")
_TYPED = re.compile(rf"(?<=<)(?:{_TYPE}):|:(?:{_TYPE})(?=>)")
_TYPES = {"int": "[0-9]+", "float": "[0-9.]+", "uuid": "[0-9a-f-]{36}", "slug": "[a-z0-9-]+"}


def suggest_segment(segment: str) -> str | None:
    """Suggests what to write in place of a segment that is another router's placeholder or a regular expression.

    Returns None for any other segment.
    """
    if segment[:1] not in _FIRST:
        return None
    if rest := next(filter(None, (re.fullmatch(one, segment) for one in _REST)), None):
        name = rest.groupdict().get("name")
        return _suggest_rest(name) if name else REST_SUGGESTION
    found = next(filter(None, (re.fullmatch(one, segment) for one in _SEGMENT)), None)
    if found is None:
        return None
    groups = found.groupdict()
    name = parameter_name(groups.get("name") or "name")
    pattern = groups.get("pattern") or _TYPES.get(groups.get("type") or "")
    return f"write '{{{name}}}'" + (f" with where: {{{name}: '{pattern}'}}" if pattern else "")


def suggest_rest(segment: str) -> str | None:
    """Suggests what to write in place of a segment in braces that is meant as the rest of the path. Returns None otherwise."""
    found = None if REST.fullmatch(segment) else _BRACED_REST.fullmatch(segment)
    return _suggest_rest(next(filter(None, found.groups()), "rest")) if found else None


def _suggest_rest(name: str) -> str:
    return f"write '{{{parameter_name(name)}...}}' as the last segment"


def is_rest(segment: str) -> bool:
    """Returns True if a segment is another router's placeholder for the rest of the path."""
    return segment[:1] in _FIRST and any(re.fullmatch(rest, segment) for rest in _REST)


def find_placeholders(text: str) -> list[tuple[str, str]]:
    """Returns the placeholders of other routers in a text such as a channel, each with its `parameter_name`."""
    return [(found, parameter_name(_TYPED.sub("", found).strip("[]<>:$%"))) for found in _WITHIN.findall(text)]


def suggest_binding(name: str, path: Any) -> str:
    """Suggests how to bind a name that is another router's placeholder in a path or a list of them. Returns "" if it is none."""
    paths = (one for one in (path if isinstance(path, list) else [path]) if isinstance(one, str))
    for segment in (segment for one in paths for segment in one.split("/")):
        if (
            suggest_segment(segment)
            and not is_rest(segment)
            and parameter_name(name) in (found for _, found in find_placeholders(segment))
        ):
            return f"write '{{{parameter_name(name)}}}' in place of '{segment}' in the path"
    return ""


def parameter_name(name: str) -> str:
    """Converts a name to the form of a parameter's: `roomId` to `room_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.lstrip("_") or "name").lower()


def is_regular_expression(path: str) -> bool:
    """Returns True if a path looks like a regular expression, which some routers accept."""
    return bool(re.search(r"\\[dwsDWS.]|\.[*+]|\(\?|^\^|\$$|\[[^\]/]*-[^\]/]*\]|\[\^", path))
