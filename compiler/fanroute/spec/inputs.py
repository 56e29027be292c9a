"""Holds the inputs of a compilation besides the text of routes.yaml, and reads the files that it names."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from errno import EFBIG
from mimetypes import MimeTypes
from pathlib import PurePosixPath
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic
from fanroute.diagnostics.examples import START
from fanroute.diagnostics.rule import Rule
from fanroute.spec.document import PRODUCTION
from fanroute.spec.raw import routes, verification_keys
from fanroute.spec.types import is_file_path
from fanroute.syntax.source import Path, Source

FR211 = Rule(
    "FR211",
    "error",
    "a file that routes.yaml names cannot be read, or is too large",
    "The content of a `file` is read when building. It becomes part of the component, which every request loads, so it is for "
    "pages and not for downloads. Its path begins at the folder of routes.yaml and stays within it, even if it follows "
    "links, so that a copy of the folder builds the same component.",
    START + "routes:\n  - respond: {status: 200, file: hello.html}\n",
    "Name a file in the folder, of 1 MiB at most. Leave larger ones to a backend.",
)


# Reads a file, by its path from the folder of routes.yaml and the most bytes that it may have. Raises OSError.
ReadFile = Callable[[str, int], bytes]

# Limit for one file, in bytes. Files are part of the component, which every request loads.
MAX_FILE = 1 << 20

# Media types by suffix: Python's own table, which is the same on every machine, and types that some of its versions lack.
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


def read_no_file(path: str, limit: int) -> bytes:
    """Raises FileNotFoundError: the ReadFile of a folder without files."""
    raise FileNotFoundError("no such file or directory")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The inputs of a compilation.

    Args:
        variables: those of the build's environment.
        read: reads the files beside routes.yaml.
        folder: the path of the folder of routes.yaml, which begins the names of included files in messages.
        environment: one of the file's `environments`, or `production`.
        renames_hosts: False to keep the hosts of production in any environment, so that two can be compared.
    """

    # Kept out of repr(), because it can contain secrets.
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    read: ReadFile = read_no_file
    folder: str = ""
    environment: str = PRODUCTION
    renames_hosts: bool = True


def read_files(source: Source, read: ReadFile) -> tuple[dict[str, bytes], list[Diagnostic]]:
    """Returns the content of each file that routes.yaml names, by its path, and reports FR211 for those that cannot be read."""
    contents: dict[str, bytes] = {}
    errors: list[Diagnostic] = []
    for at, path in _file_paths(source) if "file" in source.keys else ():
        try:
            content = contents[path] if path in contents else read(path, MAX_FILE)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            suggestion = (
                "let a backend answer with it" if error.errno == EFBIG else "write its path from the folder of routes.yaml"
            )
            errors.append(Diagnostic(FR211, f"the file '{path}' cannot be read: {reason}", source.value_span(at), suggestion))
            continue
        contents[path] = content
    return contents, errors


def media_type(path: str, content: bytes) -> str:
    """Returns the media type of a file by its suffix, with a charset if the file is text in UTF-8."""
    guessed, encoding = _TYPES.guess_type("x" + PurePosixPath(path).suffix)
    if guessed is None or encoding is not None:
        return "application/octet-stream"
    return f"{guessed}; charset=utf-8" if guessed.startswith("text/") and _is_utf8(content) else guessed


def _file_paths(source: Source) -> Iterator[tuple[Path, str]]:
    """Yields the valid file paths in routes.yaml, each with its path in the data."""
    for at, key in verification_keys(source):
        path = key.get("file")
        if isinstance(path, str) and is_file_path(path):
            yield (*at, "file"), path
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
