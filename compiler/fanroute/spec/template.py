"""Parses texts with references to the request: `{room}` from the path, `{query.room}`, `{header.x-room}`, `{claim.sub}`."""

import re
from typing import Any

from fanroute.plan.routes import references
from fanroute_runtime.plan import Bound, Source, Template

PARAMETER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
REST = re.compile(r"\{([a-z][a-z0-9_]*)\.\.\.\}")
_NAMES = re.compile(r"\{([a-z][a-z0-9_]*)(?:\.\.\.)?\}")
_REFERENCE = re.compile(r"\{(?:([a-z][a-z0-9_]*)|query\.([^{}]+)|header\.([^{}]+)|claim\.([^{}]+))\}")
_SOURCES: tuple[Source, ...] = ("path", "query", "header", "claim")


class BadTemplate(ValueError):
    """A brace that does not belong to a reference."""


def parameter_names(path: Any) -> list[str]:
    """Returns the names that a path, or the first one of a list, binds, in order."""
    path = _first(path)
    return _NAMES.findall(path) if isinstance(path, str) else []


def _first(path: Any) -> Any:
    return next(iter(path), None) if isinstance(path, list) else path


def label_name(host: Any) -> str:
    """Returns the name to which a host, or the first one of a list, binds its first label, or "" if it binds none."""
    host = _first(host)
    label = PARAMETER.fullmatch(host.partition(".")[0]) if isinstance(host, str) else None
    return label[1] if label else ""


def match_parameters(match: Any) -> list[str]:
    """Returns the names that the path and the host of a match bind, in order."""
    found = [*parameter_names(match.get("path")), label_name(match.get("host"))] if isinstance(match, dict) else []
    return list(filter(None, found))


def rest_name(path: Any) -> str:
    """Returns the name to which a path, or the first one of a list, binds its rest, or "" if it binds none."""
    path = _first(path)
    rest = REST.fullmatch(path.rpartition("/")[2]) if isinstance(path, str) else None
    return rest[1] if rest else ""


def parse_template(text: str) -> Template:
    """Splits a text into its references and the texts between them, in order. Raises BadTemplate."""
    if "{" not in text and "}" not in text:
        return (text,) if text else ()
    parts: list[str | Bound] = []
    end = 0
    for reference in _REFERENCE.finditer(text):
        parts += [_check_braces(text[end : reference.start()]), _bound(reference)]
        end = reference.end()
    parts.append(_check_braces(text[end:]))
    return tuple(part for part in parts if part)


def references_in(value: Any) -> list[Bound]:
    """Returns the references in a value of the file. A value that is not a valid template has none."""
    try:
        return references(parse_template(value)) if isinstance(value, str) and "{" in value else []
    except BadTemplate:
        return []


def _bound(reference: re.Match[str]) -> Bound:
    source, name = next((source, name) for source, name in zip(_SOURCES, reference.groups(), strict=True) if name)
    return Bound(source, name.lower() if source == "header" else name)


def _check_braces(text: str) -> str:
    if "{" in text or "}" in text:
        raise BadTemplate(text)
    return text
