"""Recognizes path placeholders of other routers, which are plain text here, and says what to write instead. Pure."""

import re

_NAME = r"(?P<name>[A-Za-z_]\w*)"
# What one segment is for others; `type` says what it has to fit.
_SEGMENT = (
    rf":{_NAME}",
    rf"\[{_NAME}\]",
    rf"<{_NAME}>",
    rf"<(?P<type>int|float|uuid|slug|str|string):{_NAME}>",
    rf"<{_NAME}:(?P<type>int|float|uuid|slug|str|string)>",
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
_TYPES = {"int": "[0-9]+", "float": "[0-9.]+", "uuid": "[0-9a-f-]{36}", "slug": "[a-z0-9-]+"}


def instead_of(segment: str) -> str | None:
    """Returns advice for a segment that is a placeholder of another router or a regular expression; None for any other."""
    if any(re.fullmatch(rest, segment) for rest in _REST):
        return "end the path with '/*' for any rest"
    found = next(filter(None, (re.fullmatch(one, segment) for one in _SEGMENT)), None)
    if found is None:
        return None
    given = found.groupdict()
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", (given.get("name") or "name").lstrip("_") or "name").lower()
    pattern = given.get("pattern") or _TYPES.get(given.get("type") or "")
    return f"write '{{{name}}}'" + (f" with where: {{{name}: '{pattern}'}}" if pattern else "")


def is_regular_expression(path: str) -> bool:
    """Returns True if a path looks like a regular expression, as some routers take them."""
    return bool(re.search(r"\\[dwsDWS.]|\.[*+]|\(\?|^\^|\$$|\[[^\]/]*-[^\]/]*\]|\[\^", path))
