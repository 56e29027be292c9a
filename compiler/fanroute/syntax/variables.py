"""Variables of the build's environment in a routes.yaml: `${NAME}`, and `${NAME:-default}` as shells have it."""

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from functools import partial
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

# A mistake: the variable's name, if it has one, what is wrong, and how to fix it.
Wrong = tuple[str, str, str]

# A piece of a line for a shell: what is in single quotes, or what is not. `"'"` is how shlex.quote writes a single quote.
_SHELL_PIECE = re.compile(r"""(?P<opening>\$?')(?P<content>[^']*)'|"'"|(?:(?!"'"|\$?').)+""", re.DOTALL)
_HARMLESS = re.compile(r"[A-Za-z0-9._:/@%+=,-]*", re.ASCII)


def names_in(text: str) -> list[str]:
    """Returns the names of the variables in a text."""
    found = (_VARIABLE.fullmatch(reference) for reference in _REFERENCE.findall(text))
    return [variable.group(1) for variable in found if variable]


def may_be_used(name: str, allowed: Collection[str]) -> bool:
    """Returns True if one of the allowed names, which may end in `*`, stands for a variable."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in allowed)


def hiding(written: Mapping[str, str], put: Callable[[str], str] | None = None) -> Callable[[str], str]:
    """Returns a function that puts back, in any text, what stands in the file in place of the values of variables.

    Args:
        written: texts with their variables' values, each with what stands in the file for it.
        put: how that is written there; on one line if it is left out.
    """
    put = put or _quoted
    forms = {form.lower(): put(text) for value, text in written.items() for form in _forms(value)}
    for value, text in written.items():
        if value.startswith("*.") and text.startswith("*."):
            forms[value[2:].lower()] = put(text[2:])
    if not forms:
        return lambda text: text
    longest_first = "|".join(map(re.escape, sorted(forms, key=lambda form: -len(form))))
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])({longest_first})(?![A-Za-z0-9_-])", re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: forms[found.group().lower()], text)


def hiding_in_commands(written: Mapping[str, str]) -> Callable[[str], str]:
    """Returns `hiding` for lines that a shell takes, quoted by shlex.quote or in `$'…'`: it expands what is put there."""
    unquoted = hiding(written, _for_shell)
    # The variable stands outside of the quotes around it.
    quoted = {opening: hiding(written, partial(_between, opening)) for opening in ("'", "$'")}

    def piece(found: re.Match[str]) -> str:
        opening, content = found["opening"], found["content"]
        if opening is None:
            return unquoted(found.group())
        hidden = quoted[opening](content)
        if hidden == content:
            return found.group()
        return f"{opening}{hidden}'".removeprefix(f"{opening}'").removesuffix(f"{opening}'")

    return lambda line: _SHELL_PIECE.sub(piece, line)


def _between(opening: str, text: str) -> str:
    return f"'{_for_shell(text)}{opening}"


def _for_shell(text: str) -> str:
    """Returns what stands in the file as one word of a shell's, which expands the variables and obeys nothing else."""
    pieces = re.split(rf"({_REFERENCE.pattern.replace('(', '(?:')})", text)
    return "".join(_expanded(piece) if index % 2 else piece and shlex.quote(piece) for index, piece in enumerate(pieces))


def _expanded(reference: str) -> str:
    variable = _VARIABLE.fullmatch(reference[2:-1])
    if variable is None:
        return shlex.quote(reference)
    # A default may hold what a shell obeys. No host does, so such a default is not the value.
    return f'"{reference}"' if _HARMLESS.fullmatch(variable[2] or "") else f'"${{{variable[1]}}}"'


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


def expand(text: str, environment: Mapping[str, str]) -> tuple[str, list[Wrong]]:
    """The text with the variables' values, and each mistake.

    A default is taken for a variable that is not set or is empty.
    """
    wrong: list[Wrong] = []

    def value(reference: re.Match[str]) -> str:
        variable = _VARIABLE.fullmatch(reference.group(1))
        if variable is None:
            wrong.append(("", f"'{reference.group()}' names no variable", "write '${NAME}' or '${NAME:-default}'"))
            return ""
        name, default = variable.groups()
        if default is not None:
            return environment.get(name) or default
        if name not in environment:
            suggestion = f"set it, or write '${{{name}:-default}}'"
            wrong.append((name, f"the variable '{name}' of the environment is not set", suggestion))
        return environment.get(name, "")

    return _REFERENCE.sub(value, text), wrong
