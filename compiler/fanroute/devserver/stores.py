"""The config stores and secret stores that fastly.toml has for local servers, read as Viceroy reads them.

So both local edges have what `fastly compute serve` has. Source: https://www.fastly.com/documentation/reference/compute/fastly-toml/
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fanroute.devserver.config import Stores
from fanroute.project.fastly_toml import config_stores_key, parse
from fanroute.project.workspace import BadManifest

# Longest name and value in a config store, in characters: Fastly's limits.
MAX_CONFIG_NAME = 256
MAX_CONFIG_VALUE = 8000

# The names of secret stores and of secrets.
_SECRET_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
# Where a secret can come from.
_SOURCES = ("data", "file", "env")

# The content of a file by its path, which begins at fastly.toml's folder. Raises OSError.
Read = Callable[[str], bytes]


def local_stores(text: str, read: Read, environment: Mapping[str, str]) -> Stores:
    """The local stores of a fastly.toml. Raises BadManifest."""
    local = _Part("local_server", parse(text).unwrap().get("local_server", {})).table()
    config = local.get(config_stores_key(local), _NOTHING).table()
    secret = local.get("secret_stores", _NOTHING).table()
    return Stores(
        {name: _config_store(store, read) for name, store in config.items()},
        {_secret_name(name, store): _secret_store(store, read, environment) for name, store in secret.items()},
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """A value, and where it stands."""

    place: str
    value: Any

    def table(self) -> "dict[str, _Part]":
        """Raises BadManifest if it is none."""
        if not isinstance(self.value, dict):
            raise self.wrong("is not a table")
        return {name: _Part(f"{self.place}.{name}", value) for name, value in self.value.items()}

    def text(self) -> str:
        """Raises BadManifest if it is none."""
        if not isinstance(self.value, str):
            raise self.wrong("is not a string")
        return self.value

    def wrong(self, what: str) -> BadManifest:
        return BadManifest(f"'{self.place}' {what}")


_NOTHING = _Part("", {})


def _config_store(store: _Part, read: Read) -> dict[str, str]:
    match store.table():
        case {"format": _Part(value="inline-toml"), "contents": contents}:
            entries = contents.table()
        case {"format": _Part(value="json"), "file": file}:
            entries = _json(file, read)
        case _:
            raise store.wrong("needs 'format = \"inline-toml\"' and 'contents', or 'format = \"json\"' and 'file'")
    for name, entry in entries.items():
        if len(name) > MAX_CONFIG_NAME:
            raise entry.wrong(f"has a name of more than {MAX_CONFIG_NAME} characters")
        if len(entry.text()) > MAX_CONFIG_VALUE:
            raise entry.wrong(f"has a value of more than {MAX_CONFIG_VALUE} characters")
    return {name: entry.text() for name, entry in entries.items()}


def _secret_store(store: _Part, read: Read, environment: Mapping[str, str]) -> dict[str, bytes]:
    if isinstance(store.value, list):
        items = [_Part(f"{store.place}[{index}]", item) for index, item in enumerate(store.value)]
        return dict(_secret(item, read, environment) for item in items)
    match store.table():
        case {"format": _Part(value="json"), "file": file}:
            entries = _json(file, read)
            return {_secret_name(name, entry): entry.text().encode() for name, entry in entries.items()}
    raise store.wrong("needs to be an array of secrets, or 'format = \"json\"' and 'file'")


def _secret(item: _Part, read: Read, environment: Mapping[str, str]) -> tuple[str, bytes]:
    table = item.table()
    sources = [source for source in _SOURCES if source in table]
    if "key" not in table or len(sources) != 1:
        raise item.wrong("needs 'key' and one of 'data', 'file' and 'env'")
    name = _secret_name(table["key"].text(), table["key"])
    given = table[sources[0]]
    match sources[0]:
        case "file":
            return name, _read(given, read)
        case "env":
            return name, environment.get(given.text(), "").encode(errors="surrogateescape")
        case _:
            return name, given.text().encode()


def _secret_name(name: str, part: _Part) -> str:
    if not _SECRET_NAME.fullmatch(name):
        raise part.wrong("has a name that is not of 1 to 255 letters, digits, '-', '_' and '.'")
    return name


def _json(file: _Part, read: Read) -> dict[str, _Part]:
    """The members of a JSON file's object."""
    try:
        content = json.loads(_read(file, read))
    except ValueError as error:
        raise file.wrong(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise file.wrong("is nested too deeply") from error
    return _Part(file.text(), content).table()


def _read(file: _Part, read: Read) -> bytes:
    try:
        return read(file.text())
    except OSError as error:
        raise file.wrong(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:  # a NUL in its path
        raise file.wrong(f"cannot be read: {error}") from error
