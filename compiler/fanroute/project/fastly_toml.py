"""Reads and updates fastly.toml: sets Fanroute's keys, and leaves the rest as it is.

Source: https://www.fastly.com/documentation/reference/compute/fastly-toml/
"""

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import InlineTable, Item, Table

from fanroute.plan.backend import Backend
from fanroute.plan.signing import LOCAL_ENTRIES
from fanroute.project.workspace import DEFAULT_ROUTES, BadManifest
from fanroute.spec.document import PRODUCTION
from fanroute_runtime.local import LOCAL_NAMES, LOCAL_STORE, host_entry

# The shell command with which the Fastly CLI builds a routes.yaml, in the folder of fastly.toml.
BUILD_COMMAND = (
    "if command -v fanroute >/dev/null; then fanroute build; elif test -x .venv/bin/fanroute; then .venv/bin/fanroute build; "
    "else echo 'fanroute is neither on PATH nor in .venv/bin: install it with "
    '"python3 -P -m venv .venv && .venv/bin/python -P -m pip install CLONE", where CLONE is the folder of a clone of Fanroute.\' '
    ">&2; exit 1; fi"
)
# The command if the folder has a Makefile that builds it, which installs what is missing.
MAKE_COMMAND = "make build"
# The version of the form of fastly.toml.
MANIFEST_VERSION = 3
# Where `fastly compute serve` listens by default.
LOCAL_EDGE = "http://127.0.0.1:7676"
# Stands beside the products that the Fastly CLI enables, because it cannot enable this one.
LIMITS_REMARK = "`limit` also needs Edge Rate Limiting, which has no key here: Fastly enables it for your account"
# The form of tomllib's messages.
_TOML_ERROR = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


def build_command(name: str, environment: str = PRODUCTION) -> str:
    """Returns the command with which the Fastly CLI builds a file of this name in an environment.

    The CLI does not tell the command which environment it was called with.
    """
    words = [] if environment == PRODUCTION else ["--env", shlex.quote(environment)]
    words += [] if name == DEFAULT_ROUTES else [shlex.quote(f"./{name}")]
    return BUILD_COMMAND.replace("fanroute build", " ".join(["fanroute build", *words]))


def make_command(environment: str = PRODUCTION) -> str:
    """Returns the command with which make builds in an environment."""
    return MAKE_COMMAND if environment == PRODUCTION else f"{MAKE_COMMAND} ENV={shlex.quote(environment)}"


def update(
    text: str | None,
    service: str,
    backends: Iterable[Backend],
    build_command: str,
    websockets: bool = False,
    hosts: Mapping[str, str] = MappingProxyType({}),
    model: str | None = None,
    limits: bool = False,
    log_endpoint: str = "",
) -> str:
    """Returns a fastly.toml with Fanroute's keys. `text` is the existing one, or None. Raises BadManifest.

    `model` is that of another service, from which a new one is made: all but the service's id and name are taken from it.
    `websockets` says that the service tunnels WebSockets to a backend, and `limits` that routes have a limit. `hosts` are the
    entries of the local config store that make local names stand for a host of the service. `log_endpoint` names the endpoint
    that the service logs to, or is "": the CLI tells whoever publishes a new service to create it.
    """
    document = parse((model if text is None else text) or "")
    if text is None:
        document.pop("service_id", None)
        _set(document, {"manifest_version": MANIFEST_VERSION, "name": service})
    _set(document, {"language": "other"})
    _set(_table(document, "scripts"), {"build": build_command})
    fanout = _table(document, "setup", "products", "fanout")
    _set(fanout, {"enable": True})
    if limits and isinstance(fanout, Table) and LIMITS_REMARK not in fanout.as_string():  # no inline table has comments
        enable = fanout.item("enable")
        assert isinstance(enable, Item)
        enable.comment(LIMITS_REMARK)
    if websockets:
        _set(_table(document, "setup", "products", "websockets"), {"enable": True})
        _set(_table(document, "local_server", "websockets_passthrough"), {"enable": True})
    if log_endpoint:
        _table(document, "setup", "log_endpoints", log_endpoint)
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
        _set(_table(document, "local_server", "backends", backend.name), _local_backend(backend))
    return tomlkit.dumps(document)


def replacement_notes(old: str | None, new: str, file: str = "fastly.toml") -> list[str]:
    """Returns a line for each value of an old fastly.toml that the new one replaces, because the user may have chosen it.

    No line contains a value, which may come from a variable. Values in Fanroute's local store are left out. Raises BadManifest.
    """
    notes = []
    for key in sorted(_differing(parse(old or "").unwrap(), parse(new).unwrap(), ())):
        match key:
            case ("setup" | "local_server", "backends", name, _):
                remark = f"to keep another value, write it in routes.yaml, at the backend '{name}'"
            case ("local_server", _, store, *_) if store == LOCAL_STORE:
                continue
            case _:
                remark = "each build sets it"
        notes.append(f"{file}: {'.'.join(key)} had another value, which is replaced; {remark}")
    return notes


def outdated_keys(old: str, new: str) -> list[str]:
    """Returns the keys that the new fastly.toml has with another value than the old one, or that the old one lacks.

    Raises BadManifest.
    """
    found = _differing(parse(old).unwrap(), parse(new).unwrap(), (), missing=True)
    return sorted(".".join(key) for key in found)


def _differing(old: Any, new: Any, key: tuple[str, ...], missing: bool = False) -> Iterator[tuple[str, ...]]:
    """Yields the keys that both have, with different values, and with `missing` also those that only the new one has."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in new if missing else old.keys() & new.keys():
            yield from _differing(old.get(name), new[name], (*key, name), missing)
    elif old != new:
        yield key


def service_id(text: str) -> str:
    """Returns the id of the service, or "" before the first publish. Raises BadManifest."""
    return str(parse(text).get("service_id", ""))


def config_stores_key(local_server: Any) -> str:
    """Returns the key of `local_server` that has the config stores: `dictionaries`, its former name, if the file uses that."""
    return "dictionaries" if "dictionaries" in local_server else "config_stores"


def _local_backend(backend: Backend) -> dict[str, Any]:
    if backend.loopback:
        return {"url": LOCAL_EDGE, "override_host": backend.host}
    options = backend.options
    if backend.local is not None:
        return {"url": backend.local} | ({"override_host": options.override_host} if options.override_host else {})
    # Viceroy has one name for the certificate and for SNI.
    tls_host = options.certificate_host or options.sni_host
    return {"url": backend.url, "override_host": backend.host_header} | ({"cert_host": tls_host} if tls_host else {})


def parse(text: str) -> tomlkit.TOMLDocument:
    """Parses a fastly.toml. Raises BadManifest."""
    try:
        # tomllib first: tomlkit accepts some duplicate keys and fails on them later, and has no position for the end of the file.
        tomllib.loads(text)
        return tomlkit.parse(text)
    except RecursionError:
        raise BadManifest("it is not TOML: it is nested too deeply") from None
    except (ValueError, TOMLKitError) as error:
        raise _not_toml(text, str(error)) from None


def _not_toml(text: str, error: str) -> BadManifest:
    found = _TOML_ERROR.fullmatch(error)
    if found is None:
        return BadManifest(f"it is not TOML: {error}")
    what = found[1][:1].lower() + found[1][1:]
    if found[2]:
        return BadManifest(f"it is not TOML: {what}; correct it here, or just before", int(found[2]), int(found[3]))
    message = f"it is not TOML: {what}; the file ends too early: close what is open, such as a bracket or a quote"
    return BadManifest(message, text.count("\n") + 1, len(text) - text.rfind("\n"))


def _table(parent: Any, *names: str) -> Any:
    """Returns the table at a path of names, and creates it if it is missing. Raises BadManifest if something else is there."""
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
