"""Combines the conditions of a starter kit's code, and writes them as matches of routes.yaml. Pure.

A condition is a match of routes.yaml, with these differences: a path that ends in `*` stands for all paths that begin with what
is before it, also within a segment. `ends` is what the path ends with, and `contains` what is in it. `unsaid` is True if no match
can say it. All texts are percent-encoded as those of a path.
"""

from typing import Any
from urllib.parse import unquote

from fanroute.foreign.draft import Data
from fanroute.foreign.literals import pattern_text


def all_of(ones: "tuple[Data, ...] | list[Data]", others: "tuple[Data, ...] | list[Data]") -> list[Data]:
    """Returns the conditions for requests that one of each list takes."""
    return [made for one in ones for other in others if (made := both(one, other)) is not None]


def both(one: Data, other: Data) -> Data | None:
    """Returns a condition for the requests of both. Returns None if there are none."""
    made = dict(one)
    for key, value in other.items():
        if key not in made or made[key] == value:
            made[key] = value
        elif key in ("header", "query"):
            if any(made[key].get(name, condition) != condition for name, condition in value.items()):
                made["unsaid"] = True
            made[key] = made[key] | value
        else:
            common = _common(key, made[key], value)
            if common is None and key != "contains":
                return None
            made |= {key: common} if common is not None else {"unsaid": True}
    return _of_one_path(made)


def _common(key: str, one: Any, other: Any) -> Any:
    """Returns what has both values of a key, None without it."""
    for narrow, wide in ((one, other), (other, one)):
        if _is_within(key, narrow, wide):
            return narrow
    return None


def _is_within(key: str, text: Any, outer: Any) -> bool:
    """Returns True if a value of a key takes only what another one takes too."""
    match key:
        case "path":
            return bool(outer.endswith("*") and text.startswith(outer[:-1]))
        case "host":
            return bool(outer.startswith("*.") and text.endswith(outer[1:]))
        case "ends":
            return bool(text.endswith(outer))
        case "contains":
            return outer in text
    return False


def _of_one_path(match: Data) -> Data | None:
    """Returns a condition whose path is known as a whole without what it ends with or contains. Returns None if it does not."""
    path = match.get("path", "*")
    if path.endswith("*"):
        return match
    if not path.endswith(match.get("ends", "")) or match.get("contains", "") not in path:
        return None
    return {key: value for key, value in match.items() if key not in ("ends", "contains")}


def written(match: Data) -> list[Data] | None:
    """Returns the matches of routes.yaml that together say a condition. Returns None if they cannot."""
    path, ends, contains = match.get("path", ""), match.get("ends", ""), match.get("contains", "")
    others = {key: value for key, value in match.items() if key not in ("path", "ends", "contains")}
    if "unsaid" in match or (ends and contains):
        return None
    base = path.removesuffix("*") or "/"
    if contains and contains in base:
        contains = ""
    if word := ends or contains:
        if not base.endswith("/") or _overlap(base, word, bool(ends)):
            return None
        text = unquote(word)
        before = "(.*/)?" if text.startswith("/") else ".*"
        pattern = f"{before}{pattern_text(text.removeprefix('/'))}{'.*' if contains else ''}"
        return [{"path": f"{base}{{rest...}}", "where": {"rest": pattern}, **others}]
    if not path.endswith("*") or path.endswith("/*"):
        return [({"path": path} if path else {}) | others]
    base, _, word = path[:-1].rpartition("/")
    longer = {"path": f"{base}/{{rest...}}", "where": {"rest": f"{pattern_text(unquote(word))}[^/].*"}}
    return [{"path": one, **others} for one in (path[:-1], f"{path[:-1]}/*")] + [longer | others]


def _overlap(base: str, word: str, is_end: bool) -> bool:
    """Returns True if a word can begin within the base of a path. Only a slash at its beginning may be the base's last one."""
    lengths = range(2 if word.startswith("/") and len(word) > 1 else 1, len(word) + is_end)
    return any(base.endswith(word[:length]) for length in lengths)
