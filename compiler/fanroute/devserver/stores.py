"""Reads the config stores and secret stores that fastly.toml has for local servers, as Viceroy does.

So both local edges have the same stores as `fastly compute serve`.
Source: https://www.fastly.com/documentation/reference/compute/fastly-toml/
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

# The name of a secret store or of a secret.
_SECRET_NAME = re.compile(r"[A-Za-z0-9_.-]{1,255}")
# The keys of fastly.toml that say where a secret is.
_SOURCES = ("data", "file", "env")

# Returns the content of a file. Its path is relative to the folder of fastly.toml. Raises OSError.
Read = Callable[[str], bytes]


def read_local_stores(text: str, read: Read, environment: Mapping[str, str]) -> Stores:
    """Returns the local stores of a fastly.toml. Raises BadManifest.

    Args:
        text: fastly.toml.
        read: reads the files that it names.
        environment: the variables that its secrets can come from.
    """
    local = _Value("local_server", parse(text).unwrap().get("local_server", {})).table()
    config = local.get(config_stores_key(local), _EMPTY_TABLE).table()
    secret = local.get("secret_stores", _EMPTY_TABLE).table()
    return Stores(
        {name: _config_store(store, read) for name, store in config.items()},
        {_secret_name(name, store): _secret_store(store, read, environment) for name, store in secret.items()},
    )


@dataclass(frozen=True, slots=True)
class _Value:
    """Holds a value of fastly.toml or of a file that it names, with its key for messages."""

    key: str
    content: Any

    def table(self) -> "dict[str, _Value]":
        """Returns the values of a table by their names. Raises BadManifest if it is not a table."""
        if not isinstance(self.content, dict):
            raise self.error("is not a table")
        return {name: _Value(f"{self.key}.{name}", content) for name, content in self.content.items()}

    def text(self) -> str:
        """Returns a string. Raises BadManifest if it is not one."""
        if not isinstance(self.content, str):
            raise self.error("is not a string")
        return self.content

    def error(self, problem: str) -> BadManifest:
        return BadManifest(f"'{self.key}' {problem}")


_EMPTY_TABLE = _Value("", {})


def _config_store(store: _Value, read: Read) -> dict[str, str]:
    match store.table():
        case {"format": _Value(content="inline-toml"), "contents": contents}:
            entries = contents.table()
        case {"format": _Value(content="json"), "file": file}:
            entries = _json_members(file, read)
        case _:
            raise store.error("needs 'format = \"inline-toml\"' and 'contents', or 'format = \"json\"' and 'file'")
    for name, entry in entries.items():
        if len(name) > MAX_CONFIG_NAME:
            raise entry.error(f"has a name of more than {MAX_CONFIG_NAME} characters")
        if len(entry.text()) > MAX_CONFIG_VALUE:
            raise entry.error(f"has a value of more than {MAX_CONFIG_VALUE} characters")
    return {name: entry.text() for name, entry in entries.items()}


def _secret_store(store: _Value, read: Read, environment: Mapping[str, str]) -> dict[str, bytes]:
    if isinstance(store.content, list):
        items = [_Value(f"{store.key}[{index}]", item) for index, item in enumerate(store.content)]
        return dict(_secret(item, read, environment) for item in items)
    match store.table():
        case {"format": _Value(content="json"), "file": file}:
            entries = _json_members(file, read)
            return {_secret_name(name, entry): entry.text().encode() for name, entry in entries.items()}
    raise store.error("needs to be an array of secrets, or 'format = \"json\"' and 'file'")


def _secret(item: _Value, read: Read, environment: Mapping[str, str]) -> tuple[str, bytes]:
    table = item.table()
    sources = [source for source in _SOURCES if source in table]
    if "key" not in table or len(sources) != 1:
        raise item.error("needs 'key' and one of 'data', 'file' and 'env'")
    name = _secret_name(table["key"].text(), table["key"])
    value = table[sources[0]]
    match sources[0]:
        case "file":
            return name, _read(value, read)
        case "env":
            return name, environment.get(value.text(), "").encode(errors="surrogateescape")
        case _:
            return name, value.text().encode()


def _secret_name(name: str, value: _Value) -> str:
    if not _SECRET_NAME.fullmatch(name):
        raise value.error("has a name that does not consist of 1 to 255 letters, digits, '-', '_' and '.'")
    return name


def _json_members(file: _Value, read: Read) -> dict[str, _Value]:
    """Returns the members of the object in a JSON file. Raises BadManifest."""
    try:
        content = json.loads(_read(file, read))
    except ValueError as error:
        raise file.error(f"is not JSON: {error}") from error
    except RecursionError as error:
        raise file.error("is nested too deeply") from error
    return _Value(file.text(), content).table()


def _read(file: _Value, read: Read) -> bytes:
    try:
        return read(file.text())
    except OSError as error:
        raise file.error(f"cannot be read: {(error.strerror or str(error)).lower()}") from error
    except ValueError as error:  # its path has a NUL
        raise file.error(f"cannot be read: {error}") from error
