"""Holds what a routes.yaml is compiled with besides its own text, and reads the files that it names."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from errno import EFBIG
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec.raw import routes, verification_keys
from fanroute.spec.types import is_file_path
from fanroute.syntax.source import Path, Source

FR211 = Rule(
    "FR211",
    "error",
    "a file that is named cannot be read, or is too large",
    "The content of a `file` is read when building, and is part of the component that every request loads: it is for pages, "
    "not for downloads. Its path begins at the folder of routes.yaml and stays within it, links included, so that a copy of "
    "the folder builds the same.",
    START + "routes:\n  - respond: {status: 200, file: hello.html}\n",
    "Name a file of the folder, of 1 MiB at most; leave what is larger to a backend.",
)


# Returns the content of a file that has at most so many bytes, by its path from routes.yaml's folder. Raises OSError.
Read = Callable[[str, int], bytes]

# Most bytes of one file: they are part of the component, which every request loads.
MAX_FILE = 1 << 20

# Python's own table, the same on every machine, and what some of its versions have otherwise or not at all.
_TYPES = MimeTypes(filenames=())
for _suffix, _type in {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".md": "text/markdown",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}.items():
    _TYPES.add_type(_type, _suffix)


def no_files(path: str, limit: int) -> bytes:
    """Raises FileNotFoundError: a `Read` of a folder without files."""
    raise FileNotFoundError("no such file or directory")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a routes.yaml is compiled with: the build's environment, and the files beside it."""

    # Has secrets too, so it is never printed.
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    read: Read = no_files


def read_files(source: Source, read: Read) -> tuple[dict[str, bytes], list[Diagnostic]]:
    """The content of each file that is named, by its path, and which of them cannot be used (FR211)."""
    contents: dict[str, bytes] = {}
    wrong: list[Diagnostic] = []
    for place, path in _named(source) if "file" in source.keys else ():
        try:
            content = contents[path] if path in contents else read(path, MAX_FILE)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            suggestion = (
                "let a backend answer with it" if error.errno == EFBIG else "its path begins at the folder of routes.yaml"
            )
            wrong.append(Diagnostic(FR211, f"the file '{path}' cannot be read: {reason}", source.value_span(place), suggestion))
            continue
        contents[path] = content
    return contents, wrong


def media_type(path: str, content: bytes) -> str:
    """The media type of a file, by its name; of text with its charset if that is UTF-8."""
    guessed, encoding = _TYPES.guess_type("x" + PurePosixPath(path).suffix)
    if guessed is None or encoding is not None:
        return "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") and _is_utf8(content) else guessed


def _named(source: Source) -> Iterator[tuple[Path, str]]:
    """The files that are named, each with its place; those only that are within the folder."""
    for place, key in verification_keys(source):
        path = key.get("file")
        if isinstance(path, str) and is_file_path(path):
            yield (*place, "file"), path
    for index, route in routes(source):
        respond: Any = route.get("respond")
        path = respond.get("file") if isinstance(respond, dict) and "body" not in respond else None
        if isinstance(path, str) and is_file_path(path):
            yield ("routes", index, "respond", "file"), path


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
