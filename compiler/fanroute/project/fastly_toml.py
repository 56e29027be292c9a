"""fastly.toml: our keys are set, the rest stays as it is. Source: https://www.fastly.com/documentation/reference/compute/fastly-toml/"""

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Table

from fanroute.plan.backend import Backend
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.project.errors import BadManifest
from fanroute_runtime.local import LOCAL_NAMES, LOCAL_STORE, host_entry

# How the Fastly CLI builds a routes.yaml, in a shell and in the folder of fastly.toml.
BUILD = (
    "if command -v fanroute >/dev/null; then fanroute build; elif test -x .venv/bin/fanroute; then .venv/bin/fanroute build; "
    "else echo 'fanroute is neither on PATH nor in .venv/bin: install it with "
    '"python3 -P -m venv .venv && .venv/bin/python -P -m pip install CLONE", where CLONE is the folder of a clone of Fanroute.\' '
    ">&2; exit 1; fi"
)
# The same where there is a Makefile of ours, which installs what is missing.
MAKE = "make build"
# The name of the file that is built if none is given.
USUAL = "routes.yaml"
# Where `fastly compute serve` listens by default.
LOCAL_EDGE = "http://127.0.0.1:7676"
# How tomllib says what is wrong, and where.
_TOLD = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def build_command(name: str) -> str:
    """Returns how the Fastly CLI builds a file of this name."""
    return BUILD if name == USUAL else BUILD.replace("fanroute build", f"fanroute build {shlex.quote(f'./{name}')}")


def update(
    text: str | None,
    service: str,
    backends: Iterable[Backend],
    build_command: str,
    websockets: bool = False,
    hosts: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A fastly.toml with our keys; `text` is the one there is, or None.

    `websockets` is whether the service joins clients' WebSockets to a backend's. `hosts` are the entries of the local config
    store by which local names stand for a host. Raises BadManifest.
    """
    document = parse(text or "")
    if text is None:
        _set(document, {"manifest_version": 3, "name": service})
    _set(document, {"language": "other"})
    _set(_table(document, "scripts"), {"build": build_command})
    _set(_table(document, "setup", "products", "fanout"), {"enable": True})
    if websockets:
        _set(_table(document, "setup", "products", "websockets"), {"enable": True})
        _set(_table(document, "local_server", "websockets_passthrough"), {"enable": True})
    _set(_table(document, "local_server", "pushpin"), {"enable": True})
    local_store = ("local_server", config_stores_key(document["local_server"]), LOCAL_STORE)
    _set(_table(document, *local_store), {"format": "inline-toml"})
    contents = _table(document, *local_store, "contents")
    for name in LOCAL_NAMES:
        if host_entry(name) not in hosts:
            contents.pop(host_entry(name), None)
    _set(contents, {**LOCAL_ENTRIES, **hosts})
    for backend in backends:
        _set(_table(document, "setup", "backends", backend.name), {"address": backend.host, "port": backend.port})
        _set(_table(document, "local_server", "backends", backend.name), _local(backend))
    return tomlkit.dumps(document)


def replaced(old: str | None, new: str) -> list[str]:
    """Returns a line for each value of an old fastly.toml that is another one in the new: it may be the user's own.

    No line has a value, which may be that of a variable. What stands in our local store is ours. Raises BadManifest.
    """
    told = []
    for key in sorted(_differing(parse(old or "").unwrap(), parse(new).unwrap(), ())):
        match key:
            case ("setup" | "local_server", "backends", name, _):
                where = f"to keep another, write it in routes.yaml, at the backend '{name}'"
            case ("local_server", _, store, *_) if store == LOCAL_STORE:
                continue
            case _:
                where = "each build sets it"
        told.append(f"fastly.toml: the value of {'.'.join(key)} was another one and is replaced; {where}")
    return told


def _differing(old: Any, new: Any, key: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The keys that have one value in some data and another in others."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old.keys() & new.keys():
            yield from _differing(old[name], new[name], (*key, name))
    elif old != new:
        yield key


def service_id(text: str) -> str:
    """The id of the service that a fastly.toml belongs to; "" before the first publish. Raises BadManifest."""
    return str(parse(text).get("service_id", ""))


def config_stores_key(local_server: Any) -> str:
    """Under which key of `local_server` config stores stand: it has a former name, and only one of them may be used."""
    return "dictionaries" if "dictionaries" in local_server else "config_stores"


def _local(backend: Backend) -> dict[str, Any]:
    if backend.loopback:
        return {"url": LOCAL_EDGE, "override_host": backend.host}
    if backend.local is not None:
        return {"url": backend.local}
    return {"url": backend.url, "override_host": backend.host}


def parse(text: str) -> tomlkit.TOMLDocument:
    """What a fastly.toml says. Raises BadManifest."""
    try:
        # First of all, because tomlkit accepts some duplicates, which it trips over later, and has no place for the file's end.
        tomllib.loads(text)
        return tomlkit.parse(text)
    except RecursionError:
        raise BadManifest("it is not TOML: it is nested too deeply") from None
    except (ValueError, TOMLKitError) as error:
        raise _not_toml(text, str(error)) from None


def _not_toml(text: str, told: str) -> BadManifest:
    found = _TOLD.fullmatch(told)
    if found is None:
        return BadManifest(f"it is not TOML: {told}")
    what = found[1][:1].lower() + found[1][1:]
    if found[2]:
        return BadManifest(f"it is not TOML: {what}; mend it here, or just before", int(found[2]), int(found[3]))
    message = f"it is not TOML: {what}; the file ends too early: close what is open, such as a bracket or a quote"
    return BadManifest(message, text.count("\n") + 1, len(text) - text.rfind("\n"))


def _table(parent: Any, *names: str) -> Any:
    """The table at a path of names, made where it is missing."""
    for index, name in enumerate(names):
        if name not in parent:
            within_line = isinstance(parent, InlineTable)
            parent[name] = tomlkit.inline_table() if within_line else tomlkit.table(is_super_table=index < len(names) - 1)
        parent = parent[name]
        if not hasattr(parent, "keys"):
            raise BadManifest(f"'{'.'.join(names[: index + 1])}' is not a table")
    return parent


def _set(table: Table | tomlkit.TOMLDocument, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if table.get(key) != value:
            table[key] = value
