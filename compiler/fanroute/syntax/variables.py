"""Expands `${NAME}` and `${NAME:-default}` in a routes.yaml from the environment of the build, and hides values in messages."""

import re
import shlex
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import NamedTuple
from urllib.parse import urlsplit

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.ASCII | re.DOTALL)


def takes_variables(path: tuple[str | int, ...]) -> bool:
    """Returns True if the value at a path of the file may contain variables: the URLs of backends, and the hosts that match."""
    match path:
        case ("environments", _, "hosts", _):
            return True
        case ("environments", _, *rest):
            return takes_variables((*rest,))
        case ("backends", _, "url" | "local" | "host" | "override_host" | "certificate_host" | "sni_host"):
            return True
        case ("routes", _, "match", "host", *_):
            return True
    return False


# An item of `variables`: a variable's name, or the beginning of names and a `*`.
NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?|\*", re.ASCII)
# Values that messages may show: they reveal nothing, and the local edges' own addresses contain them too.
_PUBLIC = ("localhost", "127.0.0.1", "::1")


class VariableError(NamedTuple):
    """An error in a reference to a variable. `name` is the variable's, "" if the reference has none."""

    name: str
    message: str
    suggestion: str


# A piece of a shell's command line: a text in single quotes, or anything else. `"'"` is how shlex.quote writes a single quote.
_SHELL_PIECE = re.compile(r"""(?P<opening>\$?')(?P<content>[^']*)'|"'"|(?:(?!"'"|\$?').)+""", re.DOTALL)
_HARMLESS = re.compile(r"[A-Za-z0-9._:/@%+=,-]*", re.ASCII)


def variable_names(text: str) -> list[str]:
    """Returns the names of the variables in a text."""
    found = (_VARIABLE.fullmatch(reference) for reference in _REFERENCE.findall(text))
    return [variable.group(1) for variable in found if variable]


def is_allowed(name: str, allowed: Collection[str]) -> bool:
    """Returns True if a variable is one of the allowed names. An allowed name that ends in `*` allows all that begin so."""
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in allowed)


def unexpander(unexpanded: Mapping[str, str], quote: Callable[[str], str] | None = None) -> Callable[[str], str]:
    """Returns a function that replaces the values of variables in a message by the references they came from.

    Messages can be printed in public logs, and the values can be secret.

    Args:
        unexpanded: maps an expanded text to its spelling in the file (`Source.unexpanded`).
        quote: rewrites the text of the file for where it is put. By default it is written on one line.
    """
    quote = quote or _on_one_line
    forms = {form.lower(): quote(text) for value, text in unexpanded.items() for form in _forms(value)}
    for value, text in unexpanded.items():
        if value.startswith("*.") and text.startswith("*."):
            forms[value[2:].lower()] = quote(text[2:])
    # A value that is also a part of another one stands for itself.
    forms |= {value.lower(): quote(text) for value, text in unexpanded.items() if value.lower() in forms}
    if not forms:
        return lambda text: text
    longest_first = "|".join(map(re.escape, sorted(forms, key=lambda form: -len(form))))
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])({longest_first})(?![A-Za-z0-9_-])", re.IGNORECASE)
    return lambda text: pattern.sub(lambda found: forms[found.group().lower()], text)


def command_unexpander(unexpanded: Mapping[str, str]) -> Callable[[str], str]:
    """Returns an `unexpander` for command lines, quoted by shlex.quote or as `$'…'`.

    A shell that runs its result expands the references to the same values.
    """
    unexpand_bare = unexpander(unexpanded, _for_shell)
    # A shell expands no variable in single quotes, so the quotes are closed before the reference and opened again after it.
    unexpand_quoted = {opening: unexpander(unexpanded, partial(_outside_quotes, opening)) for opening in ("'", "$'")}

    def unexpand(found: re.Match[str]) -> str:
        opening, content = found["opening"], found["content"]
        if opening is None:
            return unexpand_bare(found.group())
        result = unexpand_quoted[opening](content)
        if result == content:
            return found.group()
        return f"{opening}{result}'".removeprefix(f"{opening}'").removesuffix(f"{opening}'")

    return lambda line: _SHELL_PIECE.sub(unexpand, line)


def _outside_quotes(opening: str, text: str) -> str:
    return f"'{_for_shell(text)}{opening}"


def _for_shell(text: str) -> str:
    """Quotes a text of the file as one word of a shell, which expands its variables and interprets nothing else."""
    pieces = re.split(rf"({_REFERENCE.pattern.replace('(', '(?:')})", text)
    return "".join(_quote_reference(piece) if index % 2 else piece and shlex.quote(piece) for index, piece in enumerate(pieces))


def _quote_reference(reference: str) -> str:
    variable = _VARIABLE.fullmatch(reference[2:-1])
    if variable is None:
        return shlex.quote(reference)
    # A default can contain what a shell interprets. No host does, so such a default was not used.
    return f'"{reference}"' if _HARMLESS.fullmatch(variable[2] or "") else f'"${{{variable[1]}}}"'


def _forms(value: str) -> set[str]:
    """Returns the forms of a value in messages: as it is, with escapes, and the host of a URL or after `*.`."""
    forms = {value, repr(value)[1:-1], value.removeprefix("*.")}
    try:
        url = urlsplit(value)
        port = f":{url.port}" if url.port else ""
    except ValueError:
        url, port = urlsplit(""), ""
    if url.hostname and url.hostname not in _PUBLIC:
        forms |= {url.hostname, f"{url.scheme}://{url.hostname}", f"{url.scheme}://{url.hostname}{port}"}
    # Also a host that a suggestion takes out of a text that is no URL, such as `HOST:PORT`.
    forms |= {piece for piece in re.split(r"[/:?#@]+|\*\.", value) if "." in piece}
    return forms - {"", "*", *_PUBLIC}


def _on_one_line(text: str) -> str:
    return repr(text)[1:-1] if not text.isprintable() else text


def expand_variables(text: str, values: Mapping[str, str]) -> tuple[str, list[VariableError]]:
    """Returns a text with its variables replaced by their values, and the errors found.

    A default is used if the variable is not set or is empty.
    """
    errors: list[VariableError] = []

    def value(reference: re.Match[str]) -> str:
        variable = _VARIABLE.fullmatch(reference.group(1))
        if variable is None:
            message = f"'{reference.group()}' is not a reference to a variable"
            errors.append(VariableError("", message, "write '${NAME}' or '${NAME:-default}'"))
            return ""
        name, default = variable.groups()
        if default is not None:
            return values.get(name) or default
        if name not in values:
            suggestion = f"set it, or write '${{{name}:-default}}'"
            errors.append(VariableError(name, f"the environment variable '{name}' is not set", suggestion))
        return values.get(name, "")

    return _REFERENCE.sub(value, text), errors
