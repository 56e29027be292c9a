"""Applies `environments`: puts what differs in one of them in place of the file's own values.

The file itself is `production`. In any other environment, the data is that of the file with the environment's values. Each value
keeps its position, so a diagnostic about it points at where the environment has it.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from functools import reduce
from operator import getitem
from typing import Any

from fanroute.diagnostics.diagnostic import Diagnostic, Invalid, Note, Span
from fanroute.diagnostics.rule import Rule
from fanroute.spec.document import PRODUCTION, Environment, Spec
from fanroute.spec.template import label_name
from fanroute.spec.types import is_matched_host
from fanroute.spec.validate import did_you_mean, keys_at
from fanroute.syntax.source import Path, Source

FR270 = Rule(
    "FR270",
    "error",
    "the file does not have the environment",
    "The option `--env` names one of the file's `environments`, or `production`, which is the file without any of them. If an "
    "unknown name were taken for production, a staging build could go to the wrong service.",
    None,
    "Name one of the file's environments, or add this one to `environments`.",
)

# The parts of an environment that are put in place of the file's. Hosts are renamed.
_REPLACED = tuple(key for key in Environment.model_fields if key != "hosts")
# Keys that an environment changes only if the file has them, and mappings of whose names the same holds.
_OF_FILE: tuple[Path, ...] = (("defaults",), ("defaults", "auth"), ("auth_profiles",))
_NAMES: tuple[Path, ...] = (("backends",), ("auth_profiles",))
# What an environment gives as a whole, in place of the file's own.
_WHOLE = frozenset({"keys", "debug"})
# The scheme, the host and the rest of an origin or a location.
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^/:?#{}\[\]]+)(.*)", re.DOTALL)


def environments(source: Source) -> dict[str, Any]:
    """Returns the environments of a file by name, valid or not, without `production`."""
    found = source.data.get("environments") if isinstance(source.data, dict) else None
    return found if isinstance(found, dict) else {}


def in_environment(source: Source, name: str, with_hosts: bool = True) -> Source:
    """Returns a file as it is in one of its environments. Raises Invalid (FR270) if it does not have it.

    With `with_hosts` False, its hosts are those of production, so that the two can be compared.
    """
    known = environments(source)
    if name != PRODUCTION and name not in known:
        message = f"the file has no environment '{name}'"
        suggestion = did_you_mean(name, [PRODUCTION, *known], "environments")
        raise Invalid([Diagnostic(FR270, message, source.key_span(("environments",)), suggestion)])
    if not known:
        return source
    result = replace(source, data=source.data | {"environments": deepcopy(known)}, moved=dict(source.moved), routes=None)
    _forget_variables(result, lambda path: path[0] == "environments" and path[1] != name)
    changed = known.get(name)
    if isinstance(changed, dict):
        hosts = changed.get("hosts")
        if with_hosts and isinstance(hosts, dict):
            _rename_hosts(result, name, hosts)
        parts = {key: changed[key] for key in _REPLACED if isinstance(changed.get(key), dict)}
        result.data = _replaced(result, result.data, parts, ("environments", name), ())
        _forget_variables(result, lambda path: path in result.moved)
    return result


def told_there(source: Source, name: str, found: Diagnostic) -> Diagnostic:
    """Returns a diagnostic that only an environment has, at what the environment changes. Other diagnostics stay as they are.

    A fault can show at a route, or at a key that is the same in production. It is told at the environment's value: one that a
    note names, or what the environment has in the same backend, profile or other part. A note then says where it shows.
    """
    begin, end = _lines(source, ("environments", name))
    if found.span.file or begin <= found.span.line <= end:
        return found
    there = next((note for note in found.notes if note.span and not note.span.file and begin <= note.span.line <= end), None)
    part = next((part for part in _changed_parts(source, name) if _contains(source, part, found.span)), None)
    if not there and not part:
        return found
    span = there.span if there else source.key_span(("environments", name, *(part or ())))
    notes = (Note("it shows here", found.span), *(note for note in found.notes if note is not there))
    return replace(found, span=span or found.span, notes=notes)


def _changed_parts(source: Source, name: str) -> list[Path]:
    """Returns the paths of the parts of a file that an environment changes, each without what it changes in there."""
    parts: list[Path] = []
    changed = environments(source)[name]
    for key, value in changed.items() if isinstance(changed, dict) else ():
        is_named = (key,) in _NAMES and isinstance(value, dict)
        parts += [(key, one) for one in value] if is_named else [(key,)]
    return parts


def _contains(source: Source, path: Path, span: Span) -> bool:
    begin, end = _lines(source, path)
    return begin <= span.line <= end


def _lines(source: Source, path: Path) -> tuple[int, int]:
    """Returns the first and the last line of a key with its value. Returns an empty range if there is no such key."""
    return source.lines_of(path) if source.has(path) else (1, 0)


def renamed_hosts(source: Source, name: str) -> dict[str, str]:
    """Returns the hosts that are others in an environment of a valid file, each with that other one."""
    return dict(environments(source).get(name, {}).get("hosts", {}))


def _forget_variables(source: Source, is_unused: Callable[[Path], bool]) -> None:
    """Removes what is known about the variables in some texts: it does not matter if they are set. So does their text, if not."""
    for use in source.variables:
        if is_unused(use.path) and use.errors and use.path[0] == "environments":
            del reduce(getitem, use.path[:-1], source.data)[use.path[-1]]
    source.variables = [use for use in source.variables if not is_unused(use.path)]


def _replaced(source: Source, old: dict[str, Any], new: dict[str, Any], environment: Path, path: Path) -> dict[str, Any]:
    """Returns a mapping of the file with what differs in an environment. Both are at `path`, there and in the environment.

    What the file does not have, and unknown keys, are left out, because they are reported where they are.
    """
    result, known = dict(old), keys_at((*environment, *path), Spec)
    for key, value in new.items():
        at = (*path, key)
        is_new = key not in old and (at in _OF_FILE or path in _NAMES)
        # A default that is a profile has the profile's values, which can differ there.
        is_profile = at == ("defaults", "auth") and isinstance(old.get(key), str)
        if is_new or is_profile or (known and key not in known):
            continue
        # Under backends and profiles, the keys are names, which can be any.
        is_whole = key in _WHOLE and path not in _NAMES
        if isinstance(value, dict) and isinstance(old.get(key), dict) and not is_whole:
            result[key] = _replaced(source, old[key], value, environment, at)
        else:
            result[key], source.moved[at] = value, (*environment, *at)
    return result


def _rename_hosts(source: Source, name: str, hosts: dict[str, Any]) -> None:
    """Puts the hosts of an environment in place of those of the file."""
    # A host that binds something else is an error of its own, and would be told again for each route.
    pairs = ((host, to) for host, to in hosts.items() if isinstance(to, str) and label_name(host) == label_name(to))
    known = {host.lower(): (host, to) for host, to in pairs}

    def rename(path: Path, before: str, host: str, after: str) -> str | None:
        found = known.get(host.lower())
        if not found:
            return None
        source.moved[path] = ("environments", name, "hosts", found[0])
        return before + found[1] + after

    source.data = _with_hosts(source.data, rename)


def hosts_of(source: Source) -> set[str]:
    """Returns the hosts that an environment can rename, in lower case."""
    found: set[str] = set()

    def note(path: Path, before: str, host: str, after: str) -> None:
        if is_matched_host(host):  # another one is an error of its own
            found.add(host.lower())

    if isinstance(source.data, dict):
        _with_hosts(source.data, note)
    return found


# Gets the path of a text with a host, what is before the host, the host, and what is after it. Returns another text, or None.
_Rename = Callable[[Path, str, str, str], str | None]


def _with_hosts(data: dict[str, Any], rename: _Rename) -> dict[str, Any]:
    """Returns the data with other hosts: in matches, origins and locations, and of the loopback backend."""
    return data | {key: _walk((key,), data[key], rename) for key in ("backends", "defaults", "routes") if key in data}


def _walk(path: Path, value: Any, rename: _Rename) -> Any:
    """Returns a value, which is at a path, with other hosts."""
    if isinstance(value, list):
        return [_walk((*path, index), item, rename) for index, item in enumerate(value)]
    if isinstance(value, dict):
        is_server = path[0] == "backends" and len(path) == 2 and "loopback" not in value
        return value if is_server else {key: _walk((*path, key), item, rename) for key, item in value.items()}
    parts = _host_in(path, value) if isinstance(value, str) else None
    changed = rename(path, *parts) if parts else None
    return value if changed is None else changed


def _host_in(path: Path, text: str) -> tuple[str, str, str] | None:
    """Returns what is before the host of the text at a path, the host, and what is after it. Returns None if it has none."""
    match path:
        case (_, _, "match", "host") | (_, _, "match", "host", _) | (_, _, "redirect", "host") | ("backends", _, "host"):
            return "", text, ""
        case (*_, "origins") | (*_, "origins", int()) | (_, _, "redirect") | (_, _, "redirect", "location"):
            url = _URL.fullmatch(text)
            return (url[1], url[2], url[3]) if url else None
    return None
