"""Recognizes texts that other programs replace or compare in another way. They are plain text here. Pure."""

import re
from collections.abc import Iterable

from fanroute_runtime.local import LOCAL_NAMES

# How much of a text is searched, in characters: the time for some of these patterns grows with the square of the length.
MAX_LENGTH = 500
_WRITE_VALUE = "write the value itself"
# What the edge tells a backend in place of variables of nginx, and of other servers.
_FORWARDED = {
    "host": "X-Forwarded-Host",
    "http_host": "X-Forwarded-Host",
    "remote_addr": "X-Forwarded-For",
    "proxy_add_x_forwarded_for": "X-Forwarded-For",
    "scheme": "X-Forwarded-Proto",
}
_OF_NGINX = (
    "args arg_ body_bytes_ content_ cookie_ document_uri geoip_ host hostname http_ https is_args proxy_ query_string remote_ "
    "request request_ scheme server_ sent_http_ ssl_ status time_ upstream_ uri"
).split()
# Variables of other programs: of templates and workflows, of Apache, HAProxy, Envoy and Windows, of shells, and of Caddy.
_VARIABLES = re.compile(
    r"\$?\{\{.*?\}\}|<%=?.*?%>|%\{[^{}]+\}\w?|%\[[^\[\]]+\]|%[A-Z][A-Z0-9]*_[A-Z0-9_]*%|\$[A-Z][A-Z0-9_]{2,}\b"
    r"|\{(?:http|env|file|time|system)\.[\w.]+\}"
)
_NGINX = re.compile(r"\$([a-z][a-z0-9_]+)\b")
_OWN = re.compile(r"(?<![${])\{(?:query|header|claim)\.[^{}]+\}(?!\})|(?<![${])\{[a-z][a-z0-9_]*\}(?!\})")

# What stands for all texts of a type elsewhere.
_TYPES = {
    **dict.fromkeys(("int", "integer", "number", "digits"), "[0-9]+"),
    **dict.fromkeys(("str", "string", "any", "text"), ".+"),
    **dict.fromkeys(("uuid", "guid"), "[0-9a-f-]{36}"),
    **dict.fromkeys(("slug", "word"), "[a-z0-9-]+"),
    **dict.fromkeys(("alpha", "alphanumeric"), "[A-Za-z0-9]+"),
    "float": "[0-9.]+",
}


def find_variable(text: str) -> tuple[str, str] | None:
    """Returns the first variable of another program in a text, and what to do instead. Returns None if there is none."""
    text = text[:MAX_LENGTH]
    if found := _VARIABLES.search(text):
        return found[0], _WRITE_VALUE
    for name in _NGINX.findall(text):
        if any(name == known or (known.endswith("_") and name.startswith(known)) for known in _OF_NGINX):
            header = _FORWARDED.get(name)
            return f"${name}", f"the backend gets it as {header}" if header else _WRITE_VALUE
    return None


def own_reference(text: str, bound: Iterable[str]) -> str:
    """Returns the first reference in a text that the match binds, or "" if there is none."""
    return next((found for found in _OWN.findall(text[:MAX_LENGTH]) if found in bound), "")


def meant_pattern(value: str, allow_star: bool) -> str:
    """Suggests a condition in place of a value that looks like a pattern. Returns "" for any other value.

    `allow_star` says that a `*` has a meaning in such values.
    """
    if len(value) > MAX_LENGTH:
        return ""
    if value == "*":
        return "" if allow_star else "write {present: true} for any value"
    if between := re.fullmatch(r"/(.*[\\^$.*+?\[(|].*)/[gimsu]*|/(.+)/[gimsu]+", value):
        return f"write {{pattern: '{_unanchored(between[1] or between[2])}'}}"
    if nginx := re.fullmatch(r"~\*?\s*(.+)", value):
        return f"write {{pattern: '{_unanchored(nginx[1])}'}}"
    if re.search(r"\.[*+]|\\[dws]|\[[a-z0-9]-[a-z0-9]", value) or re.fullmatch(r"\^.+|.*\w\$", value):
        return f"write {{pattern: '{_unanchored(value)}'}}"
    if not allow_star and re.fullmatch(r"\*?[\w-]+\*|\*[\w-]+", value):
        return f"write {{pattern: '{value.replace('*', '.*')}'}}"
    return ""


def _unanchored(pattern: str) -> str:
    """Returns a pattern without `^` and `$`, as YAML has it in single quotes."""
    return pattern.removeprefix("^").removesuffix("$").replace("'", "''")


def meant_type(name: str, pattern: str) -> str:
    """Suggests a pattern in place of the name of a type, or of a wildcard, as other routers have them. "" for any other."""
    if pattern in _TYPES:
        return f"write {{{name}: '{_TYPES[pattern]}'}}"
    if re.fullmatch(r"\w[\w-]*[-_]\*", pattern):
        return f"did you mean '{pattern.removesuffix('*')}.*'?"
    return ""


def wildcard_in(channel: str) -> str:
    """Returns a part of a channel that other brokers take for a wildcard, or a format of printf. Returns "" if there is none."""
    parts = re.split("[/.:]", channel)
    found = next((part for part in parts if part in ("*", "**", ">", "+", "#")), "")
    formats = re.search(r"%[sd](?!\w)", channel)
    return found or (formats[0] if formats else "")


def meant_host(host: str) -> str:
    """Suggests what to write in place of a host that no client asks Fastly for. Returns "" for any other."""
    if host == "_":
        return "leave 'host' out: without it, any host matches"
    return "remove it: on local edges, this name stands for a host of the service" if host.lower() in LOCAL_NAMES else ""
