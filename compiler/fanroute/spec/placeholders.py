"""Recognizes path placeholders of other routers, which are plain text here, and says what to write instead. Pure."""

import re
from typing import Any

_TYPE = "int|float|uuid|slug|str|string"
_NAME = r"(?P<name>[A-Za-z_]\w*)"
# What one segment is for others; `type` says what it has to fit.
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
# What any rest of the path is.
_REST = (
    rf"\*{_NAME}",
    r"\*\*",
    rf":{_NAME}[*+]",
    rf"\[?\[\.\.\.{_NAME}\]\]?",
    rf"<path:{_NAME}>",
    rf"<{_NAME}:path>",
    r"\(?\.[*+]\)?\$?",
)
# The advice for that.
REST_SUGGESTION = "end the path with '/*' for any rest"
# What is one of these segments within a longer text. After a letter or digit, `:` and `$` are signs like any other.
_WITHIN = re.compile(r"\[[A-Za-z_]\w*\]|<(?:\w+:)?[A-Za-z_]\w*>|(?<!\w)[:$][A-Za-z_]\w*")
_TYPED = re.compile(rf"(?<=<)(?:{_TYPE}):|:(?:{_TYPE})(?=>)")
_TYPES = {"int": "[0-9]+", "float": "[0-9.]+", "uuid": "[0-9a-f-]{36}", "slug": "[a-z0-9-]+"}


def suggest_segment(segment: str) -> str | None:
    """Returns advice for a segment that is a placeholder of another router or a regular expression; None for any other."""
    if any(re.fullmatch(rest, segment) for rest in _REST):
        return REST_SUGGESTION
    found = next(filter(None, (re.fullmatch(one, segment) for one in _SEGMENT)), None)
    if found is None:
        return None
    given = found.groupdict()
    name = parameter_name(given.get("name") or "name")
    pattern = given.get("pattern") or _TYPES.get(given.get("type") or "")
    return f"write '{{{name}}}'" + (f" with where: {{{name}: '{pattern}'}}" if pattern else "")


def find_placeholders(text: str) -> list[tuple[str, str]]:
    """Returns the placeholders of other routers in a text, such as a channel, each with its name as one here."""
    return [(found, parameter_name(_TYPED.sub("", found).strip("[]<>:$"))) for found in _WITHIN.findall(text)]


def suggest_binding(name: str, path: Any) -> str:
    """Returns advice to bind a name that the path has as another router's placeholder; "" if the path has no such one."""
    for segment in path.split("/") if isinstance(path, str) else ():
        if suggest_segment(segment) not in (None, REST_SUGGESTION) and parameter_name(name) in (
            found for _, found in find_placeholders(segment)
        ):
            return f"write '{{{parameter_name(name)}}}' in place of '{segment}' in the path"
    return ""


def parameter_name(name: str) -> str:
    """Returns a name in the form that names of parameters have here: `roomId` is `room_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.lstrip("_") or "name").lower()


def is_regular_expression(path: str) -> bool:
    """Returns True if a path looks like a regular expression, as some routers take them."""
    return bool(re.search(r"\\[dwsDWS.]|\.[*+]|\(\?|^\^|\$$|\[[^\]/]*-[^\]/]*\]|\[\^", path))
