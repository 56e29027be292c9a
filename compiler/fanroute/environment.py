"""Variables of the build's environment in a routes.yaml: `${NAME}`, and `${NAME:-default}` as shells have it."""

import re
from collections.abc import Callable, Collection, Mapping
from urllib.parse import urlsplit

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.ASCII | re.DOTALL)


def takes_variables(path: tuple[str | int, ...]) -> bool:
    """Whether variables may stand at a path of the file: where backends are, and which hosts are matched."""
    match path:
        case ("backends", _, "url" | "local" | "host"):
            return True
        case ("routes", _, "match", "host", *_):
            return True
    return False


# A pattern for names of variables: a name, or how names begin and a `*`.
NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?|\*", re.ASCII)
# Values that are left in messages. They tell nothing, and the local edges' own addresses have them too.
_OPEN = ("localhost", "127.0.0.1", "::1")


def names_in(text: str) -> list[str]:
    """Returns the names of the variables in a text."""
    found = (_VARIABLE.fullmatch(reference) for reference in _REFERENCE.findall(text))
    return [variable.group(1) for variable in found if variable]


def may_be_used(name: str, allowed: Collection[str]) -> bool:
    """Returns True if one of the allowed names, which may end in `*`, stands for a variable."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in allowed)


def hiding(written: Mapping[str, str]) -> Callable[[str], str]:
    """Returns a function that puts back, in any text, what stands in the file in place of the values of variables.

    Args:
        written: texts with their variables' values, each with what stands in the file for it.
    """
    forms = {form.lower(): _quoted(text) for value, text in written.items() for form in _forms(value)}
    for value, text in written.items():
        if value.startswith("*.") and text.startswith("*."):
            forms[value[2:].lower()] = _quoted(text[2:])
    if not forms:
        return lambda text: text
    longest_first = "|".join(map(re.escape, sorted(forms, key=lambda form: -len(form))))
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])({longest_first})(?![A-Za-z0-9_-])", re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: forms[found.group().lower()], text)


def _forms(value: str) -> set[str]:
    """Returns the ways in which messages tell a value: as it is, with escapes, and of a URL or `*.` its host."""
    forms = {value, repr(value)[1:-1], value.removeprefix("*.")}
    try:
        url = urlsplit(value)
        port = f":{url.port}" if url.port else ""
    except ValueError:
        url, port = urlsplit(""), ""
    if url.hostname and url.hostname not in _OPEN:
        forms |= {url.hostname, f"{url.scheme}://{url.hostname}", f"{url.scheme}://{url.hostname}{port}"}
    return forms - {"", "*", *_OPEN}


def _quoted(text: str) -> str:
    """Returns what stands in the file, on one line."""
    return repr(text)[1:-1] if not text.isprintable() else text


def expand(text: str, environment: Mapping[str, str]) -> tuple[str, list[tuple[str, str]]]:
    """The text with the variables' values, and each mistake with how to mend it.

    A default is taken for a variable that is not set or is empty.
    """
    wrong: list[tuple[str, str]] = []

    def value(reference: re.Match[str]) -> str:
        variable = _VARIABLE.fullmatch(reference.group(1))
        if variable is None:
            wrong.append((f"'{reference.group()}' names no variable", "write '${NAME}' or '${NAME:-default}'"))
            return ""
        name, default = variable.groups()
        if default is not None:
            return environment.get(name) or default
        if name not in environment:
            wrong.append((f"the variable '{name}' of the environment is not set", f"set it, or write '${{{name}:-default}}'"))
        return environment.get(name, "")

    return _REFERENCE.sub(value, text), wrong
