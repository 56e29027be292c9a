"""Recognizes the file of another tool, by its name or its content. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from fanroute.foreign import kit_import, netlify_import, openapi_import, pushpin_import, vercel_import
from fanroute.foreign.draft import Draft
from fanroute.foreign.kit_addresses import add_addresses

# A line of Pushpin's file: a condition, then a target with a port, or one of its own kinds.
_PUSHPIN_LINE = re.compile(r' *(?!/)[^ #]+ +("?[^ #/]*:\d|test\b|zhttp(req)?/)')
# A line of Netlify's file: a path or URL, perhaps a query, and where that goes.
_REDIRECT_LINE = re.compile(r"\s*(/|https?://)\S*(\s+[^\s=]+=\S*)*\s+(/|https?://)")
_VERCEL_LIST = re.compile(r"\"(rewrites|redirects|headers|routes)\"\s*:\s*\[")
_OPENAPI_VERSION = re.compile(r"^[\s{]*[\"']?(openapi|swagger)[\"']?\s*:\s*[\"']?[23]\.", re.MULTILINE)
_KIT_CALL = re.compile(r"\b(handoff_fanout|createFanoutHandoff|handoff\.Fanout|handoff_websocket|createWebsocketHandoff)\(")
_NETLIFY_TABLE = re.compile(r"^\s*\[\[(redirects|headers)\]\]", re.MULTILINE)

_KIT_FILES = ("src/main.rs", "src/index.js", "src/index.ts", "src/index.mjs", "src/main.js", "src/main.ts", "main.go")
_OPENAPI_NAMES = tuple(f"{name}.{ending}" for name in ("openapi", "swagger") for ending in ("yaml", "yml", "json"))


@dataclass(frozen=True, slots=True)
class Kind:
    """Represents a kind of file: what it is called, its usual names, how its content looks, and what reads it.

    `places` are further names in a folder. Such a file is of the kind only if it looks like that. `complete` adds what the
    fastly.toml beside the file, or above it, says.
    """

    title: str
    names: tuple[str, ...]
    looks_like: Callable[[str], bool]
    import_routes: Callable[[str], Draft]
    places: tuple[str, ...] = ()
    complete: Callable[[Draft, str], None] | None = None


def _is_pushpin(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and _PUSHPIN_LINE.match(lines[0]) is not None


def _is_redirects(text: str) -> bool:
    lines = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return bool(lines) and _REDIRECT_LINE.match(lines[0]) is not None


def _is_netlify_toml(text: str) -> bool:
    return _NETLIFY_TABLE.search(text) is not None


def _is_vercel(text: str) -> bool:
    return text.lstrip().startswith("{") and _VERCEL_LIST.search(text) is not None


def _is_openapi(text: str) -> bool:
    return _OPENAPI_VERSION.search(text) is not None


def _is_kit(text: str) -> bool:
    return _KIT_CALL.search(text) is not None


# Every kind, by the name that the option `--from` takes.
KINDS = {
    "pushpin-routes": Kind("Pushpin's routes", ("routes",), _is_pushpin, pushpin_import.import_routes),
    "netlify-redirects": Kind("Netlify's _redirects", ("_redirects",), _is_redirects, netlify_import.import_redirects),
    "fanout-kit": Kind("the code of a Fanout starter kit", (), _is_kit, kit_import.import_kit, _KIT_FILES, add_addresses),
    "openapi": Kind("an OpenAPI document", _OPENAPI_NAMES, _is_openapi, openapi_import.import_openapi),
    "vercel": Kind("vercel.json", ("vercel.json", "now.json"), _is_vercel, vercel_import.import_vercel),
    "netlify-toml": Kind("netlify.toml", ("netlify.toml",), _is_netlify_toml, netlify_import.import_toml),
}


def kind_of(name: str, text: str) -> Kind | None:
    """Returns the kind of a file, or None. Its name decides if it is one of the usual ones."""
    named = (kind for kind in KINDS.values() if name in kind.names)
    return next(named, None) or next((kind for kind in KINDS.values() if kind.looks_like(text)), None)
