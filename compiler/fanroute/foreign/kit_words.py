"""Reads expressions of Go, JavaScript and Rust: literals, names, and what they stand for. Pure."""

import re
from collections.abc import Iterator

# A literal text without references.
LITERAL = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`$\\]*`)"""
_STRING = re.compile(LITERAL)
_NAME = re.compile(r"(\w+)(?:\.(?:as_str|to_string|clone|as_deref)\(\))?")

# What names stand for, as expressions.
Scope = dict[str, str]


def literals_in(text: str) -> list[str]:
    """Returns the texts of the literals in an expression."""
    return [unquoted(one) for one in _STRING.findall(text)]


def resolved(expression: str, scope: Scope) -> str:
    """Returns what a name stands for, as far as it is known."""
    for _ in range(5):
        expression = expression.strip().removeprefix("&").strip()
        name = _NAME.fullmatch(expression)
        if not name or not (value := scope.get(name[1])) or value == expression:
            break
        expression = value
    return expression


def text_of(expression: str, scope: Scope) -> str:
    """Returns the text of an expression, "" if it is no text."""
    value = resolved(expression, scope)
    return unquoted(value) if _STRING.fullmatch(value) else ""


def unquoted(text: str) -> str:
    """Returns a literal's text. Returns any other expression as it is."""
    if not _STRING.fullmatch(text):
        return text
    escapes: dict[str, str] = {"n": "\n", "r": "\r", "t": "\t", "0": ""}
    return re.sub(r"\\(.)", lambda found: escapes.get(found[1], str(found[1])), text[1:-1])


def split(text: str, separator: str) -> list[str]:
    """Splits a text at a separator that is in no brackets and no literal."""
    parts, start, end = [], 0, 0
    for at, depth in _outside_literals(text):
        if depth == 0 and at >= end and text.startswith(separator, at):
            parts.append(text[start:at].strip())
            start = end = at + len(separator)
    last = text[start:].strip()
    return [*parts, last] if last else parts


def after_brackets(text: str) -> int:
    """Returns the place after the first brackets of a text, or the text's end."""
    opened = text.find("(")
    return next(
        (at + 1 for at, depth in _outside_literals(text) if at > opened >= 0 and depth == 1 and text[at] == ")"), len(text)
    )


def _outside_literals(text: str) -> Iterator[tuple[int, int]]:
    """Yields the place of each character that is in no literal, and in how many brackets it is."""
    depth = at = 0
    while at < len(text):
        if literal := _STRING.match(text, at):
            at = literal.end()
            continue
        yield at, depth
        depth += (text[at] in "([{") - (text[at] in ")]}")
        at += 1
